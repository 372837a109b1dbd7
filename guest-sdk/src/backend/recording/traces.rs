//! The interface `tracer`, recording.

#[cfg(feature = "tracing")]
use std::time::{SystemTime, UNIX_EPOCH};

use super::recorded::{
    RecordedEvent, RecordedLink, RecordedParent, RecordedSpan, RecordedStatus, set_all,
};
use super::scopes::Scopes;
use crate::types::{
    InstrumentationScope, KeyValue, LinkTarget, Notice, SpanChanges, SpanContext, SpanHandle,
    SpanKind, SpanReference, Status, TraceFlags, TraceId, TracerHandle,
};

/// The bit of a handle's index that marks the handle of the host's span.
const HOST: u64 = 1 << 31;

pub(crate) struct Traces {
    pub(crate) sampled: bool,
    pub(crate) host: Option<SpanContext>,
    /// The host's span around the call, with what the program has set on it.
    pub(crate) invocation: RecordedSpan,
    /// The recorder's number, in bits 32 to 53 of its handles, to recognise handles of another
    /// recorder.
    tag: u64,
    /// All spans, unrecorded ones included. A handle's low 32 bits are the index, from 1.
    spans: Vec<RecordedSpan>,
    entered: Vec<SpanHandle>,
    traces: u64,
}

impl Traces {
    pub(super) fn new(epoch: u32) -> Self {
        let tag = u64::from(epoch & 0x3f_ffff) << 32;
        Self {
            sampled: true,
            host: None,
            invocation: RecordedSpan::of_host(SpanHandle::recorded(tag | HOST)),
            tag,
            spans: Vec::new(),
            entered: Vec::new(),
            traces: 0,
        }
    }

    pub(crate) fn recorded(&self) -> Vec<RecordedSpan> {
        self.spans
            .iter()
            .filter(|span| span.handle.is_recorded())
            .cloned()
            .collect()
    }

    /// Returns the span that a reference names, and its context.
    pub(super) fn resolve(
        &self,
        reference: SpanReference<'_>,
    ) -> (RecordedParent, Option<SpanContext>) {
        match reference {
            SpanReference::None => (RecordedParent::None, None),
            SpanReference::Remote(context) if context.is_valid() => (
                RecordedParent::Remote(context.clone()),
                Some(context.clone()),
            ),
            SpanReference::Remote(_) => (RecordedParent::None, None),
            SpanReference::Span(span) if span.bits() == self.tag | HOST => self.host(),
            SpanReference::Span(span) => match self.find(span) {
                Some(found) => (RecordedParent::Span(span), Some(found.context.clone())),
                None => self.resolve(SpanReference::Ambient),
            },
            SpanReference::Ambient => match self.entered.last() {
                Some(&span) => self.resolve(SpanReference::Span(span)),
                None => self.host(),
            },
        }
    }

    fn host(&self) -> (RecordedParent, Option<SpanContext>) {
        match &self.host {
            Some(host) => (RecordedParent::Remote(host.clone()), Some(host.clone())),
            None => (RecordedParent::None, None),
        }
    }

    fn find(&self, handle: SpanHandle) -> Option<&RecordedSpan> {
        let index = (handle.bits() as u32).checked_sub(1)?;
        let span = self.spans.get(index as usize)?;
        (span.handle == handle).then_some(span)
    }

    /// Returns a recorded span that has not ended, or `None` if it is of another recorder.
    #[track_caller]
    fn open(&mut self, handle: SpanHandle) -> Option<&mut RecordedSpan> {
        if handle.bits() & !u64::from(u32::MAX) != self.tag {
            return None;
        }
        if handle == self.invocation.handle {
            return Some(&mut self.invocation);
        }
        let span = self
            .find(handle)
            .filter(|span| handle.is_recorded() && !span.ended);
        assert!(
            span.is_some(),
            "{handle:?} is not an open, recorded span: a host would drop this call"
        );
        self.spans.get_mut((handle.bits() as u32 - 1) as usize)
    }

    fn change(&mut self, handle: SpanHandle, changes: SpanChanges<'_>) {
        let links: Vec<_> = changes
            .links
            .iter()
            .filter_map(|link| {
                let context = match link.target {
                    LinkTarget::Span(span) => self.find(span)?.context.clone(),
                    LinkTarget::Remote(context) => context.clone(),
                };
                let mut attributes = Vec::new();
                set_all(&mut attributes, link.attributes);
                Some(RecordedLink {
                    context,
                    attributes,
                })
            })
            .collect();
        let Some(span) = self.open(handle) else {
            return;
        };
        span.links.extend(links);
        if let Some(name) = changes.name {
            span.name = name.into();
        }
        match changes.status {
            Status::Unset => {}
            Status::Ok => span.status = RecordedStatus::Ok,
            Status::Error(_) if span.status == RecordedStatus::Ok => {}
            Status::Error(description) => span.status = RecordedStatus::Error(description.into()),
        }
        set_all(&mut span.attributes, changes.attributes);
    }
}

/// The functions of the interface.
pub(crate) struct TracerFunctions<'a> {
    pub(super) notice: Notice,
    pub(super) scopes: &'a mut Scopes,
    pub(super) traces: &'a mut Traces,
}

impl TracerFunctions<'_> {
    pub(crate) fn get(self, scope: InstrumentationScope<'_>) -> TracerHandle {
        self.scopes.handle(scope)
    }

    #[expect(clippy::too_many_arguments, reason = "the contract's")]
    pub(crate) fn start(
        self,
        tracer: TracerHandle,
        name: &str,
        kind: SpanKind,
        parent: SpanReference<'_>,
        attributes: &[KeyValue<'_>],
        start_time: Option<u64>,
        activate: bool,
    ) -> SpanHandle {
        let scope = self.scopes.get(tracer);
        let traces = self.traces;
        let number = traces.spans.len() as u64 + 1;
        let handle = if traces.sampled {
            SpanHandle::recorded(traces.tag | number)
        } else {
            SpanHandle::unrecorded(traces.tag | number, self.notice.digest())
        };
        let (parent, around) = traces.resolve(parent);
        let (trace_id, trace_state) = match around {
            Some(around) => (around.trace_id, around.trace_state),
            None => {
                traces.traces += 1;
                let id = TraceId {
                    high: 0,
                    low: traces.traces,
                };
                (id, String::new())
            }
        };
        let mut span = RecordedSpan {
            handle,
            scope,
            name: name.into(),
            kind,
            parent,
            context: SpanContext {
                trace_id,
                span_id: number,
                trace_flags: TraceFlags::from_bits_retain(traces.sampled.into()),
                trace_state,
            },
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            status: RecordedStatus::Unset,
            start_time,
            end_time: None,
            ended: false,
        };
        set_all(&mut span.attributes, attributes);
        traces.spans.push(span);
        if activate {
            traces.entered.push(handle);
        }
        handle
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn now(self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn ambient(self) -> Option<SpanHandle> {
        let traces = self.traces;
        match (traces.entered.last(), &traces.host) {
            (Some(&span), _) => Some(span),
            (None, Some(_)) => Some(traces.invocation.handle),
            (None, None) => None,
        }
    }

    pub(crate) fn invocation(self) -> Option<SpanHandle> {
        Some(self.traces.invocation.handle)
    }

    pub(crate) fn enter(self, span: SpanHandle) -> Notice {
        self.traces.entered.push(span);
        self.notice
    }

    pub(crate) fn exit(self, span: SpanHandle) -> Notice {
        let entered = &mut self.traces.entered;
        if let Some(at) = entered.iter().rposition(|&other| other == span) {
            entered.remove(at);
        }
        self.notice
    }

    pub(crate) fn update(self, span: SpanHandle, changes: SpanChanges<'_>) -> Notice {
        self.traces.change(span, changes);
        self.notice
    }

    pub(crate) fn event(
        self,
        span: SpanHandle,
        name: &str,
        attributes: &[KeyValue<'_>],
        time: Option<u64>,
    ) -> Notice {
        let mut event = RecordedEvent {
            name: name.into(),
            attributes: Vec::new(),
            time,
        };
        set_all(&mut event.attributes, attributes);
        if let Some(span) = self.traces.open(span) {
            span.events.push(event);
        }
        self.notice
    }

    pub(crate) fn end(
        self,
        span: SpanHandle,
        changes: SpanChanges<'_>,
        time: Option<u64>,
    ) -> Notice {
        let traces = self.traces;
        traces.change(span, changes);
        traces.entered.retain(|&other| other != span);
        if let Some(ended) = traces.open(span) {
            ended.end_time = time;
            ended.ended = true;
        }
        self.notice
    }

    pub(crate) fn context_of(self, span: SpanHandle) -> Option<SpanContext> {
        if span == self.traces.invocation.handle {
            return self.traces.host.clone();
        }
        Some(self.traces.find(span)?.context.clone())
    }
}
