//! The host's span around the current call.

use crate::backend::tracer;
use crate::notice;
use crate::types::{KeyValue, SpanChanges, SpanContext, SpanHandle, SpanReference, Status, Value};

/// The host's span around the current call: for a service, the span of the request.
///
/// The host starts and ends it, and sets its own attributes, which this type cannot replace. All
/// changes are sent at once. After the call has returned, they are dropped, and the host counts
/// them.
///
/// # Examples
///
/// ```
/// fn get_order(id: u64) {
///     wasmscope::route("/orders/{id}");
///     let invocation = wasmscope::invocation();
///     invocation.set_attribute("order.id", id);
///     invocation.event("order found", &[]);
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Invocation {
    /// `None` if the host keeps nothing that is set on its span.
    span: Option<SpanHandle>,
}

/// Returns the host's span around the current call. Asks the host each time.
#[must_use]
pub fn invocation() -> Invocation {
    Invocation {
        span: tracer::invocation(),
    }
}

/// Sets the route of the request that the program answers: the pattern that its path matches, such
/// as `/orders/{id}`. The host adds it to the name of its span, and sets `http.route` on the span
/// and on the metrics of requests, even if it does not record the span.
///
/// Use one of few patterns, and never the path itself: the host keeps a limited number of routes in
/// metrics.
pub fn route(pattern: &str) {
    invocation().set_attribute("http.route", pattern);
}

impl Invocation {
    /// Returns true if the host keeps what is set on its span. Use it to skip costly computations.
    ///
    /// It may also be true if the span of a request is not recorded, because the request's metrics
    /// have its route.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.span.is_some()
    }

    /// Sets an attribute. It replaces an earlier value of the same key.
    pub fn set_attribute<'a>(&self, key: &'a str, value: impl Into<Value<'a>>) {
        self.set_attributes(&[KeyValue::new(key, value)]);
    }

    /// Sets attributes. They replace earlier values of the same keys.
    pub fn set_attributes(&self, attributes: &[KeyValue<'_>]) {
        self.update(SpanChanges::new().with_attributes(attributes));
    }

    /// Sets the status. `Ok` is final for the program. An error of the host, such as a trap,
    /// replaces it.
    pub fn set_status(&self, status: Status<'_>) {
        self.update(SpanChanges::new().with_status(status));
    }

    /// Changes the name. The sampling decision does not change.
    pub fn set_name(&self, name: &str) {
        self.update(SpanChanges::new().with_name(name));
    }

    /// Makes several changes in one call.
    pub fn update(&self, changes: SpanChanges<'_>) {
        if let Some(span) = self.span {
            notice::take(tracer::update(span, changes));
        }
    }

    /// Adds an event that happens now.
    pub fn event(&self, name: &str, attributes: &[KeyValue<'_>]) {
        if let Some(span) = self.span {
            notice::take(tracer::event(span, name, attributes, None));
        }
    }

    /// Returns the span's context, for headers to another process. `None` if the host keeps nothing
    /// of the span; [`current`](crate::current) returns a context in this case too.
    #[must_use]
    pub fn context(&self) -> Option<SpanContext> {
        tracer::context_of(self.span?)
    }
}

/// Refers to the host's span as the parent of a span, or as the span of a log record. Without it,
/// refers to the ambient span.
impl From<Invocation> for SpanReference<'_> {
    fn from(invocation: Invocation) -> Self {
        invocation.span.map_or(Self::Ambient, Self::Span)
    }
}
