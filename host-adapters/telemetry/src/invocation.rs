//! The span around a call into a component, and the end of everything that the call leaves open.

use std::ops::{Deref, DerefMut};

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;

use crate::instance::Instance;

/// Something that leads to an [`Instance`], such as a borrowed store.
pub trait InstanceAccess {
    /// Gives the instance; `None` where there is none, and then an [`Invocation`] does nothing.
    fn instance(&mut self) -> Option<&mut Instance>;
}

impl InstanceAccess for Instance {
    fn instance(&mut self) -> Option<&mut Instance> {
        Some(self)
    }
}

impl<T: InstanceAccess + ?Sized> InstanceAccess for &mut T {
    fn instance(&mut self) -> Option<&mut Instance> {
        (**self).instance()
    }
}

/// How a call into a component ended; attribute `wasmscope.outcome` of its host span.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It returned.
    Ok,
    /// The program asked to end with an exit code, 0 for success.
    Exit {
        /// The code.
        code: i32,
    },
    /// The component's function returned an error, with what is known of it.
    Error(String),
    /// It trapped.
    Trap {
        /// A short word for the kind of trap, such as `unreachable`; `error.type` of its spans.
        code: String,
        /// The whole message.
        message: String,
    },
    /// It was stopped because its time was over.
    Timeout,
    /// It was stopped for another reason, or the [`Invocation`] was dropped before its end.
    Killed,
}

/// What an [`Invocation`] is to be.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct InvocationOptions {
    /// The host span's name. Default: `run` and the component's name.
    pub name: Option<String>,
    /// Its kind. Default: internal.
    pub kind: Option<SpanKind>,
    /// A `traceparent` header to continue.
    pub traceparent: Option<String>,
    /// The `tracestate` header that came with it.
    pub tracestate: Option<String>,
    /// A `baggage` header.
    pub baggage: Option<String>,
    /// Further attributes of the host span.
    pub attributes: Vec<KeyValue>,
}

/// A call into a component: makes the host span that is the guest's outermost parent.
///
/// It gives access to what it was made of, for the call. Dropped without [`Invocation::finish`] it ends as [`Outcome::Killed`].
#[derive(Debug)]
#[must_use = "dropped at once, it ends as killed"]
pub struct Invocation<S: InstanceAccess> {
    target: Option<S>,
}

#[expect(clippy::todo, reason = "being written")]
#[expect(unused_variables, reason = "being written")]
impl<S: InstanceAccess> Invocation<S> {
    /// Begins one.
    pub fn begin(target: S, options: InvocationOptions) -> Self {
        todo!()
    }

    /// Ends it, and every span that the guest left open.
    pub fn finish(self, outcome: Outcome) -> S {
        todo!()
    }
}

#[expect(clippy::todo, reason = "being written")]
impl<S: InstanceAccess> Deref for Invocation<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.target.as_ref().unwrap_or_else(|| todo!())
    }
}

#[expect(clippy::todo, reason = "being written")]
impl<S: InstanceAccess> DerefMut for Invocation<S> {
    fn deref_mut(&mut self) -> &mut S {
        self.target.as_mut().unwrap_or_else(|| todo!())
    }
}
