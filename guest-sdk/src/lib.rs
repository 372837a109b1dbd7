//! OpenTelemetry traces, metrics and logs for WebAssembly components.
//!
//! The component says what happens; the host that runs it does the rest: it samples, aggregates, applies limits and exports over OTLP. So
//! a guest ships no OpenTelemetry SDK, configures nothing, and has the same telemetry on every host that implements
//! the WIT package `wasmscope:otel`.
//!
//! ```
//! use wasmscope::{Counter, Logger, Meter, Severity, Tracer, attributes, fields};
//!
//! static TRACER: Tracer = wasmscope::tracer!();
//! static METER: Meter = wasmscope::meter!();
//! static LOGGER: Logger = wasmscope::logger!();
//! static ORDERS: Counter<u64> = Counter::new(&METER, "orders").with_unit("{order}");
//!
//! fn main() {
//!     // Records panics, and reads observable instruments at the end.
//!     let _telemetry = wasmscope::init();
//!
//!     let run = TRACER.enter("take orders");
//!     for (id, cents) in [(1, 450), (2, 0)] {
//!         price(id, cents);
//!     }
//!     run.set_attribute("orders", 2);
//! }
//!
//! fn price(id: i64, cents: u32) {
//!     let span = TRACER.span("price order").with_attributes(attributes!["order.id" => id]).start();
//!     if cents == 0 {
//!         span.event("given away", &[]);
//!         LOGGER
//!             .record(Severity::Warn)
//!             .with_body("an order costs nothing")
//!             .with_attributes(fields!["order.id" => id])
//!             .with_span(&span)
//!             .emit();
//!     }
//!     ORDERS.add(1, attributes!["free" => cents == 0]);
//! }
//! ```
//!
//! Build it with `cargo build --target wasm32-wasip2`: what comes out is a component, which imports those functions of
//! the contract that it calls and no others. On `wasm32-wasip1` and `wasm32-unknown-unknown` the same code compiles to a
//! module that `wasm-tools component new` makes a component of. A world of your own, bound by `wit-bindgen`, needs no
//! mention of `wasmscope:otel`: the two are merged.
//!
//! # Features
//!
//! | feature | default | what it gives |
//! |---|---|---|
//! | `tracing` | yes | the module `subscriber`: spans and events of the `tracing` crate, `#[instrument]` among them |
//! | `tracing-std` | yes | `Error` values as exceptions, and `set_default` for tests: what `tracing` has in its feature `std`. It is half as large again as the door without it: where bytes count, turn both off |
//! | `log` | no | the module `log`: records of the `log` crate, with key-values |
//! | `serde` | no | [`OwnedValue::from_serialize`]: bodies and attributes of logs from any `serde::Serialize` |
//! | `opentelemetry` | no | the module `opentelemetry`: providers and a propagator for the `opentelemetry` crate; not on `wasm32-unknown-unknown` |
//!
//! Without any of them there is the direct API, beneath the others and the smallest:
//!
//! | to | use |
//! |---|---|
//! | trace | [`Tracer`], [`Span`]; activation is apart from starting: [`Span::enter`], [`Span::instrument`] |
//! | measure | [`Counter`], [`UpDownCounter`], [`Histogram`], [`Gauge`]; bound to attributes, a [`Series`] |
//! | be asked for values | [`ObservableCounter`], [`ObservableUpDownCounter`], [`ObservableGauge`] |
//! | log | [`Logger`]; nested values are [`AnyValue`]s, built at run time [`OwnedValue`]s |
//! | pass on where one is | [`current`], [`Span::context`], [`SpanContext::traceparent`], [`SpanContext::tracestate`], [`baggage_header`], [`enter_baggage`] |
//! | have panics recorded, and observables read at the end | [`init`] |
//!
//! # What goes where
//!
//! - **Parents.** A span's parent is the ambient one unless another is given: the innermost *entered* span, by whichever component of
//!   a composition, or beneath those the host's own span around the call. Starting a span does not enter it.
//! - **Sampling** is the host's. Of a span that it does not record it is told nothing but that it
//!   is entered and left ([`Span::is_recorded`]).
//! - **Logs** that nobody listens to cost a comparison: the host's threshold is known to the guest.
//! - **Time** is the host's, unless it is said.
//! - **Limits** are the host's too. What goes beyond is dropped and counted there, as `wasmscope.dropped`; nothing here fails, blocks
//!   or panics because of it.
//! - **Traps.** Events, measurements and logs are with the host as soon as they are made. A span's attributes and status are gathered, and
//!   passed on with its end; a panic passes them on too, other traps lose those of the span spoken of last.
//!   Where earlier spans were not sampled, the first one that is gets its attributes just after its start; a host that stops the program in between
//!   sees it without them.
//!
//! # Tests
//!
//! Natively, telemetry goes nowhere; in tests a `wasmscope::testing::Recorder` keeps it, that of the doors too once [`init`] has connected them.

mod backend;
mod buffer;
mod context;
mod guard;
mod local;
#[cfg(feature = "log")]
pub mod log;
mod logs;
mod metrics;
mod notice;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
mod panic_hook;
pub mod prelude;
mod scope;
#[cfg(feature = "tracing")]
pub mod subscriber;
#[cfg(any(feature = "log", feature = "opentelemetry", feature = "tracing"))]
mod targets;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod trace;
mod types;
mod unsigned;
#[cfg(any(feature = "log", feature = "tracing"))]
mod warning;

pub use context::{
    BaggageGuard, baggage, baggage_from_header, baggage_header, current, enter_baggage,
    with_baggage_entry,
};
pub use guard::{Guard, collect, init};
#[cfg(feature = "serde")]
pub use logs::SerializeError;
pub use logs::{AnyUnsigned, AnyValue, Items, LogBuilder, Logger, Owned, OwnedValue, Record};
pub use metrics::{
    Counter, CounterNumber, Gauge, GaugeNumber, Histogram, HistogramNumber, Measurement, Meter,
    ObservableCounter, ObservableGauge, ObservableUpDownCounter, Observer, Series, UpDownCounter,
    UpDownCounterNumber,
};
pub use scope::Scope;
pub use trace::{Entered, EnteredSpan, Span, SpanBuilder, Tracer};
pub use types::{
    BaggageEntry, KeyValue, Link, LinkTarget, Severity, SpanChanges, SpanContext, SpanHandle,
    SpanKind, SpanReference, Status, TraceFlags, TraceId, Unsigned, Value,
};

/// Starts building the subscriber that passes `tracing` spans and events to the host; see the module
/// [`subscriber`](mod@subscriber).
#[cfg(feature = "tracing")]
pub fn subscriber() -> subscriber::Builder {
    subscriber::Builder::default()
}

/// Makes a layer of tracing-subscriber that passes `tracing` spans and events to the host (feature
/// `layer`); see [`subscriber::Layer`].
#[cfg(feature = "layer")]
#[must_use]
pub fn layer() -> subscriber::Layer {
    subscriber().build_layer()
}
