//! Extends `tracing` spans with links, remote parents and attributes of any name.

use core::error::Error;
use core::fmt;

use tracing::Span;
use tracing::span::Id;

use super::core::Core;
use super::dispatch;
use super::fields::Fields;
use super::spans::{OwnedLink, Parent, State};
use super::visitor::SetStatus;
use crate::backend::tracer;
use crate::notice;
use crate::trace::pending;
use crate::types::{
    KeyValue, Link, LinkTarget, SpanContext, SpanHandle, SpanReference, Status, Value,
};

mod sealed {
    pub trait Sealed {}
    impl Sealed for tracing::Span {}
}

/// Extends [`tracing::Span`] like tracing-opentelemetry's `OpenTelemetrySpanExt`, with this crate's
/// types.
///
/// If the span is disabled, or belongs to another subscriber, the methods do nothing and return
/// `None`.
pub trait SpanExt: sealed::Sealed {
    /// Sets a span of another process as the parent.
    ///
    /// ```
    /// use wasmscope::SpanContext;
    /// use wasmscope::subscriber::SpanExt;
    ///
    /// # fn handle(traceparent: &str, tracestate: &str) {
    /// let span = tracing::info_span!("handle message", otel.kind = "consumer");
    /// if let Some(sender) = SpanContext::from_traceparent(traceparent, tracestate) {
    ///     let _ = span.set_parent(&sender);
    /// }
    /// let _entered = span.enter();
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the span has been started: it has been entered, something refers to it
    /// (a child, an event or a link), or [`context`](Self::context) has been called.
    fn set_parent(&self, parent: &SpanContext) -> Result<(), SetParentError>;

    /// Adds a link to a span that caused this one without being its parent.
    fn add_link(&self, link: Link<'_>);

    /// Returns the span's context, for headers to another process. Starts the span.
    fn context(&self) -> Option<SpanContext>;

    /// Returns a reference to the span for this crate's other APIs, for example as the parent of a
    /// [`wasmscope::Span`](crate::Span). Starts the span. Returns [`SpanReference::Ambient`] for a
    /// disabled span.
    fn reference(&self) -> SpanReference<'static>;

    /// Sets an attribute, whose name need not be known at compile time. It replaces an earlier
    /// value of the same name.
    fn set_attribute<'a>(&self, key: &'a str, value: impl Into<Value<'a>>);

    /// Sets the status of the operation. `Ok` is final, and `Error` overrides `Unset`.
    fn set_status(&self, status: Status<'_>);

    /// Adds an event to the span, independently of `tracing` events. `unix_nanos` is the time, in
    /// nanoseconds since the Unix epoch; `None` means now. Starts the span.
    fn add_event(&self, name: &str, attributes: &[KeyValue<'_>], unix_nanos: Option<u64>);
}

/// The reason why [`SpanExt::set_parent`] could not set the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetParentError {
    /// The span belongs to another subscriber.
    OtherSubscriber,
    /// The span has been started.
    AlreadyStarted,
    /// The span is disabled.
    Disabled,
}

impl fmt::Display for SetParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherSubscriber => "the span belongs to another subscriber",
            Self::AlreadyStarted => "the span has already been started with another parent",
            Self::Disabled => "the span is disabled",
        })
    }
}

impl Error for SetParentError {}

fn with<T>(span: &Span, act: impl FnOnce(&Core, &Id) -> Option<T>) -> Option<T> {
    span.with_subscriber(|(id, dispatch)| {
        let core = dispatch::core_of(dispatch)?;
        act(core, &dispatch::id_in_core(dispatch, id)?)
    })
    .flatten()
}

fn handle(span: &Span) -> Option<SpanHandle> {
    with(span, Core::start)
}

impl SpanExt for Span {
    fn set_parent(&self, parent: &SpanContext) -> Result<(), SetParentError> {
        self.with_subscriber(|(id, dispatch)| {
            let core = dispatch::core_of(dispatch).ok_or(SetParentError::OtherSubscriber)?;
            let id = dispatch::id_in_core(dispatch, id).ok_or(SetParentError::Disabled)?;
            let parent = Parent::Remote(parent.clone());
            core.lock()
                .spans
                .set_parent(&id, parent, core.config.deferred_start)
                .ok_or(SetParentError::AlreadyStarted)
        })
        .unwrap_or(Err(SetParentError::Disabled))
    }

    fn add_link(&self, link: Link<'_>) {
        let target = match link.target {
            LinkTarget::Span(handle) => Parent::Span(handle),
            LinkTarget::Remote(context) => Parent::Remote(context.clone()),
        };
        let mut attributes = Fields::default();
        for attribute in link.attributes {
            attributes.push_copy(attribute);
        }
        with(self, |core, id| {
            let mut shared = core.lock();
            let span = shared.spans.get(id)?;
            span.add_link(OwnedLink { target, attributes });
            Some(())
        });
    }

    fn context(&self) -> Option<SpanContext> {
        tracer::context_of(handle(self)?)
    }

    fn reference(&self) -> SpanReference<'static> {
        handle(self).map_or(SpanReference::Ambient, SpanReference::Span)
    }

    fn set_attribute<'a>(&self, key: &'a str, value: impl Into<Value<'a>>) {
        let attribute = KeyValue::new(key, value);
        with(self, |core, id| {
            match &mut core.lock().spans.get(id)?.state {
                State::Waiting(waiting) => waiting.fields.push_copy(&attribute),
                State::Started(handle) => pending::set_attribute(*handle, &attribute),
            }
            Some(())
        });
    }

    fn set_status(&self, status: Status<'_>) {
        let mut fields = Fields::default();
        let status = match status {
            Status::Unset => return,
            Status::Ok => SetStatus::Ok,
            Status::Error(description) => SetStatus::Error(fields.copy(description)),
        };
        with(self, |core, id| {
            core.lock().spans.get(id)?.set_status(&status, &fields);
            Some(())
        });
    }

    fn add_event(&self, name: &str, attributes: &[KeyValue<'_>], unix_nanos: Option<u64>) {
        if let Some(handle) = handle(self).filter(|handle| handle.is_recorded()) {
            notice::take(tracer::event(handle, name, attributes, unix_nanos));
        }
    }
}
