//! The telemetry core of Wasmscope: the rules for the telemetry of WebAssembly components, without
//! a WebAssembly engine.
//!
//! A component that imports the package `wasmscope:otel` calls its host to start spans, record
//! measurements and emit logs. An adapter for a runtime turns each of these calls into a call of an
//! [`Instance`]. This crate validates the arguments, applies the [`Limits`], decides on sampling
//! and severity, aggregates metrics across instances, and passes the rest to the OpenTelemetry SDK.
//! No call of a guest can make the host fail or panic, or do I/O. Creating an instrument may wait
//! for a collection of metrics. Telemetry that is dropped or shortened is counted in [`Dropped`],
//! which is exported as the metric `wasmscope.dropped`.
//!
//! # Parts
//!
//! | part | contents | number |
//! |---|---|---|
//! | [`Telemetry`] | providers, caches, limits, log levels | one for each tenant |
//! | [`Instance`] | spans, instruments, loggers, baggage | one for each component instance |
//! | [`Invocation`] | the host's span around a call; its end also ends the call's open spans | one for each call |
//! | [`GuestOutput`] | what an instance prints, as log records | one for each component instance |
//! | [`Budget`] | the bytes that an adapter may copy out of the guest for a call | one for each call of the guest |
//!
//! `wasmscope-otlp` makes providers from a configuration. Embedders with their own providers pass
//! them to [`Telemetry::builder`]. This crate reads no environment variables, sets no global
//! providers, and shuts none down.
//!
//! # Examples
//!
//! The calls that an adapter makes for a guest that starts a span and traps before its end:
//!
//! ```
//! use opentelemetry::InstrumentationScope;
//! use opentelemetry::trace::SpanKind;
//! use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
//! use wasmscope_telemetry::model::{SpanReference, SpanStart};
//! use wasmscope_telemetry::{Invocation, InvocationOptions, Outcome, Providers, Telemetry};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let exporter = InMemorySpanExporter::default();
//! let tracer = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
//! let providers = Providers { tracer: Some(tracer), ..Providers::default() };
//! let telemetry = Telemetry::builder(providers).build();
//!
//! let mut instance = telemetry.instance("checkout");
//! let mut invocation = Invocation::begin(&mut instance, InvocationOptions::default());
//! let tracer = invocation.tracer(InstrumentationScope::builder("checkout").build());
//! invocation.start_span(SpanStart {
//!     tracer,
//!     name: "price".into(),
//!     kind: SpanKind::Internal,
//!     parent: SpanReference::Ambient,
//!     attributes: Vec::new(),
//!     start_time: None,
//!     activate: true,
//! });
//! invocation.finish(Outcome::Trap {
//!     code: "unreachable".to_owned(),
//!     message: "wasm `unreachable` instruction executed".to_owned(),
//! });
//!
//! let spans = exporter.get_finished_spans()?;
//! let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
//! assert_eq!(names, ["price", "run checkout"]);
//! assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
//! # Ok(())
//! # }
//! ```

mod adapter;
mod attributes;
pub mod dropped;
pub mod emitted;
mod guest_warnings;
mod handle;
mod host_span;
pub mod http;
pub mod instance;
mod interner;
pub mod invocation;
pub mod limits;
pub mod log_level;
mod loggers;
mod metrics;
pub mod model;
mod nested;
pub mod printable;
mod refusals;
mod remote;
pub mod runtime_metrics;
pub mod sampler;
mod scope;
pub mod severity;
mod state_metrics;
mod store_meter;
pub mod string_cache;
mod telemetry;

pub use adapter::{View, catch_panic};
pub use dropped::{Dropped, Reason, Signal};
pub use host_span::{HostSpan, Propagation};
pub use instance::{Ender, GuestOutput, Instance, StandardStream};
pub use invocation::{InstanceAccess, Invocation, InvocationOptions, Outcome, TrustIncoming};
pub use limits::{Budget, Limits};
pub use log_level::LogLevels;
pub use metrics::{HistogramAggregation, ScopeKey, Warnings, metrics_view};
pub use refusals::{Metered, Refusals};
pub use runtime_metrics::RuntimeMetrics;
pub use store_meter::StoreMeter;
pub use telemetry::{Providers, Runtime, Telemetry, TelemetryBuilder};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
