//! What a guest does with the host's span around the current call.

use opentelemetry::trace::{SpanContext, SpanKind};
use opentelemetry::{Context, KeyValue};

use super::activity::Activity;
use super::host::ActiveInvocation;
use super::open_span::OpenSpan;
use super::span_table::{SpanTable, host_handle, is_host_handle};
use crate::attributes::{ByteBudget, Rules};
use crate::dropped::Reason;
use crate::limits::Limits;
use crate::model::{SpanChanges, SpanHandle};

impl Activity {
    /// Returns a handle for the host's span around the current call (`tracer.invocation`). Returns
    /// [`SpanHandle::NONE`] if there is no such span, or if it keeps nothing of the guest's.
    pub(super) fn invocation_span(&mut self) -> SpanHandle {
        let keeps = |active: &&mut ActiveInvocation| active.span.keeps_changes();
        let Some(active) = self.invocations.last_mut().filter(keeps) else {
            return SpanHandle::NONE;
        };
        if active.handle == SpanHandle::NONE {
            self.host_handles = self.host_handles.wrapping_add(1);
            // Numbers of guests' spans do not reach this range.
            active.handle = host_handle(self.mixer.mix(1 << 63 | self.host_handles));
        }
        active.handle
    }

    /// Returns the reason for ignoring a call that only spans of guests allow.
    #[cold]
    pub(super) fn not_of_guest(&self, span: SpanHandle) -> Reason {
        if self.is_of_host(span) {
            Reason::HostSpan
        } else {
            self.not_open()
        }
    }

    /// Returns whether it is the handle of a host span whose call is active.
    pub(super) fn is_of_host(&self, span: SpanHandle) -> bool {
        self.invocation_of(span).is_some()
    }

    /// Returns the context of a host span, which may be invalid. `None` for other handles.
    pub(super) fn host_context(&self, span: SpanHandle) -> Option<SpanContext> {
        let context = self.invocation_of(span)?.span.context();
        Some(context.unwrap_or(SpanContext::NONE))
    }

    /// Returns the parent context for children of a host span, which may have no valid span. `None`
    /// for other handles.
    pub(super) fn host_parent_context(&self, span: SpanHandle) -> Option<Context> {
        let context = self.invocation_of(span)?.span.parent_context();
        Some(context.unwrap_or_default())
    }

    fn invocation_of(&self, span: SpanHandle) -> Option<&ActiveInvocation> {
        let mut active = self.invocations.iter();
        active.find(|active| is_host_handle(span) && active.handle == span)
    }

    /// Begins to watch for the route of a request, if the guest starts its first span of kind
    /// server in it. Returns whether the span's attributes may name the route.
    #[inline]
    pub(super) fn may_name_route(&mut self, kind: &SpanKind, attributes: &[KeyValue]) -> bool {
        *kind == SpanKind::Server && self.is_first_of_server(attributes)
    }

    #[cold]
    fn is_first_of_server(&mut self, attributes: &[KeyValue]) -> bool {
        let rules = self.telemetry.0.span_rules();
        let Some(active) = self.invocations.last_mut() else {
            return false;
        };
        let is_first = !std::mem::replace(&mut active.has_server_span, true);
        if is_first {
            // An unrecorded span gets no attributes later.
            active.span.route.take_over(attributes, rules);
        }
        is_first
    }
}

/// Changes a span of the guest, or the host's, within the remaining bytes of the span and of the
/// instance. Returns false if it is not open.
#[inline]
pub(super) fn change(
    spans: &mut SpanTable,
    invocations: &mut [ActiveInvocation],
    span: SpanHandle,
    limits: &Limits,
    change: impl FnOnce(&mut OpenSpan, &mut ByteBudget),
) -> bool {
    if !is_host_handle(span) {
        return spans.change(span, limits, change);
    }
    let Some(active) = find(invocations, span) else {
        return false;
    };
    if let Some(open) = active.span.open_mut() {
        spans.change_host(open, limits, change);
    }
    true
}

/// Notes the route and the name that changes of the host's span have. The route is moved out.
pub(super) fn note_route(
    invocations: &mut [ActiveInvocation],
    span: SpanHandle,
    changes: &mut SpanChanges,
    rules: Rules<'_>,
) {
    if is_host_handle(span)
        && let Some(active) = find(invocations, span)
    {
        let route = &mut active.span.route;
        route.is_span_named |= changes.name.is_some();
        route.give(&mut changes.attributes, rules);
    }
}

/// Takes the route over from a span of the guest that is about to end.
pub(super) fn take_over_route(
    invocations: &mut [ActiveInvocation],
    open: &OpenSpan,
    rules: Rules<'_>,
) {
    let depth = open.depth as usize;
    if open.names_route
        && let Some(active) = depth.checked_sub(1).and_then(|at| invocations.get_mut(at))
    {
        active.span.route.take_over(open.attributes(), rules);
    }
}

fn find(invocations: &mut [ActiveInvocation], span: SpanHandle) -> Option<&mut ActiveInvocation> {
    invocations.iter_mut().find(|active| active.handle == span)
}
