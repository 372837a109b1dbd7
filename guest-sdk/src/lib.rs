//! Telemetry for WebAssembly components.

mod backend;
mod buffer;
mod context;
mod guard;
#[cfg(feature = "log")]
pub mod log;
mod logs;
mod metrics;
mod notice;
mod panic_hook;
mod scope;
#[cfg(feature = "tracing")]
pub mod subscriber;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod trace;
mod types;

pub use context::{
    BaggageEntry, BaggageGuard, baggage, current, enter_baggage, with_baggage_entry,
};
pub use guard::{Guard, collect, init};
pub use logs::types::Severity;
pub use logs::{AnyValue, LogBuilder, Logger, Record};
pub use metrics::{
    Counter, CounterNumber, Gauge, GaugeNumber, Histogram, HistogramNumber, Measurement, Meter,
    ObservableCounter, ObservableGauge, ObservableUpDownCounter, Observer, Series, UpDownCounter,
    UpDownCounterNumber,
};
pub use scope::Scope;
pub use trace::types::{Link, LinkTarget, SpanChanges, SpanKind, Status};
pub use trace::{Entered, EnteredSpan, Span, SpanBuilder, Tracer};
pub use types::{
    InstrumentationScope, KeyValue, SpanContext, SpanReference, TraceFlags, TraceId, Value,
};

/// Starts setting up the subscriber that passes `tracing` spans and events to the host; see the module
/// [`subscriber`](mod@subscriber).
#[cfg(feature = "tracing")]
pub fn subscriber() -> subscriber::Builder {
    subscriber::Builder::default()
}
