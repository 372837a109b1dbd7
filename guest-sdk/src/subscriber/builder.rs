//! Builds the subscriber, or the layer.

use core::fmt;
use std::sync::OnceLock;
use std::time::Instant;

#[cfg(feature = "tracing-std")]
use tracing::dispatcher::DefaultGuard;
use tracing::dispatcher::{Dispatch, SetGlobalDefaultError};
use tracing::level_filters::LevelFilter;

use super::config::{AddEvent, Config};
use super::dispatch::{before_end, is_connected};
use super::events::add_to_span;
use super::fields::{Fields, Packed};
#[cfg(feature = "layer")]
use super::layer::Layer;
use super::subscriber::Subscriber;
use super::timings::{Timings, Tracking};
use crate::local::Once;
use crate::scope::Scope;
use crate::warning;

/// The destination of `tracing` events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Events {
    /// Log records that belong to their span. Events that the host does not accept are skipped.
    #[default]
    Logs,
    /// Events of their span, as in tracing-opentelemetry. Events outside of any span, or in an
    /// unrecorded one, are dropped.
    SpanEvents,
    /// Both.
    Both,
}

/// Builds a [`Subscriber`], or with the feature `layer` a layer.
/// [`wasmscope::subscriber()`](crate::subscriber()) creates it.
///
/// The [module's documentation](super#defaults) has a table of the defaults.
#[derive(Clone)]
#[must_use = "call `init`, `set_default` or `build`"]
pub struct Builder {
    config: Config,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config {
                scope: None,
                max_level: LevelFilter::TRACE,
                logs: true,
                location: true,
                target: true,
                level: false,
                activation: true,
                deferred_start: false,
                error_fields_to_exceptions: true,
                error_records_to_exceptions: true,
                error_events_to_exceptions: true,
                error_events_to_status: true,
                cached_thresholds: cfg!(target_arch = "wasm32"),
                tracking: None,
                threads: None,
                span_events: None,
                before_end,
            },
        }
    }
}

macro_rules! switches {
    ($($(#[$doc:meta])* $method:ident($field:ident);)*) => {$(
        $(#[$doc])*
        pub fn $method(mut self, $field: bool) -> Self {
            self.config.$field = $field;
            self
        }
    )*};
}

impl Builder {
    /// Sets the scope of all spans, for example [`scope!()`](crate::scope!), which also has a
    /// version. By default, the scope has the name of the crate that creates the span.
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.config.scope = Some(scope);
        self
    }

    /// Sets the most verbose level of spans and events. More verbose ones cost a comparison at the
    /// callsite. The default is [`LevelFilter::TRACE`].
    pub fn with_max_level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.config.max_level = level.into();
        self
    }

    /// Sets the destination of events. The default is [`Events::Logs`].
    pub fn with_events(mut self, events: Events) -> Self {
        self.config.logs = events != Events::SpanEvents;
        self.config.span_events = (events != Events::Logs).then_some(add_to_span as AddEvent);
        self
    }

    switches! {
        /// Sets whether spans, span events and logs have their source location (`code.file.path`,
        /// `code.line.number`, `code.module.name`). On by default.
        with_location(location);
        /// Sets whether spans have the attribute `target`. On by default. Span events always have
        /// it. A log has its target as the scope.
        with_target(target);
        /// Sets whether spans have the attribute `level`. Off by default. Span events always have
        /// it. A log has its level as the severity.
        with_level(level);
        /// Sets whether entering a span makes it the host's ambient span. Other components of a
        /// composition, and this crate's other APIs, use it as their default parent. On by default.
        /// If this is off, entering and exiting make no call. Turn it off for a component that
        /// calls no others, uses only `tracing`, and enters spans often, as futures do.
        with_context_activation(activation);
        /// Sets whether a span begins when it is first used, instead of at its creation.
        ///
        /// By default this is off: a span lasts from its creation until it is closed, as with
        /// tracing-opentelemetry. Its parent is the span that was current at its creation. This
        /// costs a call to the host to read its clock, and another one if this component has
        /// entered no span.
        ///
        /// If this is on, a span begins when it is first used: when it is entered, when a child, an
        /// event or a link refers to it, or when its context is requested. A span that is never
        /// used begins when it is closed. Its parent is the span that was current at its creation,
        /// unless another component has changed the ambient span since. Turn it on for components
        /// that create very many spans and enter them at once.
        ///
        /// In both cases the host learns of a span when it is first used, so that
        /// [`set_parent`](super::SpanExt::set_parent) works before. A span within an unrecorded one
        /// always begins when it is first used.
        with_deferred_start(deferred_start);
        /// Sets whether an [`Error`](std::error::Error) among the values of a span or an event adds
        /// `exception.message` and `exception.stacktrace` (its sources) to it. On by default.
        with_error_fields_to_exceptions(error_fields_to_exceptions);
        /// Sets whether an [`Error`](std::error::Error) among the values of an event adds
        /// `exception.message` and `exception.stacktrace` to the event's span. On by default.
        with_error_records_to_exceptions(error_records_to_exceptions);
        /// Sets whether an event with a field `error` and no message, as from `#[instrument(err)]`,
        /// is named `exception` and has the field as `exception.message`. On by default.
        with_error_events_to_exceptions(error_events_to_exceptions);
        /// Sets whether such an event's error becomes the description of its span's error status.
        /// On by default.
        with_error_events_to_status(error_events_to_status);
    }

    /// Sets whether spans have the times during which they were entered and not entered (`busy_ns`,
    /// `idle_ns`), by the guest's clock. Off by default. It has no effect on
    /// `wasm32-unknown-unknown`, which has no clock.
    pub fn with_tracked_inactivity(mut self, tracked: bool) -> Self {
        let has_clock = cfg!(not(all(target_arch = "wasm32", target_os = "unknown")));
        self.config.tracking = (tracked && has_clock).then_some(Tracking {
            clock: nanoseconds,
            step: Timings::step,
            report: Timings::report,
        });
        self
    }

    /// Sets whether spans have `thread.id` and `thread.name`. Off by default, because a component
    /// instance has one thread.
    pub fn with_threads(mut self, threads: bool) -> Self {
        self.config.threads = threads.then_some(push_thread);
        self
    }

    /// Sets whether callsites cache the host's log thresholds, as they do in a component. Only for
    /// tests in programs with one thread.
    #[doc(hidden)]
    pub fn with_cached_thresholds(mut self, cached: bool) -> Self {
        self.config.cached_thresholds = cached;
        self
    }

    /// Builds the subscriber.
    #[must_use]
    pub fn build(self) -> Subscriber {
        Subscriber::new(self.config)
    }

    /// Builds the layer, for a registry of tracing-subscriber (feature `layer`).
    #[cfg(feature = "layer")]
    #[must_use]
    pub fn build_layer(self) -> Layer {
        Layer::new(self.config)
    }

    /// Sets the subscriber as the program's, unless it already has one.
    pub fn init(self) {
        // An existing subscriber was set on purpose.
        drop(self.try_init());
    }

    /// Sets the subscriber as the program's.
    ///
    /// # Errors
    ///
    /// Returns an error if the program already has one.
    pub fn try_init(self) -> Result<(), SetGlobalDefaultError> {
        tracing::dispatcher::set_global_default(Dispatch::new(self.build()))
    }

    /// Sets the subscriber as the current thread's until the guard is dropped. For tests (feature
    /// `tracing-std`).
    #[cfg(feature = "tracing-std")]
    #[must_use = "the subscriber is removed when this is dropped"]
    pub fn set_default(self) -> DefaultGuard {
        tracing::dispatcher::set_default(&Dispatch::new(self.build()))
    }
}

/// Sets a subscriber with the defaults as the program's, unless it has one. Warns if its subscriber
/// does not pass events to the host.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if Builder::default().try_init().is_err() && !is_connected() {
            warning::warn(
                "another `tracing` subscriber was set before `wasmscope::init`, so spans and events of `tracing` do not reach the host: \
                 call `wasmscope::init` first, or compose the two as the module `wasmscope::subscriber` describes",
            );
        }
    });
}

fn nanoseconds() -> i64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX)
}

fn push_thread(fields: &mut Fields) {
    let thread = std::thread::current();
    // The number is only in the `Debug` output: `ThreadId(1)`.
    let id = format!("{:?}", thread.id());
    if let Ok(id) = id.trim_matches(|c: char| !c.is_ascii_digit()).parse() {
        fields.push("thread.id", Packed::Int(id));
    }
    if let Some(name) = thread.name() {
        let name = fields.copy(name);
        fields.push_text("thread.name", name);
    }
}
