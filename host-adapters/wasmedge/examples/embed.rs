//! Runs a WASI command component on WasmEdge, and sends its telemetry to the collector of the
//! `OTEL_*` variables.
//!
//! `cargo run -p wasmscope-wasmedge --example embed -- guest.wasm`
//!
//! The numbers mark the parts that Wasmscope needs beside `component-wasi`.

use std::time::Duration;

use component_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use wasmedge_component::{Component, Engine, Linker, Store};
use wasmscope_otlp::Pipeline;
use wasmscope_otlp::config::Config;
use wasmscope_wasmedge::{Instance, InvocationOptions, Limiter, Outcome, Unlimited, View};

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    telemetry: Instance,         // 1
    limiter: Limiter<Unlimited>, // 2
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
        &mut self.telemetry // 3
    }
}

fn main() -> anyhow::Result<()> {
    let path = std::env::args()
        .nth(1)
        .ok_or_else(|| anyhow::anyhow!("no component given"))?;

    // To use your own OpenTelemetry providers, perhaps a set for each tenant:
    // `Telemetry::builder(Providers { .. }).runtime(wasmscope_wasmedge::runtime()).build()`.
    // Nothing is read from the environment then.
    let config = Config::builder()
        .with_process_env()
        .runtime(wasmscope_wasmedge::runtime())
        .on_warning(|warning| eprintln!("{warning}")) // for example an unreachable collector
        .build()?;
    let pipeline = Pipeline::build(config)?;
    let telemetry = pipeline.telemetry(); // 4

    let engine = Engine::default();
    let component = Component::from_file(&engine, &path)?;
    let mut linker: Linker<State> = Linker::new();
    component_wasi::add_to_linker(&mut linker)?;
    wasmscope_wasmedge::add_to_linker(&mut linker)?; // 5

    let state = State {
        wasi: WasiCtx::builder().inherit_stdio().build(),
        table: ResourceTable::new(),
        telemetry: telemetry.instance("guest"),
        limiter: Limiter::unlimited(telemetry),
    };
    let mut store = Store::new(&engine, state)?;
    store.limiter(|state| &mut state.limiter); // 6

    let mut call = wasmscope_wasmedge::invoke(&mut store, InvocationOptions::default()); // 7
    let result = wasmscope_wasmedge::instantiate(&mut call, &component, &linker) // 8
        .and_then(|instance| {
            let run = instance.get_typed_func_in::<(), (Result<(), ()>,)>(
                &mut call,
                "wasi:cli/run@0.2.0",
                "run",
            )?;
            run.call(&mut call, ())
        });
    call.finish(match &result {
        Ok((Ok(()),)) => Outcome::Ok,
        Ok((Err(()),)) => Outcome::Exit { code: 1 },
        Err(error) => wasmscope_wasmedge::outcome_of(error),
    }); // 9

    let report = pipeline.shutdown(Duration::from_secs(5)); // 10
    if report.lost() > 0 {
        eprintln!("{report}");
    }
    result?
        .0
        .map_err(|()| anyhow::anyhow!("the program failed"))
}
