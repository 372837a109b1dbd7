//! The runtimes, behind one interface. [`Backend`] loads components, and [`Loaded`] runs one.

mod aot;
mod descriptors;
mod environment;
mod guest;
mod instances;
mod memory;
pub(crate) mod needs;
mod outgoing;
mod prepare;
mod source;
mod stdio;
mod thread;
mod wasi;
#[cfg(feature = "wasmedge")]
mod wasmedge;
mod wasmtime;

use crate::args::{Program, RuntimeName, ServerOptions};
use crate::failure::{Failure, TOO_LATE};
use crate::interrupt::{Signal, Signals};
use crate::messages::{on_one_line, say};
use crate::progress::Progress;
use compiled_code::{CompiledFile, Contents};
use guest::{Guest, Guests};
use memory::{Refusal, TotalMemory};
use needs::{Entry, Needs};
pub(crate) use prepare::PrepareLimits;
use source::about;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
pub(crate) use stdio::Stdio;
use thread::Running;
use tokio::runtime::Handle;
use wasmscope_http::server::Handler;
use wasmscope_telemetry::{InvocationOptions, Outcome, Propagation, Runtime, Telemetry};

/// A runtime on which this command runs components.
trait Backend: Sync {
    /// Returns the runtime's name and version.
    fn runtime(&self) -> Runtime;

    /// Loads a component with all imports that it needs, to call this export of it. `server` are
    /// the options of its server, if it gets one. May also return a warning for the user, about a
    /// component that can run nevertheless.
    fn load(
        &self,
        path: &Path,
        entry: Entry,
        bounds: &wasi_bounds::Bounds,
        program: &Program,
        server: Option<&ServerOptions>,
        limits: &PrepareLimits,
    ) -> Result<(Box<dyn Loaded>, Option<String>), Failure>;

    /// Returns a component's imports and exports, and the imports that this host lacks.
    fn needs(
        &self,
        path: &Path,
        allow_precompiled: bool,
        limits: &PrepareLimits,
    ) -> Result<Needs, Failure>;

    /// Compiles a component once for each variant: without and with fuel.
    fn compile(
        &self,
        path: &Path,
        bytes: Vec<u8>,
        variants: &[bool],
        limits: &PrepareLimits,
    ) -> Result<Code, Failure>;
}

/// A component that a runtime has loaded and linked.
trait Loaded: Send {
    /// Starts the component's command on a new thread.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be set up. Nothing has run then.
    fn start(
        self: Box<Self>,
        guest: Guest,
        telemetry: &Telemetry,
        options: InvocationOptions,
    ) -> Result<Running, Failure>;

    /// Prepares to answer requests. Call it in a Tokio runtime.
    ///
    /// # Errors
    ///
    /// Fails if the threads cannot be started.
    fn serve(
        self: Box<Self>,
        guests: Guests,
        telemetry: &Telemetry,
        options: &ServerOptions,
    ) -> Result<Arc<dyn Handler>, Failure>;
}

/// Returns the backend of a runtime.
///
/// # Errors
///
/// Fails if this program was built without the runtime.
fn backend(runtime: RuntimeName) -> Result<&'static dyn Backend, Failure> {
    match runtime {
        RuntimeName::Wasmtime => Ok(&wasmtime::Wasmtime),
        #[cfg(feature = "wasmedge")]
        RuntimeName::WasmEdge => Ok(&wasmedge::WasmEdge),
        #[cfg(not(feature = "wasmedge"))]
        RuntimeName::WasmEdge => Err(without_wasmedge()),
    }
}

/// Returns a runtime's name and version.
///
/// # Errors
///
/// Fails if this program was built without the runtime.
pub(crate) fn described(runtime: RuntimeName) -> Result<Runtime, Failure> {
    Ok(backend(runtime)?.runtime())
}

/// Chooses the runtime for a file: the one that the user requested, the one that the file was
/// compiled for, or Wasmtime.
pub(crate) fn chosen(wanted: Option<RuntimeName>, path: &Path) -> RuntimeName {
    wanted
        .or_else(|| source::compiled_for(path))
        .unwrap_or(RuntimeName::Wasmtime)
}

/// A component that is ready to run, with its guest.
pub(crate) struct Prepared {
    component: Box<dyn Loaded>,
    guest: Guest,
    bounds: wasi_bounds::Bounds,
}

/// A component that is ready to answer requests.
pub(crate) struct PreparedHandler {
    component: Box<dyn Loaded>,
    guests: Guests,
}

/// Prepares a component, and checks everything that could prevent its run.
///
/// # Errors
///
/// Fails with the first problem.
pub(crate) fn prepare(
    component: &Path,
    runtime: RuntimeName,
    args: &[String],
    program: &Program,
    stdio: Stdio,
    propagation: Propagation,
    limits: PrepareLimits,
) -> Result<Prepared, Failure> {
    let (component, guests, guest) = load(
        component,
        runtime,
        Entry::Command,
        Options {
            args,
            program,
            stdio,
            server: None,
            propagation,
        },
        limits,
    )?;
    Ok(Prepared {
        component,
        guest,
        bounds: guests.bounds,
    })
}

/// Prepares a component that answers requests, and checks everything that could prevent it.
///
/// # Errors
///
/// Fails with the first problem.
pub(crate) fn prepare_handler(
    component: &Path,
    runtime: RuntimeName,
    program: &Program,
    stdio: Stdio,
    server: &ServerOptions,
    propagation: Propagation,
    limits: PrepareLimits,
) -> Result<PreparedHandler, Failure> {
    // Each request makes a guest, but this one has shown that its directories exist.
    let (component, guests, _guest) = load(
        component,
        runtime,
        Entry::HttpHandler,
        Options {
            args: &[],
            program,
            stdio,
            server: Some(server),
            propagation,
        },
        limits,
    )?;
    Ok(PreparedHandler { component, guests })
}

/// The options of a component's guests.
struct Options<'a> {
    args: &'a [String],
    program: &'a Program,
    stdio: Stdio,
    server: Option<&'a ServerOptions>,
    propagation: Propagation,
}

/// Loads a component to call an export of it, and makes a guest.
fn load(
    component: &Path,
    runtime: RuntimeName,
    entry: Entry,
    options: Options<'_>,
    limits: PrepareLimits,
) -> Result<(Box<dyn Loaded>, Guests, Guest), Failure> {
    let backend = backend(runtime)?;
    let path = component.to_owned();
    let (args, program) = (options.args.to_owned(), options.program.clone());
    let (server, propagation) = (options.server.cloned(), options.propagation);
    let (loaded, warning) = prepare::within(component, limits.deadline, move || {
        // Before compiling the component, which takes longer.
        let runtime = backend.runtime();
        let guests = Guests::new(
            &path,
            &args,
            &program,
            &runtime,
            propagation,
            options.stdio,
            server.as_ref(),
        )?;
        let guest = guests.make()?;
        let (bounds, server) = (&guests.bounds, server.as_ref());
        let (component, warning) = backend.load(&path, entry, bounds, &program, server, &limits)?;
        Ok(((component, guests, guest), warning))
    })?;
    // Only now it is certain that the component will run.
    if let Some(warning) = warning {
        say!("wasmscope: warning: {warning}");
    }
    Ok(loaded)
}

/// Returns a component's imports and exports, and the imports that a runtime lacks here.
///
/// # Errors
///
/// Fails if the component cannot be loaded.
pub(crate) fn needs(
    component: &Path,
    runtime: RuntimeName,
    allow_precompiled: bool,
    limits: PrepareLimits,
) -> Result<Needs, Failure> {
    let backend = backend(runtime)?;
    let path = component.to_owned();
    prepare::within(component, limits.deadline, move || {
        backend.needs(&path, allow_precompiled, &limits)
    })
}

/// Compiles a component into a file, with or without code for `--fuel`, and records that this user
/// compiled it.
///
/// # Errors
///
/// Fails if it cannot be compiled, or if the file cannot be written.
pub(crate) fn compile(
    component: &Path,
    runtime: RuntimeName,
    fuel: bool,
    output: &Path,
    limits: PrepareLimits,
) -> Result<(), Failure> {
    let backend = backend(runtime)?;
    let version = backend.runtime().version.to_string();
    let path = component.to_owned();
    let mut code = prepare::within(component, limits.deadline, move || {
        let bytes = source::read_component(&path, &limits.sizes)?;
        let _progress = Progress::compiling_alone(&path, runtime);
        let variants = if fuel { &[false, true][..] } else { &[false] };
        backend.compile(&path, bytes, variants, &limits)
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
    // Without a record, the file counts as one from elsewhere, and `run` tells what to do.
    if let Some(cache) = aot::default_cache() {
        let _ = cache.record(&digest);
    }
    Ok(())
}

/// Code that a runtime has compiled, and its requirements.
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

/// The limits that refused something to a program. The program may continue without it, or fail
/// with an unrelated message.
pub(crate) struct Refusals {
    memory: Refusal,
    bounds: wasi_bounds::Bounds,
}

impl Refusals {
    fn of(memory: &TotalMemory, bounds: &wasi_bounds::Bounds) -> Self {
        Self {
            memory: memory.refusal(),
            bounds: bounds.clone(),
        }
    }

    /// Returns a sentence for each limit that refused something.
    pub(crate) fn messages(&self, program: &Program) -> Vec<String> {
        let mut messages = Vec::new();
        if self.memory.of_bytes() {
            let most = program.max_memory;
            messages.push(format!(
                "it was refused more memory than --max-memory allows ({most})"
            ));
        }
        if self.memory.of_elements() {
            messages.push(format!(
                "it was refused tables of more than {} elements in total",
                memory::TABLE_ELEMENTS
            ));
        }
        if self.bounds.has_refused() {
            let most = self.bounds.descriptors();
            messages.push(format!(
                "it was refused more file descriptors than --max-descriptors allows ({most}), or listings of directories than {}",
                wasi_bounds::LISTINGS
            ));
        }
        messages
    }
}

/// The store of a guest that has ended.
pub(crate) type KeptStore = Box<dyn Any + Send>;

impl Prepared {
    /// Returns a handle that tells after the run which limits refused something.
    pub(crate) fn refusals(&self) -> Refusals {
        Refusals::of(&self.guest.memory, &self.bounds)
    }

    /// Runs the component until it ends, its time is over, or a signal arrives.
    ///
    /// Also returns its store, to be kept until the metrics are collected. The instance and its
    /// memory end with the store, so they would be missing in the metrics of a short program. There
    /// is no store if the guest does not stop.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be set up. Nothing has run then.
    pub(crate) async fn run(
        self,
        telemetry: &Telemetry,
        options: InvocationOptions,
        timeout: Option<Duration>,
        signals: &mut Signals,
    ) -> Result<(Ended, Option<KeptStore>), Failure> {
        let running = self.component.start(self.guest, telemetry, options)?;
        Ok(running.watch(timeout, signals).await)
    }
}

impl PreparedHandler {
    /// Returns what answers the requests. Call it in a Tokio runtime.
    ///
    /// # Errors
    ///
    /// Fails if the threads cannot be started.
    pub(crate) fn serve(
        self,
        telemetry: &Telemetry,
        options: &ServerOptions,
    ) -> Result<Arc<dyn Handler>, Failure> {
        // All guests share its connections.
        self.guests.client.run_on(Handle::current());
        self.component.serve(self.guests, telemetry, options)
    }
}

/// The end of a program.
#[derive(Debug, Clone)]
pub(crate) enum Ended {
    /// It returned, or exited with this code.
    Exit(i32),
    /// It trapped.
    Trap {
        /// The cause, and its location.
        message: String,
        /// The kind of trap in telemetry.
        code: String,
    },
    /// Its timeout expired.
    Timeout,
    /// A signal to this command stopped it.
    Signal(Signal),
}

impl Ended {
    /// Returns this process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            // An exit status has eight bits.
            Self::Exit(code) => code.to_le_bytes()[0],
            // The same as `wasmtime run`: 128 plus SIGABRT.
            Self::Trap { .. } => 134,
            Self::Timeout => TOO_LATE,
            Self::Signal(signal) => signal.exit_code(),
        }
    }

    /// Puts the guest's panic before the message of the trap that it caused.
    fn explained(mut self, panic: Option<String>) -> Self {
        if let (Self::Trap { message, .. }, Some(panic)) = (&mut self, panic) {
            let panic = on_one_line(&panic);
            *message = format!("it panicked: {panic}\n{message}");
        }
        self
    }
}

/// Returns the end of a program, for our exit code and for telemetry. `outcome_of` is that of the
/// adapter.
fn ended_with<E: Display>(
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
        // The cause precedes its location.
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

/// Returns the component's name in telemetry: the file's name without extension.
pub(crate) fn component_name(path: &Path) -> String {
    path.file_stem()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In every build, because no test is built without WasmEdge.
    #[test]
    fn error_about_wasmedge_names_the_commands_that_install_it() {
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
