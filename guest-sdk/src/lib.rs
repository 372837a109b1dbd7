//! OpenTelemetry traces, metrics and logs for WebAssembly components.
//!
//! The component calls the functions of the WIT package `wasmscope:otel`. The host that implements
//! them samples, aggregates, applies limits and exports over OTLP. So a component contains no
//! OpenTelemetry SDK, needs no configuration, and has the same telemetry on every host.
//!
//! ```
//! use wasmscope::prelude::*;
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
//! Build it with `cargo build --target wasm32-wasip2`. The result is a component that imports only
//! the functions of the contract that it calls. On `wasm32-wasip1` and `wasm32-unknown-unknown` the
//! same code compiles to a module, which `wasm-tools component new` converts into a component. If
//! you bind your own world with `wit-bindgen`, it need not mention `wasmscope:otel`: the two worlds
//! are merged.
//!
//! # Features
//!
//! | feature | default | content |
//! |---|---|---|
//! | `tracing` | yes | the module `subscriber`: spans and events of the crate `tracing`, including `#[instrument]` |
//! | `tracing-std` | yes | the feature `std` of `tracing`: `Error` values as exceptions, and `set_default` for tests. It makes the code for `tracing` 1.5 times as large; turn both off to save bytes |
//! | `layer` | no | the function `layer`: a layer of tracing-subscriber, to use with `fmt`, `EnvFilter` and others |
//! | `log` | no | the module `log`: records of the crate `log`, with key-values |
//! | `serde` | no | `OwnedValue::from_serialize`: bodies and attributes of logs from any `serde::Serialize` |
//! | `opentelemetry` | no | the module `opentelemetry`: providers and a propagator for the crate `opentelemetry`; not on `wasm32-unknown-unknown` |
//!
//! The direct API needs none of them, and is the smallest:
//!
//! | task | items |
//! |---|---|
//! | traces | [`Tracer`], [`Span`]; starting a span does not activate it: [`Span::enter`], [`Span::instrument`] |
//! | the request that a service answers | [`route`] names its route; [`invocation`] is the host's span around it |
//! | metrics | [`Counter`], [`UpDownCounter`], [`Histogram`], [`Gauge`]; bound to attributes, a [`Series`] |
//! | observable metrics | [`ObservableCounter`], [`ObservableUpDownCounter`], [`ObservableGauge`] |
//! | logs | [`Logger`]; nested values are [`AnyValue`]s, or [`OwnedValue`]s if they are built at run time |
//! | propagation | [`current`], [`Span::context`], [`SpanContext::traceparent`], [`SpanContext::tracestate`], [`baggage_header`], [`enter_baggage`] |
//! | panics, and a final collection of observables | [`init`] |
//!
//! Builders take their settings by value, with methods that begin with `with_`. A live object, such
//! as a span, has methods that begin with `set_`.
//!
//! # Behaviour
//!
//! - **Parents.** The default parent of a span is the ambient span: the innermost *entered* span of
//!   any component in a composition, or else the host's own span around the call. Starting a span
//!   does not enter it.
//! - **Sampling** is decided by the host. It learns of an unrecorded span only that the span is
//!   entered and left ([`Span::is_recorded`]).
//! - **Logs** below the host's threshold cost a comparison, because the component caches the
//!   threshold.
//! - **Time** is read from the host's clock, unless the program passes one.
//! - **Limits** are applied by the host. It drops telemetry beyond them and counts it as
//!   `wasmscope.dropped`. No function of this crate fails, blocks or panics because of a limit.
//! - **Traps.** Events, measurements and logs are sent at once. Attributes and status of a span are
//!   buffered, and sent with its end. A panic sends them, too. Other traps lose those of the span
//!   that was changed last. If earlier spans were not sampled, the first sampled one gets its
//!   attributes just after its start, so they are missing if the host stops the program in between.
//!
//! # Tests
//!
//! Natively, telemetry is discarded. In tests, a `wasmscope::testing::Recorder` records it,
//! including `tracing`, `log` and `opentelemetry` after [`init`] has connected them.

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
pub use trace::{Entered, EnteredSpan, Invocation, Span, SpanBuilder, Tracer, invocation, route};
pub use types::{
    BaggageEntry, KeyValue, Link, LinkTarget, Severity, SpanChanges, SpanContext, SpanHandle,
    SpanKind, SpanReference, Status, TraceFlags, TraceId, Unsigned, Value,
};

/// Starts building the subscriber that passes `tracing` spans and events to the host; see the
/// module [`subscriber`](mod@subscriber).
#[cfg(feature = "tracing")]
pub fn subscriber() -> subscriber::Builder {
    subscriber::Builder::default()
}

/// Returns a layer of tracing-subscriber that passes `tracing` spans and events to the host
/// (feature `layer`); see [`subscriber::Layer`].
#[cfg(feature = "layer")]
#[must_use]
pub fn layer() -> subscriber::Layer {
    subscriber().build_layer()
}

/// Compiles the examples of the README.
#[cfg(all(doctest, feature = "tracing"))]
#[doc = include_str!("../README.md")]
struct Readme;
