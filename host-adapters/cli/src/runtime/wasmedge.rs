//! Running a command component on WasmEdge.

use super::memory::TotalMemory;
use super::needs::Needs;
use super::thread::{start, watch};
use super::{Ended, Surroundings, component_name, judge, read_component, wasi};
use crate::args::Program;
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::messages::say;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wasmedge_component::{Cache, Component, Config, Engine, Linker, LoadError, Store};
use wasmedge_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
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

impl wasmscope_wasmedge::View for Host {
    fn wasmscope(&mut self) -> &mut Instance {
        &mut self.telemetry
    }
}

fn load(path: &Path, program: Option<&Program>) -> Result<(Engine, Component), Failure> {
    let bytes = read_component(path)?;
    let mut config = Config::new();
    config.measure_cost(program.is_some_and(|program| program.fuel.is_some()));
    let engine = Engine::new(&config).map_err(|error| Failure::new(error.to_string()))?;
    let component = match program.filter(|program| program.aot) {
        None => Component::new(&engine, bytes),
        Some(program) => {
            let folder = cache_folder(program)?;
            let cache = Cache::open(folder)
                .map_err(|error| Failure::new(format!("--aot-cache: {error}")))?;
            compiled(&engine, &bytes, &cache)
        }
    };
    let component = component.map_err(|error| {
        let path = path.display();
        Failure::new(if let LoadError::Invalid { message } = &error {
            format!("{path} is not a valid component: {message}")
        } else {
            format!("{path} cannot be run on WasmEdge: {error}")
        })
    })?;
    Ok((engine, component))
}

/// Compiles a component unless that was done before, and says so where it takes its time.
fn compiled(engine: &Engine, bytes: &[u8], cache: &Cache) -> Result<Component, LoadError> {
    let found = Component::with_cache(engine, bytes, cache)?;
    if found.is_compiled() {
        return Ok(found);
    }
    say!(
        "wasmscope: compiling for WasmEdge, once, into {}",
        cache.folder().display()
    );
    Component::precompile(engine, bytes, cache)
}

fn cache_folder(program: &Program) -> Result<PathBuf, Failure> {
    if let Some(folder) = &program.aot_cache {
        return Ok(folder.clone());
    }
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|base| base.is_absolute());
    let base = base.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache")));
    let base = base.ok_or_else(|| {
        Failure::new(
            "--aot: there is no home directory for what is compiled; give --aot-cache FOLDER",
        )
    })?;
    Ok(base.join("wasmscope").join("aot"))
}

/// Everything that this host offers to a component.
fn linker() -> Result<Linker<Host>, Failure> {
    let mut linker = Linker::new();
    wasmedge_wasi::add_to_linker(&mut linker)
        .and_then(|()| wasmscope_wasmedge::add_to_linker(&mut linker))
        .map_err(|error| Failure::new(format!("WasmEdge cannot offer its interfaces: {error}")))?;
    Ok(linker)
}

/// Finds every reason not to run a component.
pub(crate) fn prepare(
    path: &Path,
    args: &[String],
    program: &Program,
) -> Result<Prepared, Failure> {
    // Before the component is compiled, which takes longer.
    let wasi = wasi::context(&Surroundings::new(path, args, program)?, program)?;
    let (engine, component) = load(path, Some(program))?;
    let linker = linker()?;
    let command = needs_of(&component, &linker).must_be_command(path)?;
    Ok(Prepared {
        engine,
        component,
        linker,
        command,
        name: component_name(path),
        wasi,
        memory: TotalMemory::new(program.max_memory),
        timeout: program.timeout,
        fuel: program.fuel,
    })
}

/// What a component imports and exports, and what of that is missing here.
pub(crate) fn needs(path: &Path) -> Result<Needs, Failure> {
    let (_, component) = load(path, None)?;
    Ok(needs_of(&component, &linker()?))
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
        let host = Host {
            wasi: self.wasi,
            table: ResourceTable::new(),
            telemetry: telemetry.instance(self.name),
            limiter: Limiter::new(telemetry, self.memory),
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
        let runtime = tokio::runtime::Handle::current();
        start(move || {
            let _entered = runtime.enter();
            let mut invocation = wasmscope_wasmedge::invoke(&mut store, options);
            let result = call(&mut invocation, &component, &linker, &command);
            let (mut ended, mut outcome) = judge(result, wasmscope_wasmedge::outcome_of);
            // What has ended by itself has ended by itself, even if it was to be stopped.
            if outcome == Outcome::Timeout
                && let Ok(why) = stopped.try_recv()
            {
                (ended, outcome) = why;
            }
            invocation.finish(outcome);
            // Nobody waits for it any more if it took too long to stop.
            let _ = done.send((ended, store));
        })?;
        // The thread has the reason before the guest can notice that it is interrupted.
        let interrupt = |why| {
            let _ = stop.send(why);
            interrupt.interrupt();
        };
        Ok(watch(finished, self.timeout, signals, interrupt).await)
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
