//! A span, and the guards around it.

use core::error::Error;
use core::future::poll_fn;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::pin::pin;

use super::{active, pending};
use crate::backend::{NOT_RECORDED, tracer};
use crate::{KeyValue, Link, SpanChanges, SpanContext, SpanReference, Status, Value, notice};

/// Is a span that goes on, and ends when it is dropped.
///
/// A span that the host does not record is not spoken of to the host: its methods make no call, but
/// for [`context`](Self::context), and for entering and leaving it.
///
/// Attributes and status are kept until the span ends, another span is told something, or 32 have gathered; events go
/// to the host at once. So nothing of this is lost in a panic, and a trap of another kind loses no event.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    handle: u64,
}

impl Span {
    pub(crate) const fn from_handle(handle: u64) -> Self {
        Self { handle }
    }

    /// Whether anything that is said about the span is kept. Use it to skip what is costly to compute.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.handle & NOT_RECORDED == 0
    }

    /// Gives the span's handle in the contract.
    #[must_use]
    pub const fn handle(&self) -> u64 {
        self.handle
    }

    /// Sets an attribute; a value given before under the same key is replaced.
    pub fn set_attribute<'a>(&self, key: &'a str, value: impl Into<Value<'a>>) {
        pending::set_attribute(self.handle, &KeyValue::new(key, value));
    }

    /// Sets attributes; values given before under the same keys are replaced.
    pub fn set_attributes(&self, attributes: &[KeyValue<'_>]) {
        for attribute in attributes {
            pending::set_attribute(self.handle, attribute);
        }
    }

    /// Sets how the operation ended. `Ok` is final, `Error` overrides `Unset`.
    pub fn set_status(&self, status: Status<'_>) {
        pending::set_status(self.handle, status);
    }

    /// Gives the span another name. Whether it is sampled stays as decided.
    pub fn set_name(&self, name: &str) {
        self.update(SpanChanges {
            name: Some(name),
            ..SpanChanges::default()
        });
    }

    /// Passes on at once what has been learnt about the span, in one call and without copying it: for what is large, or must
    /// not be lost in a trap.
    pub fn update(&self, changes: SpanChanges<'_>) {
        if self.is_recorded() {
            pending::update(self.handle, changes);
        }
    }

    /// Adds a link to a span that caused this one without being its parent.
    pub fn add_link(&self, link: Link<'_>) {
        self.update(SpanChanges {
            links: &[link],
            ..SpanChanges::default()
        });
    }

    /// Adds an event: something that happens now. It is kept even if the program traps before the span ends.
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

    /// Adds the event `exception` for an error (semantic conventions, "Exceptions on spans"): its type and its message.
    /// The status is left alone: an error may have been dealt with.
    pub fn record_error<E: Error + ?Sized>(&self, error: &E) {
        if self.is_recorded() {
            self.record_exception(core::any::type_name::<E>(), &error.to_string());
        }
    }

    /// Adds the event `exception` with a type and a message of one's own.
    pub fn record_exception(&self, kind: &str, message: &str) {
        self.event(
            "exception",
            crate::attributes!["exception.type" => kind, "exception.message" => message],
        );
    }

    /// Gives the span's context, for passing on to another process; `None` where the host cannot say. Asks the host each time.
    #[must_use]
    pub fn context(&self) -> Option<SpanContext> {
        tracer::context_of(self.handle)
    }

    /// Makes this the ambient span until the guard is dropped: the parent of spans that are started without one, here
    /// and in the components that are called.
    ///
    /// # In async code
    ///
    /// A guard that is held across an `.await` stays entered while other tasks run. Use [`instrument`](Self::instrument)
    /// there, or pass parents explicitly ([`SpanBuilder::parent`](super::SpanBuilder::parent)).
    pub fn enter(&self) -> Entered<'_> {
        active::enter(self.handle);
        Entered {
            span: self,
            not_send: PhantomData,
        }
    }

    /// Enters the span for as long as it lasts.
    pub fn entered(self) -> EnteredSpan {
        active::enter(self.handle);
        EnteredSpan::adopt(self)
    }

    /// Runs a future with this as the ambient span, whenever it is polled and only then: so futures that run
    /// side by side do not become each other's parents.
    pub async fn instrument<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            let _entered = self.enter();
            future.as_mut().poll(context)
        })
        .await
    }

    /// Ends the span now, as dropping it does.
    pub fn end(self) {}

    /// Ends the span with a time, in nanoseconds since the Unix epoch.
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

/// Ends a span by its handle, which for one that is not recorded costs no call. Observables are
/// read with either: whether a trace is sampled must not decide about metrics.
pub(crate) fn end(handle: u64, time: Option<u64>) {
    if handle & NOT_RECORDED == 0 {
        pending::end(handle, time);
    }
    notice::safe_point();
}

/// Keeps a span entered; leaves it when dropped.
#[derive(Debug)]
#[must_use = "the span is left when this is dropped"]
pub struct Entered<'a> {
    span: &'a Span,
    // What is entered on one thread is left on it.
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        active::exit(self.span.handle);
    }
}

/// Is a span that is entered for as long as it lasts; leaves and ends it when dropped.
#[derive(Debug)]
#[must_use = "the span is left and ended when this is dropped"]
pub struct EnteredSpan {
    span: Span,
    not_send: PhantomData<*const ()>,
}

impl EnteredSpan {
    /// Takes a span that has been entered.
    pub(super) fn adopt(span: Span) -> Self {
        Self {
            span,
            not_send: PhantomData,
        }
    }

    /// Leaves the span without ending it.
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
            // Ending exits it on the host's side too.
            active::pop(self.span.handle);
        } else {
            active::exit(self.span.handle);
        }
    }
}
