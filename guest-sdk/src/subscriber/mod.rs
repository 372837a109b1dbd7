//! The `tracing` door: a [`tracing::Subscriber`](trait@tracing::Subscriber) that passes spans and events to the host
//! (feature `tracing`), without tracing-subscriber.
//!
//! [`wasmscope::init()`](crate::init()) makes one with the defaults the program's. To choose otherwise, be there first:
//!
//! ```
//! use tracing::{Level, info, instrument};
//! use wasmscope::subscriber::Events;
//!
//! #[instrument(fields(otel.kind = "internal"), err)]
//! fn price(order: u64, items: &[u64]) -> Result<u64, std::num::TryFromIntError> {
//!     info!(items = items.len(), "pricing");
//!     Ok(items.iter().sum())
//! }
//!
//! wasmscope::subscriber()
//!     .with_max_level(Level::DEBUG)
//!     .with_events(Events::Both)
//!     .init();
//! let _telemetry = wasmscope::init();
//! price(17, &[3, 4])?;
//! # Ok::<(), std::num::TryFromIntError>(())
//! ```
//!
//! What fields and events mean is what they mean to tracing-opentelemetry 0.34, so code that was written for it
//! gives the same traces; the tables say where not.
//!
//! # Defaults
//!
//! | | tracing-opentelemetry 0.34 | here | set by | if it differs, why |
//! |---|---|---|---|---|
//! | events | span events | logs | [`with_events`](Builder::with_events) | a log has a threshold in the host, a severity and a typed body, and needs no recorded span |
//! | spans' scope | that of the given tracer | the name of the crate that makes the span | [`with_scope`](Builder::with_scope) | there is no tracer to give |
//! | levels | all | all | [`with_max_level`](Builder::with_max_level) | |
//! | `code.file.path`, `code.module.name`, `code.line.number` | on | on | [`with_location`](Builder::with_location) | |
//! | `target` of spans | on | on | [`with_target`](Builder::with_target) | |
//! | `level` of spans | off | off | [`with_level`](Builder::with_level) | |
//! | `thread.id`, `thread.name` | on | off | [`with_threads`](Builder::with_threads) | an instance has one thread |
//! | `busy_ns`, `idle_ns` | on | off | [`with_tracked_inactivity`](Builder::with_tracked_inactivity) | it asks the guest's clock at each enter and exit, and that may be coarse or virtual |
//! | entering makes a span the ambient one | on | on | [`with_context_activation`](Builder::with_context_activation) | |
//! | a span lasts | from when it was made until it was left last | from when it was made until it is closed | [`with_deferred_start`](Builder::with_deferred_start) | the host keeps the time |
//! | `Error` values add `exception.message`, `exception.stacktrace` | on | on | [`with_error_fields_to_exceptions`](Builder::with_error_fields_to_exceptions) | |
//! | those of events, to the span too | on | on | [`with_error_records_to_exceptions`](Builder::with_error_records_to_exceptions) | |
//! | an event `error` without message is an `exception` | on | on | [`with_error_events_to_exceptions`](Builder::with_error_events_to_exceptions) | |
//! | and its error describes the span's error status | on | on | [`with_error_events_to_status`](Builder::with_error_events_to_status) | |
//!
//! What is said of `Error` values holds with the feature `tracing-std`; without it `tracing` shows them as `Debug` does, or does not take them at all.
//!
//! # Spans
//!
//! | `tracing` | tracing-opentelemetry 0.34 | here, if it differs |
//! |---|---|---|
//! | parent | the entered span, the named one, or none; outside of all, the current OpenTelemetry context | so too; outside of all, the ambient span: the host's, or the calling component's |
//! | `otel.name` | the name, until the span has started | the name, later too |
//! | `otel.kind` | the kind, until the span has started; in any case | |
//! | `otel.status_code` | `ok` or `error` in any case; anything else takes the status back | anything else is ignored |
//! | `otel.status_description` | an error status with it | it is not lost to an `otel.status_code` that follows; as everywhere, `ok` is final |
//! | `bool`, `i64`, `f64`, text | attributes of that type | |
//! | `u64`, `i128`, `u128` | text | integer; beyond 64 bits signed, text |
//! | bytes | text in hexadecimal digits | |
//! | `Debug`, `Display` | text | |
//! | `&dyn Error` | text, `<field>.chain` with the sources, and the exception attributes | an empty chain is left out |
//! | `record` | attributes | so too, passed on with the span's end, or before when 32 have gathered |
//! | `follows_from` | a link, unless the other span is closed | |
//! | end | when it was left last | when it is closed: the host keeps the time |
//!
//! # Events
//!
//! | `tracing` | as a log | as a span event |
//! |---|---|---|
//! | target | the scope's name | attribute `target` |
//! | level | severity 1, 5, 9, 13, 17, and its name as severity text | attribute `level` |
//! | message | body; of an event with `error` and no message, the error | the name |
//! | name, where the author gives one | event name | the name, where there is no message |
//! | fields | attributes; bytes stay bytes | attributes |
//! | an event `error` without message, as of `#[instrument(err)]` | event name `exception`, attribute `exception.message` | name `exception`, attribute `exception.message` |
//! | within a span, or with one as `parent:` | belongs to it | is added to it, if it is recorded |
//! | outside of all | belongs to the ambient span | dropped |
//!
//! An event of level `ERROR` sets its span's status to error, without a description where there is none and
//! without taking back one that is there; so does an `error` without message of any level, with the error as description. These
//! callsites are visited though nobody may listen to their logs. tracing-opentelemetry does the same, but puts text into
//! quotes where `error` is a `&str`, and writes a `message` that is no text as text, which here is an attribute.
//!
//! Events are passed on at once: a trap loses none. What tracing-log makes of `log` records is not taken apart; use the feature
//! `log` instead. The first 40 targets have a scope each. Further ones share their crate's, with `target` as an
//! attribute, because a host admits a limited number of scopes.
//!
//! # What it costs
//!
//! - A callsite that is off for its level, or whose target's threshold in the host rules it out,
//!   costs two comparisons. The threshold is asked for once for each target, and again when a
//!   call's notice says that thresholds have changed. A program that only emits disabled events
//!   makes no calls, and so does not learn of a change. Any span brings it, sampled or not.
//! - A span costs four calls: one for the time when it is made, its start (which also enters it),
//!   its exit and its end. Each further time that it is entered, as a future's span is with each
//!   poll, costs two more. A span that is made outside of all others costs one more, which fixes
//!   its parent. Without [activation](Builder::with_context_activation) there is no exit. With a
//!   [deferred start](Builder::with_deferred_start) the first call, and the one for the parent, are
//!   left out.
//! - A span that is not recorded costs its start. The outermost such span is entered and left, so that what is called within it
//!   is not recorded either, and has a time and a parent.
//! - An event costs one call.
//!
//! # Entering
//!
//! Within the component, parents are passed explicitly: the span that this thread has entered last, by whichever of this
//! crate's doors. A future that is [instrumented](tracing::Instrument) is entered for each poll and no longer, so joined futures do not
//! become parent and child. To the host a span is entered because what it calls next may be another component, whose spans
//! are to nest. Who calls none, and polls often, turns that off.
//!
//! # Beside tracing-subscriber
//!
//! A program has one subscriber. What it sets before [`wasmscope::init()`](crate::init()),
//! `tracing_subscriber::fmt().init()` for instance, stays, and then nothing of `tracing` reaches
//! the host: `init` sends a warning that says so. Two ways have both:
//!
//! Layers that need no registry, such as filters, go on top of this subscriber:
//!
//! ```
//! use tracing_subscriber::filter::Targets;
//! use tracing_subscriber::layer::SubscriberExt;
//! use tracing_subscriber::util::SubscriberInitExt;
//!
//! let only_ours = Targets::new().with_target("shop", tracing::Level::DEBUG);
//! wasmscope::subscriber().build().with(only_ours).init();
//! let _telemetry = wasmscope::init();
//! ```
//!
//! Where there is a registry, for `fmt::layer()` say, spans take the way of tracing-opentelemetry,
//! with this crate's provider (feature `opentelemetry`):
//!
//! ```
//! # #[cfg(feature = "opentelemetry")]
//! # {
//! use opentelemetry::trace::TracerProvider as _;
//! use tracing_subscriber::layer::SubscriberExt;
//! use tracing_subscriber::util::SubscriberInitExt;
//!
//! let tracer = wasmscope::opentelemetry::TracerProvider::new().tracer("shop");
//! tracing_subscriber::registry()
//!     .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
//!     .with(tracing_opentelemetry::layer().with_tracer(tracer))
//!     .init();
//! let _telemetry = wasmscope::init();
//! # }
//! ```
//!
//! # In tests
//!
//! Natively, [`Builder::set_default`] beside a [`Recorder`](crate::testing::Recorder) shows what a test's thread does.

mod builder;
mod config;
mod core;
mod dispatch;
mod entered;
mod events;
#[cfg(feature = "tracing-std")]
mod exceptions;
mod ext;
mod fields;
mod install;
#[cfg(feature = "layer")]
mod layer;
mod spans;
#[expect(clippy::module_inception, reason = "the subscriber itself")]
mod subscriber;
#[cfg(all(test, feature = "tracing-std"))]
mod tests;
mod timings;
mod tracers;
mod visitor;

pub use builder::{Builder, Events};
pub use ext::{SetParentError, SpanExt};
pub(crate) use install::install;
#[cfg(feature = "layer")]
pub use layer::Layer;
pub use subscriber::Subscriber;
