//! The table of an instance's recorded spans.

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
use crate::limits::{Limits, MAX_OPEN_SPANS, RECENT_SPANS};
use crate::model::SpanHandle;
use crate::state_metrics::OpenSpans;

/// The low bits of a handle are the index of its slot. The bits above, except the highest, cannot
/// be guessed.
const SLOT_BITS: u32 = 20;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;

// Every span has a slot. The last one marks handles of host spans.
const _: () = assert!(MAX_OPEN_SPANS + RECENT_SPANS + 1 < 1 << SLOT_BITS);

/// Makes the handle of a host span from a random number.
pub(super) fn host_handle(random: u64) -> SpanHandle {
    SpanHandle::from_bits((random | SLOT_MASK) & !SpanHandle::NOT_RECORDED)
}

/// Returns whether a handle has the form of those of host spans.
#[inline]
pub(super) fn is_host_handle(handle: SpanHandle) -> bool {
    handle.is_recorded() && handle.to_bits() & SLOT_MASK == SLOT_MASK
}

/// The recorded spans of an instance.
///
/// A slot is small, and is kept for a while after its span has ended. The other data of an open
/// span is in a separate buffer. The next span reuses it while it is in the processor's cache.
#[derive(Debug, Default)]
pub(super) struct SpanTable {
    slots: Vec<Slot>,
    /// Slots of ended spans. The earliest is first, and is reused first.
    recent: VecDeque<u32>,
    /// The data of open spans, and free buffers.
    open: Vec<OpenSpan>,
    /// The indices of the free buffers in `open`.
    free: Vec<u32>,
    /// The bytes of the contents of all open spans.
    bytes: usize,
    started: u64,
    /// The counter of open spans of all instances. `None` if it is not exported.
    all: Option<Arc<OpenSpans>>,
    /// This instance's share. Made with its first span.
    own: Option<Arc<AtomicU32>>,
}

#[derive(Debug)]
struct Slot {
    handle: SpanHandle,
    context: SpanContext,
    /// The parent context for child spans. Created with the first child.
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

    /// Updates the counter of open spans.
    #[inline]
    fn count(&self) {
        if let Some(own) = &self.own {
            own.store(
                (self.open.len() - self.free.len()) as u32,
                Ordering::Relaxed,
            );
        }
    }

    pub(super) fn has_capacity(&self, limit: usize) -> bool {
        self.open.len() - self.free.len() < limit.min(MAX_OPEN_SPANS)
    }

    /// Adds the span that `start` creates, and returns its handle.
    ///
    /// # Errors
    ///
    /// Returns the context of an unrecorded span.
    #[inline]
    pub(super) fn insert(
        &mut self,
        start: impl FnOnce() -> Span,
        start_time: SystemTime,
        depth: u32,
        mixer: &Mixer,
    ) -> Result<SpanHandle, SpanContext> {
        // The buffer stays free until the span is stored, because `start` may panic.
        let buffer = self.free.last().copied().unwrap_or_else(|| {
            let buffer = self.open.len() as u32;
            self.open.push(OpenSpan::empty());
            self.free.push(buffer);
            if self.own.is_none() {
                self.own = self.all.as_deref().map(OpenSpans::counter);
            }
            buffer
        });
        let open = &mut self.open[buffer as usize];
        let context = open.store(start)?;
        self.free.pop();
        let reused = if self.recent.len() > RECENT_SPANS {
            self.recent.pop_front()
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
            open: Some(buffer),
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

    /// Returns the context of a span that is open or ended recently.
    pub(super) fn context(&self, handle: SpanHandle) -> Option<&SpanContext> {
        self.slot(handle).map(|slot| &slot.context)
    }

    /// Returns the parent context for child spans of a span.
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

    /// Frees the storage of an ended span. Its slot stays reserved for a while.
    pub(super) fn release(&mut self, handle: SpanHandle) {
        let Some(open) = self.slot_mut(handle).and_then(|slot| slot.open.take()) else {
            return;
        };
        self.recent.push_back((handle.to_bits() & SLOT_MASK) as u32);
        let buffer = &mut self.open[open as usize];
        self.bytes = self.bytes.saturating_sub(buffer.bytes);
        buffer.clear();
        self.free.push(open);
        self.count();
    }

    /// Removes an open span, so that the caller can end it.
    pub(super) fn take(&mut self, handle: SpanHandle) -> Option<OpenSpan> {
        let open = self.open_mut(handle)?.take();
        self.release(handle);
        Some(open)
    }

    /// Returns the open spans that started at an invocation depth of at least `depth`, the latest
    /// first.
    pub(super) fn open_from(&self, depth: u32) -> Vec<SpanHandle> {
        let mut found: Vec<(u64, SpanHandle)> = self
            .open
            .iter()
            .filter(|span| !span.is_free() && span.depth >= depth)
            .map(|span| (span.started, span.handle))
            .collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.into_iter().map(|(_, handle)| handle).collect()
    }

    /// Changes an open span, within the remaining bytes of the span and of the instance. Returns
    /// false if no open span has this handle.
    pub(super) fn change(
        &mut self,
        handle: SpanHandle,
        limits: &Limits,
        change: impl FnOnce(&mut OpenSpan, &mut ByteBudget),
    ) -> bool {
        let all = self.bytes;
        let Some(open) = self.open_mut(handle) else {
            return false;
        };
        self.bytes = charged(open, all, limits, change);
        true
    }

    /// Changes a host span as [`change`](Self::change) does. Its bytes count until
    /// [`release_host`](Self::release_host).
    pub(super) fn change_host(
        &mut self,
        open: &mut OpenSpan,
        limits: &Limits,
        change: impl FnOnce(&mut OpenSpan, &mut ByteBudget),
    ) {
        self.bytes = charged(open, self.bytes, limits, change);
    }

    /// Counts the bytes of a host span that enters the instance. It has some if it was lent before.
    pub(super) fn adopt_host(&mut self, open: &OpenSpan) {
        self.bytes = self.bytes.saturating_add(open.bytes);
    }

    /// Gives back the bytes of a host span that leaves the instance.
    pub(super) fn release_host(&mut self, open: &OpenSpan) {
        self.bytes = self.bytes.saturating_sub(open.bytes);
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the numbers of slots and of open spans.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.slots.len(), self.open.len() - self.free.len())
    }
}

/// Changes a span within its remaining bytes, and those of the instance, whose spans have `all`
/// bytes. Returns the bytes that they have then.
#[inline]
fn charged(
    open: &mut OpenSpan,
    all: usize,
    limits: &Limits,
    change: impl FnOnce(&mut OpenSpan, &mut ByteBudget),
) -> usize {
    let old = open.bytes;
    let span_left = limits.span_bytes.saturating_sub(old);
    let instance_left = limits.open_span_bytes.saturating_sub(all);
    let mut budget = ByteBudget::new(span_left, Reason::SpanBytes)
        .or_less(ByteBudget::new(instance_left, Reason::OpenSpanBytes));
    let left = budget.left();
    change(open, &mut budget);
    open.bytes = (old + left).saturating_sub(budget.left());
    all.saturating_sub(old) + open.bytes
}
