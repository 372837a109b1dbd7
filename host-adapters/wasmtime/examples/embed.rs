//! Runs a WASI command component, and sends its telemetry to the collector of the `OTEL_*`
//! variables.
//!
//! `cargo run -p wasmscope-wasmtime --example embed -- guest.wasm`
//!
//! The numbers mark the parts that Wasmscope needs beside `wasmtime-wasi`.

use std::time::Duration;

use wasi_bounds::Bounds;
use wasmscope_otlp::Pipeline;
use wasmscope_otlp::config::Config;
use wasmscope_wasmtime::{
    Instance, InvocationOptions, Limiter, Outcome, SizeLimits, Unlimited, View, check_size, runtime,
};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Result, Store};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

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

fn main() -> Result<()> {
    let path = std::env::args()
        .nth(1)
        .ok_or_else(|| wasmtime::format_err!("no component given"))?;

    // To use your own OpenTelemetry providers, perhaps a set for each tenant:
    // `Telemetry::builder(Providers { .. }).runtime(runtime()).build()`. Nothing is read from the
    // environment then.
    let config = Config::builder()
        .with_process_env()
        .runtime(runtime())
        .on_warning(|warning| eprintln!("{warning}")) // for example an unreachable collector
        .build()?;
    let pipeline = Pipeline::build(config)?;
    let telemetry = pipeline.telemetry(); // 4

    let engine = Engine::default();
    let bytes = std::fs::read(&path)?;
    check_size(&bytes, &SizeLimits::default())?; // before Wasmtime compiles
    let component = Component::new(&engine, &bytes)?;
    let mut linker: Linker<State> = Linker::new(&engine);
    // Instead of `wasmtime_wasi::p2::add_to_linker_sync`: bounds the host resources of the guest.
    wasi_bounds::add_to_linker_sync(&mut linker, &Bounds::default())?;
    wasmscope_wasmtime::add_to_linker(&mut linker)?; // 5

    let state = State {
        wasi: WasiCtx::builder().inherit_stdio().build(),
        table: ResourceTable::new(),
        telemetry: telemetry.instance("guest"),
        limiter: Limiter::unlimited(telemetry),
    };
    let mut store = Store::new(&engine, state);
    store.limiter(|state| &mut state.limiter); // 6

    let mut call = wasmscope_wasmtime::invoke(&mut store, InvocationOptions::default()); // 7
    let result = wasmscope_wasmtime::instantiate(&mut call, &component, &linker) // 8
        .and_then(|instance| Command::new(&mut call, &instance))
        .and_then(|command| command.wasi_cli_run().call_run(&mut call));
    call.finish(match &result {
        Ok(Ok(())) => Outcome::Ok,
        Ok(Err(())) => Outcome::Exit { code: 1 },
        Err(error) => wasmscope_wasmtime::outcome_of(error),
    }); // 9

    let report = pipeline.shutdown(Duration::from_secs(5)); // 10
    if report.lost() > 0 {
        eprintln!("{report}");
    }
    result?.map_err(|()| wasmtime::format_err!("the program failed"))
}
