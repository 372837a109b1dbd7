//! Requests that a component sends.

use std::borrow::Cow;
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;

use super::method::Method;
use super::{Ended, url};
use crate::emitted::attribute;
use crate::host_span::{HostSpan, Propagation};
use crate::instance::Instance;
use crate::invocation::InvocationOptions;
use crate::telemetry::Telemetry;

/// A request of a component to another service.
#[derive(Debug, Clone, Copy)]
pub struct ClientRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The absolute URL. Credentials and known secrets are removed from it.
    pub url: &'a str,
    /// The host, without the port.
    pub host: &'a str,
    /// The port, or that of the scheme.
    pub port: u16,
    /// The headers `traceparent` and `tracestate` that the guest has set itself.
    pub own_context: Option<(&'a str, &'a str)>,
}

/// A request that a component has sent, until its response has been received. It ends when it is
/// dropped.
#[derive(Debug)]
#[must_use = "dropped at once, it ends"]
pub struct ActiveClientRequest {
    telemetry: Telemetry,
    started: Instant,
    span: HostSpan,
    /// The attributes of metrics that are known at the start.
    attributes: Vec<KeyValue>,
    ended: Ended,
}

impl Instance {
    /// Starts the span of a request that the guest sends: a child of the ambient span, or of the
    /// span that the guest itself names in the same trace.
    pub fn start_client_request(&mut self, request: &ClientRequest<'_>) -> ActiveClientRequest {
        let telemetry = self.telemetry().clone();
        let method = Method::new(request.method, &telemetry.0.http_methods);
        let rules = telemetry.0.span_rules();
        let url = rules.own_text(&url::full(request.url));
        let attributes = vec![
            method.attribute(),
            KeyValue::new(attribute::SERVER_ADDRESS.key, request.host.to_owned()),
            KeyValue::new(attribute::SERVER_PORT.key, i64::from(request.port)),
        ];
        let mut options = InvocationOptions::default()
            .with_name(method.span_name())
            .with_kind(SpanKind::Client)
            .with_attributes(attributes.iter().cloned())
            .with_attributes(method.original(rules))
            .with_attribute(KeyValue::new(attribute::URL_FULL.key, url));
        if let Some((traceparent, tracestate)) = request.own_context {
            options = options
                .with_traceparent(traceparent)
                .with_tracestate(tracestate);
        }
        ActiveClientRequest {
            span: self.start_child_span(options),
            telemetry,
            started: Instant::now(),
            attributes,
            ended: Ended::default(),
        }
    }
}

impl ActiveClientRequest {
    /// Returns the headers that continue the trace in the other service. They replace those of the
    /// same names.
    #[must_use]
    pub fn headers(&self, propagation: Propagation) -> Vec<(&'static str, String)> {
        self.span.headers(propagation)
    }

    /// Sets the status code and the version of HTTP of the response.
    pub fn set_response(&mut self, status: u16, version: &'static str) {
        self.ended.status = Some(status);
        let version = KeyValue::new(attribute::PROTOCOL_VERSION.key, version);
        self.span.set_attribute(version.clone());
        self.attributes.push(version);
    }

    /// Notes that the request was not sent. Its metrics then have no `server.address` and
    /// `server.port`: a guest can invent any number of them.
    pub fn set_refused(&mut self) {
        let of_server = [attribute::SERVER_ADDRESS.key, attribute::SERVER_PORT.key];
        self.attributes
            .retain(|attribute| !of_server.contains(&attribute.key.as_str()));
    }

    /// Sets the error that the request ends with: a name of few that exist. Of several, the first
    /// one counts.
    pub fn set_error(&mut self, error_type: impl Into<Cow<'static, str>>) {
        let error_type = || error_type.into();
        self.ended.error_type.get_or_insert_with(error_type);
    }
}

impl Drop for ActiveClientRequest {
    fn drop(&mut self) {
        self.ended.set_on(&mut self.span, is_error);
        if let Some(metrics) = &self.telemetry.0.http_metrics {
            let mut attributes = std::mem::take(&mut self.attributes);
            attributes.extend(self.ended.attributes(is_error));
            let seconds = self.started.elapsed().as_secs_f64();
            metrics.client_duration.record(seconds, &attributes);
        }
    }
}

/// Returns whether a status code is an error for a client.
fn is_error(status: u16) -> bool {
    status >= 400
}
