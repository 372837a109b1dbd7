//! The backend for Wasmtime.

mod pool;
mod serve;

use super::aot::{self, Aot};
use super::guest::{self, Guest, Guests};
use super::memory::TotalMemory;
use super::needs::{Entry, Needs};
use super::source::{self, Source};
use super::thread::{GuestRuntime, Running, start};
use super::{Backend, Code, KeptStore, Loaded, PrepareLimits, ended_with, wasi};
use crate::args::{Program, RuntimeName, ServerOptions};
use crate::failure::Failure;
use crate::progress::Progress;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use wasmscope_http::server::Handler;
use wasmscope_telemetry::{InvocationOptions, Runtime, Telemetry};
use wasmscope_wasmtime::{Limiter, check_size};
use wasmtime::component::{Component, ComponentExportIndex, Linker};
use wasmtime::{Config, Engine, Precompiled, Store};

/// The interval at which a guest yields, so that a timeout or a signal ends even an endless loop.
const TICK: Duration = Duration::from_millis(10);

/// The data of a store.
type Host = guest::Host<Limiter<TotalMemory>>;

/// The backend for Wasmtime.
pub(super) struct Wasmtime;

impl Backend for Wasmtime {
    fn runtime(&self) -> Runtime {
        wasmscope_wasmtime::runtime()
    }

    fn load(
        &self,
        path: &Path,
        entry: Entry,
        bounds: &wasi_bounds::Bounds,
        program: &Program,
        server: Option<&ServerOptions>,
        limits: &PrepareLimits,
    ) -> Result<(Box<dyn Loaded>, Option<String>), Failure> {
        let loaded = load(path, program.allow_precompiled, Some(program), limits)?;
        let pooled = server.and_then(|server| pool::pooled(&loaded.1, program, server));
        let (engine, component) = pooled.unwrap_or(loaded);
        let linker = linker(&engine, bounds)?;
        let export = needs_of(&component, &linker)?.must_export(entry, path)?;
        let linked = Linked {
            engine,
            component,
            linker,
            export,
        };
        Ok((Box::new(linked), None))
    }

    fn needs(
        &self,
        path: &Path,
        allow_precompiled: bool,
        limits: &PrepareLimits,
    ) -> Result<Needs, Failure> {
        let (engine, component) = load(path, allow_precompiled, None, limits)?;
        needs_of(
            &component,
            &linker(&engine, &wasi_bounds::Bounds::default())?,
        )
    }

    fn compile(
        &self,
        path: &Path,
        bytes: Vec<u8>,
        variants: &[bool],
        limits: &PrepareLimits,
    ) -> Result<Code, Failure> {
        check_size(&bytes, &limits.sizes).map_err(|error| source::too_large(path, &error))?;
        let mut code = Code::default();
        for fuel in variants {
            let compiled = engine(*fuel)?.precompile_component(&bytes);
            let compiled = compiled.map_err(|error| invalid(path, &error))?;
            code.parts.push((source::part(*fuel).to_owned(), compiled));
        }
        Ok(code)
    }
}

/// A component: compiled, and with all of its imports.
struct Linked {
    engine: Engine,
    component: Component,
    linker: Linker<Host>,
    /// The export to call.
    export: String,
}

/// Creates an engine with this command's settings.
fn engine(fuel: bool) -> Result<Engine, Failure> {
    Engine::new(&config(fuel))
        .map_err(|error| Failure::new(format!("wasmtime cannot start: {error:#}")))
}

/// Returns the settings of every engine. Compiled code needs the same ones.
fn config(fuel: bool) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.consume_fuel(fuel);
    config
}

/// Loads a component, which is compiled now or was compiled before.
fn load(
    path: &Path,
    allow_precompiled: bool,
    program: Option<&Program>,
    bounds: &PrepareLimits,
) -> Result<(Engine, Component), Failure> {
    let sizes = &bounds.sizes;
    let source = Source::open(path, RuntimeName::Wasmtime, allow_precompiled, sizes)?;
    let fuel = program.is_some_and(|program| program.fuel.is_some());
    let engine = engine(fuel)?;
    let component = match source {
        Source::Component(bytes) => {
            check_size(&bytes, sizes).map_err(|error| source::too_large(path, &error))?;
            compiled(&engine, path, &bytes, &Aot::open(program)?)?
        }
        Source::Compiled(file) => {
            aot::warn_no_effect(path, program);
            let code = source::code(path, &file, source::part(fuel))?;
            wasmscope_wasmtime::from_code(&engine, &code)
                .map_err(|error| source::damaged(path, &format!("{error:#}")))?
        }
    };
    Ok((engine, component))
}

/// Compiles a component, or loads its code from the cache.
fn compiled(engine: &Engine, path: &Path, bytes: &[u8], aot: &Aot) -> Result<Component, Failure> {
    let compiled = match aot {
        Aot::Off | Aot::Unavailable => {
            let _progress = Progress::compiling(path, RuntimeName::Wasmtime);
            Component::new(engine, bytes)
        }
        Aot::Into(cache) => match wasmscope_wasmtime::from_cache(engine, bytes, cache) {
            Some(component) => Ok(component),
            None => {
                aot::say_compiling("Wasmtime", cache);
                wasmscope_wasmtime::precompile(engine, bytes, cache).map(|made| {
                    aot::warn_cache_error(cache, made.cache_error.as_ref());
                    made.component
                })
            }
        },
    };
    compiled.map_err(|error| invalid(path, &error))
}

fn invalid(path: &Path, error: &wasmtime::Error) -> Failure {
    Failure::new(format!(
        "{} is not a valid component: {error:#}",
        path.display()
    ))
}

/// Describes a file that Wasmtime's own command has compiled.
pub(super) fn compiled_elsewhere(bytes: &[u8]) -> Option<&'static str> {
    match Engine::detect_precompiled(bytes)? {
        Precompiled::Component => Some("a component that `wasmtime compile` has compiled"),
        Precompiled::Module => Some("a core module that `wasmtime compile` has compiled"),
    }
}

/// Creates a linker with everything that this host provides to a component.
fn linker(engine: &Engine, taken: &wasi_bounds::Bounds) -> Result<Linker<Host>, Failure> {
    let mut linker = Linker::new(engine);
    wasi_bounds::add_to_linker_async(&mut linker, taken)
        .and_then(|()| wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker))
        .and_then(|()| wasmscope_wasmtime::add_to_linker(&mut linker))
        .map_err(|error| {
            Failure::new(format!("wasmtime cannot define its interfaces: {error:#}"))
        })?;
    Ok(linker)
}

fn needs_of(component: &Component, linker: &Linker<Host>) -> Result<Needs, Failure> {
    let missing = wasmscope_wasmtime::missing_imports(component, linker)
        .map_err(|error| Failure::new(format!("wasmtime cannot compare imports: {error:#}")))?;
    Ok(Needs {
        imports: wasmscope_wasmtime::imports(component),
        exports: wasmscope_wasmtime::exports(component),
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
        let mut store = self
            .store(guest, telemetry)
            .map_err(|error| Failure::new(format!("cannot set the fuel: {error:#}")))?;
        let ender = store.data().telemetry().ender();
        start_ticking(&self.engine);

        let (stop, stopped) = oneshot::channel();
        let (done, finished) = oneshot::channel();
        let runtime = GuestRuntime::start()?;
        start(move || {
            runtime.handle().block_on(async {
                let mut invocation = wasmscope_wasmtime::invoke(&mut store, options);
                let (ended, outcome) = tokio::select! {
                    // A guest that ends just before it is stopped has ended by itself.
                    biased;
                    result = self.call(&mut invocation) => {
                        ended_with(result, wasmscope_wasmtime::outcome_of)
                    }
                    Ok(why) = stopped => why,
                };
                let ended = ended.explained(invocation.data().telemetry().panic_behind(&outcome));
                invocation.data_mut().end_call();
                invocation.finish(outcome);
                wasi::close(store.data_mut());
                // There is no receiver if the guest took too long to stop.
                let kept: KeptStore = Box::new(store);
                let _ = done.send((ended, kept));
            });
        })?;
        Ok(Running {
            finished,
            stop: Box::new(|why| drop(stop.send(why))),
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
    /// Creates a store for a guest.
    fn store(&self, guest: Guest, telemetry: &Telemetry) -> wasmtime::Result<Store<Host>> {
        let fuel = guest.fuel;
        let host = guest.into_host(telemetry, Limiter::new);
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| &mut host.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        if let Some(fuel) = fuel {
            store.set_fuel(fuel)?;
        }
        Ok(store)
    }

    /// Returns a function of the export.
    fn function(&self, name: &str) -> wasmtime::Result<ComponentExportIndex> {
        let export = &self.export;
        let interface = self.component.get_export_index(None, export);
        self.component
            .get_export_index(interface.as_ref(), name)
            .ok_or_else(|| wasmtime::format_err!("no function `{name}` in `{export}`"))
    }

    async fn call(&self, store: &mut Store<Host>) -> wasmtime::Result<Result<(), ()>> {
        let (component, linker) = (&self.component, &self.linker);
        let instance =
            wasmscope_wasmtime::instantiate_async(&mut *store, component, linker).await?;
        let run = self.function("run")?;
        let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, run)?;
        let (returned,) = run.call_async(store, ()).await?;
        Ok(returned)
    }
}

/// Increments the engine's epoch while the engine exists.
fn start_ticking(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    });
}
