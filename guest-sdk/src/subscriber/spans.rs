//! The spans that exist: who refers to them, and what of them has not been passed on.

use tracing::Metadata;
use tracing::span::Id;

use super::fields::{Fields, Text};
use super::scopes::Scopes;
use super::visitor::{SetStatus, Special};
use crate::backend::{NOT_RECORDED, tracer};
use crate::trace::{pending, start};
use crate::{
    KeyValue, Link, LinkTarget, SpanChanges, SpanContext, SpanKind, SpanReference, Status, notice,
};

/// Holds spans in slots that are used again. An id names a slot and its generation, so that the id of a span that has
/// been closed means nothing.
#[derive(Debug, Default)]
pub(super) struct Spans {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    references: usize,
    span: Option<Span>,
}

/// Is a span.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) metadata: &'static Metadata<'static>,
    pub(super) state: State,
    status: StatusRank,
    pub(super) timings: Option<Timings>,
}

#[derive(Debug)]
pub(super) enum State {
    /// Boxed, for most of the time a span has been started.
    Waiting(Box<Waiting>),
    /// The handle that the host gave.
    Started(u64),
}

/// Is what a span that has not been started will start with.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) parent: Parent,
    pub(super) kind: SpanKind,
    pub(super) name: Option<Text>,
    pub(super) status: Option<SetStatus>,
    pub(super) fields: Fields,
    pub(super) links: Vec<OwnedLink>,
    /// When it was made, by the host's clock. Absent, it starts when it is first used.
    pub(super) made: Option<u64>,
}

/// Is a link that may be kept.
#[derive(Debug)]
pub(super) struct OwnedLink {
    pub(super) target: Parent,
    pub(super) attributes: Fields,
}

/// Is a span reference that may be kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parent {
    Ambient,
    None,
    Span(u64),
    /// The span that was ambient when this one was made: the handle that `tracer.ambient` returned.
    Pinned(u64),
    Remote(SpanContext),
}

impl Parent {
    pub(super) fn as_reference(&self) -> SpanReference<'_> {
        match self {
            Self::Ambient => SpanReference::Ambient,
            Self::None => SpanReference::None,
            Self::Span(handle) | Self::Pinned(handle) => SpanReference::Span(*handle),
            Self::Remote(context) => SpanReference::Remote(context),
        }
    }
}

/// How final a span's status is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum StatusRank {
    Unset,
    Error,
    Described,
    Ok,
}

/// Is how long a span was entered and not entered, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timings {
    idle: i64,
    busy: i64,
    last: i64,
    entered: u32,
}

/// What measures how long spans are entered. Pointers, so that who does not ask for it links none of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tracking {
    /// Gives nanoseconds since some moment.
    pub(super) clock: fn() -> i64,
    pub(super) step: fn(&mut Timings, i64, bool),
    pub(super) report: fn(&Timings, u64),
}

impl Timings {
    pub(super) const fn new(now: i64) -> Self {
        Self {
            idle: 0,
            busy: 0,
            last: now,
            entered: 0,
        }
    }

    /// Notes that the span is entered, or left, once more.
    pub(super) fn step(&mut self, now: i64, enter: bool) {
        if self.entered == 0 {
            self.idle = self.idle.saturating_add(self.lap(now));
        } else if self.entered == 1 && !enter {
            self.busy = self.busy.saturating_add(self.lap(now));
        }
        self.entered = match enter {
            true => self.entered.saturating_add(1),
            false => self.entered.saturating_sub(1),
        };
    }

    /// Tells the span what has come together.
    pub(super) fn report(&self, handle: u64) {
        pending::set_attribute(handle, &KeyValue::new("busy_ns", self.busy));
        pending::set_attribute(handle, &KeyValue::new("idle_ns", self.idle));
    }

    /// Gives the nanoseconds since the last one.
    fn lap(&mut self, now: i64) -> i64 {
        let lap = now.saturating_sub(self.last);
        self.last = now;
        lap
    }
}

impl Spans {
    pub(super) fn insert(&mut self, span: Span) -> Id {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                references: 0,
                span: None,
            });
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        // Not zero, so that an id is not.
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        slot.references = 1;
        slot.span = Some(span);
        Id::from_u64(u64::from(slot.generation) << 32 | u64::from(index))
    }

    /// Gives how many slots there are.
    #[cfg(all(test, feature = "tracing-std"))]
    pub(super) fn places(&self) -> usize {
        self.slots.len()
    }

    fn slot(&mut self, id: &Id) -> Option<&mut Slot> {
        let id = id.into_u64();
        self.slots
            .get_mut(id as u32 as usize)
            .filter(|slot| u64::from(slot.generation) == id >> 32 && slot.span.is_some())
    }

    pub(super) fn get(&mut self, id: &Id) -> Option<&mut Span> {
        self.slot(id)?.span.as_mut()
    }

    pub(super) fn add_reference(&mut self, id: &Id) {
        if let Some(slot) = self.slot(id) {
            slot.references += 1;
        }
    }

    /// Drops a reference; gives the span if it was the last one.
    pub(super) fn release(&mut self, id: &Id) -> Option<Span> {
        let slot = self.slot(id)?;
        slot.references -= 1;
        if slot.references > 0 {
            return None;
        }
        let span = slot.span.take()?;
        self.free.push(id.into_u64() as u32);
        Some(span)
    }

    /// Gives a span's handle, starting it where it has not been.
    pub(super) fn start(&mut self, id: &Id, scopes: &mut Scopes) -> Option<u64> {
        Some(self.get(id)?.start(scopes, &|_| false).handle)
    }

    /// Starts a span if its parent is to be the ambient one.
    pub(super) fn start_waiting(&mut self, id: &Id, scopes: &mut Scopes) {
        if let Some(span) = self.get(id)
            && span.waits_for_ambient()
        {
            span.start(scopes, &|_| false);
        }
    }

    /// Gives a waiting span another parent; `None` where it has been started, or is not there.
    pub(super) fn set_parent(
        &mut self,
        id: &Id,
        parent: Parent,
        deferred_start: bool,
    ) -> Option<()> {
        let State::Waiting(waiting) = &mut self.get(id)?.state else {
            return None;
        };
        waiting.parent = parent;
        // Beneath its first parent it would not have been recorded, and when it was made did not
        // matter.
        if waiting.made.is_none() && !deferred_start {
            waiting.made = now();
        }
        Some(())
    }
}

/// Is a span that has just been started, or had been before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Started {
    pub(super) handle: u64,
    /// Whether the host has entered it.
    pub(super) activated: bool,
}

impl Span {
    pub(super) fn new(
        metadata: &'static Metadata<'static>,
        waiting: Waiting,
        timings: Option<Timings>,
    ) -> Self {
        Self {
            metadata,
            state: State::Waiting(Box::new(waiting)),
            status: StatusRank::Unset,
            timings,
        }
    }

    /// Gives the handle, once the span has been started.
    #[cfg(feature = "tracing-std")]
    pub(super) const fn handle(&self) -> Option<u64> {
        match self.state {
            State::Started(handle) => Some(handle),
            State::Waiting(_) => None,
        }
    }

    pub(super) fn waits_for_ambient(&self) -> bool {
        matches!(&self.state, State::Waiting(waiting) if waiting.parent == Parent::Ambient)
    }

    /// Starts the span where it has not been. `activate` says for its parent whether to ask the host to enter it at once.
    pub(super) fn start(
        &mut self,
        scopes: &mut Scopes,
        activate: &dyn Fn(&Parent) -> bool,
    ) -> Started {
        let waiting = match &self.state {
            State::Waiting(waiting) => waiting,
            State::Started(handle) => {
                return Started {
                    handle: *handle,
                    activated: false,
                };
            }
        };
        let activated = activate(&waiting.parent);
        let handle = waiting.start(
            scopes.tracer(self.metadata),
            self.metadata.name(),
            activated,
        );
        let status = waiting.status.clone();
        let waiting = core::mem::replace(&mut self.state, State::Started(handle));
        if let (Some(status), State::Waiting(waiting)) = (status, waiting) {
            self.set_status(&status, &waiting.fields);
        }
        Started { handle, activated }
    }

    /// Sets the status, unless a more final one stands; its text is in `fields`.
    pub(super) fn set_status(&mut self, status: &SetStatus, fields: &Fields) {
        let (status, rank) = match status {
            SetStatus::Ok => (Status::Ok, StatusRank::Ok),
            SetStatus::Error(text) => match fields.str(text) {
                "" => (Status::Error(""), StatusRank::Error),
                text => (Status::Error(text), StatusRank::Described),
            },
        };
        let replaces = match self.status {
            StatusRank::Ok => false,
            // The last description holds.
            StatusRank::Described => rank >= StatusRank::Described,
            StatusRank::Unset | StatusRank::Error => rank > self.status,
        };
        if replaces {
            match &mut self.state {
                State::Started(handle) => {
                    self.status = rank;
                    pending::set_status(*handle, status);
                }
                State::Waiting(waiting) => {
                    waiting.status = Some(match status {
                        Status::Ok => SetStatus::Ok,
                        Status::Error(text) => SetStatus::Error(waiting.fields.copy(text)),
                        Status::Unset => return,
                    });
                }
            }
        }
    }

    /// Adds a link, at once where the span has been started: the other one's handle does not serve for ever after its end.
    pub(super) fn add_link(&mut self, link: OwnedLink) {
        match &mut self.state {
            State::Waiting(waiting) => waiting.links.push(link),
            State::Started(handle) => add_link(*handle, &link),
        }
    }
}

impl Waiting {
    /// Takes what has been recorded since.
    pub(super) fn apply(&mut self, special: &Special, fields: Fields) {
        if let Some(name) = &special.name {
            self.name = Some(self.fields.copy(fields.str(name)));
        }
        self.kind = special.kind.unwrap_or(self.kind);
        self.fields.append(fields);
    }

    fn start(&self, tracer: u64, name_of_callsite: &str, activate: bool) -> u64 {
        let name = self.name.as_ref();
        let name = name.map_or(name_of_callsite, |name| self.fields.str(name));
        let parent = self.parent.as_reference();
        let handle = self.fields.lend(|attributes| {
            start::start(
                tracer, name, self.kind, parent, attributes, self.made, activate,
            )
        });
        for link in &self.links {
            add_link(handle, link);
        }
        handle
    }
}

/// Returns the time by the host's clock, if it has one.
pub(super) fn now() -> Option<u64> {
    Some(tracer::now()).filter(|time| *time != 0)
}

fn add_link(handle: u64, link: &OwnedLink) {
    let target = match &link.target {
        Parent::Span(handle) => LinkTarget::Span(*handle),
        Parent::Remote(context) => LinkTarget::Remote(context),
        Parent::Ambient | Parent::None | Parent::Pinned(_) => return,
    };
    if handle & NOT_RECORDED == 0 {
        notice::take(link.attributes.lend(|attributes| {
            tracer::update(
                handle,
                SpanChanges {
                    links: &[Link { target, attributes }],
                    ..SpanChanges::default()
                },
            )
        }));
    }
}
