//! Builds and starts spans.

use super::span::{EnteredSpan, Span};
use super::tracer::Tracer;
use super::{active, start};
use crate::backend::tracer;
use crate::notice;
use crate::types::{KeyValue, Link, SpanChanges, SpanHandle, SpanKind, SpanReference};

/// Builds a span; [`Tracer::span`] creates it.
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
    // Set together with `links`, so that a component without links does not import `update`.
    add_links: Option<fn(SpanHandle, &[Link<'_>])>,
}

impl Tracer {
    /// Starts building a span.
    pub const fn span<'a>(&'a self, name: &'a str) -> SpanBuilder<'a> {
        SpanBuilder {
            tracer: self,
            name,
            kind: SpanKind::Internal,
            parent: SpanReference::Ambient,
            attributes: &[],
            start_time: None,
            links: &[],
            add_links: None,
        }
    }

    /// Starts a span whose parent is the ambient one, without entering it.
    pub fn start(&self, name: &str) -> Span {
        self.span(name).start()
    }

    /// Starts a span whose parent is the ambient one, and enters it. It becomes the parent of spans
    /// that start before it ends.
    pub fn enter(&self, name: &str) -> EnteredSpan {
        self.span(name).enter()
    }
}

impl<'a> SpanBuilder<'a> {
    /// Sets the kind. The default is [`SpanKind::Internal`].
    pub const fn with_kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the parent: a `&Span` of this instance, a `&SpanContext` of another process, or a
    /// [`SpanReference`]. The default is the ambient span. [`SpanReference::None`] starts a new
    /// trace.
    pub fn with_parent(mut self, parent: impl Into<SpanReference<'a>>) -> Self {
        self.parent = parent.into();
        self
    }

    /// Sets the attributes at the start. Samplers may use them.
    pub const fn with_attributes(mut self, attributes: &'a [KeyValue<'a>]) -> Self {
        self.attributes = attributes;
        self
    }

    /// Sets links to spans that caused this one without being its parent. They cost a separate
    /// call.
    pub fn with_links(mut self, links: &'a [Link<'a>]) -> Self {
        self.links = links;
        self.add_links = Some(add_links);
        self
    }

    /// Sets the start time, in nanoseconds since the Unix epoch. The default is now, by the host's
    /// clock.
    pub const fn with_start_time(mut self, unix_nanos: u64) -> Self {
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

    fn begin(self, activate: bool) -> SpanHandle {
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
            && handle.is_recorded()
        {
            add_links(handle, self.links);
        }
        handle
    }
}

fn add_links(span: SpanHandle, links: &[Link<'_>]) {
    if !links.is_empty() {
        let changes = SpanChanges::new().with_links(links);
        notice::take(tracer::update(span, changes));
    }
}
