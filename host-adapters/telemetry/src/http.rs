//! Spans and metrics of HTTP requests, by the stable [semantic conventions for HTTP][conventions].
//!
//! [`ServerRequest`] is a request that a component answers, [`ClientRequest`] one that it sends.
//! This module knows no HTTP library: the host passes texts and numbers.
//!
//! [conventions]: https://opentelemetry.io/docs/specs/semconv/http/

mod client;
mod method;
mod metrics;
mod route;
mod server;
mod url;

pub use client::{ActiveClientRequest, ClientRequest};
pub use method::{KnownMethods, NotMethods};
pub(crate) use metrics::HttpMetrics;
pub(crate) use route::Route;
pub use server::{ActiveServerRequest, ServerRequest};

use std::borrow::Cow;

use opentelemetry::KeyValue;

use crate::emitted::attribute;
use crate::host_span::HostSpan;

/// The end of a request: a status code, an error, or both.
#[derive(Debug, Clone, Default)]
struct Ended {
    status: Option<u16>,
    error_type: Option<Cow<'static, str>>,
}

impl Ended {
    /// Returns the attributes of spans and metrics. `is_error` tells which status codes are errors.
    fn attributes(&self, is_error: impl FnOnce(u16) -> bool) -> Vec<KeyValue> {
        let mut attributes = Vec::new();
        if let Some(status) = self.status {
            let status = i64::from(status);
            attributes.push(KeyValue::new(attribute::HTTP_STATUS.key, status));
        }
        if let Some(error_type) = self.error_type(is_error) {
            attributes.push(KeyValue::new(attribute::ERROR_TYPE.key, error_type));
        }
        attributes
    }

    /// Sets the attributes and the status of a span. The description of an error that was set
    /// before stays.
    fn set_on(&self, span: &mut HostSpan, is_error: impl FnOnce(u16) -> bool) {
        if let Some(status) = self.status {
            let status = i64::from(status);
            span.set_attribute(KeyValue::new(attribute::HTTP_STATUS.key, status));
        }
        if let Some(error_type) = self.error_type(is_error) {
            // The reason why the guest was stopped says more than that it was.
            span.set_error(error_type);
        }
    }

    /// Returns `error.type`: that of the error, or else the status code if it is an error.
    fn error_type(&self, is_error: impl FnOnce(u16) -> bool) -> Option<Cow<'static, str>> {
        let by_status = || {
            let status = self.status.filter(|status| is_error(*status))?;
            Some(status.to_string().into())
        };
        self.error_type.clone().or_else(by_status)
    }
}

#[cfg(test)]
mod tests;
