//! The existing spans, with their data that has not been sent yet.

use tracing::Metadata;
use tracing::span::Id;

use super::fields::{Fields, Text};
use super::timings::Timings;
use super::tracers::Tracers;
use super::visitor::{SetStatus, Special};
use crate::backend::tracer;
use crate::notice;
use crate::trace::{pending, start};
use crate::types::{
    Link, LinkTarget, SpanChanges, SpanContext, SpanHandle, SpanKind, SpanReference, Status,
    TracerHandle,
};

/// Holds spans in slots that are reused. An id contains a slot and its generation, so the id of a
/// closed span is invalid.
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

/// A span.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) metadata: &'static Metadata<'static>,
    pub(super) state: State,
    status: StatusRank,
    pub(super) timings: Option<Timings>,
}

#[derive(Debug)]
pub(super) enum State {
    /// Boxed, because most spans are in the other state.
    Waiting(Box<Waiting>),
    /// The host's handle.
    Started(SpanHandle),
}

/// The data with which a span will start.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) parent: Parent,
    pub(super) kind: SpanKind,
    pub(super) name: Option<Text>,
    pub(super) status: Option<SetStatus>,
    pub(super) fields: Fields,
    pub(super) links: Vec<OwnedLink>,
    /// The time of its creation, by the host's clock. Without it, the span starts when it is first
    /// used.
    pub(super) made: Option<u64>,
}

/// A link that owns its attributes.
#[derive(Debug)]
pub(super) struct OwnedLink {
    pub(super) target: Parent,
    pub(super) attributes: Fields,
}

/// A span reference that owns its context.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parent {
    Ambient,
    None,
    Span(SpanHandle),
    /// The span that was ambient when this one was made: the handle that `tracer.ambient` returned.
    Pinned(SpanHandle),
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

/// The finality of a span's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum StatusRank {
    Unset,
    Error,
    Described,
    Ok,
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
        // Not zero, because ids are not zero.
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        slot.references = 1;
        slot.span = Some(span);
        Id::from_u64(u64::from(slot.generation) << 32 | u64::from(index))
    }

    /// Returns the number of slots.
    #[cfg(all(test, feature = "tracing-std"))]
    pub(super) fn slots(&self) -> usize {
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

    /// Drops a reference. Returns the span if it was the last one.
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

    /// Returns a span's handle, and starts the span if it has not been started.
    pub(super) fn start(&mut self, id: &Id, tracers: &mut Tracers) -> Option<SpanHandle> {
        Some(self.get(id)?.start(tracers, &|_| false).handle)
    }

    /// Starts a span if its parent will be the ambient one.
    pub(super) fn start_waiting(&mut self, id: &Id, tracers: &mut Tracers) {
        if let Some(span) = self.get(id)
            && span.waits_for_ambient()
        {
            span.start(tracers, &|_| false);
        }
    }

    /// Sets the parent of a waiting span. Returns `None` if it has been started or does not exist.
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
        // Its first parent was not recorded, so the time of creation was not requested.
        if waiting.made.is_none() && !deferred_start {
            waiting.made = now();
        }
        Some(())
    }
}

/// A span that has been started, now or earlier.
#[derive(Debug, Clone, Copy)]
pub(super) struct Started {
    pub(super) handle: SpanHandle,
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

    /// Returns the handle, if the span has been started.
    #[cfg(feature = "tracing-std")]
    pub(super) const fn handle(&self) -> Option<SpanHandle> {
        match self.state {
            State::Started(handle) => Some(handle),
            State::Waiting(_) => None,
        }
    }

    pub(super) fn waits_for_ambient(&self) -> bool {
        matches!(&self.state, State::Waiting(waiting) if waiting.parent == Parent::Ambient)
    }

    /// Starts the span if it has not been started. `activate` gets its parent, and returns whether
    /// the host shall enter the span at once.
    pub(super) fn start(
        &mut self,
        tracers: &mut Tracers,
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
            tracers.tracer(self.metadata),
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

    /// Sets the status, unless the span has a more final one. The text is in `fields`.
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
            // The last description counts.
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

    /// Adds a link. If the span has been started, the link is sent at once, because the host
    /// forgets the other span's handle some time after its end.
    pub(super) fn add_link(&mut self, link: OwnedLink) {
        match &mut self.state {
            State::Waiting(waiting) => waiting.links.push(link),
            State::Started(handle) => add_link(*handle, &link),
        }
    }
}

impl Waiting {
    /// Adds values that were recorded after creation.
    pub(super) fn apply(&mut self, special: &Special, fields: Fields) {
        if let Some(name) = &special.name {
            self.name = Some(self.fields.copy(fields.str(name)));
        }
        self.kind = special.kind.unwrap_or(self.kind);
        self.fields.append(fields);
    }

    fn start(&self, tracer: TracerHandle, name_of_callsite: &str, activate: bool) -> SpanHandle {
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

fn add_link(handle: SpanHandle, link: &OwnedLink) {
    let target = match &link.target {
        Parent::Span(handle) => LinkTarget::Span(*handle),
        Parent::Remote(context) => LinkTarget::Remote(context),
        Parent::Ambient | Parent::None | Parent::Pinned(_) => return,
    };
    if handle.is_recorded() {
        notice::take(link.attributes.lend(|attributes| {
            tracer::update(
                handle,
                SpanChanges::new().with_links(&[Link { target, attributes }]),
            )
        }));
    }
}
