//! Starts, changes and ends spans.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::Context;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanBuilder, SpanContext, SpanKind, TraceContextExt, Tracer as _};
use opentelemetry_sdk::trace::SdkTracer;

use super::activity::Activity;
use super::invocation_span::{change, note_route, take_over_route};
use super::open_span::span_attributes;
use super::span_table::is_host_handle;
use super::table::HandleTable;
use super::unrecorded::with_notice;
use crate::attributes::{ByteBudget, Pending, Rules};
use crate::dropped::{Reason, Signal};
use crate::metrics::ScopeKey;
use crate::model::{
    LinkTarget, Notice, Scope, SpanChanges, SpanEvent, SpanHandle, SpanLink, SpanStart,
    TracerHandle,
};
use crate::remote;
use crate::scope;
use crate::telemetry::Shared;

/// The tracers of an instance, by their exported scopes. `None` without a provider.
pub(super) type Tracers = HandleTable<TracerHandle, ScopeKey, Option<SdkTracer>>;

impl Activity {
    /// Returns the tracer of a scope (`tracer.get`). Equal scopes have the same tracer.
    pub(super) fn tracer(&mut self, scope: Scope) -> TracerHandle {
        let shared = &self.telemetry.0;
        let (rules, shortened) = (shared.span_rules(), Pending::default());
        let scope = ScopeKey(scope::exported(
            &scope,
            &self.component,
            &self.texts,
            rules.pending(&shortened),
        ));
        let name = scope.0.name().to_owned();
        let limit = (shared.limits.scopes, Reason::Scopes);
        let make = |scope: &ScopeKey| Ok(shared.tracer(scope));
        match self.tracers.get_or_insert(scope, limit, make) {
            Ok(tracer) => {
                shortened.count(rules);
                tracer
            }
            Err(reason) => {
                rules.count_named(reason, &name);
                self.tracers.refused(reason)
            }
        }
    }

    /// Starts a span (`tracer.start`).
    pub(super) fn start_span(&mut self, start: SpanStart) -> SpanHandle {
        let SpanStart {
            tracer,
            name,
            kind,
            parent,
            attributes,
            start_time,
            activate,
        } = start;
        self.forget_panic();
        let parent = self.parent_context(parent);
        let names_route = self.may_name_route(&kind, &attributes);
        let mut handle = if self.may_record(tracer, &name) {
            self.start_with(tracer, name, kind, parent, attributes, start_time)
        } else {
            self.pass_through(parent.as_ref())
        };
        if !handle.is_recorded() {
            let sees_attributes = self.telemetry.0.sampler_sees_attributes();
            handle = with_notice(handle, self.notice(), !sees_attributes);
        }
        if names_route && let Some(open) = self.spans.open_mut(handle) {
            open.names_route = true;
        }
        if activate {
            self.enter_span(handle);
        }
        handle
    }

    /// Returns whether a span can be recorded. Counts the drop if not, unless there is no provider.
    fn may_record(&self, tracer: TracerHandle, span: &str) -> bool {
        let shared = &self.telemetry.0;
        let rules = shared.span_rules();
        if shared.tracer_provider.is_none() {
            false
        } else if self.ended {
            rules.count_named(Reason::Shutdown, span);
            false
        } else if let Err(reason) = self.tracers.find(tracer) {
            rules.count(reason, 1);
            false
        } else if !self.spans.has_capacity(shared.limits.open_spans) {
            rules.count_named(Reason::OpenSpans, span);
            false
        } else {
            true
        }
    }

    fn start_with(
        &mut self,
        tracer: TracerHandle,
        name: Cow<'static, str>,
        kind: SpanKind,
        parent: Option<Context>,
        attributes: Vec<KeyValue>,
        start_time: Option<u64>,
    ) -> SpanHandle {
        let shared = &self.telemetry.0;
        let rules = shared.span_rules();
        let Ok(Some(tracer)) = self.tracers.find(tracer) else {
            return self.pass_through(parent.as_ref());
        };
        let shortened = Pending::default();
        let name = rules.pending(&shortened).name(name);
        let is_root = parent.is_none();
        // A new context, so that the host thread's current context has no effect.
        let context = parent.unwrap_or_default();
        let sees_attributes = shared.sampler_sees_attributes();
        let shown = if sees_attributes {
            within_limits(&attributes, rules)
        } else {
            Vec::new()
        };
        let decided = match shared.decide(&name, &kind, &context, &shown) {
            Ok(decided) => decided,
            Err(not_recorded) => return self.not_recorded(&not_recorded, is_root),
        };
        let start_time = rules.pending(&shortened).time(start_time);
        let depth = self.invocations.len() as u32;
        let start = || {
            let builder = SpanBuilder {
                span_kind: Some(kind),
                start_time: Some(start_time),
                ..SpanBuilder::from_name(name)
            };
            tracer.build_with_context(builder, &context)
        };
        let started = self.spans.insert(start, start_time, depth, &self.mixer);
        drop(decided);
        match started {
            Ok(handle) => {
                shortened.count(rules);
                if !attributes.is_empty() {
                    self.spans.change(handle, &shared.limits, |open, budget| {
                        open.set_attributes(attributes, rules, budget);
                    });
                }
                handle
            }
            Err(not_recorded) if not_recorded.is_valid() => {
                self.not_recorded(&not_recorded, is_root)
            }
            Err(_) => {
                // The provider was shut down.
                rules.count(Reason::Shutdown, 1);
                self.pass_through(Some(&context))
            }
        }
    }

    /// Makes an unrecorded span in the trace of a context.
    fn not_recorded(&mut self, context: &SpanContext, is_root: bool) -> SpanHandle {
        let capacity = self.telemetry.0.limits.unrecorded_traces;
        self.unrecorded.add(context, is_root, capacity, &self.mixer)
    }

    /// Creates an unrecorded span that passes on its parent's context, like the OpenTelemetry API
    /// without an SDK.
    #[inline(never)]
    fn pass_through(&mut self, parent: Option<&Context>) -> SpanHandle {
        let context = parent.map_or(SpanContext::NONE, |parent| {
            parent.span().span_context().clone()
        });
        let capacity = self.telemetry.0.limits.unrecorded_traces;
        self.unrecorded
            .add_with_context(context, capacity, &self.mixer)
    }

    /// Changes a span (`tracer.update`).
    pub(super) fn update_span(&mut self, span: SpanHandle, changes: SpanChanges) -> Notice {
        self.apply(span, changes);
        self.notice()
    }

    /// Changes a span. Returns whether it is open. Counts lost changes and wrong handles.
    fn apply(&mut self, span: SpanHandle, changes: SpanChanges) -> bool {
        if !span.is_recorded() {
            return false;
        }
        // Most calls of `end` have no changes.
        if !changes.is_empty() {
            return self.apply_some(span, changes);
        }
        let is_open = self.spans.open_mut(span).is_some();
        // Empty changes to an ended span lose nothing, so they are not counted.
        if !is_open && self.context_of(span).is_none() {
            self.telemetry.0.span_rules().count(Reason::WrongHandle, 1);
        }
        is_open
    }

    #[inline(never)]
    fn apply_some(&mut self, span: SpanHandle, mut changes: SpanChanges) -> bool {
        let rules = self.telemetry.0.span_rules();
        note_route(&mut self.invocations, span, &mut changes, rules);
        let SpanChanges {
            name,
            status,
            attributes,
            links,
        } = changes;
        let links = if links.is_empty() {
            Vec::new()
        } else {
            self.resolve_links(links)
        };
        let shared = &self.telemetry.0;
        let rules = shared.span_rules();
        let sdk_counts = shared.sdk_counts_of(span);
        let (spans, invocations) = (&mut self.spans, &mut self.invocations);
        let known = change(spans, invocations, span, &shared.limits, |open, budget| {
            if let Some(name) = name {
                open.set_name(name, rules);
            }
            open.set_status(status, rules);
            if !attributes.is_empty() {
                open.set_attributes(attributes, rules, budget);
            }
            for (target, shortened, attributes) in links {
                if open.add_link(target, attributes, sdk_counts, rules, budget) {
                    shortened.count(rules);
                }
            }
        });
        if !known {
            rules.count(self.not_open(), 1);
        }
        known
    }

    #[inline(never)]
    fn resolve_links(&self, links: Vec<SpanLink>) -> Vec<(SpanContext, Pending, Vec<KeyValue>)> {
        let rules = self.telemetry.0.span_rules();
        let resolve = |link: SpanLink| {
            let shortened = Pending::default();
            let target = match &link.target {
                LinkTarget::Remote(context) => {
                    let target = remote::context(context, rules.pending(&shortened));
                    let Some(target) = target else {
                        shortened.count(rules);
                        return None;
                    };
                    target
                }
                LinkTarget::Span(span) => {
                    let Some(context) = self.context_of(*span) else {
                        rules.count(Reason::WrongHandle, 1);
                        return None;
                    };
                    // An unrecorded span without a trace.
                    if !context.is_valid() {
                        rules.count(Reason::InvalidContext, 1);
                        return None;
                    }
                    context
                }
            };
            Some((target, shortened, link.attributes))
        };
        links.into_iter().filter_map(resolve).collect()
    }

    /// Adds an event to a span (`tracer.event`).
    pub(super) fn span_event(&mut self, span: SpanHandle, event: SpanEvent) -> Notice {
        if span.is_recorded() {
            let shared = &self.telemetry.0;
            let rules = shared.span_rules();
            let sdk_counts = shared.sdk_counts_of(span);
            let (spans, invocations) = (&mut self.spans, &mut self.invocations);
            let known = change(spans, invocations, span, &shared.limits, |open, budget| {
                open.add_event(event, sdk_counts, rules, budget);
            });
            if !known {
                rules.count(self.not_open(), 1);
            }
        }
        self.notice()
    }

    /// Ends a span (`tracer.end`). `time` is in nanoseconds since the Unix epoch; `None` means now.
    pub(super) fn end_span(
        &mut self,
        span: SpanHandle,
        changes: SpanChanges,
        time: Option<u64>,
    ) -> Notice {
        self.forget_panic();
        if !span.is_recorded() {
            // There is nothing to end, but the span may be entered.
            self.exit_all(span);
        } else if is_host_handle(span) {
            let reason = self.not_of_guest(span);
            self.telemetry.0.span_rules().count(reason, 1);
        } else if self.apply(span, changes) {
            let time = self.telemetry.0.span_rules().time(time);
            self.end_open(span, time);
        }
        self.notice()
    }

    fn end_open(&mut self, span: SpanHandle, time: SystemTime) {
        let Some(open) = self.spans.open_mut(span) else {
            return;
        };
        let shared = &self.telemetry.0;
        let is_entered = open.entered > 0;
        take_over_route(&mut self.invocations, open, shared.span_rules());
        open.end(time, shared.sdk_counts, shared.span_rules());
        self.spans.release(span);
        if is_entered {
            self.exit_all(span);
        }
    }

    /// Returns a span's context (`tracer.context-of`).
    pub(super) fn span_context(&mut self, span: SpanHandle) -> Option<SpanContext> {
        let context = self.context_of(span);
        if context.is_none() {
            self.telemetry
                .0
                .dropped
                .add(Signal::Traces, Reason::WrongHandle, 1);
        }
        context.filter(SpanContext::is_valid)
    }

    /// Returns a span's context, which may be invalid. `None` for a wrong or outdated handle.
    pub(super) fn context_of(&self, span: SpanHandle) -> Option<SpanContext> {
        if !span.is_recorded() {
            self.unrecorded.context(span, &self.mixer)
        } else {
            let known = self.spans.context(span).cloned();
            known.or_else(|| self.host_context(span))
        }
    }
}

impl Shared {
    /// Returns whether the SDK counts the dropped items of a span.
    #[inline]
    fn sdk_counts_of(&self, span: SpanHandle) -> bool {
        if is_host_handle(span) {
            self.host_sdk_counts
        } else {
            self.sdk_counts
        }
    }
}

/// Returns the attributes for the sampler, within the limits. Counts nothing.
#[cold]
fn within_limits(attributes: &[KeyValue], rules: Rules<'_>) -> Vec<KeyValue> {
    let mut visible = Vec::new();
    // They are counted when they are set on the span.
    let uncounted = Pending::default();
    rules.pending(&uncounted).merge(
        &mut visible,
        attributes.to_vec(),
        span_attributes(rules),
        &mut ByteBudget::unlimited(),
    );
    visible
}
