//! The interface `tracer`, recording.

use std::time::{SystemTime, UNIX_EPOCH};

use super::recorded::set_all;
use super::recorder::State;
use super::{RecordedEvent, RecordedLink, RecordedParent, RecordedSpan, RecordedStatus};
use crate::backend::{ATTRIBUTES_LATER, DIGEST_SHIFT, NOT_RECORDED};
use crate::{
    InstrumentationScope, KeyValue, LinkTarget, SpanChanges, SpanContext, SpanKind, SpanReference,
    Status, TraceFlags, TraceId,
};

/// The bit of a handle's index that says that it stands for the host's span.
const HOST: u64 = 1 << 31;

pub(crate) struct Traces {
    pub(super) sampled: bool,
    pub(super) host: Option<SpanContext>,
    /// The recorder's number, in bits 32 to 53 of its handles, so that the handles of another
    /// recorder are recognised.
    tag: u64,
    /// All spans, those that are not recorded too; a handle's low 32 bits are the index, from 1.
    spans: Vec<RecordedSpan>,
    entered: Vec<u64>,
    traces: u64,
}

impl Traces {
    pub(super) fn new(epoch: u32) -> Self {
        Self {
            sampled: true,
            host: None,
            tag: u64::from(epoch & 0x3f_ffff) << 32,
            spans: Vec::new(),
            entered: Vec::new(),
            traces: 0,
        }
    }

    pub(super) fn recorded(&self) -> Vec<RecordedSpan> {
        self.spans
            .iter()
            .filter(|span| span.handle & NOT_RECORDED == 0)
            .cloned()
            .collect()
    }

    /// Gives the span that a reference means, and its context.
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
            SpanReference::Span(span) if span == self.tag | HOST => self.host(),
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

    fn find(&self, handle: u64) -> Option<&RecordedSpan> {
        let index = (handle as u32).checked_sub(1)?;
        let span = self.spans.get(index as usize)?;
        (span.handle == handle).then_some(span)
    }

    /// Gives a recorded span that has not ended; none for one that began under another recorder.
    #[track_caller]
    fn open(&mut self, handle: u64) -> Option<&mut RecordedSpan> {
        if handle & ((1 << DIGEST_SHIFT) - 1) & !u64::from(u32::MAX) != self.tag {
            return None;
        }
        let span = self
            .find(handle)
            .filter(|span| handle & NOT_RECORDED == 0 && !span.ended);
        assert!(
            span.is_some(),
            "the handle {handle:#x} is no open, recorded span: a host would drop this call"
        );
        self.spans.get_mut((handle as u32 - 1) as usize)
    }

    fn change(&mut self, handle: u64, changes: SpanChanges<'_>) {
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
pub(crate) struct Tracer<'a>(&'a mut State);

impl State {
    pub(crate) fn tracer(&mut self) -> Tracer<'_> {
        Tracer(self)
    }
}

impl Tracer<'_> {
    pub(crate) fn get(self, scope: InstrumentationScope<'_>) -> u64 {
        self.0.scope(scope)
    }

    #[expect(clippy::too_many_arguments, reason = "the contract's")]
    pub(crate) fn start(
        self,
        tracer: u64,
        name: &str,
        kind: SpanKind,
        parent: SpanReference<'_>,
        attributes: &[KeyValue<'_>],
        start_time: Option<u64>,
        activate: bool,
    ) -> u64 {
        let scope = self.0.scope_of(tracer);
        let notice = self.0.notice();
        let digest = (notice & 15) << 4 | notice >> 32 & 15;
        let traces = &mut self.0.traces;
        let number = traces.spans.len() as u64 + 1;
        let handle = if traces.sampled {
            traces.tag | number
        } else {
            traces.tag | number | NOT_RECORDED | ATTRIBUTES_LATER | digest << DIGEST_SHIFT
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

    pub(crate) fn now(self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn ambient(self) -> u64 {
        let traces = &self.0.traces;
        match (traces.entered.last(), &traces.host) {
            (Some(&span), _) => span,
            (None, Some(_)) => traces.tag | HOST,
            (None, None) => 0,
        }
    }

    pub(crate) fn enter(self, span: u64) -> u64 {
        self.0.traces.entered.push(span);
        self.0.notice()
    }

    pub(crate) fn exit(self, span: u64) -> u64 {
        let entered = &mut self.0.traces.entered;
        if let Some(at) = entered.iter().rposition(|&other| other == span) {
            entered.remove(at);
        }
        self.0.notice()
    }

    pub(crate) fn update(self, span: u64, changes: SpanChanges<'_>) -> u64 {
        self.0.traces.change(span, changes);
        self.0.notice()
    }

    pub(crate) fn event(
        self,
        span: u64,
        name: &str,
        attributes: &[KeyValue<'_>],
        time: Option<u64>,
    ) -> u64 {
        let mut event = RecordedEvent {
            name: name.into(),
            attributes: Vec::new(),
            time,
        };
        set_all(&mut event.attributes, attributes);
        if let Some(span) = self.0.traces.open(span) {
            span.events.push(event);
        }
        self.0.notice()
    }

    pub(crate) fn end(self, span: u64, changes: SpanChanges<'_>, time: Option<u64>) -> u64 {
        let traces = &mut self.0.traces;
        traces.change(span, changes);
        traces.entered.retain(|&other| other != span);
        if let Some(ended) = traces.open(span) {
            ended.end_time = time;
            ended.ended = true;
        }
        self.0.notice()
    }

    pub(crate) fn context_of(self, span: u64) -> Option<SpanContext> {
        Some(self.0.traces.find(span)?.context.clone())
    }
}
