//! The runtimes behind one seam: a component is prepared, which finds every reason not to run it, and then run.

mod aot;
mod descriptors;
mod memory;
pub(crate) mod needs;
mod prepare;
mod source;
mod thread;
mod wasi;
#[cfg(feature = "wasmedge")]
mod wasmedge;
mod wasmtime;

use crate::args::{Program, RuntimeName};
use crate::failure::{Failure, TOO_LATE};
use crate::interrupt::{Signal, Signals};
use crate::messages::{on_one_line, say};
use crate::progress::Progress;
use compiled_code::{CompiledFile, Contents};
use memory::{Refusal, TotalMemory};
use needs::Needs;
pub(crate) use prepare::PrepareLimits;
use source::about;
use std::any::Any;
use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt::Display;
use std::path::Path;
use wasmscope_telemetry::{InvocationOptions, Outcome, Runtime, Telemetry};

/// A component that can be run, on the runtime that it was prepared for.
pub(crate) enum Prepared {
    Wasmtime(Box<wasmtime::Prepared>),
    #[cfg(feature = "wasmedge")]
    WasmEdge(Box<wasmedge::Prepared>),
}

/// What a runtime calls itself.
///
/// # Errors
///
/// Fails when this program was built without it.
pub(crate) fn described(runtime: RuntimeName) -> Result<Runtime, Failure> {
    match runtime {
        RuntimeName::Wasmtime => Ok(wasmtime::RUNTIME),
        #[cfg(feature = "wasmedge")]
        RuntimeName::WasmEdge => Ok(wasmscope_wasmedge::runtime()),
        #[cfg(not(feature = "wasmedge"))]
        RuntimeName::WasmEdge => Err(without_wasmedge()),
    }
}

/// The runtime for a file: the one that is wanted, or the one that it was compiled for, or
/// Wasmtime.
pub(crate) fn chosen(wanted: Option<RuntimeName>, path: &Path) -> RuntimeName {
    wanted
        .or_else(|| source::compiled_for(path))
        .unwrap_or(RuntimeName::Wasmtime)
}

/// Finds every reason not to run a component.
///
/// # Errors
///
/// Fails with the first of them.
pub(crate) fn prepare(
    component: &Path,
    runtime: RuntimeName,
    args: &[String],
    program: &Program,
    bounds: PrepareLimits,
) -> Result<Prepared, Failure> {
    let (path, args, program) = (component.to_owned(), args.to_owned(), program.clone());
    let prepared = prepare::within(component, bounds.deadline, move || match runtime {
        RuntimeName::Wasmtime => {
            let prepared = wasmtime::prepare(&path, &args, &program, &bounds)?;
            Ok(Prepared::Wasmtime(Box::new(prepared)))
        }
        #[cfg(feature = "wasmedge")]
        RuntimeName::WasmEdge => {
            let prepared = wasmedge::prepare(&path, &args, &program, &bounds)?;
            Ok(Prepared::WasmEdge(Box::new(prepared)))
        }
        #[cfg(not(feature = "wasmedge"))]
        RuntimeName::WasmEdge => Err(without_wasmedge()),
    })?;
    // Only now is it certain that the component is run.
    if let Some(warning) = prepared.warning() {
        say!("wasmscope: warning: {warning}");
    }
    Ok(prepared)
}

/// What a component imports and exports, and what of that a runtime lacks here.
///
/// # Errors
///
/// Fails when it cannot be loaded.
pub(crate) fn needs(
    component: &Path,
    runtime: RuntimeName,
    allow_precompiled: bool,
    bounds: PrepareLimits,
) -> Result<Needs, Failure> {
    let path = component.to_owned();
    prepare::within(component, bounds.deadline, move || match runtime {
        RuntimeName::Wasmtime => wasmtime::needs(&path, allow_precompiled, &bounds),
        #[cfg(feature = "wasmedge")]
        RuntimeName::WasmEdge => wasmedge::needs(&path, allow_precompiled, &bounds),
        #[cfg(not(feature = "wasmedge"))]
        RuntimeName::WasmEdge => Err(without_wasmedge()),
    })
}

/// Compiles a component into a file, with or without code for `--fuel`, and records that this user
/// made it.
///
/// # Errors
///
/// Fails when it cannot be compiled, or the file cannot be written.
pub(crate) fn compile(
    component: &Path,
    runtime: RuntimeName,
    fuel: bool,
    output: &Path,
    bounds: PrepareLimits,
) -> Result<(), Failure> {
    let version = described(runtime)?.version.to_string();
    let path = component.to_owned();
    let mut code = prepare::within(component, bounds.deadline, move || {
        let bytes = source::read_component(&path, &bounds.sizes)?;
        let _progress = Progress::compiling_alone(&path, runtime);
        let variants = if fuel { &[false, true][..] } else { &[false] };
        match runtime {
            RuntimeName::Wasmtime => wasmtime::compile(&path, &bytes, variants, &bounds),
            #[cfg(feature = "wasmedge")]
            RuntimeName::WasmEdge => wasmedge::compile(&path, bytes, variants, &bounds),
            #[cfg(not(feature = "wasmedge"))]
            RuntimeName::WasmEdge => Err(without_wasmedge()),
        }
    })?;
    for (name, value) in [
        (about::RUNTIME, runtime.name().to_owned()),
        (about::VERSION, version),
        (about::TARGET, source::target()),
    ] {
        code.about.insert(name.to_owned(), value);
    }
    let parts = code.parts.iter();
    let contents = Contents {
        about: code.about,
        parts: parts
            .map(|(name, part)| (name.clone(), part.as_slice()))
            .collect(),
    };
    let digest = CompiledFile::write(output, &contents)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", output.display())))?;
    // Without a record the file is as one from elsewhere, and `run` says what to do.
    if let Some(cache) = aot::default_cache() {
        let _ = cache.record(&digest);
    }
    Ok(())
}

/// Code that a runtime has compiled, and what it depends on.
#[derive(Default)]
struct Code {
    about: BTreeMap<String, String>,
    parts: Vec<(String, Vec<u8>)>,
}

#[cfg(any(test, not(feature = "wasmedge")))]
fn without_wasmedge() -> Failure {
    Failure::new(
        "this wasmscope was built without WasmEdge; in a clone of its repository, `cargo xtask install --wasmedge` installs one with it, \
         and WasmEdge's library beside it",
    )
}

/// What a program was refused: it may go on without, or fail in words of its own.
pub(crate) struct Refusals {
    memory: Refusal,
    taken: wasi_bounds::Bounds,
}

impl Refusals {
    fn of(memory: &TotalMemory, taken: &wasi_bounds::Bounds) -> Self {
        Self {
            memory: memory.refusal(),
            taken: taken.clone(),
        }
    }

    /// Returns a sentence for each limit that refused something.
    pub(crate) fn told(&self, program: &Program) -> Vec<String> {
        let mut told = Vec::new();
        if self.memory.of_bytes() {
            let most = program.max_memory;
            told.push(format!(
                "it was refused more memory than --max-memory allows ({most})"
            ));
        }
        if self.memory.of_elements() {
            told.push(format!(
                "it was refused tables of more than {} elements in all",
                memory::TABLE_ELEMENTS
            ));
        }
        if self.taken.has_refused() {
            let most = self.taken.descriptors();
            told.push(format!(
                "it was refused more file descriptors than --max-descriptors allows ({most}), or listings of directories than {}",
                wasi_bounds::LISTINGS
            ));
        }
        told
    }
}

/// A store that has done its work, whatever it is of.
pub(crate) type Kept = Box<dyn Any>;

impl Prepared {
    /// Returns a warning for the user.
    fn warning(&self) -> Option<&str> {
        match self {
            Self::Wasmtime(_) => None,
            #[cfg(feature = "wasmedge")]
            Self::WasmEdge(prepared) => prepared.warning.as_deref(),
        }
    }

    /// Returns what will tell whether the program was refused memory or descriptors.
    pub(crate) fn refusals(&self) -> Refusals {
        match self {
            Self::Wasmtime(prepared) => Refusals::of(&prepared.memory, &prepared.taken),
            #[cfg(feature = "wasmedge")]
            Self::WasmEdge(prepared) => Refusals::of(&prepared.memory, &prepared.taken),
        }
    }

    /// Runs the component to its end, or until its time is over, or a signal comes.
    ///
    /// With how it ended comes its store, to be kept until the metrics are collected: with it end the instance and its
    /// memory, and of a program that ran for a moment nobody would see what it used.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be set up, before anything runs.
    pub(crate) async fn run(
        self,
        telemetry: &Telemetry,
        options: InvocationOptions,
        signals: &mut Signals,
    ) -> Result<(Ended, Kept), Failure> {
        match self {
            Self::Wasmtime(prepared) => {
                let (ended, store) = prepared.run(telemetry, options, signals).await?;
                Ok((ended, Box::new(store)))
            }
            #[cfg(feature = "wasmedge")]
            Self::WasmEdge(prepared) => {
                let (ended, store) = prepared.run(telemetry, options, signals).await?;
                Ok((ended, Box::new(store)))
            }
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone)]
pub(crate) enum Ended {
    /// It returned, or asked for this exit code.
    Exit(i32),
    /// It trapped.
    Trap {
        /// How and where.
        message: String,
        /// The kind of trap, as telemetry has it.
        code: String,
    },
    /// Its time was over.
    Timeout,
    /// We were told to stop it.
    Signal(Signal),
}

impl Ended {
    /// What our process exits with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            // As a process's exit status is read: the low eight bits.
            Self::Exit(code) => code.to_le_bytes()[0],
            // What `wasmtime run` exits with: 128 and SIGABRT.
            Self::Trap { .. } => 134,
            // What `timeout` exits with.
            Self::Timeout => TOO_LATE,
            Self::Signal(signal) => signal.exit_code(),
        }
    }

    /// Puts the guest's panic before the words of the trap that it ended in.
    fn explained(mut self, panic: Option<String>) -> Self {
        if let (Self::Trap { message, .. }, Some(panic)) = (&mut self, panic) {
            let panic = on_one_line(&panic);
            *message = format!("it panicked: {panic}\n{message}");
        }
        self
    }
}

/// What the result of a program's call means, for our exit code and for telemetry; `outcome_of` knows what an error stands for.
fn judge<E: Display>(
    result: Result<Result<(), ()>, E>,
    outcome_of: impl FnOnce(&E) -> Outcome,
) -> (Ended, Outcome) {
    let error = match result {
        Ok(returned) => {
            let code = returned.is_err().into();
            return (Ended::Exit(code), Outcome::Exit { code });
        }
        Err(error) => error,
    };
    let outcome = outcome_of(&error);
    let ended = if let Outcome::Exit { code } = &outcome {
        Ended::Exit(*code)
    } else if let Outcome::Trap { message, code } = &outcome {
        // The cause, then where it happened: an error's own order may bury the cause.
        Ended::Trap {
            message: message.clone(),
            code: code.clone(),
        }
    } else {
        Ended::Trap {
            message: format!("{error:#}"),
            code: String::new(),
        }
    };
    (ended, outcome)
}

/// Arguments and environment as the program sees them.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
}

impl Surroundings {
    pub(crate) fn new(
        component: &Path,
        args: &[String],
        program: &Program,
    ) -> Result<Self, Failure> {
        let name = component
            .file_name()
            .unwrap_or(component.as_os_str())
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            args: std::iter::once(name).chain(args.iter().cloned()).collect(),
            env: environment(&program.env, |name| std::env::var(name))?,
        })
    }
}

/// Returns the program's variables, each once: the last value of a name holds. `inherited` returns
/// those that are set here.
fn environment(
    options: &[(String, Option<String>)],
    inherited: impl Fn(&str) -> Result<String, VarError>,
) -> Result<Vec<(String, String)>, Failure> {
    let mut env: Vec<(String, String)> = Vec::new();
    for (at, (name, value)) in options.iter().enumerate() {
        let later = options.iter().skip(at + 1);
        let value = match value {
            Some(value) => value.clone(),
            None => match inherited(name) {
                Err(_)
                    if later
                        .clone()
                        .any(|(other, value)| other == name && value.is_some()) =>
                {
                    continue;
                }
                Ok(value) => value,
                Err(VarError::NotPresent) => {
                    say!(
                        "wasmscope: warning: --env {name} has no effect: the variable is not set here"
                    );
                    continue;
                }
                Err(VarError::NotUnicode(_)) => {
                    return Err(Failure::new(format!(
                        "--env {name}: the variable's value is not UTF-8"
                    )));
                }
            },
        };
        match env.iter_mut().find(|(known, _)| known == name) {
            Some((_, former)) => *former = value,
            None => env.push((name.clone(), value)),
        }
    }
    Ok(env)
}

/// The component's name in telemetry: the file's, without its ending.
pub(crate) fn component_name(path: &Path) -> String {
    path.file_stem()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_variable_holds() {
        let inherited = |name: &str| match name {
            "HOME" => Ok("/home".to_owned()),
            _ => Err(VarError::NotPresent),
        };
        let environment = |options: &[(&str, Option<&str>)]| {
            let options = options.iter();
            let options: Vec<_> = options
                .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
                .collect();
            environment(&options, inherited).expect("text")
        };
        let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            environment(&[
                ("A", Some("1")),
                ("B", Some("")),
                ("A", Some("2")),
                ("a", Some("3"))
            ]),
            [owned("A", "2"), owned("B", ""), owned("a", "3")]
        );
        assert_eq!(
            environment(&[("HOME", None), ("HOME", Some("/x"))]),
            [owned("HOME", "/x")]
        );
        assert_eq!(
            environment(&[("HOME", Some("/x")), ("HOME", None)]),
            [owned("HOME", "/home")]
        );
        // What is not set here changes nothing.
        assert_eq!(
            environment(&[("A", Some("1")), ("A", None)]),
            [owned("A", "1")]
        );
    }

    #[test]
    fn a_variable_that_a_later_option_sets_is_not_looked_up() {
        let option = |value: Option<&str>| ("A".to_owned(), value.map(str::to_owned));
        let unreadable = |_: &str| Err(VarError::NotUnicode("\u{fffd}".into()));
        let set = environment(&[option(None), option(Some("1"))], unreadable);
        assert_eq!(
            set.expect("it is set later"),
            [("A".to_owned(), "1".to_owned())]
        );
        assert!(environment(&[option(Some("1")), option(None)], unreadable).is_err());
    }

    /// In every build, for none of the tests is built without WasmEdge.
    #[test]
    fn asking_for_wasmedge_is_answered_with_the_commands_that_bring_it() {
        let failure = without_wasmedge();
        let message = failure.to_string();
        for words in ["built without WasmEdge", "`cargo xtask install --wasmedge`"] {
            assert!(message.contains(words), "no {words} in {message}");
        }
        let expected = std::process::ExitCode::from(2);
        assert_eq!(
            format!("{:?}", failure.exit_code()),
            format!("{expected:?}")
        );
    }
}
