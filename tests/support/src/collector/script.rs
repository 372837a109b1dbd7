//! How the collector answers.

use std::time::Duration;

/// An answer to an export request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// Accepts all of it.
    #[default]
    Accept,
    /// Accepts the request and reports that some items were rejected. All items stay in the
    /// collector's lists, because OTLP does not say which ones are rejected.
    PartialSuccess {
        /// The number of rejected items. 0 with a message is a warning.
        rejected: i64,
        /// The message for the user.
        message: String,
    },
    /// Rejects the request with an HTTP status, or over gRPC with the corresponding code of the
    /// OTLP specification.
    Status {
        /// The HTTP status.
        code: u16,
        /// When to try again: the header `Retry-After` in whole seconds, rounded up, or over gRPC
        /// an exact `RetryInfo`.
        retry_after: Option<Duration>,
    },
    /// Accepts the request after a delay. If the client has gone by then, the request is not
    /// accepted.
    Slow(Duration),
    /// Reads the request and never answers. The connection stays open.
    Never,
    /// Reads the request and cuts the connection.
    Disconnect,
}

impl Reply {
    /// Returns a rejection with an HTTP status, without a time to try again.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status {
            code,
            retry_after: None,
        }
    }

    /// Returns a rejection with an HTTP status and a time to try again.
    #[must_use]
    pub fn retry_after(code: u16, after: Duration) -> Self {
        Self::Status {
            code,
            retry_after: Some(after),
        }
    }

    /// Returns a partial success.
    #[must_use]
    pub fn partial(rejected: i64, message: impl Into<String>) -> Self {
        Self::PartialSuccess {
            rejected,
            message: message.into(),
        }
    }
}

/// The result of a [`Reply`] after its delay.
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
