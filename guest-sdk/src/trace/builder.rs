//! How a span is started.

use super::{EnteredSpan, Span, Tracer, active, start};
use crate::backend::{NOT_RECORDED, tracer};
use crate::{KeyValue, Link, SpanChanges, SpanKind, SpanReference, notice};

/// Gathers what a span starts out with; made by [`Tracer::span`].
#[derive(Debug, Clone, Copy)]
#[must_use = "a span starts when `start` or `enter` is called"]
pub struct SpanBuilder<'a> {
    tracer: &'a Tracer,
    name: &'a str,
    kind: SpanKind,
    parent: SpanReference<'a>,
    attributes: &'a [KeyValue<'a>],
    start_time: Option<u64>,
    links: &'a [Link<'a>],
    // Set together with `links`, so that a program without links does not import `update`.
    add_links: Option<fn(u64, &[Link<'_>])>,
}

impl<'a> SpanBuilder<'a> {
    pub(super) fn new(tracer: &'a Tracer, name: &'a str) -> Self {
        Self {
            tracer,
            name,
            kind: SpanKind::Internal,
            parent: SpanReference::Ambient,
            attributes: &[],
            start_time: None,
            links: &[],
            add_links: None,
        }
    }

    /// Sets the kind; without it, [`SpanKind::Internal`].
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the parent: a `&Span` of this instance, a `&SpanContext` of another process, or a [`SpanReference`].
    /// Without it, the ambient span.
    pub fn parent(mut self, parent: impl Into<SpanReference<'a>>) -> Self {
        self.parent = parent.into();
        self
    }

    /// Makes the span the first of a new trace.
    pub fn root(mut self) -> Self {
        self.parent = SpanReference::None;
        self
    }

    /// Sets the attributes that are known at the start, which samplers may look at.
    pub fn attributes(mut self, attributes: &'a [KeyValue<'a>]) -> Self {
        self.attributes = attributes;
        self
    }

    /// Sets links to spans that caused this one without being its parent. They cost a call of their own.
    pub fn links(mut self, links: &'a [Link<'a>]) -> Self {
        self.links = links;
        self.add_links = Some(add_links);
        self
    }

    /// Sets when the operation began, in nanoseconds since the Unix epoch; without it, now by the host's clock.
    pub fn start_time(mut self, unix_nanos: u64) -> Self {
        self.start_time = Some(unix_nanos);
        self
    }

    /// Starts the span, without entering it.
    pub fn start(self) -> Span {
        Span::from_handle(self.begin(false))
    }

    /// Starts the span and enters it, in one call to the host.
    pub fn enter(self) -> EnteredSpan {
        let handle = self.begin(true);
        active::push(handle);
        EnteredSpan::adopt(Span::from_handle(handle))
    }

    fn begin(self, activate: bool) -> u64 {
        let handle = start::start(
            self.tracer.handle(),
            self.name,
            self.kind,
            self.parent,
            self.attributes,
            self.start_time,
            activate,
        );
        if let Some(add_links) = self.add_links
            && handle & NOT_RECORDED == 0
        {
            add_links(handle, self.links);
        }
        handle
    }
}

fn add_links(span: u64, links: &[Link<'_>]) {
    if !links.is_empty() {
        notice::take(tracer::update(
            span,
            SpanChanges {
                links,
                ..SpanChanges::default()
            },
        ));
    }
}
