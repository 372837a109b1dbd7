//! Wasmtime, set up like in an embedder's program.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use wasmscope_telemetry::Telemetry;
use wasmscope_wasmtime::{Cache, Instance, Limiter, Unlimited, View};
use wasmtime::component::{Component, Linker, ResourceTable, TypedFunc};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

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
    code: Code,
}

/// The source of compiled code.
enum Code {
    /// A file in this folder. Its name contains the setting.
    File(PathBuf, &'static str),
    /// The cache of `wasmscope run --aot`.
    Cache(Cache),
    /// The compiler, each time.
    Compiler,
}

impl SetUp {
    pub(super) fn new(cache: &Path, pooled: bool) -> Result<Self> {
        Self::with(cache, pooled, wasmscope_wasmtime::add_to_linker)
    }

    /// Serves `wasmscope:otel` by what `bindgen!` generates.
    pub(super) fn generated(cache: &Path) -> Result<Self> {
        Self::with(cache, false, wasmscope_wasmtime::bindgen::add_to_linker)
    }

    fn with(
        cache: &Path,
        pooled: bool,
        add_telemetry: fn(&mut Linker<State>) -> wasmtime::Result<()>,
    ) -> Result<Self> {
        let mut config = Config::new();
        if pooled {
            let mut pool = PoolingAllocationConfig::new();
            pool.total_component_instances(1_200)
                .total_memories(1_200)
                .total_tables(4_800)
                .total_core_instances(4_800);
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
            config.epoch_interruption(true);
        }
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        add_telemetry(&mut linker)?;
        Ok(Self {
            engine,
            linker: Arc::new(linker),
            code: Code::File(cache.to_owned(), if pooled { "pooled" } else { "plain" }),
        })
    }

    /// Makes an engine that compiles each time.
    pub(super) fn compiling(cache: &Path) -> Result<Self> {
        Ok(Self {
            code: Code::Compiler,
            ..Self::new(cache, false)?
        })
    }

    /// Makes an engine that caches code like `wasmscope run --aot`.
    pub(super) fn caching(cache: &Path) -> Result<Self> {
        Ok(Self {
            code: Code::Cache(Cache::open(cache.join("wasmtime"))?),
            ..Self::new(cache, false)?
        })
    }

    fn load_file(&self, component: &Path, cache: &Path, setting: &str) -> Result<Component> {
        let stem = component.file_stem().context("a component has a name")?;
        let name = format!("{}.{setting}.cwasm", stem.to_string_lossy());
        let compiled = cache.join(name);
        if !is_newer(&compiled, component) {
            let bytes = read(component)?;
            fs::write(&compiled, self.engine.precompile_component(&bytes)?)?;
        }
        load_compiled(&self.engine, &compiled)
    }
}

impl Runtime for SetUp {
    fn load(&self, component: &Path) -> Result<Box<dyn Host>> {
        let component = match &self.code {
            Code::File(cache, setting) => self.load_file(component, cache, setting)?,
            Code::Compiler => Component::new(&self.engine, read(component)?)?,
            Code::Cache(cache) => {
                let bytes = read(component)?;
                match wasmscope_wasmtime::from_cache(&self.engine, &bytes, cache) {
                    Some(component) => component,
                    None => wasmscope_wasmtime::precompile(&self.engine, &bytes, cache)?.component,
                }
            }
        };
        Ok(Box::new(Loaded {
            component,
            engine: self.engine.clone(),
            linker: Arc::clone(&self.linker),
        }))
    }
}

struct Loaded {
    engine: Engine,
    component: Component,
    linker: Arc<Linker<State>>,
}

fn read(component: &Path) -> Result<Vec<u8>> {
    fs::read(component).with_context(|| format!("cannot read {}", component.display()))
}

/// Returns true if a file was made from the present version of another.
fn is_newer(made: &Path, source: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    matches!((changed(made), changed(source)), (Ok(made), Ok(source)) if made > source)
}

#[expect(
    unsafe_code,
    reason = "loads native code, from the benchmark's private folder"
)]
fn load_compiled(engine: &Engine, file: &Path) -> Result<Component> {
    // SAFETY: the file was written by this program's `precompile_component`, into the benchmark's
    // private folder.
    let component = unsafe { Component::deserialize_file(engine, file) };
    Ok(component?)
}

impl Host for Loaded {
    fn instantiate(&self, telemetry: &Telemetry) -> Result<Box<dyn Guest>> {
        let state = State {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
            telemetry: telemetry.instance("bench"),
            limiter: Limiter::unlimited(telemetry),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limiter);
        // The epoch is never incremented, because only the checks are measured.
        store.set_epoch_deadline(1);
        let instance = wasmscope_wasmtime::instantiate(&mut store, &self.component, &self.linker)?;
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
