//! Metrics and baggage, by the direct API. Spans and logs come from `tracing`.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use wasmscope::{
    BaggageEntry, BaggageGuard, Counter, Guard, Meter, ObservableCounter, ObservableUpDownCounter,
    attributes,
};

static METER: Meter = wasmscope::meter!();

static REQUESTS: Counter<u64> = Counter::new(&METER, "gateway.requests")
    .with_unit("{request}")
    .with_description("Requests that were answered, by outcome");
static SESSIONS: ObservableUpDownCounter<i64> =
    ObservableUpDownCounter::new(&METER, "gateway.sessions")
        .with_unit("{session}")
        .with_description("Clients that have a basket");
static INPUT: ObservableCounter<u64> = ObservableCounter::new(&METER, "gateway.input")
    .with_unit("By")
    .with_description("What was read");

static OPEN: AtomicI64 = AtomicI64::new(0);
static READ: AtomicU64 = AtomicU64::new(0);

/// Connects the program to its host.
pub(crate) fn start() -> Guard {
    let guard = wasmscope::init();
    SESSIONS.register(|observer| observer.observe(OPEN.load(Ordering::Relaxed), &[]));
    INPUT.register(|observer| observer.observe(READ.load(Ordering::Relaxed), &[]));
    guard
}

pub(crate) fn read(bytes: usize) {
    READ.fetch_add(bytes as u64, Ordering::Relaxed);
}

pub(crate) fn set_sessions(open: usize) {
    OPEN.store(open as i64, Ordering::Relaxed);
}

/// Counts an answer. `refused` is the reason if the request was refused.
pub(crate) fn answered(action: &'static str, refused: Option<&'static str>) {
    match refused {
        None => REQUESTS.add(1, attributes!["action" => action]),
        Some(reason) => REQUESTS.add(1, attributes!["action" => action, "refused" => reason]),
    }
}

/// Passes the request's id to called components.
pub(crate) fn name_request(id: &str) -> BaggageGuard {
    wasmscope::enter_baggage(&[BaggageEntry::new("request.id", id)])
}
