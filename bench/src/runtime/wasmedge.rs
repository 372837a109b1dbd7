//! WasmEdge, set up like in an embedder's program.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use component_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use wasmedge_component::{
    Cache, Component, Config, Engine, Linker, Optimization, Store, TypedFunc,
};
use wasmscope_telemetry::Telemetry;
use wasmscope_wasmedge::{Instance, Limiter, Unlimited, View};

use super::{Guest, Host, Runtime};

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    telemetry: Instance,
    limiter: Limiter<Unlimited>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl View for State {
    fn wasmscope(&mut self) -> &mut Instance {
        &mut self.telemetry
    }
}

/// An engine and its linker.
pub(super) struct SetUp {
    engine: Engine,
    linker: Arc<Linker<State>>,
    cache: Option<Cache>,
}

impl SetUp {
    /// Makes an engine that compiles into a folder, or interprets.
    pub(super) fn new(cache: Option<&Path>) -> Result<Self> {
        let mut config = Config::new();
        config.optimization(Optimization::Aggressive);
        let mut linker = Linker::new();
        component_wasi::add_to_linker(&mut linker)?;
        wasmscope_wasmedge::add_to_linker(&mut linker)?;
        let cache = cache.map(|folder| Cache::open(folder.join("wasmedge")));
        Ok(Self {
            engine: Engine::new(&config)?,
            linker: Arc::new(linker),
            cache: cache.transpose()?,
        })
    }
}

impl Runtime for SetUp {
    fn load(&self, component: &Path) -> Result<Box<dyn Host>> {
        let bytes =
            fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
        let component = match &self.cache {
            None => Component::new(&self.engine, bytes)?,
            Some(cache) => {
                let found = Component::with_cache(&self.engine, &bytes, cache)?;
                let component = if found.is_compiled() {
                    found
                } else {
                    Component::precompile(&self.engine, &bytes, cache)?
                };
                // A guest whose tables hold imports would be measured interpreted.
                ensure!(
                    component.compiled().0 > 0,
                    "none of its modules can be compiled"
                );
                component
            }
        };
        Ok(Box::new(Loaded {
            engine: self.engine.clone(),
            component,
            linker: Arc::clone(&self.linker),
        }))
    }
}

struct Loaded {
    engine: Engine,
    component: Component,
    linker: Arc<Linker<State>>,
}

impl Host for Loaded {
    fn instantiate(&self, telemetry: &Telemetry) -> Result<Box<dyn Guest>> {
        let state = State {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
            telemetry: telemetry.instance("bench"),
            limiter: Limiter::unlimited(telemetry),
        };
        let mut store = Store::new(&self.engine, state)?;
        store.limiter(|state| &mut state.limiter);
        let instance = wasmscope_wasmedge::instantiate(&mut store, &self.component, &self.linker)?;
        Ok(Box::new(Running {
            run: instance.get_typed_func(&mut store, "run").ok(),
            handle: instance.get_typed_func(&mut store, "handle").ok(),
            store,
        }))
    }
}

struct Running {
    store: Store<State>,
    run: Option<TypedFunc<(String, u32), (bool,)>>,
    handle: Option<TypedFunc<(String,), (String,)>>,
}

impl Guest for Running {
    fn run(&mut self, row: &str, times: u32) -> Result<()> {
        let run = self.run.as_ref().context("the guest has no `run`")?;
        let (known,) = run.call(&mut self.store, (row.to_owned(), times))?;
        ensure!(known, "the guest does not know the row {row:?}");
        Ok(())
    }

    fn handle(&mut self, request: &str) -> Result<String> {
        let handle = self.handle.as_ref().context("the guest has no `handle`")?;
        let (response,) = handle.call(&mut self.store, (request.to_owned(),))?;
        Ok(response)
    }
}
