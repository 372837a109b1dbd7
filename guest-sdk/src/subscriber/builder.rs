//! How the subscriber is set up.

use core::fmt;
use std::sync::OnceLock;
use std::time::Instant;

#[cfg(feature = "tracing-std")]
use tracing::dispatcher::DefaultGuard;
use tracing::dispatcher::{Dispatch, SetGlobalDefaultError};
use tracing::level_filters::LevelFilter;

use super::Subscriber;
use super::events::{AddEvent, Visited};
use super::fields::{Fields, Packed};
use super::spans::{Timings, Tracking};
use crate::Scope;

/// Says what becomes of `tracing` events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Events {
    /// Log records, correlated with the span that they happen in. What nobody listens to is not made.
    #[default]
    Logs,
    /// Events of the span that they happen in, as in tracing-opentelemetry. Those outside of any span, or in one that is not
    /// recorded, are dropped.
    SpanEvents,
    /// Both.
    Both,
}

/// Holds what the builder has been told.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) scope: Option<Scope>,
    pub(super) max_level: LevelFilter,
    /// Whether events become logs.
    pub(super) logs: bool,
    pub(super) location: bool,
    pub(super) target: bool,
    pub(super) level: bool,
    pub(super) activation: bool,
    pub(super) deferred_start: bool,
    pub(super) error_fields_to_exceptions: bool,
    pub(super) error_records_to_exceptions: bool,
    pub(super) error_events_to_exceptions: bool,
    pub(super) error_events_to_status: bool,
    /// Whether callsites keep what the host's log thresholds make of them. Natively they ask each time (which costs no call): there,
    /// each thread may have a recorder of its own, with thresholds of its own.
    pub(super) cached_thresholds: bool,
    // Pointers, so that who does not ask for these links none of it: neither a clock nor the thread's name.
    pub(super) tracking: Option<Tracking>,
    pub(super) threads: Option<fn(&mut Fields)>,
    /// Adds an event to a span, if events become events of spans.
    pub(super) span_events: Option<AddEvent>,
}

/// Sets up a [`Subscriber`]; made by [`wasmscope::subscriber()`](crate::subscriber()).
///
/// The defaults are in the table of the [module's documentation](super#defaults).
#[derive(Clone)]
#[must_use = "nothing is subscribed to before `init`, `set_default` or `build` is called"]
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
    /// Sets the scope that all spans carry, such as [`scope!()`](crate::scope!), which has a version too. Without it, each
    /// carries the name of the crate that it is made in.
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.config.scope = Some(scope);
        self
    }

    /// Sets the finest level of spans and events that is taken notice of; anything finer costs a comparison at the
    /// callsite. Without it, [`LevelFilter::TRACE`]: everything, in so far as the host listens.
    pub fn with_max_level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.config.max_level = level.into();
        self
    }

    /// Sets what becomes of events; without it, [`Events::Logs`].
    pub fn events_as(mut self, events: Events) -> Self {
        self.config.logs = events != Events::SpanEvents;
        self.config.span_events = (events != Events::Logs).then_some(Visited::add_to as AddEvent);
        self
    }

    switches! {
        /// Sets whether spans, span events and logs say where in the source they are made (`code.file.path`,
        /// `code.line.number`, `code.module.name`). On by default.
        with_location(location);
        /// Sets whether spans carry the attribute `target`. On by default. Span events always do; a log's target is its scope.
        with_target(target);
        /// Sets whether spans carry the attribute `level`. Off by default. Span events always do; a log's level is its severity.
        with_level(level);
        /// Sets whether entering a span makes it the host's ambient span, which is what the other components of a composition
        /// see, and this crate's other doors where they are told no parent. On by default. Off, entering and leaving costs no
        /// call: for a component that calls no other, uses no other door, and enters spans often, as those of futures are.
        with_context_activation(activation);
        /// Sets when a span begins.
        ///
        /// By default this is off: a span lasts from when it is made until it is closed, as with
        /// tracing-opentelemetry. Its parent is the span that was current when it was made. That
        /// costs a call to the host, for the time by the host's clock, and another one if this
        /// component has entered no span.
        ///
        /// If this is on, a span begins when it is first used: when it is entered, when a child, an
        /// event or a link refers to it, or when it is asked for its context. A span that is never
        /// used begins when it is closed. Its parent is the span that was current when it was made,
        /// unless another component has changed the ambient span since. Turn it on for components
        /// that make very many spans and enter them at once.
        ///
        /// Either way the host learns of a span when it is first used, which leaves time for
        /// [`set_parent`](super::SpanExt::set_parent). A span beneath one that is not recorded
        /// always begins when it is first used.
        with_deferred_start(deferred_start);
        /// Sets whether an [`Error`](std::error::Error) among the values of a span or an event adds `exception.message` and
        /// `exception.stacktrace` (its sources) to it. On by default.
        with_error_fields_to_exceptions(error_fields_to_exceptions);
        /// Sets whether an [`Error`](std::error::Error) among the values of an event adds `exception.message` and
        /// `exception.stacktrace` to the event's span. On by default.
        with_error_records_to_exceptions(error_records_to_exceptions);
        /// Sets whether an event with a field `error` and no message, such as `#[instrument(err)]` makes, is named `exception`, with
        /// the field as `exception.message`. On by default.
        with_error_events_to_exceptions(error_events_to_exceptions);
        /// Sets whether such an event's error becomes the description of its span's error status. On by default.
        with_error_events_to_status(error_events_to_status);
    }

    /// Sets whether spans say how long they were entered and not entered (`busy_ns`, `idle_ns`), by the guest's
    /// clock. Off by default. Without effect on `wasm32-unknown-unknown`, which has no clock.
    pub fn with_tracked_inactivity(mut self, tracked: bool) -> Self {
        let has_clock = cfg!(not(all(target_arch = "wasm32", target_os = "unknown")));
        self.config.tracking = (tracked && has_clock).then_some(Tracking {
            clock: nanoseconds,
            step: Timings::step,
            report: Timings::report,
        });
        self
    }

    /// Sets whether spans carry `thread.id` and `thread.name`. Off by default: a component instance has one thread.
    pub fn with_threads(mut self, threads: bool) -> Self {
        self.config.threads = threads.then_some(push_thread);
        self
    }

    /// Sets whether callsites keep what the host's log thresholds make of them, as they do in a component. For tests of
    /// that, in programs with one thread.
    #[doc(hidden)]
    pub fn with_cached_thresholds(mut self, cached: bool) -> Self {
        self.config.cached_thresholds = cached;
        self
    }

    /// Makes the subscriber.
    #[must_use]
    pub fn build(self) -> Subscriber {
        Subscriber::new(self.config)
    }

    /// Makes the subscriber the program's, unless it has one already.
    pub fn init(self) {
        // One that was there first has been put there on purpose.
        drop(self.try_init());
    }

    /// Makes the subscriber the program's.
    ///
    /// # Errors
    ///
    /// Where the program has one already.
    pub fn try_init(self) -> Result<(), SetGlobalDefaultError> {
        tracing::dispatcher::set_global_default(Dispatch::new(self.build()))
    }

    /// Makes the subscriber the current thread's, until the guard is dropped: for tests (feature `tracing-std`).
    #[cfg(feature = "tracing-std")]
    #[must_use = "the subscriber is removed when this is dropped"]
    pub fn set_default(self) -> DefaultGuard {
        tracing::dispatcher::set_default(&Dispatch::new(self.build()))
    }
}

fn nanoseconds() -> i64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX)
}

fn push_thread(fields: &mut Fields) {
    let thread = std::thread::current();
    // `ThreadId` shows its number in no other way: `ThreadId(1)`.
    let id = format!("{:?}", thread.id());
    if let Ok(id) = id.trim_matches(|c: char| !c.is_ascii_digit()).parse() {
        fields.push("thread.id", Packed::Int(id));
    }
    if let Some(name) = thread.name() {
        let name = fields.copy(name);
        fields.push_text("thread.name", name);
    }
}
