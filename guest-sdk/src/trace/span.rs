//! A span, and the guards around it.

use core::error::Error;
use core::future::poll_fn;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::pin::pin;

use super::{active, pending};
use crate::backend::tracer;
use crate::notice;
use crate::types::{
    KeyValue, Link, LinkTarget, SpanChanges, SpanContext, SpanHandle, SpanReference, Status, Value,
};

/// A span, which ends when it is dropped.
///
/// If the host does not record the span, its methods make no call, except for
/// [`context`](Self::context), entering and exiting.
///
/// Attributes and status are buffered until the span ends, another span is changed, or there are 32
/// of them. Events are sent at once. A panic sends the buffer; another trap loses it.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    handle: SpanHandle,
}

impl Span {
    pub(crate) const fn from_handle(handle: SpanHandle) -> Self {
        Self { handle }
    }

    /// Returns true if the host records the span. Use it to skip costly computations.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.handle.is_recorded()
    }

    /// Sets an attribute. It replaces an earlier value of the same key.
    pub fn set_attribute<'a>(&self, key: &'a str, value: impl Into<Value<'a>>) {
        pending::set_attribute(self.handle, &KeyValue::new(key, value));
    }

    /// Sets attributes. They replace earlier values of the same keys.
    pub fn set_attributes(&self, attributes: &[KeyValue<'_>]) {
        for attribute in attributes {
            pending::set_attribute(self.handle, attribute);
        }
    }

    /// Sets the status of the operation. `Ok` is final, and `Error` overrides `Unset`.
    pub fn set_status(&self, status: Status<'_>) {
        pending::set_status(self.handle, status);
    }

    /// Changes the name of the span. The sampling decision does not change.
    pub fn set_name(&self, name: &str) {
        self.update(SpanChanges::new().with_name(name));
    }

    /// Sends changes at once, in one call and without copying. Use it for large values, and for
    /// values that a trap must not lose.
    pub fn update(&self, changes: SpanChanges<'_>) {
        if self.is_recorded() {
            pending::update(self.handle, changes);
        }
    }

    /// Adds a link to a span that caused this one without being its parent.
    pub fn add_link(&self, link: Link<'_>) {
        self.update(SpanChanges::new().with_links(&[link]));
    }

    /// Adds an event that happens now. It is kept even if the program traps before the span ends.
    pub fn event(&self, name: &str, attributes: &[KeyValue<'_>]) {
        self.add_event(name, attributes, None);
    }

    /// Adds an event that happened at a time, in nanoseconds since the Unix epoch.
    pub fn event_at(&self, name: &str, attributes: &[KeyValue<'_>], unix_nanos: u64) {
        self.add_event(name, attributes, Some(unix_nanos));
    }

    fn add_event(&self, name: &str, attributes: &[KeyValue<'_>], time: Option<u64>) {
        if self.is_recorded() {
            notice::take(tracer::event(self.handle, name, attributes, time));
        }
    }

    /// Adds the event `exception` with the type and the message of an error (semantic conventions,
    /// "Exceptions on spans"). It does not change the status, because the error may be handled.
    pub fn record_error<E: Error + ?Sized>(&self, error: &E) {
        if self.is_recorded() {
            self.record_exception(core::any::type_name::<E>(), &error.to_string());
        }
    }

    /// Adds the event `exception` with a given type and message.
    pub fn record_exception(&self, kind: &str, message: &str) {
        self.event(
            "exception",
            crate::attributes!["exception.type" => kind, "exception.message" => message],
        );
    }

    /// Returns the span's context, for headers to another process, or `None` if the host does not
    /// know it. Asks the host each time.
    #[must_use]
    pub fn context(&self) -> Option<SpanContext> {
        tracer::context_of(self.handle)
    }

    /// Makes this the ambient span until the guard is dropped: the default parent of spans in this
    /// component and in the components that it calls.
    ///
    /// # In async code
    ///
    /// A guard that is held across an `.await` keeps the span entered while other tasks run. Use
    /// [`instrument`](Self::instrument) there, or set parents explicitly
    /// ([`SpanBuilder::with_parent`](crate::SpanBuilder::with_parent)).
    pub fn enter(&self) -> Entered<'_> {
        active::enter(self.handle);
        Entered {
            span: self,
            not_send: PhantomData,
        }
    }

    /// Enters the span until it ends.
    pub fn entered(self) -> EnteredSpan {
        active::enter(self.handle);
        EnteredSpan::adopt(self)
    }

    /// Runs a future, and enters the span only while it is polled. So concurrent futures do not
    /// become each other's parents.
    pub async fn instrument<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            let _entered = self.enter();
            future.as_mut().poll(context)
        })
        .await
    }

    /// Ends the span now, like dropping it.
    pub fn end(self) {}

    /// Ends the span at a time, in nanoseconds since the Unix epoch.
    pub fn end_at(self, unix_nanos: u64) {
        let span = ManuallyDrop::new(self);
        end(span.handle, Some(unix_nanos));
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        end(self.handle, None);
    }
}

impl<'a> Link<'a> {
    /// Links to a span of this instance.
    #[must_use]
    pub const fn to_span(span: &Span, attributes: &'a [KeyValue<'a>]) -> Self {
        Self {
            target: LinkTarget::Span(span.handle),
            attributes,
        }
    }
}

impl<'a> From<&'a Span> for SpanReference<'a> {
    fn from(span: &'a Span) -> Self {
        Self::Span(span.handle)
    }
}

impl<'a> From<&'a EnteredSpan> for SpanReference<'a> {
    fn from(span: &'a EnteredSpan) -> Self {
        Self::Span(span.handle)
    }
}

/// Ends a span. For an unrecorded one this makes no call. In both cases the callbacks of
/// observables may run, because metrics must not depend on sampling.
fn end(handle: SpanHandle, time: Option<u64>) {
    if handle.is_recorded() {
        pending::end(handle, time);
    }
    notice::safe_point();
}

/// Keeps a span entered until it is dropped.
#[derive(Debug)]
#[must_use = "the span is exited when this is dropped"]
pub struct Entered<'a> {
    span: &'a Span,
    // A span is exited on the thread that entered it.
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        active::exit(self.span.handle);
    }
}

/// A span that is entered until it ends. Dropping it exits and ends it.
#[derive(Debug)]
#[must_use = "the span is exited and ended when this is dropped"]
pub struct EnteredSpan {
    span: Span,
    not_send: PhantomData<*const ()>,
}

impl EnteredSpan {
    /// Wraps a span that has already been entered.
    pub(super) fn adopt(span: Span) -> Self {
        Self {
            span,
            not_send: PhantomData,
        }
    }

    /// Exits the span without ending it.
    pub fn exit(self) -> Span {
        let handle = ManuallyDrop::new(self).span.handle;
        active::exit(handle);
        Span::from_handle(handle)
    }
}

impl Deref for EnteredSpan {
    type Target = Span;

    fn deref(&self) -> &Span {
        &self.span
    }
}

impl Drop for EnteredSpan {
    fn drop(&mut self) {
        if self.span.is_recorded() {
            // The end exits it on the host too.
            active::pop(self.span.handle);
        } else {
            active::exit(self.span.handle);
        }
    }
}
