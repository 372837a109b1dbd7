//! Finds the program's own spans by their span context.
//!
//! A `Context` exposes only the span context of its span. So spans are kept here until they end,
//! once their span context was requested. Creating a `Context` requests it.

use std::cell::RefCell;

use ::opentelemetry::Context;
use ::opentelemetry::trace::{SpanContext as ApiSpanContext, TraceContextExt};

use super::values;
use crate::trace::active;
use crate::types::{LinkTarget, SpanContext, SpanHandle, SpanReference, TraceId};

struct Known {
    span_id: u64,
    trace_id: TraceId,
    handle: SpanHandle,
    /// The number of attached `Context`s with the span: it is entered that often.
    entered: u32,
}

thread_local! {
    /// Sorted by their ids.
    static KNOWN: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// Adds a span that has not ended.
pub(super) fn insert(context: &ApiSpanContext, handle: SpanHandle) {
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

/// Returns the index of the span with a span context.
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

/// Removes a span that ends. If an attached `Context` still holds it, the span is exited. The host
/// exits a recorded span by itself.
pub(super) fn remove(context: &ApiSpanContext) {
    // A thread may drop spans after its state when it ends.
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
        if handle.is_recorded() {
            active::pop(handle);
        } else {
            active::exit(handle);
        }
    }
}

/// Enters the span of a `Context`, if it is a span of this program that has not ended.
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

/// A reference to a span for the host: a span of this program by its handle, any other by its
/// context.
pub(super) enum Reference {
    Ambient,
    None,
    Span(SpanHandle),
    Remote(SpanContext),
}

impl Reference {
    /// Returns the span of a `Context`. The documentation of the module `opentelemetry` says which
    /// span is used if the `Context` has none.
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
            // This is the current `Context`, and another API has entered a span since. That span is
            // used.
            Some((handle, true)) if is_current(context) && active::current() != Some(handle) => {
                Self::Ambient
            }
            Some((handle, _)) => Self::Span(handle),
            None => Self::to(span),
        }
    }

    /// Returns the span with a span context.
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

/// Returns true if this is the current `Context` itself, and not a copy.
fn is_current(context: &Context) -> bool {
    Context::map_current(|current| core::ptr::eq(current, context))
}

/// Resets the state for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    KNOWN.with_borrow_mut(Vec::clear);
}

/// Returns the number of known spans.
#[cfg(test)]
pub(super) fn len() -> usize {
    KNOWN.with_borrow(Vec::len)
}
