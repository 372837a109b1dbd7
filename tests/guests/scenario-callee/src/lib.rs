//! The called part of a composition. It has its own instrumentation, and does not know its caller.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wasmscope::{Counter, Meter, ObservableCounter, ObservableGauge, Tracer, attributes};

#[expect(unsafe_code, reason = "an exported function needs a linker name")]
mod exported {
    wit_bindgen::generate!({
        path: "wit",
        world: "callee",
    });

    struct Callee;

    impl exports::scenario::callee::work::Guest for Callee {
        fn run(what: String) -> String {
            super::run(&what)
        }

        fn leak() {
            super::leak();
        }

        fn tick() {
            super::tick();
        }

        fn fail() {
            super::fail();
        }
    }

    export!(Callee);
}

static TRACER: Tracer = wasmscope::tracer!();
static METER: Meter = wasmscope::meter!();
static RUNS: Counter<u64> = Counter::new(&METER, "runs").with_unit("{run}");
static WARMTH: ObservableGauge<f64> = ObservableGauge::new(&METER, "warmth").with_unit("Cel");
static TICKS: ObservableCounter<u64> = ObservableCounter::new(&METER, "callee.ticks");

fn run(what: &str) -> String {
    static REGISTERED: Once = Once::new();
    let _telemetry = wasmscope::init();
    REGISTERED.call_once(|| WARMTH.register(|observer| observer.observe(21.5, &[])));
    work(what)
}

#[tracing::instrument]
fn work(what: &str) -> String {
    RUNS.add(1, attributes!["what" => what]);
    TRACER.start("a step of the work").end();
    let came = shown_baggage();
    let _own = wasmscope::with_baggage_entry(wasmscope::BaggageEntry::new("desk", "4"));
    tracing::info!(baggage = shown_baggage(), "working");
    came
}

fn leak() {
    std::mem::forget(TRACER.enter("leaked by the callee"));
}

fn tick() {
    static REGISTERED: Once = Once::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    REGISTERED.call_once(|| TICKS.register(|observer| observer.observe(COUNT.load(Relaxed), &[])));
    COUNT.fetch_add(1, Relaxed);
    TRACER.start("ticks").end();
}

fn fail() {
    let _telemetry = wasmscope::init();
    let _span = TRACER.enter("fails");
    panic!("the callee gives up");
}

fn shown_baggage() -> String {
    let entries: Vec<_> = wasmscope::baggage()
        .into_iter()
        .map(|entry| format!("{}={}", entry.key, entry.value))
        .collect();
    entries.join(" ")
}
