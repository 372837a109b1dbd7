//! How the collector answers.

use std::time::Duration;

/// An answer to an export request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// Accepts all of it.
    #[default]
    Accept,
    /// Accepts the request and reports that some items were rejected. They stay in the collector's lists: OTLP does
    /// not say which ones are meant.
    PartialSuccess {
        /// How many items were rejected; 0 with a message is a warning.
        rejected: i64,
        /// The message for people.
        message: String,
    },
    /// Rejects the request with an HTTP status. Over gRPC it becomes the code that the OTLP specification gives as its counterpart.
    Status {
        /// The HTTP status.
        code: u16,
        /// When to try again: the header `Retry-After`, in seconds rounded up, or over gRPC `RetryInfo`, exactly.
        retry_after: Option<Duration>,
    },
    /// Accepts the request after a while; if the client is gone by then, it was not accepted.
    Slow(Duration),
    /// Reads the request and never answers, while keeping the connection open.
    Never,
    /// Reads the request and cuts the connection.
    Disconnect,
}

impl Reply {
    /// A rejection with an HTTP status that does not say when to try again.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status {
            code,
            retry_after: None,
        }
    }

    /// A rejection with an HTTP status that says when to try again.
    #[must_use]
    pub fn retry_after(code: u16, after: Duration) -> Self {
        Self::Status {
            code,
            retry_after: Some(after),
        }
    }

    /// A partial success.
    #[must_use]
    pub fn partial(rejected: i64, message: impl Into<String>) -> Self {
        Self::PartialSuccess {
            rejected,
            message: message.into(),
        }
    }
}

/// What a [`Reply`] comes to once its delay has passed.
#[derive(Debug)]
pub(super) enum Answer {
    /// Accepted, with the count and message of a partial success.
    Accepted(Option<(i64, String)>),
    Rejected {
        code: u16,
        retry_after: Option<Duration>,
    },
    /// The request has more bytes than the collector accepts.
    TooLarge {
        size: usize,
        largest: usize,
    },
    Disconnected,
}
