//! Connects `tracing`: a [`tracing::Subscriber`](trait@tracing::Subscriber) that passes spans and
//! events to the host (feature `tracing`), and an equivalent layer to combine with others (feature
//! `layer`).
//!
//! [`wasmscope::init()`](crate::init()) sets a subscriber with the defaults as the program's. To
//! change the settings, set your own before:
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
//! Fields and events have the same meaning as in tracing-opentelemetry 0.34, so code for it
//! produces the same traces. The tables show the differences.
//!
//! # Defaults
//!
//! | | tracing-opentelemetry 0.34 | this crate | method | reason for a difference |
//! |---|---|---|---|---|
//! | events | span events | logs | [`with_events`](Builder::with_events) | a log has a threshold in the host, a severity and a typed body, and needs no recorded span |
//! | scope of spans | that of the given tracer | the name of the crate that creates the span | [`with_scope`](Builder::with_scope) | there is no tracer to give |
//! | levels | all | all | [`with_max_level`](Builder::with_max_level) | |
//! | `code.file.path`, `code.module.name`, `code.line.number` | on | on | [`with_location`](Builder::with_location) | |
//! | `target` of spans | on | on | [`with_target`](Builder::with_target) | |
//! | `level` of spans | off | off | [`with_level`](Builder::with_level) | |
//! | `thread.id`, `thread.name` | on | off | [`with_threads`](Builder::with_threads) | an instance has one thread |
//! | `busy_ns`, `idle_ns` | on | off | [`with_tracked_inactivity`](Builder::with_tracked_inactivity) | it reads the guest's clock, which may be coarse or virtual, at each enter and exit |
//! | entering makes a span the ambient one | on | on | [`with_context_activation`](Builder::with_context_activation) | |
//! | duration of a span | from its creation until its last exit | from its creation until it is closed | [`with_deferred_start`](Builder::with_deferred_start) | the host keeps the time |
//! | `Error` values add `exception.message`, `exception.stacktrace` | on | on | [`with_error_fields_to_exceptions`](Builder::with_error_fields_to_exceptions) | |
//! | `Error` values of events add them to the span too | on | on | [`with_error_records_to_exceptions`](Builder::with_error_records_to_exceptions) | |
//! | an event with `error` and no message is an `exception` | on | on | [`with_error_events_to_exceptions`](Builder::with_error_events_to_exceptions) | |
//! | and its error describes the span's error status | on | on | [`with_error_events_to_status`](Builder::with_error_events_to_status) | |
//!
//! The rows about `Error` values need the feature `tracing-std`. Without it `tracing` formats them
//! with `Debug`, or does not accept them.
//!
//! # Spans
//!
//! | `tracing` | tracing-opentelemetry 0.34 | this crate, if it differs |
//! |---|---|---|
//! | parent | the entered span, the named one, or none; outside of any span, the current OpenTelemetry context | outside of any span, the ambient span: the host's, or the calling component's |
//! | `otel.name` | the name, until the span has started | the name, later too |
//! | `otel.kind` | the kind, in upper or lower case, until the span has started | |
//! | `otel.status_code` | `ok` or `error`, in upper or lower case; other values reset the status | other values are ignored |
//! | `otel.status_description` | an error status with it | a later `otel.status_code` does not remove it; `ok` is final |
//! | `bool`, `i64`, `f64`, text | attributes of that type | |
//! | `u64`, `i128`, `u128` | text | integer; beyond 64 bits signed, text |
//! | bytes | text in hexadecimal digits | |
//! | `Debug`, `Display` | text | |
//! | `&dyn Error` | text, `<field>.chain` with the sources, and the exception attributes | an empty chain is left out |
//! | `record` | attributes | the same; sent with the end of the span, or when there are 32 |
//! | `follows_from` | a link, unless the other span is closed | |
//! | end | its last exit | when it is closed, because the host keeps the time |
//!
//! # Events
//!
//! | `tracing` | as a log | as a span event |
//! |---|---|---|
//! | target | the scope's name | attribute `target` |
//! | level | severity 1, 5, 9, 13, 17, and its name as severity text | attribute `level` |
//! | message | body; without a message, the field `error` | the name |
//! | name, if the author gives one | event name | the name, if there is no message |
//! | fields | attributes; bytes stay bytes | attributes |
//! | [instrument(err)]`#[instrument(err)]` | event name `exception`, attribute `exception.message` | name `exception`, attribute `exception.message` |
//! | within a span, or with one as `parent:` | belongs to it | is added to it, if it is recorded |
//! | outside of any span | belongs to the ambient span | dropped |
//!
//! An event of level `ERROR` sets its span's status to error, without a description and without
//! removing an earlier one. A field `error` without message does so at any level, with the error as
//! description. These callsites are visited even if the host accepts no logs of them.
//! tracing-opentelemetry does the same. But it quotes the text if `error` is a `&str`, and it
//! converts a `message` that is not a text, which is an attribute here.
//!
//! Events are sent at once, so a trap loses none. The fields that tracing-log adds to `log` records
//! have no special meaning; use the feature `log` instead. The first 40 targets have a scope each.
//! Further ones share the scope of their crate and have `target` as an attribute, because a host
//! accepts a limited number of scopes.
//!
//! # Costs
//!
//! - A callsite that its level or the host's threshold disables costs two comparisons. The
//!   threshold is requested once for each target, and again after a call's notice says that
//!   thresholds have changed. A program that only emits disabled events makes no calls, so it does
//!   not learn of a change. Any span brings it, sampled or not.
//! - A span costs four calls: the time of its creation, its start (which also enters it), its exit
//!   and its end. Each further entry, for example each poll of a future, costs two more. A span
//!   outside of all others costs one more, which fixes its parent. Without
//!   [activation](Builder::with_context_activation) there is no exit call. With a [deferred
//!   start](Builder::with_deferred_start) the first call and the one for the parent are saved.
//! - An unrecorded span costs its start. The outermost one is also entered and exited, so that
//!   spans within it are not recorded either, and have a time and a parent.
//! - An event costs one call.
//!
//! # Entering
//!
//! Within the component, parents are passed explicitly: the parent is the span that this thread has
//! entered last with any of this crate's APIs. An [instrumented](tracing::Instrument) future is
//! entered only during each poll, so joined futures do not become parent and child. The host learns
//! of entries because the program may call another component, whose spans must nest. A component
//! that calls none and polls often can turn this off.
//!
//! # With tracing-subscriber
//!
//! A program has one subscriber. If it sets another one before
//! [`wasmscope::init()`](crate::init()), such as `tracing_subscriber::fmt().init()`, that one is
//! kept, and spans and events of `tracing` do not reach the host. `init` sends a warning about it.
//! There are two ways to use both.
//!
//! With a registry, add `wasmscope::layer()` (feature `layer`). It composes with `fmt`, `EnvFilter`
//! and other layers:
//!
//! ```
//! # #[cfg(feature = "layer")]
//! # {
//! use tracing_subscriber::layer::SubscriberExt;
//! use tracing_subscriber::util::SubscriberInitExt;
//!
//! tracing_subscriber::registry()
//!     .with(tracing_subscriber::EnvFilter::new("info,shop=debug"))
//!     .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
//!     .with(wasmscope::layer())
//!     .init();
//! let _telemetry = wasmscope::init();
//! # }
//! ```
//!
//! Without a registry, which adds code to the component, put filters on top of the subscriber:
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
//! A layer of tracing-opentelemetry also works, with this crate's
//! [`TracerProvider`](https://docs.rs/wasmscope/latest/wasmscope/opentelemetry/struct.TracerProvider.html)
//! (feature `opentelemetry`).
//!
//! # In tests
//!
//! Natively, [`Builder::set_default`] with a [`Recorder`](crate::testing::Recorder) records the
//! telemetry of a test's thread.

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
#[cfg(feature = "layer")]
mod layer;
mod spans;
#[expect(clippy::module_inception, reason = "the type is called Subscriber")]
mod subscriber;
#[cfg(all(test, feature = "tracing-std"))]
mod tests;
mod timings;
mod tracers;
mod visitor;

pub(crate) use builder::install;
pub use builder::{Builder, Events};
pub use ext::{SetParentError, SpanExt};
#[cfg(feature = "layer")]
pub use layer::Layer;
pub use subscriber::Subscriber;
