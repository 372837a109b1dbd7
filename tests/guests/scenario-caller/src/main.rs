//! The calling part of a composition: a program that imports an interface of another component.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wasmscope::{
    BaggageEntry, Counter, Logger, Meter, ObservableCounter, Severity, Tracer, attributes,
};

use imported::scenario::callee::work;

mod imported {
    wit_bindgen::generate!({
        path: "../scenario-callee/wit",
        world: "caller",
    });
}

static TRACER: Tracer = wasmscope::tracer!();
static METER: Meter = wasmscope::meter!();
static LOGGER: Logger = wasmscope::logger!();
static CALLS: Counter<u64> = Counter::new(&METER, "calls").with_unit("{call}");
static TICKS: ObservableCounter<u64> = ObservableCounter::new(&METER, "caller.ticks");

fn main() {
    let _telemetry = wasmscope::init();
    if std::env::args().any(|arg| arg == "ticks") {
        ticks();
        return;
    }
    calls();
    if std::env::args().any(|arg| arg == "fail") {
        let _span = TRACER.enter("calls what fails");
        work::fail();
    }
    calls_what_leaks();
}

fn calls() {
    let span = TRACER.enter("calls");
    let baggage = wasmscope::enter_baggage(&[BaggageEntry::new("user", "alice")]);
    println!("the callee was given: {}", work::run("first"));
    println!(
        "the caller has entries left: {}",
        wasmscope::baggage().len()
    );
    CALLS.add(1, attributes!["with baggage" => true]);
    drop(baggage);
    {
        // Entered in the caller, so the callee's span is its child.
        let _inner = TRACER.enter("calls again");
        println!("the callee was given: {}", work::run("second"));
    }
    CALLS.add(1, attributes!["with baggage" => false]);
    LOGGER.log(Severity::Info, "called");
    TRACER.start("after the calls").end();
    span.set_attribute("calls", 2);
}

/// Calls the other component for each line of input.
fn ticks() {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    TICKS.register(|observer| observer.observe(COUNT.load(Relaxed), &[]));
    for _ in std::io::stdin().lines() {
        COUNT.fetch_add(1, Relaxed);
        // The other component ends a span first.
        let _span = TRACER.enter("calls");
        work::tick();
    }
}

fn calls_what_leaks() {
    let span = TRACER.enter("calls what leaks");
    work::leak();
    TRACER
        .span("beneath the caller, explicitly")
        .with_parent(&span)
        .start()
        .end();
    LOGGER
        .record(Severity::Info)
        .with_body("of the caller, explicitly")
        .with_span(&span)
        .emit();
    // A span without an explicit parent gets the last entered one, as the contract says.
    TRACER.start("beneath what was leaked").end();
}
