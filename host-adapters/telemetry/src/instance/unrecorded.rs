//! Spans that are not recorded: contexts to pass on, in little space.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceState};

use crate::handle::Mixer;
use crate::limits::{MAX_UNRECORDED_TRACES, SEARCHED_TRACES};
use crate::model::{Notice, SpanHandle};

// A handle: the mark, the bit for attributes, a digest of the notice, an index, the trace's tag,
// and a number that tells a trace's spans apart.
const DIGEST_BITS: u32 = 8;
const INDEX_BITS: u32 = 12;
const TAG_BITS: u32 = 20;
const NUMBER_BITS: u32 = 22;
const INDEX_SHIFT: u32 = NUMBER_BITS + TAG_BITS;
const DIGEST_SHIFT: u32 = INDEX_SHIFT + INDEX_BITS;
/// The bits of a handle that do not identify the span.
const ASIDE: u64 = SpanHandle::ATTRIBUTES_LATER | mask(DIGEST_BITS) << DIGEST_SHIFT;
const _: () = assert!(DIGEST_SHIFT + DIGEST_BITS == 62);

/// Adds the digest of a notice to the handle of an unrecorded span: four bits of the generation of
/// log thresholds, above four bits of the number of the next collection (ADR 9). `attributes_later`
/// tells that attributes could not have changed the decision (ADR 7).
pub(super) const fn with_notice(
    handle: SpanHandle,
    notice: Notice,
    attributes_later: bool,
) -> SpanHandle {
    let (generation, collection) = (notice & mask(4), notice >> 32 & mask(4));
    let digest = (generation << 4 | collection) << DIGEST_SHIFT;
    let flag = if attributes_later {
        SpanHandle::ATTRIBUTES_LATER
    } else {
        0
    };
    SpanHandle::from_bits(handle.to_bits() | digest | flag)
}

const _: () = assert!(MAX_UNRECORDED_TRACES <= 1 << INDEX_BITS);

/// Remembers, of the latest traces with unrecorded spans, what these have in common.
///
/// A guest need not end such a span unless it is entered, so nothing can be kept for each of them:
/// its id is derived from its handle, and the rest is its trace's.
#[derive(Debug, Default)]
pub(super) struct Unrecorded {
    traces: Vec<Trace>,
    /// The one that was added last; the next one goes behind it.
    latest: usize,
    spans: u64,
}

#[derive(Debug)]
struct Trace {
    tag: u64,
    /// Without a span id if its spans have ids of their own.
    context: SpanContext,
}

impl Unrecorded {
    /// Adds a span with an id of its own to a context's trace, where `context`'s own span id does
    /// not matter. `is_new`: the trace begins with this span.
    pub(super) fn add(
        &mut self,
        context: &SpanContext,
        is_new: bool,
        capacity: usize,
        mixer: &Mixer,
    ) -> SpanHandle {
        let searched = if is_new { 0 } else { SEARCHED_TRACES };
        let context = with_span_id(context, SpanId::INVALID);
        self.add_to(context, searched, capacity, mixer)
    }

    /// Adds a span that stands for `context` itself, or for nothing if that is invalid.
    pub(super) fn add_standing_for(
        &mut self,
        context: SpanContext,
        capacity: usize,
        mixer: &Mixer,
    ) -> SpanHandle {
        self.add_to(context, SEARCHED_TRACES, capacity, mixer)
    }

    fn add_to(
        &mut self,
        context: SpanContext,
        searched: usize,
        capacity: usize,
        mixer: &Mixer,
    ) -> SpanHandle {
        self.spans = self.spans.wrapping_add(1);
        let capacity = capacity.clamp(1, MAX_UNRECORDED_TRACES);
        let known = if searched > 0 {
            self.find(&context, searched)
        } else {
            None
        };
        let at = known.unwrap_or_else(|| {
            let trace = Trace {
                tag: mixer.mix(self.spans) & mask(TAG_BITS),
                context,
            };
            if self.traces.len() < capacity {
                self.latest = self.traces.len();
                self.traces.push(trace);
            } else {
                self.latest = (self.latest + 1) % self.traces.len();
                self.traces[self.latest] = trace;
            }
            self.latest
        });
        let number = self.spans & mask(NUMBER_BITS);
        let place = (at as u64) << INDEX_SHIFT | self.traces[at].tag << NUMBER_BITS | number;
        SpanHandle::from_bits(SpanHandle::NOT_RECORDED | place)
    }

    /// Finds the trace of a context among so many of the latest ones.
    #[inline(never)]
    fn find(&self, context: &SpanContext, searched: usize) -> Option<usize> {
        let count = self.traces.len();
        (0..searched.min(count))
            .map(|back| (self.latest + count - back) % count)
            .find(|&at| self.traces[at].context == *context)
    }

    /// Gives a span's context, which may be invalid; `None` for a wrong handle, or one whose trace
    /// was forgotten.
    pub(super) fn context(&self, handle: SpanHandle, mixer: &Mixer) -> Option<SpanContext> {
        let bits = handle.to_bits();
        let at = (bits >> INDEX_SHIFT & mask(INDEX_BITS)) as usize;
        let tag = bits >> NUMBER_BITS & mask(TAG_BITS);
        let trace = self.traces.get(at).filter(|trace| trace.tag == tag)?;
        let stands_for_context =
            trace.context.span_id() != SpanId::INVALID || !has_trace(&trace.context);
        if stands_for_context {
            return Some(trace.context.clone());
        }
        // Zero is the one invalid id.
        let id = mixer.mix(bits & !ASIDE).max(1);
        Some(with_span_id(&trace.context, SpanId::from(id)))
    }

    /// Returns the context that a span's children are made in.
    pub(super) fn parent_context(&self, handle: SpanHandle, mixer: &Mixer) -> Option<Context> {
        Some(Context::new().with_remote_span_context(self.context(handle, mixer)?))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.traces.len()
    }
}

fn has_trace(context: &SpanContext) -> bool {
    context.trace_id() != opentelemetry::TraceId::INVALID
}

fn with_span_id(context: &SpanContext, id: SpanId) -> SpanContext {
    let state: TraceState = context.trace_state().clone();
    SpanContext::new(context.trace_id(), id, context.trace_flags(), false, state)
}

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}
