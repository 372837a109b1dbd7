//! Unrecorded spans. The host stores only the contexts of their traces.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceState};

use crate::handle::Mixer;
use crate::limits::{MAX_UNRECORDED_TRACES, SEARCHED_TRACES};
use crate::model::{Notice, SpanHandle};

// The fields of a handle, from the highest bit: the bit for unrecorded spans, the bit for
// attributes, a digest of the notice, the index and the tag of the trace, and the number of the
// span.
const DIGEST_BITS: u32 = 8;
const INDEX_BITS: u32 = 12;
const TAG_BITS: u32 = 20;
const NUMBER_BITS: u32 = 22;
const INDEX_SHIFT: u32 = NUMBER_BITS + TAG_BITS;
const DIGEST_SHIFT: u32 = INDEX_SHIFT + INDEX_BITS;
/// The bits of a handle that do not identify the span.
const NON_IDENTITY_BITS: u64 = SpanHandle::ATTRIBUTES_LATER | mask(DIGEST_BITS) << DIGEST_SHIFT;
const _: () = assert!(DIGEST_SHIFT + DIGEST_BITS == 62);

/// Adds the digest of a notice to the handle of an unrecorded span: four bits of the generation of
/// the log levels, and below them four bits of the number of the next collection (ADR 9).
/// `attributes_later` is true if attributes could not have changed the decision (ADR 7).
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

/// Keeps the shared context of each of the latest traces with unrecorded spans.
///
/// A guest need not end an unrecorded span that is not entered, so the host stores nothing for each
/// span. The span's id is derived from its handle. The rest of its context is that of its trace.
#[derive(Debug, Default)]
pub(super) struct Unrecorded {
    traces: Vec<Trace>,
    /// The index of the trace that was added last. The next trace is stored after it.
    latest: usize,
    spans: u64,
}

#[derive(Debug)]
struct Trace {
    tag: u64,
    /// Has no span id if its spans have their own ids.
    context: SpanContext,
}

impl Unrecorded {
    /// Adds a span with its own id to the trace of `context`. Ignores the span id of `context`.
    /// `is_new` is true if the trace begins with this span.
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

    /// Adds a span that has `context` itself as its context, which may be invalid.
    pub(super) fn add_with_context(
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
        let identity = (at as u64) << INDEX_SHIFT | self.traces[at].tag << NUMBER_BITS | number;
        SpanHandle::from_bits(SpanHandle::NOT_RECORDED | identity)
    }

    /// Finds the trace of a context among the `searched` latest traces.
    #[inline(never)]
    fn find(&self, context: &SpanContext, searched: usize) -> Option<usize> {
        let count = self.traces.len();
        (0..searched.min(count))
            .map(|back| (self.latest + count - back) % count)
            .find(|&at| self.traces[at].context == *context)
    }

    /// Returns a span's context, which may be invalid. `None` if the handle is wrong, or if its
    /// trace was forgotten.
    pub(super) fn context(&self, handle: SpanHandle, mixer: &Mixer) -> Option<SpanContext> {
        let bits = handle.to_bits();
        let at = (bits >> INDEX_SHIFT & mask(INDEX_BITS)) as usize;
        let tag = bits >> NUMBER_BITS & mask(TAG_BITS);
        let trace = self.traces.get(at).filter(|trace| trace.tag == tag)?;
        let has_own_context =
            trace.context.span_id() != SpanId::INVALID || !has_trace(&trace.context);
        if has_own_context {
            return Some(trace.context.clone());
        }
        // Zero is the only invalid id.
        let id = mixer.mix(bits & !NON_IDENTITY_BITS).max(1);
        Some(with_span_id(&trace.context, SpanId::from(id)))
    }

    /// Returns the parent context for child spans of a span.
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
