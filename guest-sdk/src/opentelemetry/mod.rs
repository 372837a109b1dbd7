//! What the crate `opentelemetry` calls for, with the host as its SDK (feature `opentelemetry`).
//!
//! Libraries that are instrumented with the OpenTelemetry API work as they are: [`init`](crate::init) makes these
//! providers the global ones.
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
//! It is there on WASI targets (`wasm32-wasip2`, `wasm32-wasip1`) and natively. Elsewhere on wasm32 the API crate
//! reads the time from JavaScript.
//!
//! # What becomes of it
//!
//! | API | here |
//! |---|---|
//! | `InstrumentationScope` | the scope, attributes included; asked for again it is the same one (the first 64 of a program) |
//! | `Tracer::build_with_context` | one call, `tracer.start`, with name, kind, start time, attributes; links, where there are any, one call more; each event one |
//! | `SpanBuilder` without a kind | `Internal` |
//! | parent: a span of this program | that span, by its handle; once it has ended, by its context |
//! | parent: a context from elsewhere, or of another implementation's span | that context |
//! | parent: an invalid context | none: a new trace |
//! | parent: a `Context` without span | see below |
//! | a `Context` with telemetry suppressed | no span, no log, and no call; measurements are taken all the same |
//! | `Context::attach` | enters its span, so it is ambient, and its baggage; dropping the guard undoes both |
//! | `Span::span_context` | asked of the host the first time and kept; putting the span into a `Context` does it |
//! | `Span::is_recording` | what the host's sampler said; if not, the methods below make no call |
//! | `Span::set_attribute`, `set_status` | gathered until the span ends, another one is told something, or 32 have come together |
//! | `Span::add_event`, `add_link`, `update_name` | passed on at once |
//! | `Span::end`, dropping it | `tracer.end`, by the host's clock |
//! | `end_with_timestamp`, `add_event_with_timestamp` | with that time; before 1970 it becomes 1970 |
//! | `Counter`, `UpDownCounter`, `Histogram`, `Gauge` | `meter.measure`; the host makes the instrument with the first measurement |
//! | an instrument that is built again | the same one (the first 256 of a scope): building one at each use costs a look-up |
//! | histogram boundaries | the host's buckets; none given, its default |
//! | observable instruments | their callbacks run when the host has asked and a span is dropped, in [`collect`](crate::collect), and at the end of the [`Guard`](crate::Guard); each time one is built its callbacks are added, up to 256 times |
//! | `Logger::emit` | `logger.emit`, unless the threshold, which is known here, rules it out: then no call |
//! | `Logger::event_enabled` | the threshold; with an event name, and if that admits it, the host's exact answer |
//! | `LogRecord` target | the scope's name, in place of the logger's; beyond 40 scopes the attribute `log.target` |
//! | `AnyValue` | typed and nested as it is, at most 32 deep and 1,024 values (the host's rule) |
//! | `set_trace_context`, or without it the current `Context`'s span | the span that the record belongs to |
//! | `set_observed_timestamp` | ignored: the host observes |
//! | `Value`, arrays of each kind included | the same value; texts are not copied |
//! | `TextMapPropagator` | [`Propagator`]: `traceparent`, `tracestate` and `baggage` |
//!
//! # What a `Context` without span means
//!
//! To the API it means a new trace. But a component cannot see whom it was called by: another component of a composition, or the
//! host. So it means "whatever surrounds us": the ambient span, which may also be one that was entered by `tracing` or by this crate's own
//! API. The same goes for logs and for what a propagator injects.
//!
//! While a `Context` with a span of this program is attached, an empty one has been chosen on purpose, and means a new trace
//! as it does to the API. So does, anywhere, `Context::new().with_remote_span_context(SpanContext::NONE)`.
//!
//! Where `Context::current()` is left implicit (`tracer.start(..)`, `in_span`, a log) and another span has been entered by `tracing`
//! or this crate's own API since, that one is meant.
//!
//! # Differences from the SDK
//!
//! - Sampling, limits, processors, exporters, readers, views and resources are the host's; so there is nothing to configure, flush or
//!   shut down.
//! - A `Span` and a `SpanRef` that come from `global` (`BoxedSpan`) read the *guest's* clock for `add_event` and `end`, which is the API's doing,
//!   while the span has started by the host's. Where the two may differ, drop the span instead of ending it.
//! - A second `Error` status replaces the first one's description; the SDK keeps the greater of the two texts.
//! - An attribute that is set again replaces the one before; the SDK keeps both.
//! - A parent that has ended is passed by its context, and so counts as one of another process.
//! - Links to an invalid context are left out, and the counts of dropped attributes that an `Event` or a `Link` is made with.
//! - The baggage propagator takes keys as they stand, as W3C Baggage has it, and values with `=` in them; it encodes `%`.
//! - A `Context` with a remote parent that is attached does not become ambient: only a span of this program can be entered.
//! - Exemplars are the host's. Bound instruments (an experimental feature of the API) are not provided:
//!   [`Counter::bind`](crate::Counter::bind) is.

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
