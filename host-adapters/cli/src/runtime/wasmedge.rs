//! Running a command component on WasmEdge.

use super::aot::{self, Aot};
use super::memory::TotalMemory;
use super::needs::Needs;
use super::source::{self, Source};
use super::thread::{GuestRuntime, start, watch};
use super::{Code, Ended, PrepareLimits, Surroundings, component_name, descriptors, judge, wasi};
use crate::args::{COMPILE_IN_CHILD, Deadline, Program, RuntimeName};
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::progress::Progress;
use compiled_code::TrustedFile;
use component_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use std::path::Path;
use std::time::Duration;
use wasmedge_component::{ChildCompiler, Component, Config, Engine, Linker, LoadError, Store};
use wasmscope_telemetry::{Instance, InvocationOptions, Outcome, Telemetry};
use wasmscope_wasmedge::Limiter;

/// A component that can be run: translated, compiled if that is wanted, and all its imports there.
pub(crate) struct Prepared {
    engine: Engine,
    component: Component,
    linker: Linker<Host>,
    /// The export to run.
    command: String,
    name: String,
    wasi: WasiCtx,
    pub(super) memory: TotalMemory,
    pub(super) taken: wasi_bounds::Bounds,
    timeout: Option<Duration>,
    fuel: Option<u64>,
    /// A warning for the user.
    pub(super) warning: Option<String>,
}

/// What a store holds.
pub(crate) struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
    telemetry: Instance,
    limiter: Limiter<TotalMemory>,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl wasmscope_wasmedge::View for Host {
    fn wasmscope(&mut self) -> &mut Instance {
        &mut self.telemetry
    }
}

/// An engine as this command sets it: code of another one does not fit.
fn engine(fuel: bool, bounds: &PrepareLimits) -> Result<Engine, Failure> {
    let mut config = Config::new();
    config
        .measure_cost(fuel)
        .size_limits(bounds.sizes.clone())
        .compile_in_child(child_compiler(bounds.deadline)?);
    Engine::new(&config).map_err(|error| Failure::new(error.to_string()))
}

/// Compiles in a process of its own: this command, with a hidden subcommand.
fn child_compiler(deadline: Deadline) -> Result<ChildCompiler, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find this program's file: {error}")))?;
    let mut compiler = ChildCompiler::new(program);
    compiler.arg(COMPILE_IN_CHILD);
    if let Some(at) = deadline.at() {
        compiler.deadline(at);
    }
    Ok(compiler)
}

/// A component that was loaded.
struct Loaded {
    engine: Engine,
    component: Component,
    /// A warning for the user, if the component is run after all.
    warning: Option<String>,
}

/// Loads a component, to be interpreted or compiled now or before.
fn load(
    path: &Path,
    allow_precompiled: bool,
    program: Option<&Program>,
    bounds: &PrepareLimits,
) -> Result<Loaded, Failure> {
    let sizes = &bounds.sizes;
    let source = Source::open(path, RuntimeName::WasmEdge, allow_precompiled, sizes)?;
    let fuel = program.is_some_and(|program| program.fuel.is_some());
    let engine = engine(fuel, bounds)?;
    let (component, warning) = match source {
        Source::Component(bytes) => {
            compiled(&engine, path, &bytes, &Aot::open(program)?, bounds.deadline)?
        }
        Source::Compiled(file) => {
            aot::say_no_effect(path, program);
            (from_file(&engine, path, &file, fuel)?, None)
        }
    };
    Ok(Loaded {
        engine,
        component,
        warning,
    })
}

/// Says why a component cannot be loaded.
fn failed(path: &Path, error: &LoadError) -> Failure {
    if let LoadError::TooLarge(refusal) = error {
        return source::too_large(path, refusal);
    }
    let path = path.display();
    Failure::new(if let LoadError::Invalid { message } = error {
        format!("{path} is not a valid component: {message}")
    } else {
        format!("{path} cannot be run on WasmEdge: {error}")
    })
}

/// Compiles a component unless that was done before, and says so. Without `--aot` it is
/// interpreted. It is also interpreted if it cannot be compiled: then a warning is returned, which
/// is for a component that is ready in time.
fn compiled(
    engine: &Engine,
    path: &Path,
    bytes: &[u8],
    aot: &Aot,
    deadline: Deadline,
) -> Result<(Component, Option<String>), Failure> {
    let failed = |error| failed(path, &error);
    let interpreted = || Component::new(engine, bytes).map_err(failed);
    let compiled = match aot {
        Aot::Off => return Ok((interpreted()?, None)),
        Aot::Unkept => {
            let _progress = Progress::compiling(path, RuntimeName::WasmEdge);
            Component::compile(engine, bytes).and_then(|mut code| {
                let code = |index| code.get_mut(index).and_then(Option::take);
                Component::with_code(engine, bytes, code)
            })
        }
        Aot::Into(cache) => {
            let found = Component::with_cache(engine, bytes, cache).map_err(failed)?;
            if found.is_compiled() {
                return Ok((found, None));
            }
            aot::say_compiling("WasmEdge", cache);
            Component::precompile_or_say(engine, bytes, cache).map(|made| {
                aot::say_not_kept(cache, made.not_kept.as_ref());
                made.component
            })
        }
    };
    match compiled {
        Err(LoadError::Compiler { message }) if !deadline.is_over() => {
            let warning = format!(
                "{} is interpreted, as it cannot be compiled: {message}",
                path.display()
            );
            Ok((interpreted()?, Some(warning)))
        }
        other => Ok((other.map_err(failed)?, None)),
    }
}

/// The parts and what is said of them in a compiled file: WasmEdge's code is for one module, and
/// needs the component as well.
const COMPONENT: &str = "component";
const PROCESSOR: &str = "processor";

fn module(fuel: bool, index: usize) -> String {
    format!("{}/{index}", source::part(fuel))
}

/// Compiles a component, with and without the counting of cost.
pub(super) fn compile(
    path: &Path,
    bytes: Vec<u8>,
    variants: &[bool],
    bounds: &PrepareLimits,
) -> Result<Code, Failure> {
    let mut code = Code::default();
    let features = wasmedge_component::processor_features().join(" ");
    code.about.insert(PROCESSOR.to_owned(), features);
    for fuel in variants {
        let engine = engine(*fuel, bounds)?;
        let modules = Component::compile(&engine, &bytes).map_err(|error| failed(path, &error))?;
        for (index, compiled) in modules.iter().enumerate() {
            if let Some(compiled) = compiled {
                let part = (module(*fuel, index), compiled.bytes().to_vec());
                code.parts.push(part);
            }
        }
        let part = source::part(*fuel).to_owned();
        code.about.insert(part, engine.code_version());
    }
    code.parts.push((COMPONENT.to_owned(), bytes));
    Ok(code)
}

/// Loads a component that was compiled into a file.
fn from_file(
    engine: &Engine,
    path: &Path,
    file: &TrustedFile,
    fuel: bool,
) -> Result<Component, Failure> {
    let about = |name| file.file().about(name).unwrap_or_default();
    let version = about(source::part(fuel));
    if version.is_empty() && fuel {
        return Err(source::without_fuel(path));
    }
    if version != engine.code_version() {
        let what = format!("it was compiled by another version ({version})");
        return Err(source::damaged(path, &what));
    }
    let here = wasmedge_component::processor_features();
    let mut needed = about(PROCESSOR).split_whitespace();
    if let Some(missing) = needed.find(|feature| !here.contains(feature)) {
        let what = format!("it was compiled for a processor with {missing}, which this one lacks");
        return Err(source::damaged(path, &what));
    }
    let bytes = source::code(path, file, COMPONENT)?;
    let mut refused = None;
    let loaded = Component::with_code(engine, bytes.bytes(), |index| {
        file.part(&module(fuel, index)).unwrap_or_else(|error| {
            refused = Some(error);
            None
        })
    });
    match refused {
        Some(error) => Err(source::damaged(path, &error)),
        None => loaded.map_err(|error| failed(path, &error)),
    }
}

/// Everything that this host offers to a component.
fn linker(taken: &wasi_bounds::Bounds) -> Result<Linker<Host>, Failure> {
    let mut linker = Linker::new();
    component_wasi::add_to_linker_with_bounds(&mut linker, taken)
        .and_then(|()| wasmscope_wasmedge::add_to_linker(&mut linker))
        .map_err(|error| Failure::new(format!("WasmEdge cannot offer its interfaces: {error}")))?;
    Ok(linker)
}

/// Finds every reason not to run a component.
pub(crate) fn prepare(
    path: &Path,
    args: &[String],
    program: &Program,
    bounds: &PrepareLimits,
) -> Result<Prepared, Failure> {
    // Before the component is compiled, which takes longer.
    let wasi = wasi::context(&Surroundings::new(path, args, program)?, program)?;
    let Loaded {
        engine,
        component,
        warning,
    } = load(path, program.allow_precompiled, Some(program), bounds)?;
    let taken = descriptors::bounds(program.max_descriptors);
    let linker = linker(&taken)?;
    let command = needs_of(&component, &linker).must_be_command(path)?;
    Ok(Prepared {
        engine,
        component,
        linker,
        command,
        name: component_name(path),
        wasi,
        memory: TotalMemory::new(program.max_memory),
        taken,
        timeout: program.timeout,
        fuel: program.fuel,
        warning,
    })
}

/// What a component imports and exports, and what of that is missing here.
pub(crate) fn needs(
    path: &Path,
    allow_precompiled: bool,
    bounds: &PrepareLimits,
) -> Result<Needs, Failure> {
    let loaded = load(path, allow_precompiled, None, bounds)?;
    Ok(needs_of(
        &loaded.component,
        &linker(&wasi_bounds::Bounds::default())?,
    ))
}

fn needs_of(component: &Component, linker: &Linker<Host>) -> Needs {
    Needs {
        imports: wasmscope_wasmedge::imports(component),
        exports: wasmscope_wasmedge::exports(component),
        missing: wasmscope_wasmedge::unserved(component, linker),
    }
}

impl Prepared {
    /// Runs the component to its end, or until its time is over, or a signal comes.
    ///
    /// With how it ended comes its store, to be kept until the metrics are collected; none if the guest does not stop.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be set up, before anything runs.
    pub(crate) async fn run(
        self,
        telemetry: &Telemetry,
        options: InvocationOptions,
        signals: &mut Signals,
    ) -> Result<(Ended, Option<Store<Host>>), Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!("WasmEdge cannot set up a store: {error}"))
        };
        let instance = telemetry.instance(self.name);
        let ender = instance.ender();
        let host = Host {
            wasi: self.wasi,
            table: ResourceTable::new(),
            limiter: Limiter::new(&instance, self.memory),
            telemetry: instance,
        };
        let mut store = Store::new(&self.engine, host).map_err(|error| failed(&error))?;
        store.limiter(|host| &mut host.limiter);
        if let Some(fuel) = self.fuel {
            store.set_cost_limit(fuel).map_err(|error| failed(&error))?;
        }
        let interrupt = store.interrupt_handle().map_err(|error| failed(&error))?;

        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let (done, finished) = tokio::sync::oneshot::channel();
        let (component, linker, command) = (self.component, self.linker, self.command);
        let runtime = GuestRuntime::start()?;
        start(move || {
            let _entered = runtime.handle().enter();
            let mut invocation = wasmscope_wasmedge::invoke(&mut store, options);
            let result = call(&mut invocation, &component, &linker, &command);
            let (mut ended, mut outcome) = judge(result, wasmscope_wasmedge::outcome_of);
            // What has ended by itself has ended by itself, even if it was to be stopped.
            if outcome == Outcome::Timeout
                && let Ok(why) = stopped.try_recv()
            {
                (ended, outcome) = why;
            }
            let ended = ended.explained(invocation.data().telemetry.panic_behind(&outcome));
            invocation.finish(outcome);
            wasi::give_back(store.data_mut());
            // Nobody waits for it any more if it took too long to stop.
            let _ = done.send((ended, store));
        })?;
        // The thread has the reason before the guest can notice that it is interrupted.
        let interrupt = |why| {
            let _ = stop.send(why);
            interrupt.interrupt();
        };
        Ok(watch(finished, self.timeout, signals, interrupt, &ender).await)
    }
}

fn call(
    store: &mut wasmscope_wasmedge::Invocation<'_, Host>,
    component: &Component,
    linker: &Linker<Host>,
    command: &str,
) -> anyhow::Result<Result<(), ()>> {
    let instance = wasmscope_wasmedge::instantiate(&mut *store, component, linker)?;
    let run = instance.get_typed_func_in::<(), (_,)>(&mut *store, command, "run")?;
    let (returned,) = run.call(store, ())?;
    Ok(returned)
}
