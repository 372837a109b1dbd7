//! The types of the contract's interface `tracer`, as the generated bindings take them.

use crate::{KeyValue, SpanContext};

/// Says what role a span plays between services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum SpanKind {
    /// An operation within the program.
    #[default]
    Internal,
    /// The handling of a request that came from outside.
    Server,
    /// A request to another service, until its answer.
    Client,
    /// The sending of a message that is handled later.
    Producer,
    /// The handling of a message that was sent earlier.
    Consumer,
}

/// Says how an operation ended. `Ok` is final, `Error` overrides `Unset`, and `Unset` changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C, u32)]
pub enum Status<'a> {
    /// Not said.
    #[default]
    Unset,
    /// Judged a success by the author.
    Ok,
    /// An error, with a description; empty where there is nothing to say.
    Error(&'a str),
}

/// Is the other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkTarget<'a> {
    /// A span of this instance, by its handle.
    Span(u64),
    /// A span of another process.
    Remote(&'a SpanContext),
}

/// Links a span to one that caused it without being its parent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link<'a> {
    /// The other span.
    pub target: LinkTarget<'a>,
    /// Attributes of the link itself.
    pub attributes: &'a [KeyValue<'a>],
}

impl<'a> Link<'a> {
    /// Makes a link to a span of this instance.
    #[must_use]
    pub fn to_span(span: &super::Span, attributes: &'a [KeyValue<'a>]) -> Self {
        Self {
            target: LinkTarget::Span(span.handle()),
            attributes,
        }
    }

    /// Makes a link to a span of another process.
    #[must_use]
    pub fn to_remote(context: &'a SpanContext, attributes: &'a [KeyValue<'a>]) -> Self {
        Self {
            target: LinkTarget::Remote(context),
            attributes,
        }
    }
}

/// Is what has been learnt about a span since the last call for it. Empty in every field changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SpanChanges<'a> {
    /// A new name.
    pub name: Option<&'a str>,
    /// A new status.
    pub status: Status<'a>,
    /// Attributes to set.
    pub attributes: &'a [KeyValue<'a>],
    /// Links to add.
    pub links: &'a [Link<'a>],
}
