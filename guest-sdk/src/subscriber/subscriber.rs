//! The subscriber: what `tracing` calls.

use core::fmt;
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata};
use tracing_core::span::Current;

use super::builder::Config;
use super::fields::{Fields, Packed};
use super::scopes::Scopes;
use super::spans::{self, OwnedLink, Parent, Span, Spans, Started, State, Timings, Waiting};
use super::stack::{self, Wanted};
use super::visitor::{Of, Special, visit};
use crate::backend::{NOT_RECORDED, tracer};
use crate::trace::{active, pending};
use crate::{Severity, SpanChanges, notice};

/// Passes spans and events to the host; made by [`Builder`](super::Builder).
pub struct Subscriber {
    pub(super) config: Config,
    /// Tells the spans of this subscriber from those of others.
    number: usize,
    /// Never held while the author's code runs: neither `Debug` implementations nor callbacks.
    shared: Mutex<Shared>,
    /// The generation of log thresholds that the callsites' interest was asked for with.
    generation: AtomicU32,
}

pub(super) struct Shared {
    pub(super) spans: Spans,
    pub(super) scopes: Scopes,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").finish_non_exhaustive()
    }
}

impl Subscriber {
    pub(super) fn new(config: Config) -> Self {
        static SUBSCRIBERS: AtomicUsize = AtomicUsize::new(0);
        Self {
            number: SUBSCRIBERS.fetch_add(1, Ordering::Relaxed),
            shared: Mutex::new(Shared {
                spans: Spans::default(),
                scopes: Scopes::new(config.scope),
            }),
            generation: AtomicU32::new(notice::generation()),
            config,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a span's handle, starting it where it has not been.
    pub(super) fn start(&self, id: &Id) -> Option<u64> {
        self.lock().start(id)
    }

    pub(super) fn current(&self) -> Option<Id> {
        stack::current(self.number)
    }

    /// Returns true if an event changes its span's status, which it does below the log threshold
    /// too.
    pub(super) fn marks_span(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
            || self.config.error_events_to_status
                && metadata.fields().field("error").is_some()
                && metadata.fields().field("message").is_none()
    }

    /// Returns whether a callsite is enabled; `None` if that depends on a log threshold.
    fn wants(&self, metadata: &Metadata<'_>) -> Option<bool> {
        if self.config.max_level < *metadata.level() {
            return Some(false);
        }
        let always =
            metadata.is_span() || self.config.span_events.is_some() || self.marks_span(metadata);
        always.then_some(true)
    }

    /// Has the callsites ask again if the host's log thresholds have changed.
    fn refresh(&self) {
        let generation = notice::generation();
        if self.config.cached_thresholds
            && self.generation.load(Ordering::Relaxed) != generation
            && self.is_default()
        {
            self.generation.store(generation, Ordering::Relaxed);
            tracing_core::callsite::rebuild_interest_cache();
        }
    }

    /// Whether callsites that are asked to would find this subscriber. Within a call by way of a thread's own default they
    /// find none, and would be disabled for good: the next call does it.
    fn is_default(&self) -> bool {
        tracing::dispatcher::get_default(|dispatch| {
            dispatch
                .downcast_ref::<Self>()
                .is_some_and(|default| core::ptr::eq(default, self))
        })
    }

    /// Pushes the attributes of a span that do not come from its fields.
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

    fn parent(&self, attributes: &Attributes<'_>) -> Parent {
        if let Some(id) = attributes.parent() {
            return self.start(id).map_or(Parent::None, Parent::Span);
        }
        contextual(attributes.is_contextual())
    }

    /// Returns when a span begins that is made now, and fixes its parent.
    ///
    /// Beneath a span that is not recorded it most likely is not either, so its beginning is worth
    /// no call.
    fn made(&self, parent: &mut Parent) -> Option<u64> {
        if self.config.deferred_start
            || matches!(parent, Parent::Span(handle) if !is_recorded(*handle))
        {
            return None;
        }
        if *parent == Parent::Ambient {
            *parent = match tracer::ambient() {
                0 => Parent::None,
                handle => Parent::Pinned(handle),
            };
        }
        spans::now()
    }

    /// Starts spans that wait.
    fn start_waiting(&self, wanted: Wanted) {
        let waiting = stack::take_waiting(self.number, wanted);
        if !waiting.is_empty() {
            let mut shared = self.lock();
            for id in waiting {
                shared.start(&id);
            }
        }
    }

    /// Returns true if a panic comes from within this subscriber's own code.
    fn is_locked(&self) -> bool {
        self.shared.try_lock().is_err()
    }

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

    /// Says what has been recorded about a span after it was made.
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
                    notice::take(tracer::update(
                        *handle,
                        SpanChanges {
                            name: Some(fields.str(name)),
                            ..SpanChanges::default()
                        },
                    ));
                }
                fields.lend(|attributes| {
                    for attribute in attributes {
                        pending::set_attribute(*handle, attribute);
                    }
                });
            }
        }
    }
}

impl Shared {
    pub(super) fn start(&mut self, id: &Id) -> Option<u64> {
        self.spans.start(id, &mut self.scopes)
    }
}

/// Gives the span that surrounds the running code, whichever door it came by.
pub(super) fn contextual(is_contextual: bool) -> Parent {
    match is_contextual.then(active::current) {
        Some(Some(handle)) => Parent::Span(handle),
        Some(None) => Parent::Ambient,
        None => Parent::None,
    }
}

/// Starts the waiting children of a span that ends by another door: the host knows its handle for a
/// while only. Without a span the program panics, and all are started: the host ends only spans
/// that it knows.
fn before_end(ending: Option<u64>) {
    let wanted = match ending {
        Some(ending) if stack::is_waited_for(ending) => Wanted::ChildrenOf(ending),
        Some(_) => return,
        None => Wanted::All,
    };
    tracing::dispatcher::get_default(|dispatch| {
        if let Some(subscriber) = dispatch.downcast_ref::<Subscriber>()
            && !(wanted == Wanted::All && subscriber.is_locked())
        {
            subscriber.start_waiting(wanted);
        }
    });
}

fn leave(handle: u64, activated: bool) {
    if activated {
        active::exit(handle);
    } else {
        active::pop(handle);
    }
}

pub(super) const fn is_recorded(handle: u64) -> bool {
    handle & NOT_RECORDED == 0
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

impl tracing::Subscriber for Subscriber {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let wanted = match self.wants(metadata) {
            Some(wanted) => wanted,
            None if self.config.cached_thresholds => self
                .lock()
                .scopes
                .listening(metadata.target(), severity(metadata.level()))
                .is_some(),
            None => return Interest::sometimes(),
        };
        if wanted {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        #[cfg(feature = "log")]
        crate::log::asked(metadata.target());
        self.wants(metadata).unwrap_or_else(|| {
            self.lock()
                .scopes
                .is_listened_to(metadata.target(), severity(metadata.level()))
        })
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.config.max_level)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let metadata = attributes.metadata();
        let mut fields = Fields::default();
        self.push_metadata(&mut fields, metadata);
        let special = visit(Of::Span, &self.config, &mut fields, |visitor| {
            attributes.record(visitor);
        });
        let mut parent = self.parent(attributes);
        let made = self.made(&mut parent);
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
        stack::add_waiting(self.number, &id, parent);
        pending::before_end(before_end);
        id
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        match self.lock().spans.get(id).map(|span| &span.state) {
            Some(State::Waiting(_)) => {}
            Some(State::Started(handle)) if is_recorded(*handle) => {}
            Some(State::Started(_)) | None => return,
        }
        let mut fields = Fields::default();
        let special = visit(Of::Span, &self.config, &mut fields, |visitor| {
            values.record(visitor);
        });
        self.apply(id, special, fields);
    }

    fn record_follows_from(&self, id: &Id, follows: &Id) {
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

    fn event(&self, event: &Event<'_>) {
        // The notes of the API are none of the program's.
        #[cfg(feature = "opentelemetry")]
        if crate::opentelemetry::is_setting_up() {
            return;
        }
        // An author's `Debug` may log, and log itself: that ends somewhere.
        if let Some(_depth) = Depth::enter() {
            self.pass_event(event);
            self.refresh();
        }
    }

    fn enter(&self, id: &Id) {
        self.time(id, true);
        let mut shared = self.lock();
        let Shared { spans, scopes } = &mut *shared;
        // Beneath a span that is not recorded, one more that is not would tell nobody anything.
        let in_unrecorded = active::current().is_some_and(|handle| !is_recorded(handle));
        let activation = self.config.activation;
        stack::remove_waiting(self.number, id);
        if activation && self.config.deferred_start {
            // Their parent is what the ambient span has been until now.
            for waiting in stack::take_waiting(self.number, Wanted::WithoutParent) {
                if waiting != *id {
                    spans.start_waiting(&waiting, scopes);
                }
            }
        }
        let Some(span) = spans.get(id) else {
            return;
        };
        let Started { handle, activated } = span.start(scopes, &|parent| {
            let unrecorded = matches!(parent, Parent::Span(handle) if !is_recorded(*handle));
            activation && !(unrecorded && in_unrecorded)
        });
        drop(shared);
        let activate = activation && (is_recorded(handle) || !in_unrecorded);
        if activate && !activated {
            active::enter(handle);
        } else {
            active::push(handle);
        }
        stack::push(self.number, id, activate || activated);
        self.refresh();
    }

    fn exit(&self, id: &Id) {
        let Some(activated) = stack::pop(self.number, id) else {
            return;
        };
        self.time(id, false);
        if let Some(handle) = self.start(id) {
            leave(handle, activated);
        }
        self.refresh();
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.lock().spans.add_reference(id);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut shared = self.lock();
        let Some(mut span) = shared.spans.release(&id) else {
            return false;
        };
        stack::remove_waiting(self.number, &id);
        let handle = span.start(&mut shared.scopes, &|_| false).handle;
        drop(shared);
        // Entered, and closed by who held no reference: the host leaves it with its end.
        while let Some(activated) = stack::pop(self.number, &id) {
            leave(handle, activated && !is_recorded(handle));
        }
        if let Some(tracking) = self.config.tracking
            && let Some(timings) = span.timings
        {
            (tracking.report)(&timings, handle);
        }
        self.start_waiting(Wanted::ChildrenOf(handle));
        // Outside of the lock, for observable callbacks may run now.
        drop(crate::Span::from_handle(handle));
        self.refresh();
        true
    }

    fn current_span(&self) -> Current {
        let Some(id) = self.current() else {
            return Current::none();
        };
        match self.lock().spans.get(&id).map(|span| span.metadata) {
            Some(metadata) => Current::new(id, metadata),
            None => Current::none(),
        }
    }
}

/// How deep events may be emitted from within events.
const MAX_DEPTH: u8 = 4;

thread_local! {
    static DEPTH: Cell<u8> = const { Cell::new(0) };
}

struct Depth;

impl Depth {
    fn enter() -> Option<Self> {
        (DEPTH.get() < MAX_DEPTH).then(|| {
            DEPTH.set(DEPTH.get() + 1);
            Self
        })
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}
