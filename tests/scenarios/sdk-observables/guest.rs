//! Observable instruments, which must not depend on sampling.
//!
//! The first argument names an API. With it, the program makes spans with that API for two seconds,
//! while `tests/observables.rs` checks the metrics. A second argument makes it count, too.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::Tracer as _;
use tracing::info_span;
use wasmscope::{
    Counter, Logger, Meter, ObservableCounter, ObservableGauge, ObservableUpDownCounter, Severity,
    Tracer, attributes,
};

static TRACER: Tracer = wasmscope::tracer!();
static METER: Meter = wasmscope::meter!();
static LOGGER: Logger = wasmscope::logger!();
static ROUNDS: Counter<u64> = Counter::new(&METER, "rounds");
static HEAT: ObservableGauge<f64> = ObservableGauge::new(&METER, "heat");
static PEERS: ObservableGauge<u64> = ObservableGauge::new(&METER, "peers");
static QUEUED: ObservableUpDownCounter<i64> = ObservableUpDownCounter::new(&METER, "queued");
static SENT: ObservableCounter<u64> = ObservableCounter::new(&METER, "sent");

/// The number of peers.
static COUNT: AtomicI64 = AtomicI64::new(3);

fn main() {
    let _telemetry = wasmscope::init();
    let mut args = std::env::args().skip(1);
    match args.next() {
        Some(way) => go_round(&way, args.next().is_some()),
        None => {
            logs();
            peers_leave();
        }
    }
}

fn go_round(way: &str, counts: bool) {
    HEAT.register(|observer| observer.observe(21.5, &[]));
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(100));
        match way {
            "tracing" => info_span!("round").in_scope(|| {}),
            "direct" => TRACER.start("round").end(),
            "entered" => drop(TRACER.enter("round")),
            "opentelemetry" => global::tracer("observables").in_span("round", |_| {}),
            "collect" => wasmscope::collect(),
            other => panic!("no way is called {other}"),
        }
        if counts {
            ROUNDS.add(1, &[]);
        }
    }
}

/// Three peers at first, then one. The end of the program is a round too.
fn peers_leave() {
    PEERS.register(|observer| {
        for peer in 0..COUNT.load(Relaxed) {
            observer.observe(1, attributes!["peer" => peer]);
        }
    });
    QUEUED.register(|observer| {
        // An early return, as authors write it.
        for peer in 0.. {
            if peer == COUNT.load(Relaxed) {
                return;
            }
            observer.observe(10 * peer, attributes!["peer" => peer]);
        }
    });
    SENT.register(|observer| {
        for peer in 0..COUNT.load(Relaxed) {
            observer.observe(100, attributes!["peer" => peer]);
        }
    });
    wasmscope::collect();
    COUNT.store(1, Relaxed);
}

/// The host determines the span of a log. Here the spans are compared.
fn logs() {
    let say = |place: &str| {
        tracing::info!(place, "by tracing");
        log::info!(place; "by log");
        LOGGER
            .record(Severity::Info)
            .with_body("directly")
            .with_attributes(wasmscope::fields!["place" => place])
            .emit();
    };
    info_span!("outer").in_scope(|| {
        say("outer");
        info_span!("inner").in_scope(|| say("inner"));
        let direct = TRACER.enter("direct");
        say("direct");
        drop(direct);
        global::tracer("observables").in_span("opentelemetry", |_| say("opentelemetry"));
        say("outer again");
    });
}
