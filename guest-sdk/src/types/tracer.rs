//! The types of the contract's interface `tracer`.

use super::context::SpanContext;
use super::handle::SpanHandle;
use super::value::KeyValue;
use super::variants::wit_enum;

wit_enum! {
    /// The role of a span between services.
    #[derive(Default)]
    pub enum SpanKind {
        /// An operation within the program.
        #[default]
        Internal,
        /// The handling of an external request.
        Server,
        /// A request to another service, until its response.
        Client,
        /// The sending of a message that is handled later.
        Producer,
        /// The handling of a message that was sent earlier.
        Consumer,
    }
}

/// The status of an operation. `Ok` is final, `Error` overrides `Unset`, and `Unset` changes
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C, u32)]
pub enum Status<'a> {
    /// Not set.
    #[default]
    Unset,
    /// The author considers the operation successful.
    Ok,
    /// An error with a description, which may be empty.
    Error(&'a str),
}

/// Refers to a span: as the parent of another one, or as the span of a log record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SpanReference<'a> {
    /// The innermost active span of the instance, entered by any component of a composition. If
    /// there is none, the host's own span around the call.
    #[default]
    Ambient,
    /// No span: the start of a new trace, or a log record outside of any span.
    None,
    /// A span of this instance.
    Span(SpanHandle),
    /// A span of another process. An invalid context counts as `None`.
    Remote(&'a SpanContext),
}

impl<'a> From<&'a SpanContext> for SpanReference<'a> {
    fn from(context: &'a SpanContext) -> Self {
        Self::Remote(context)
    }
}

/// The other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkTarget<'a> {
    /// A span of this instance.
    Span(SpanHandle),
    /// A span of another process.
    Remote(&'a SpanContext),
}

/// Links a span to another one that caused it without being its parent.
///
/// Use [`Link::to_span`] or [`Link::to_remote`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Link<'a> {
    /// The other span.
    pub target: LinkTarget<'a>,
    /// Attributes of the link itself.
    pub attributes: &'a [KeyValue<'a>],
}

impl<'a> Link<'a> {
    /// Links to a span of another process.
    #[must_use]
    pub const fn to_remote(context: &'a SpanContext, attributes: &'a [KeyValue<'a>]) -> Self {
        Self {
            target: LinkTarget::Remote(context),
            attributes,
        }
    }
}

/// Changes of a span, for [`Span::update`](crate::Span::update). Unset fields change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
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

impl<'a> SpanChanges<'a> {
    /// Creates an empty set of changes.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            name: None,
            status: Status::Unset,
            attributes: &[],
            links: &[],
        }
    }

    /// Sets a new name.
    #[must_use]
    pub const fn with_name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// Sets a new status.
    #[must_use]
    pub const fn with_status(mut self, status: Status<'a>) -> Self {
        self.status = status;
        self
    }

    /// Sets the attributes to set.
    #[must_use]
    pub const fn with_attributes(mut self, attributes: &'a [KeyValue<'a>]) -> Self {
        self.attributes = attributes;
        self
    }

    /// Sets the links to add.
    #[must_use]
    pub const fn with_links(mut self, links: &'a [Link<'a>]) -> Self {
        self.links = links;
        self
    }
}
