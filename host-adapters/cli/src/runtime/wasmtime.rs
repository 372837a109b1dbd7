//! Running a command component on Wasmtime.

use super::aot::{self, Aot};
use super::memory::TotalMemory;
use super::needs::Needs;
use super::source::{self, Source};
use super::thread::{GuestRuntime, start, watch};
use super::{Code, Ended, PrepareLimits, Surroundings, component_name, descriptors, judge, wasi};
use crate::args::{Program, RuntimeName};
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::progress::Progress;
use std::path::Path;
use std::time::Duration;
use wasmscope_telemetry::{Instance, InvocationOptions, Runtime, Telemetry};
use wasmscope_wasmtime::{Limiter, check_size};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Precompiled, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// How often a guest is asked to pause, so that a timeout or a signal is seen within its endless loop.
const TICK: Duration = Duration::from_millis(10);

/// What this runtime calls itself.
pub(crate) const RUNTIME: Runtime = wasmscope_wasmtime::RUNTIME;

/// A component that can be run: compiled, and all its imports there.
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

impl wasmscope_wasmtime::View for Host {
    fn wasmscope(&mut self) -> &mut Instance {
        &mut self.telemetry
    }
}

/// An engine as this command sets it: code of another one does not fit.
fn engine(fuel: bool) -> Result<Engine, Failure> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.consume_fuel(fuel);
    Engine::new(&config).map_err(|error| Failure::new(format!("wasmtime cannot start: {error:#}")))
}

/// Loads a component, compiled now or before.
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
            aot::say_no_effect(path, program);
            let code = source::code(path, &file, source::part(fuel))?;
            wasmscope_wasmtime::from_code(&engine, &code)
                .map_err(|error| source::damaged(path, &format!("{error:#}")))?
        }
    };
    Ok((engine, component))
}

/// Compiles a component, or takes what was compiled before.
fn compiled(engine: &Engine, path: &Path, bytes: &[u8], aot: &Aot) -> Result<Component, Failure> {
    let compiled = match aot {
        Aot::Off | Aot::Unkept => {
            let _progress = Progress::compiling(path, RuntimeName::Wasmtime);
            Component::new(engine, bytes)
        }
        Aot::Into(cache) => match wasmscope_wasmtime::from_cache(engine, bytes, cache) {
            Some(component) => Ok(component),
            None => {
                aot::say_compiling("Wasmtime", cache);
                wasmscope_wasmtime::precompile(engine, bytes, cache).map(|made| {
                    aot::say_not_kept(cache, made.not_kept.as_ref());
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

/// Compiles a component, with and without the counting of fuel.
pub(super) fn compile(
    path: &Path,
    bytes: &[u8],
    variants: &[bool],
    bounds: &PrepareLimits,
) -> Result<Code, Failure> {
    check_size(bytes, &bounds.sizes).map_err(|error| source::too_large(path, &error))?;
    let mut code = Code::default();
    for fuel in variants {
        let compiled = engine(*fuel)?.precompile_component(bytes);
        let compiled = compiled.map_err(|error| invalid(path, &error))?;
        code.parts.push((source::part(*fuel).to_owned(), compiled));
    }
    Ok(code)
}

/// Says what a file is that Wasmtime's own command has compiled.
pub(super) fn compiled_elsewhere(bytes: &[u8]) -> Option<&'static str> {
    match Engine::detect_precompiled(bytes)? {
        Precompiled::Component => Some("a component that `wasmtime compile` has compiled"),
        Precompiled::Module => Some("a core module that `wasmtime compile` has compiled"),
    }
}

/// Everything that this host offers to a component.
fn linker(engine: &Engine, taken: &wasi_bounds::Bounds) -> Result<Linker<Host>, Failure> {
    let mut linker = Linker::new(engine);
    wasi_bounds::add_to_linker_async(&mut linker, taken)
        .and_then(|()| wasmscope_wasmtime::add_to_linker(&mut linker))
        .map_err(|error| {
            Failure::new(format!("wasmtime cannot offer its interfaces: {error:#}"))
        })?;
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
    let (engine, component) = load(path, program.allow_precompiled, Some(program), bounds)?;
    let taken = descriptors::bounds(program.max_descriptors);
    let linker = linker(&engine, &taken)?;
    let command = needs_of(&component, &linker)?.must_be_command(path)?;
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
    })
}

/// What a component imports and exports, and what of that is missing here.
pub(crate) fn needs(
    path: &Path,
    allow_precompiled: bool,
    bounds: &PrepareLimits,
) -> Result<Needs, Failure> {
    let (engine, component) = load(path, allow_precompiled, None, bounds)?;
    needs_of(
        &component,
        &linker(&engine, &wasi_bounds::Bounds::default())?,
    )
}

fn needs_of(component: &Component, linker: &Linker<Host>) -> Result<Needs, Failure> {
    let unserved = wasmscope_wasmtime::unserved(component, linker)
        .map_err(|error| Failure::new(format!("wasmtime cannot compare imports: {error:#}")))?;
    Ok(Needs {
        imports: wasmscope_wasmtime::imports(component),
        exports: wasmscope_wasmtime::exports(component),
        missing: unserved,
    })
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
        let instance = telemetry.instance(self.name);
        let ender = instance.ender();
        let host = Host {
            wasi: self.wasi,
            table: ResourceTable::new(),
            limiter: Limiter::new(&instance, self.memory),
            telemetry: instance,
        };
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| &mut host.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        if let Some(fuel) = self.fuel {
            store
                .set_fuel(fuel)
                .map_err(|error| Failure::new(format!("cannot set the fuel: {error:#}")))?;
        }
        start_ticking(&self.engine);

        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (done, finished) = tokio::sync::oneshot::channel();
        let (component, linker, command) = (self.component, self.linker, self.command);
        let runtime = GuestRuntime::start()?;
        start(move || {
            runtime.handle().block_on(async {
                let mut invocation = wasmscope_wasmtime::invoke(&mut store, options);
                let (ended, outcome) = tokio::select! {
                    // What has ended by itself has ended by itself, even if it was to be stopped.
                    biased;
                    result = call(&mut invocation, &component, &linker, &command) => judge(result, wasmscope_wasmtime::outcome_of),
                    Ok(why) = stopped => why,
                };
                let ended = ended.explained(invocation.data().telemetry.panic_behind(&outcome));
                invocation.finish(outcome);
                wasi::give_back(store.data_mut());
                // Nobody waits for it any more if it took too long to stop.
                let _ = done.send((ended, store));
            });
        })?;
        let stop = |why| drop(stop.send(why));
        Ok(watch(finished, self.timeout, signals, stop, &ender).await)
    }
}

async fn call(
    store: &mut Store<Host>,
    component: &Component,
    linker: &Linker<Host>,
    command: &str,
) -> wasmtime::Result<Result<(), ()>> {
    let instance = wasmscope_wasmtime::instantiate_async(&mut *store, component, linker).await?;
    let interface = instance.get_export_index(&mut *store, None, command);
    let run = instance
        .get_export_index(&mut *store, interface.as_ref(), "run")
        .ok_or_else(|| wasmtime::format_err!("no function `run` in `{command}`"))?;
    let run = instance.get_typed_func::<(), (Result<(), ()>,)>(&mut *store, &run)?;
    let (returned,) = run.call_async(store, ()).await?;
    Ok(returned)
}

/// Moves the engine's epoch on for as long as there is an engine.
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
