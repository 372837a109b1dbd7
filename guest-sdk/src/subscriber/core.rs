//! The common part of the subscriber and the layer: spans, by ids of the core.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata};

use super::config::Config;
use super::entered::{self, WaitingFilter};
use super::fields::{Fields, Packed};
use super::spans::{self, OwnedLink, Parent, Span, Spans, Started, State, Waiting};
use super::timings::Timings;
use super::tracers::Tracers;
use super::visitor::{Owner, Special, visit};
use crate::backend::tracer;
use crate::trace::{active, pending};
use crate::types::{Severity, SpanChanges, SpanHandle};
use crate::{notice, targets};

/// Passes spans and events to the host.
pub(super) struct Core {
    pub(super) config: Config,
    /// Distinguishes the spans of this core from those of others.
    number: usize,
    /// Never locked while the program's code runs, such as `Debug` implementations and callbacks.
    shared: Mutex<Shared>,
}

pub(super) struct Shared {
    pub(super) spans: Spans,
    tracers: Tracers,
}

/// The parent that a span or an event names.
pub(super) enum ParentChoice {
    /// A span, by its id in the [`Core`].
    Span(Id),
    /// The current span.
    Context,
    /// None.
    Root,
}

impl ParentChoice {
    pub(super) fn new(parent: Option<Id>, is_contextual: bool) -> Self {
        match parent {
            Some(parent) => Self::Span(parent),
            None if is_contextual => Self::Context,
            None => Self::Root,
        }
    }
}

impl Core {
    pub(super) fn new(config: Config) -> Self {
        static CORES: AtomicUsize = AtomicUsize::new(0);
        Self {
            number: CORES.fetch_add(1, Ordering::Relaxed),
            shared: Mutex::new(Shared {
                spans: Spans::default(),
                tracers: Tracers::new(config.scope),
            }),
            config,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a span's handle, and starts the span if it has not been started.
    pub(super) fn start(&self, id: &Id) -> Option<SpanHandle> {
        self.lock().start(id)
    }

    /// Returns the span that was last entered through this core.
    pub(super) fn current(&self) -> Option<Id> {
        entered::current(self.number)
    }

    /// Returns the metadata of a span.
    pub(super) fn metadata(&self, id: &Id) -> Option<&'static Metadata<'static>> {
        self.lock().spans.get(id).map(|span| span.metadata)
    }

    /// Returns true if an event changes its span's status. It does so below the log threshold, too.
    pub(super) fn marks_span(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
            || self.config.error_events_to_status
                && metadata.fields().field("error").is_some()
                && metadata.fields().field("message").is_none()
    }

    /// Returns whether a callsite is enabled, or `None` if that depends on a log threshold.
    pub(super) fn is_enabled(&self, metadata: &Metadata<'_>) -> Option<bool> {
        if self.config.max_level < *metadata.level() {
            return Some(false);
        }
        let always =
            metadata.is_span() || self.config.span_events.is_some() || self.marks_span(metadata);
        always.then_some(true)
    }

    /// Creates a span. The host learns of it when it is first used.
    pub(super) fn new_span(&self, attributes: &Attributes<'_>, parent_choice: &ParentChoice) -> Id {
        let metadata = attributes.metadata();
        let mut fields = Fields::default();
        self.push_metadata(&mut fields, metadata);
        let special = visit(Owner::Span, &self.config, &mut fields, |visitor| {
            attributes.record(visitor);
        });
        let mut parent = self.parent(parent_choice);
        let made = self.time_of_creation(&mut parent);
        let waiting = Waiting {
            parent,
            kind: special.kind.unwrap_or_default(),
            name: special.name,
            status: special.status,
            fields,
            links: Vec::new(),
            made,
        };
        let tracking = self.config.tracking;
        let timings = tracking.map(|tracking| Timings::new((tracking.clock)()));
        let parent = match waiting.parent {
            Parent::Span(handle) | Parent::Pinned(handle) => Some(handle),
            Parent::Ambient | Parent::None | Parent::Remote(_) => None,
        };
        let id = self
            .lock()
            .spans
            .insert(Span::new(metadata, waiting, timings));
        entered::add_waiting(self.number, &id, parent);
        pending::before_end(self.config.before_end);
        id
    }

    /// Pushes the attributes of a span that are not fields.
    fn push_metadata(&self, fields: &mut Fields, metadata: &Metadata<'static>) {
        if self.config.location {
            push_location(fields, metadata);
        }
        if let Some(push_thread) = self.config.threads {
            push_thread(fields);
        }
        if self.config.level {
            fields.push_text("level", metadata.level().as_str());
        }
        if self.config.target {
            fields.push_text("target", metadata.target());
        }
    }

    /// Returns the parent that a span or an event names.
    pub(super) fn parent(&self, parent_choice: &ParentChoice) -> Parent {
        match parent_choice {
            ParentChoice::Span(id) => self.start(id).map_or(Parent::None, Parent::Span),
            ParentChoice::Context => active::current().map_or(Parent::Ambient, Parent::Span),
            ParentChoice::Root => Parent::None,
        }
    }

    /// Returns the start time of a new span, and fixes its parent.
    ///
    /// A span within an unrecorded one is most likely unrecorded, too, so its start time is not
    /// worth a call.
    fn time_of_creation(&self, parent: &mut Parent) -> Option<u64> {
        if self.config.deferred_start
            || matches!(parent, Parent::Span(handle) if !handle.is_recorded())
        {
            return None;
        }
        if *parent == Parent::Ambient {
            *parent = tracer::ambient().map_or(Parent::None, Parent::Pinned);
        }
        spans::now()
    }

    /// Adds values to a span.
    pub(super) fn record(&self, id: &Id, values: &Record<'_>) {
        match self.lock().spans.get(id).map(|span| &span.state) {
            Some(State::Waiting(_)) => {}
            Some(State::Started(handle)) if handle.is_recorded() => {}
            Some(State::Started(_)) | None => return,
        }
        let mut fields = Fields::default();
        let special = visit(Owner::Span, &self.config, &mut fields, |visitor| {
            values.record(visitor);
        });
        self.apply(id, special, fields);
    }

    fn apply(&self, id: &Id, special: Special, fields: Fields) {
        let mut shared = self.lock();
        let Some(span) = shared.spans.get(id) else {
            return;
        };
        if let Some(status) = &special.status {
            span.set_status(status, &fields);
        }
        match &mut span.state {
            State::Waiting(waiting) => waiting.apply(&special, fields),
            State::Started(handle) => {
                if let Some(name) = &special.name {
                    let changes = SpanChanges::new().with_name(fields.str(name));
                    notice::take(tracer::update(*handle, changes));
                }
                fields.lend(|attributes| {
                    for attribute in attributes {
                        pending::set_attribute(*handle, attribute);
                    }
                });
            }
        }
    }

    /// Links a span to another one.
    pub(super) fn follows_from(&self, id: &Id, follows: &Id) {
        let mut shared = self.lock();
        if let Some(handle) = shared.start(follows)
            && let Some(span) = shared.spans.get(id)
        {
            span.add_link(OwnedLink {
                target: Parent::Span(handle),
                attributes: Fields::default(),
            });
        }
    }

    pub(super) fn enter(&self, id: &Id) {
        self.time(id, true);
        let mut shared = self.lock();
        let Shared { spans, tracers } = &mut *shared;
        // Within an unrecorded span, the host need not learn of other unrecorded ones.
        let in_unrecorded = active::current().is_some_and(|handle| !handle.is_recorded());
        let activation = self.config.activation;
        entered::remove_waiting(self.number, id);
        if activation && self.config.deferred_start {
            // Their parent is the span that has been ambient until now.
            for waiting in entered::take_waiting(self.number, WaitingFilter::WithoutParent) {
                if waiting != *id {
                    spans.start_waiting(&waiting, tracers);
                }
            }
        }
        let Some(span) = spans.get(id) else {
            return;
        };
        let Started { handle, activated } = span.start(tracers, &|parent| {
            let unrecorded = matches!(parent, Parent::Span(handle) if !handle.is_recorded());
            activation && !(unrecorded && in_unrecorded)
        });
        drop(shared);
        let activate = activation && (handle.is_recorded() || !in_unrecorded);
        if activate && !activated {
            active::enter(handle);
        } else {
            active::push(handle);
        }
        entered::push(self.number, id, activate || activated);
    }

    /// Exits a span. Returns false if it was not entered.
    pub(super) fn exit(&self, id: &Id) -> bool {
        let Some(activated) = entered::pop(self.number, id) else {
            return false;
        };
        self.time(id, false);
        if let Some(handle) = self.start(id) {
            leave(handle, activated);
        }
        true
    }

    /// Drops a reference to a span. Ends the span and returns true if it was the last one.
    pub(super) fn close(&self, id: &Id) -> bool {
        let mut shared = self.lock();
        let Some(mut span) = shared.spans.release(id) else {
            return false;
        };
        entered::remove_waiting(self.number, id);
        let handle = span.start(&mut shared.tracers, &|_| false).handle;
        drop(shared);
        // It is entered and has no more references. The host exits it at its end.
        while let Some(activated) = entered::pop(self.number, id) {
            leave(handle, activated && !handle.is_recorded());
        }
        if let Some(tracking) = self.config.tracking
            && let Some(timings) = span.timings
        {
            (tracking.report)(&timings, handle);
        }
        self.start_waiting(WaitingFilter::ChildrenOf(handle));
        // Not while the lock is held, because observable callbacks may run.
        drop(crate::trace::Span::from_handle(handle));
        true
    }

    /// Counts an entry or an exit in the timings of a span.
    fn time(&self, id: &Id, entered: bool) {
        let Some(tracking) = self.config.tracking else {
            return;
        };
        let now = (tracking.clock)();
        if let Some(timings) = self
            .lock()
            .spans
            .get(id)
            .and_then(|span| span.timings.as_mut())
        {
            (tracking.step)(timings, now, entered);
        }
    }

    /// Starts the waiting children of a span that another API ends, because the host forgets its
    /// handle. `None` means that the program panics: then all waiting spans are started, because
    /// the host ends only spans that it knows.
    pub(super) fn before_end(&self, ending: Option<SpanHandle>) {
        match ending {
            Some(ending) if entered::is_waited_for(ending) => {
                self.start_waiting(WaitingFilter::ChildrenOf(ending));
            }
            Some(_) => {}
            // A panic may occur while the lock is held.
            None if self.shared.try_lock().is_err() => {}
            None => self.start_waiting(WaitingFilter::All),
        }
    }

    fn start_waiting(&self, wanted: WaitingFilter) {
        let waiting = entered::take_waiting(self.number, wanted);
        if !waiting.is_empty() {
            let mut shared = self.lock();
            for id in waiting {
                shared.start(&id);
            }
        }
    }
}

impl Shared {
    fn start(&mut self, id: &Id) -> Option<SpanHandle> {
        self.spans.start(id, &mut self.tracers)
    }
}

/// Exits a span, also on the host if it was entered there.
fn leave(handle: SpanHandle, activated: bool) {
    if activated {
        active::exit(handle);
    } else {
        active::pop(handle);
    }
}

pub(super) fn push_location(fields: &mut Fields, metadata: &Metadata<'static>) {
    if let Some(file) = metadata.file() {
        fields.push_text("code.file.path", file);
    }
    if let Some(module) = metadata.module_path() {
        fields.push_text("code.module.name", module);
    }
    if let Some(line) = metadata.line() {
        fields.push("code.line.number", Packed::Int(line.into()));
    }
}

pub(super) fn severity(level: &Level) -> Severity {
    match *level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}

/// Returns true if the host accepts logs of a target at a severity, or if that is unknown.
pub(super) fn may_log(metadata: &Metadata<'_>) -> bool {
    targets::known_logger(metadata.target())
        .is_none_or(|logger| logger.accepts(Some(severity(metadata.level()))))
}
