//! Which of the program's own spans a `Context` may hold.
//!
//! A `Context` tells no more of its span than the span's context. So the spans whose context has been asked for (putting one
//! into a `Context` does that) are kept here until they end, and found by it.

use std::cell::RefCell;

use ::opentelemetry::Context;
use ::opentelemetry::trace::{SpanContext as ApiSpanContext, TraceContextExt};

use super::values;
use crate::backend::NOT_RECORDED;
use crate::trace::active;
use crate::{LinkTarget, SpanContext, SpanReference};

struct Known {
    span_id: u64,
    trace_id: crate::TraceId,
    handle: u64,
    /// How often a `Context` that holds it is attached, and so the span entered.
    entered: u32,
}

thread_local! {
    /// In the order of their ids.
    static KNOWN: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// Notes the context of a span that has not ended.
pub(super) fn insert(context: &ApiSpanContext, handle: u64) {
    let known = Known {
        span_id: values::span_id(context.span_id()),
        trace_id: values::trace_id(context.trace_id()),
        handle,
        entered: 0,
    };
    KNOWN.with_borrow_mut(|all| {
        let at = all.partition_point(|other| other.span_id <= known.span_id);
        all.insert(at, known);
    });
}

/// Finds what is kept for a span context.
fn position(all: &[Known], context: &ApiSpanContext) -> Option<usize> {
    let span_id = values::span_id(context.span_id());
    let trace_id = values::trace_id(context.trace_id());
    let from = all.partition_point(|other| other.span_id < span_id);
    let same_id = all
        .get(from..)?
        .iter()
        .take_while(|other| other.span_id == span_id);
    same_id
        .zip(from..)
        .find(|(other, _)| other.trace_id == trace_id)
        .map(|(_, at)| at)
}

fn find<R>(context: &ApiSpanContext, act: impl FnOnce(&mut Known) -> R) -> Option<R> {
    KNOWN.with_borrow_mut(|all| position(all, context).map(|at| act(&mut all[at])))
}

/// Forgets a span that ends. Where a `Context` that holds it is still attached it is left, for what comes
/// now happens outside it; for a recorded one the host does that by itself.
pub(super) fn remove(context: &ApiSpanContext) {
    // A thread that ends may drop spans when its state is gone.
    let removed = KNOWN.try_with(|all| {
        let mut all = all.borrow_mut();
        position(&all, context).map(|at| all.remove(at))
    });
    let Ok(Some(Known {
        handle, entered, ..
    })) = removed
    else {
        return;
    };
    for _ in 0..entered {
        if handle & NOT_RECORDED == 0 {
            active::pop(handle);
        } else {
            active::exit(handle);
        }
    }
}

/// Enters the span of a `Context`, where it is one of ours that has not ended.
pub(super) fn enter(context: &ApiSpanContext) {
    let handle = find(context, |known| {
        known.entered = known.entered.saturating_add(1);
        known.handle
    });
    if let Some(handle) = handle {
        active::enter(handle);
    }
}

/// Undoes [`enter`].
pub(super) fn exit(context: &ApiSpanContext) {
    let handle = find(context, |known| {
        known.entered = known.entered.checked_sub(1)?;
        Some(known.handle)
    });
    if let Some(handle) = handle.flatten() {
        active::exit(handle);
    }
}

/// Names a span to the host: one of ours by its handle, another by its context.
pub(super) enum Reference {
    Ambient,
    None,
    Span(u64),
    Remote(SpanContext),
}

impl Reference {
    /// Names the span that a `Context` holds; the module's documentation says what is meant where it holds none.
    pub(super) fn of(context: &Context) -> Self {
        if !context.has_active_span() {
            return if KNOWN.with_borrow(|all| all.iter().any(|known| known.entered > 0)) {
                Self::None
            } else {
                Self::Ambient
            };
        }
        let span = context.span();
        let span = span.span_context();
        match find(span, |known| (known.handle, known.entered > 0)) {
            // Who says "current", and has entered a span by another door since, means that one.
            Some((handle, true)) if is_current(context) && active::current() != Some(handle) => {
                Self::Ambient
            }
            Some((handle, _)) => Self::Span(handle),
            None => Self::to(span),
        }
    }

    /// Names the span with that context.
    pub(super) fn to(context: &ApiSpanContext) -> Self {
        if !context.is_valid() {
            return Self::None;
        }
        match find(context, |known| known.handle) {
            Some(handle) => Self::Span(handle),
            None => Self::Remote(values::from_api(context)),
        }
    }

    pub(super) const fn as_reference(&self) -> SpanReference<'_> {
        match self {
            Self::Ambient => SpanReference::Ambient,
            Self::None => SpanReference::None,
            Self::Span(handle) => SpanReference::Span(*handle),
            Self::Remote(context) => SpanReference::Remote(context),
        }
    }

    pub(super) const fn as_link_target(&self) -> Option<LinkTarget<'_>> {
        match self {
            Self::Ambient | Self::None => None,
            Self::Span(handle) => Some(LinkTarget::Span(*handle)),
            Self::Remote(context) => Some(LinkTarget::Remote(context)),
        }
    }
}

/// Whether this very `Context` is the current one, not a copy that somebody has kept and passes.
fn is_current(context: &Context) -> bool {
    Context::map_current(|current| core::ptr::eq(current, context))
}

/// Forgets the spans of an earlier backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    KNOWN.with_borrow_mut(Vec::clear);
}

/// Gives how many spans are known.
#[cfg(test)]
pub(super) fn len() -> usize {
    KNOWN.with_borrow(Vec::len)
}
