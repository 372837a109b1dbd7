//! What a `tracing` span can be told and asked beyond `tracing`.

use core::error::Error;
use core::fmt;

use tracing::Span;
use tracing::span::Id;

use super::Subscriber;
use super::fields::Fields;
use super::spans::{OwnedLink, Parent, State};
use super::subscriber::is_recorded;
use super::visitor::SetStatus;
use crate::backend::tracer;
use crate::trace::pending;
use crate::{KeyValue, Link, LinkTarget, SpanContext, SpanReference, Status, Value, notice};

mod sealed {
    pub trait Sealed {}
    impl Sealed for tracing::Span {}
}

/// Tells and asks a [`tracing::Span`] what `tracing` has no words for: the parts of tracing-opentelemetry's
/// `OpenTelemetrySpanExt`, over this crate's types.
///
/// Where the span is disabled, or its subscriber is not ours, nothing happens and nothing is known.
pub trait SpanExt: sealed::Sealed {
    /// Makes a span of another process the parent.
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
    /// Where the span has been started: it has been entered, has a child, an event, a link to it, or has been asked for its context.
    fn set_parent(&self, parent: &SpanContext) -> Result<(), SetParentError>;

    /// Adds a link to a span that caused this one without being its parent.
    fn add_link(&self, link: Link<'_>);

    /// Gives the span's context, for passing on to another process. Starts the span.
    fn context(&self) -> Option<SpanContext>;

    /// Gives what names the span to the rest of this crate, as the parent of a [`wasmscope::Span`](crate::Span) for instance. Starts the
    /// span. One that is disabled gives [`SpanReference::Ambient`].
    fn reference(&self) -> SpanReference<'static>;

    /// Sets an attribute, whose name need not be known at compile time; a value given before under the same name is replaced.
    fn set_attribute<'a>(&self, key: &'a str, value: impl Into<Value<'a>>);

    /// Sets how the operation ended. `Ok` is final, `Error` overrides `Unset`.
    fn set_status(&self, status: Status<'_>);

    /// Adds an event to the span, whatever becomes of `tracing` events. `unix_nanos` is when it happened, in nanoseconds since the
    /// Unix epoch; `None` means now. Starts the span.
    fn add_event(&self, name: &str, attributes: &[KeyValue<'_>], unix_nanos: Option<u64>);
}

/// Says why [`SpanExt::set_parent`] could not set the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetParentError {
    /// The span's subscriber is not a [`Subscriber`].
    OtherSubscriber,
    /// The span has been started.
    AlreadyStarted,
    /// The span is disabled.
    Disabled,
}

impl fmt::Display for SetParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherSubscriber => "the span's subscriber is not wasmscope's",
            Self::AlreadyStarted => "the span has been started, with another parent",
            Self::Disabled => "the span is disabled",
        })
    }
}

impl Error for SetParentError {}

fn with<T>(span: &Span, act: impl FnOnce(&Subscriber, &Id) -> Option<T>) -> Option<T> {
    span.with_subscriber(|(id, dispatch)| {
        dispatch
            .downcast_ref::<Subscriber>()
            .and_then(|subscriber| act(subscriber, id))
    })
    .flatten()
}

fn handle(span: &Span) -> Option<u64> {
    with(span, Subscriber::start)
}

impl SpanExt for Span {
    fn set_parent(&self, parent: &SpanContext) -> Result<(), SetParentError> {
        self.with_subscriber(|(id, dispatch)| {
            let subscriber = dispatch
                .downcast_ref::<Subscriber>()
                .ok_or(SetParentError::OtherSubscriber)?;
            subscriber
                .lock()
                .spans
                .set_parent(
                    id,
                    Parent::Remote(parent.clone()),
                    subscriber.config.deferred_start,
                )
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
        with(self, |subscriber, id| {
            let mut shared = subscriber.lock();
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
        with(self, |subscriber, id| {
            match &mut subscriber.lock().spans.get(id)?.state {
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
        with(self, |subscriber, id| {
            subscriber
                .lock()
                .spans
                .get(id)?
                .set_status(&status, &fields);
            Some(())
        });
    }

    fn add_event(&self, name: &str, attributes: &[KeyValue<'_>], unix_nanos: Option<u64>) {
        if let Some(handle) = handle(self).filter(|handle| is_recorded(*handle)) {
            notice::take(tracer::event(handle, name, attributes, unix_nanos));
        }
    }
}
