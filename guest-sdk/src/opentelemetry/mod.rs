//! Connects the crate `opentelemetry`: providers and a propagator that use the host (feature
//! `opentelemetry`).
//!
//! Libraries that use the OpenTelemetry API work unchanged: [`init`](crate::init) sets these
//! providers as the global ones.
//!
//! ```
//! use opentelemetry::trace::{Span, SpanKind, Tracer};
//! use opentelemetry::{KeyValue, global};
//!
//! let _telemetry = wasmscope::init();
//!
//! let tracer = global::tracer("carrier");
//! let mut span = tracer.span_builder("announce parcel").with_kind(SpanKind::Client).start(&tracer);
//! span.set_attribute(KeyValue::new("parcel.country", "DE"));
//! global::meter("carrier").u64_counter("carrier.parcels").build().add(1, &[]);
//! drop(span); // ended here, by the host's clock
//! ```
//!
//! It exists on WASI targets (`wasm32-wasip2`, `wasm32-wasip1`) and natively. On other wasm32
//! targets the API crate reads the time from JavaScript.
//!
//! # Mapping
//!
//! | API | this crate |
//! |---|---|
//! | `InstrumentationScope` | the scope, with its attributes; an equal scope is the same one (the first 64 of a program) |
//! | `Tracer::build_with_context` | one call, `tracer.start`, with name, kind, start time and attributes; one more call for links, if any, and one for each event |
//! | `SpanBuilder` without a kind | `Internal` |
//! | parent: a span of this program | that span, by its handle; after its end, by its context |
//! | parent: a remote context, or that of another implementation's span | that context |
//! | parent: an invalid context | none: a new trace |
//! | parent: a `Context` without span | see below |
//! | a `Context` with telemetry suppressed | no span, no log, and no call; measurements are recorded |
//! | `Context::attach` | enters its span, which becomes ambient, and its baggage; dropping the guard leaves both |
//! | `Span::span_context` | asks the host the first time; so does creating a `Context` with the span |
//! | `Span::is_recording` | the decision of the host's sampler; if false, the methods below make no call |
//! | `Span::set_attribute`, `set_status` | buffered until the span ends, another span is changed, or there are 32 |
//! | `Span::add_event`, `add_link`, `update_name` | sent at once |
//! | `Span::end`, dropping it | `tracer.end`, by the host's clock |
//! | `end_with_timestamp`, `add_event_with_timestamp` | with that time; a time before 1970 becomes 1970 |
//! | `Counter`, `UpDownCounter`, `Histogram`, `Gauge` | `meter.measure`; the host creates the instrument with the first measurement |
//! | building an instrument again | returns the same one (for the first 256 of a scope), and costs a look-up |
//! | histogram boundaries | the host's buckets; without boundaries, its default |
//! | observable instruments | their callbacks run when the host has asked and a span is dropped, in [`collect`](crate::collect), and at the end of the [`Guard`](crate::Guard); building one again adds its callbacks, up to 256 times |
//! | `Logger::emit` | `logger.emit`, or no call if the cached threshold disables it |
//! | `Logger::event_enabled` | the cached threshold; if it accepts a record with an event name, the host's exact answer |
//! | `LogRecord` target | the scope's name, instead of the logger's; beyond 40 targets the attribute `log.target` |
//! | `AnyValue` | typed and nested, at most 32 deep and 1,024 values (the host's limits) |
//! | `set_trace_context`, or else the current `Context`'s span | the span that the record belongs to |
//! | `set_observed_timestamp` | ignored, because the host sets the observed time |
//! | `Value`, including arrays | the same value; texts are not copied |
//! | `TextMapPropagator` | [`Propagator`]: `traceparent`, `tracestate` and `baggage` |
//!
//! # A `Context` without span
//!
//! In the API it means a new trace. But a component cannot see its caller, which is another
//! component of a composition, or the host. So here it means the ambient span, which may also be a
//! span that `tracing` or this crate's own API entered. This also applies to logs and to injected
//! headers.
//!
//! While a `Context` with a span of this program is attached, an empty `Context` is a deliberate
//! choice, and means a new trace as in the API. So does
//! `Context::new().with_remote_span_context(SpanContext::NONE)` everywhere.
//!
//! If `Context::current()` is implicit (`tracer.start(..)`, `in_span`, a log), and `tracing` or
//! this crate's own API has entered another span since, that span is used.
//!
//! # Differences from the SDK
//!
//! - The host has the sampling, limits, processors, exporters, readers, views and resources. There
//!   is nothing to configure, flush or shut down in the guest.
//! - A `Span` and a `SpanRef` from `global` (`BoxedSpan`) read the *guest's* clock for `add_event`
//!   and `end`, as the API implements them, while the start time comes from the host's clock. If
//!   the two may differ, drop the span instead of calling `end`.
//! - A second `Error` status replaces the description of the first one. The SDK keeps the greater
//!   text.
//! - An attribute that is set again replaces the earlier one. The SDK keeps both.
//! - A parent that has ended is passed by its context, so it counts as a span of another process.
//! - Links to an invalid context are left out. So are the counts of dropped attributes in an
//!   `Event` or a `Link`.
//! - The baggage propagator does not decode keys, as W3C Baggage requires. It accepts `=` in
//!   values, and encodes `%`.
//! - An attached `Context` with a remote parent does not become ambient: only spans of this program
//!   can be entered.
//! - Exemplars are created by the host. Bound instruments (an experimental feature of the API) are
//!   not supported; use [`Counter::bind`](crate::Counter::bind).

#[cfg(all(target_arch = "wasm32", not(target_os = "wasi")))]
compile_error!(
    "the feature `opentelemetry` needs a WASI target: elsewhere on wasm32 the crate `opentelemetry` reads the time from JavaScript (js-sys), which no component can import; build for wasm32-wasip2"
);

mod instrument;
mod known;
mod logs;
mod metrics;
mod observer;
mod propagation;
mod scope;
mod setup;
#[cfg(test)]
mod tests;
mod trace;
mod used;
mod values;

pub use logs::{LogRecord, Logger, LoggerProvider};
pub use metrics::MeterProvider;
pub use propagation::{BaggagePropagator, Propagator, TraceContextPropagator};
pub use trace::{Span, Tracer, TracerProvider};

pub use setup::install;
#[cfg(feature = "tracing")]
pub(crate) use setup::is_setting_up;
#[cfg(feature = "tracing")]
pub(crate) use used::is_used;

/// Resets the state for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    known::reset();
    observer::reset();
    scope::reset();
}
