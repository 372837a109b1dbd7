//! A command component that exports `wasi:cli/run` and imports only `wasmscope:otel`, no WASI.

use wasmscope::{Counter, Meter, ObservableGauge, Scope, Tracer, attributes};

#[expect(unsafe_code, reason = "an exported function needs a linker name")]
mod exported {
    wit_bindgen::generate!({
        inline: "
            package wasmscope:scenario;
            world command {
                export wasi:cli/run@0.2.0;
            }
            package wasi:cli@0.2.0 {
                interface run {
                    run: func() -> result;
                }
            }
        ",
    });

    struct Command;

    impl exports::wasi::cli::run::Guest for Command {
        fn run() -> Result<(), ()> {
            super::run();
            Ok(())
        }
    }

    export!(Command);
}

static TRACER: Tracer = Tracer::new(Scope::new("bare"));
static METER: Meter = Meter::new(Scope::new("bare"));
static COUNT: Counter<u64> = Counter::new(&METER, "count");
static WARMTH: ObservableGauge<f64> = ObservableGauge::new(&METER, "warmth");

fn run() {
    let _telemetry = wasmscope::init();
    WARMTH.register(|observer| observer.observe(21.5, &[]));
    let span = TRACER.enter("direct");
    traced(3);
    log::info!("a record of log");
    COUNT.add(1, attributes!["a" => true]);
    drop(span);
}

#[tracing::instrument]
fn traced(number: u64) {
    tracing::info!(number, "an event of tracing");
}
