//! The record of a request.

use std::fmt;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use super::Reply;
use crate::views;

/// A signal of OpenTelemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Log records.
    Logs,
}

/// An encoding and transport of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Protobuf over HTTP.
    HttpProtobuf,
    /// JSON over HTTP.
    HttpJson,
    /// gRPC.
    Grpc,
}

/// The body of an export request.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// Of spans.
    Traces(ExportTraceServiceRequest),
    /// Of metrics.
    Metrics(ExportMetricsServiceRequest),
    /// Of log records.
    Logs(ExportLogsServiceRequest),
}

impl Payload {
    /// Returns the signal.
    #[must_use]
    pub fn signal(&self) -> Signal {
        match self {
            Self::Traces(_) => Signal::Traces,
            Self::Metrics(_) => Signal::Metrics,
            Self::Logs(_) => Signal::Logs,
        }
    }

    /// Counts the spans, metrics or log records.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Traces(request) => views::spans_of(request).len(),
            Self::Metrics(request) => views::metrics_of(request).len(),
            Self::Logs(request) => views::logs_of(request).len(),
        }
    }

    /// Returns true if there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An export request that could be decoded.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its headers, or its metadata over gRPC, in the order of arrival, with names in lower case.
    /// Bytes that are not text are escaped.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub payload: Payload,
    /// The size of its decompressed body in bytes.
    pub size: usize,
    /// The reply from the script.
    pub reply: Reply,
    /// The time at which it had been read.
    pub at: Instant,
}

impl Request {
    /// Returns the signal.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.payload.signal()
    }

    /// Returns the first header of that name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} over {:?}: {} items, answered {:?}",
            self.signal(),
            self.protocol,
            self.payload.len(),
            self.reply
        )
    }
}

/// A violation of the protocol. It was answered as the protocol requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the request. Empty if the path is not known.
    pub path: String,
    /// The problem.
    pub problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.problem);
        }
        write!(f, "{}: {}", self.path, self.problem)
    }
}

pub(super) fn headers(headers: &hyper::HeaderMap) -> Vec<(String, String)> {
    let text = |value: &hyper::header::HeaderValue| value.as_bytes().escape_ascii().to_string();
    headers
        .iter()
        .map(|(name, value)| {
            let text = value.to_str().map_or_else(|_| text(value), str::to_owned);
            (name.as_str().to_owned(), text)
        })
        .collect()
}
