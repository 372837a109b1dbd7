//! The backend for WasmEdge.

mod serve;

use super::aot::{self, Aot};
use super::guest::{self, Guest, Guests};
use super::memory::TotalMemory;
use super::needs::{Entry, Needs};
use super::source::{self, Source};
use super::thread::{GuestRuntime, Running, start};
use super::{Backend, Code, KeptStore, Loaded, PrepareLimits, ended_with, wasi};
use crate::args::{COMPILE_IN_CHILD, Deadline, Program, RuntimeName, ServerOptions};
use crate::failure::Failure;
use crate::progress::Progress;
use compiled_code::TrustedFile;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::oneshot;
use wasmedge_component::{
    ChildCompiler, Component, Config, Engine, HostError, InterruptHandle, Linker, LoadError, Store,
};
use wasmscope_http::server::Handler;
use wasmscope_telemetry::{InvocationOptions, Outcome, Runtime, Telemetry};
use wasmscope_wasmedge::Limiter;

/// The data of a store.
type Host = guest::Host<Limiter<TotalMemory>>;

/// The backend for WasmEdge.
pub(super) struct WasmEdge;

impl Backend for WasmEdge {
    fn runtime(&self) -> Runtime {
        wasmscope_wasmedge::runtime()
    }

    fn load(
        &self,
        path: &Path,
        entry: Entry,
        bounds: &wasi_bounds::Bounds,
        program: &Program,
        _server: Option<&ServerOptions>,
        limits: &PrepareLimits,
    ) -> Result<(Box<dyn Loaded>, Option<String>), Failure> {
        let (component, warning) = load(path, program.allow_precompiled, Some(program), limits)?;
        let linker = linker(bounds)?;
        let export = needs_of(&component, &linker)?.must_export(entry, path)?;
        let linked = Linked {
            component,
            linker,
            export,
        };
        Ok((Box::new(linked), warning))
    }

    fn needs(
        &self,
        path: &Path,
        allow_precompiled: bool,
        limits: &PrepareLimits,
    ) -> Result<Needs, Failure> {
        let (component, _warning) = load(path, allow_precompiled, None, limits)?;
        needs_of(&component, &linker(&wasi_bounds::Bounds::default())?)
    }

    fn compile(
        &self,
        path: &Path,
        bytes: Vec<u8>,
        variants: &[bool],
        limits: &PrepareLimits,
    ) -> Result<Code, Failure> {
        let mut code = Code::default();
        let features = wasmedge_component::processor_features().join(" ");
        code.about.insert(PROCESSOR.to_owned(), features);
        for fuel in variants {
            let engine = engine(*fuel, limits)?;
            let modules = Component::compile(&engine, &bytes);
            let modules = modules.map_err(|error| failed(path, &error))?;
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
}

/// A component, with all of its imports.
struct Linked {
    component: Component,
    linker: Linker<Host>,
    /// The export to call.
    export: String,
}

/// Creates an engine with this command's settings. Compiled code needs the same settings.
fn engine(fuel: bool, bounds: &PrepareLimits) -> Result<Engine, Failure> {
    let mut config = Config::new();
    config
        .measure_cost(fuel)
        .size_limits(bounds.sizes.clone())
        .compile_in_child(child_compiler(bounds.deadline)?);
    Engine::new(&config).map_err(|error| Failure::new(error.to_string()))
}

/// Returns a compiler that runs in a child process: this command with a hidden subcommand.
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

/// Loads a component: interpreted, compiled now, or compiled before. May also return a warning for
/// the user.
fn load(
    path: &Path,
    allow_precompiled: bool,
    program: Option<&Program>,
    bounds: &PrepareLimits,
) -> Result<(Component, Option<String>), Failure> {
    let sizes = &bounds.sizes;
    let source = Source::open(path, RuntimeName::WasmEdge, allow_precompiled, sizes)?;
    let fuel = program.is_some_and(|program| program.fuel.is_some());
    let engine = engine(fuel, bounds)?;
    match source {
        Source::Component(bytes) => {
            compiled(&engine, path, &bytes, &Aot::open(program)?, bounds.deadline)
        }
        Source::Compiled(file) => {
            aot::warn_no_effect(path, program);
            Ok((from_file(&engine, path, &file, fuel)?, None))
        }
    }
}

/// Explains why a component cannot be loaded.
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

/// Loads a component: compiled with `--aot`, from the cache or now, otherwise interpreted. If it
/// cannot be compiled, it is interpreted, and a warning is returned.
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
        Aot::Unavailable => {
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
            Component::precompile_and_report(engine, bytes, cache).map(|made| {
                aot::warn_cache_error(cache, made.cache_error.as_ref());
                made.component
            })
        }
    };
    match compiled {
        Err(LoadError::Compiler { message }) if !deadline.is_over() => {
            let warning = format!(
                "{} is interpreted, because it cannot be compiled: {message}",
                path.display()
            );
            Ok((interpreted()?, Some(warning)))
        }
        other => Ok((other.map_err(failed)?, None)),
    }
}

/// The names of a compiled file's parts and entries. WasmEdge's code is for one module, so the file
/// also contains the component.
const COMPONENT: &str = "component";
const PROCESSOR: &str = "processor";

fn module(fuel: bool, index: usize) -> String {
    format!("{}/{index}", source::part(fuel))
}

/// Loads a component from a compiled file.
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

/// Creates a linker with everything that this host provides to a component.
fn linker(taken: &wasi_bounds::Bounds) -> Result<Linker<Host>, Failure> {
    let mut linker = Linker::new();
    component_wasi::add_to_linker_with_bounds(&mut linker, taken)
        .and_then(|()| component_wasi::http::add_to_linker(&mut linker))
        .map_err(Into::into)
        .and_then(|()| wasmscope_wasmedge::add_to_linker(&mut linker))
        .map_err(|error| Failure::new(format!("WasmEdge cannot define its interfaces: {error}")))?;
    Ok(linker)
}

fn needs_of(component: &Component, linker: &Linker<Host>) -> Result<Needs, Failure> {
    let missing = wasmscope_wasmedge::missing_imports(component, linker)
        .map_err(|error| Failure::new(format!("WasmEdge cannot compare imports: {error:#}")))?;
    Ok(Needs {
        imports: wasmscope_wasmedge::imports(component),
        exports: wasmscope_wasmedge::exports(component),
        missing,
    })
}

impl Loaded for Linked {
    fn start(
        self: Box<Self>,
        guest: Guest,
        telemetry: &Telemetry,
        options: InvocationOptions,
    ) -> Result<Running, Failure> {
        let (mut store, interrupt) = self
            .store(guest, telemetry)
            .map_err(|error| Failure::new(format!("WasmEdge cannot set up a store: {error}")))?;
        let ender = store.data().telemetry().ender();

        let (stop, mut stopped) = oneshot::channel();
        let (done, finished) = oneshot::channel();
        let runtime = GuestRuntime::start()?;
        start(move || {
            let _entered = runtime.handle().enter();
            let mut invocation = wasmscope_wasmedge::invoke(&mut store, options);
            let result = self.call(&mut invocation);
            let (mut ended, mut outcome) = ended_with(result, wasmscope_wasmedge::outcome_of);
            // A guest that ends just before it is stopped has ended by itself.
            if outcome == Outcome::Timeout
                && let Ok(why) = stopped.try_recv()
            {
                (ended, outcome) = why;
            }
            let ended = ended.explained(invocation.data().telemetry().panic_behind(&outcome));
            invocation.data_mut().end_call();
            invocation.finish(outcome);
            wasi::close(store.data_mut());
            // There is no receiver if the guest took too long to stop.
            let kept: KeptStore = Box::new(store);
            let _ = done.send((ended, kept));
        })?;
        Ok(Running {
            finished,
            stop: Box::new(move |why| {
                // The thread gets the reason before the guest can notice the interruption.
                let _ = stop.send(why);
                interrupt.interrupt();
            }),
            ender,
        })
    }

    fn serve(
        self: Box<Self>,
        guests: Guests,
        telemetry: &Telemetry,
        options: &ServerOptions,
    ) -> Result<Arc<dyn Handler>, Failure> {
        serve::handler(*self, guests, telemetry, options)
    }
}

impl Linked {
    /// Creates a store for a guest, and a handle that interrupts the guest.
    fn store(
        &self,
        guest: Guest,
        telemetry: &Telemetry,
    ) -> Result<(Store<Host>, InterruptHandle), HostError> {
        let fuel = guest.fuel;
        let host = guest.into_host(telemetry, Limiter::new);
        let mut store = Store::new(self.component.engine(), host)?;
        store.limiter(|host| &mut host.limiter);
        if let Some(fuel) = fuel {
            store.set_cost_limit(fuel)?;
        }
        let interrupt = store.interrupt_handle()?;
        Ok((store, interrupt))
    }

    fn call(
        &self,
        store: &mut wasmscope_wasmedge::Invocation<'_, Host>,
    ) -> anyhow::Result<Result<(), ()>> {
        let (component, linker) = (&self.component, &self.linker);
        let instance = wasmscope_wasmedge::instantiate(&mut *store, component, linker)?;
        let run = instance.get_typed_func_in::<(), (_,)>(&mut *store, &self.export, "run")?;
        let (returned,) = run.call(store, ())?;
        Ok(returned)
    }
}
