//! Where an instance's recorded spans are kept, and found by their handles.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry_sdk::trace::Span;

use super::open_span::OpenSpan;
use crate::attributes::ByteBudget;
use crate::dropped::Reason;
use crate::handle::Mixer;
use crate::held::OpenSpans;
use crate::limits::{Limits, MAX_OPEN_SPANS, RESTING_SPANS};
use crate::model::SpanHandle;

/// The bits of a handle that say where its slot is; those above but for the highest cannot be
/// guessed.
const SLOT_BITS: u32 = 20;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;

// There are slots for all of them.
const _: () = assert!(MAX_OPEN_SPANS + RESTING_SPANS < 1 << SLOT_BITS);

/// The recorded spans of an instance.
///
/// A slot is small and outlives its span for a while; what an open span needs besides lies in a
/// place of its own, which the next span takes over while it is warm.
#[derive(Debug, Default)]
pub(super) struct SpanTable {
    slots: Vec<Slot>,
    /// Slots whose span has ended, those that have rested longest first.
    resting: VecDeque<u32>,
    /// The places, with their spans until these end.
    open: Vec<OpenSpan>,
    /// The places that are free.
    vacant: Vec<u32>,
    /// What all open spans' contents occupy.
    bytes: usize,
    started: u64,
    /// Where open spans of all instances are counted, if anywhere, and what this one counts with
    /// once it has one.
    all: Option<Arc<OpenSpans>>,
    own: Option<Arc<AtomicU32>>,
}

#[derive(Debug)]
struct Slot {
    handle: SpanHandle,
    context: SpanContext,
    /// What children are made in, from the first one on.
    parent_context: Option<Context>,
    open: Option<u32>,
}

impl SpanTable {
    pub(super) fn new(all: Option<Arc<OpenSpans>>) -> Self {
        Self {
            all,
            ..Self::default()
        }
    }

    /// Tells how many spans are open.
    #[inline]
    fn count(&self) {
        if let Some(own) = &self.own {
            own.store(
                (self.open.len() - self.vacant.len()) as u32,
                Ordering::Relaxed,
            );
        }
    }

    pub(super) fn has_capacity(&self, limit: usize) -> bool {
        self.open.len() - self.vacant.len() < limit.min(MAX_OPEN_SPANS)
    }

    /// Adds the span that `start` makes, and returns its handle.
    ///
    /// # Errors
    ///
    /// Returns the context of a span that is not recorded.
    #[inline]
    pub(super) fn insert(
        &mut self,
        start: impl FnOnce() -> Span,
        start_time: SystemTime,
        depth: u32,
        mixer: &Mixer,
    ) -> Result<SpanHandle, SpanContext> {
        // It stays vacant until all is well: what makes the span may panic.
        let place = self.vacant.last().copied().unwrap_or_else(|| {
            let place = self.open.len() as u32;
            self.open.push(OpenSpan::vacant());
            self.vacant.push(place);
            if self.own.is_none() {
                self.own = self.all.as_deref().map(OpenSpans::counter);
            }
            place
        });
        let open = &mut self.open[place as usize];
        let context = open.take_up(start)?;
        self.vacant.pop();
        let reused = if self.resting.len() > RESTING_SPANS {
            self.resting.pop_front()
        } else {
            None
        };
        let at = reused.map_or(self.slots.len(), |at| at as usize);
        self.started = self.started.wrapping_add(1);
        let secret = mixer.mix(self.started) & !SpanHandle::NOT_RECORDED & !SLOT_MASK;
        let handle = SpanHandle::from_bits(secret | at as u64);
        open.begin(handle, self.started, depth, start_time);
        let slot = Slot {
            handle,
            context,
            parent_context: None,
            open: Some(place),
        };
        match self.slots.get_mut(at) {
            Some(old) => *old = slot,
            None => self.slots.push(slot),
        }
        self.count();
        Ok(handle)
    }

    fn slot(&self, handle: SpanHandle) -> Option<&Slot> {
        self.slots
            .get((handle.to_bits() & SLOT_MASK) as usize)
            .filter(|slot| slot.handle == handle)
    }

    fn slot_mut(&mut self, handle: SpanHandle) -> Option<&mut Slot> {
        self.slots
            .get_mut((handle.to_bits() & SLOT_MASK) as usize)
            .filter(|slot| slot.handle == handle)
    }

    /// Returns the context of a span, open or ended a short while ago.
    pub(super) fn context(&self, handle: SpanHandle) -> Option<&SpanContext> {
        self.slot(handle).map(|slot| &slot.context)
    }

    /// Returns the context that a span's children are made in.
    pub(super) fn parent_context(&mut self, handle: SpanHandle) -> Option<Context> {
        let slot = self.slot_mut(handle)?;
        let made = slot
            .parent_context
            .get_or_insert_with(|| Context::new().with_remote_span_context(slot.context.clone()));
        Some(made.clone())
    }

    pub(super) fn open_mut(&mut self, handle: SpanHandle) -> Option<&mut OpenSpan> {
        let open = self.slot(handle)?.open?;
        self.open.get_mut(open as usize)
    }

    /// Returns up the place of a span that has ended; its slot rests.
    pub(super) fn release(&mut self, handle: SpanHandle) {
        let Some(open) = self.slot_mut(handle).and_then(|slot| slot.open.take()) else {
            return;
        };
        self.resting
            .push_back((handle.to_bits() & SLOT_MASK) as u32);
        let place = &mut self.open[open as usize];
        self.bytes = self.bytes.saturating_sub(place.bytes);
        place.vacate();
        self.vacant.push(open);
        self.count();
    }

    /// Takes out an open span to be ended, and gives up its place.
    pub(super) fn take(&mut self, handle: SpanHandle) -> Option<OpenSpan> {
        let open = self.open_mut(handle)?.take();
        self.release(handle);
        Some(open)
    }

    /// Gives the open spans that started at an invocation depth of at least `depth`, the latest
    /// first.
    pub(super) fn open_from(&self, depth: u32) -> Vec<SpanHandle> {
        let mut found: Vec<(u64, SpanHandle)> = self
            .open
            .iter()
            .filter(|span| !span.is_vacant() && span.depth >= depth)
            .map(|span| (span.started, span.handle))
            .collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.into_iter().map(|(_, handle)| handle).collect()
    }

    /// Changes an open span, within what is left of its bytes and of the instance's. `false` if
    /// there is none of this handle.
    pub(super) fn change(
        &mut self,
        handle: SpanHandle,
        limits: &Limits,
        change: impl FnOnce(&mut OpenSpan, &mut ByteBudget),
    ) -> bool {
        let instance_left = limits.open_span_bytes.saturating_sub(self.bytes);
        let Some(open) = self.open_mut(handle) else {
            return false;
        };
        let old = open.bytes;
        let span_left = limits.span_bytes.saturating_sub(old);
        let mut budget = ByteBudget::new(span_left, Reason::SpanBytes)
            .or_less(ByteBudget::new(instance_left, Reason::OpenSpanBytes));
        let left = budget.left();
        change(open, &mut budget);
        open.bytes = (old + left).saturating_sub(budget.left());
        let new = open.bytes;
        self.bytes = self.bytes.saturating_sub(old) + new;
        true
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns how many slots there are, and how many spans are open.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.slots.len(), self.open.len() - self.vacant.len())
    }
}
