//! Requests that a component answers.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;

use super::method::Method;
use super::route::Route;
use super::{Ended, url};
use crate::attributes::Rules;
use crate::emitted::attribute;
use crate::host_span::HostSpan;
use crate::invocation::InvocationOptions;
use crate::telemetry::Telemetry;

/// A request to a component, as its head describes it.
#[derive(Debug, Clone, Copy)]
pub struct ServerRequest<'a> {
    /// The method, in the case in which it was sent.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The path, percent-encoded.
    pub path: &'a str,
    /// The query without the question mark.
    pub query: Option<&'a str>,
    /// The host that the client asked for, without the port.
    pub host: Option<&'a str>,
    /// The port that the client asked for, if it is not the default of the scheme.
    pub port: Option<u16>,
    /// The address of the client.
    pub client: Option<IpAddr>,
    /// The version of HTTP: `1.0`, `1.1` or `2`.
    pub version: &'a str,
    /// The header `User-Agent`.
    pub user_agent: Option<&'a str>,
}

impl ServerRequest<'_> {
    /// Adds the span's name, kind and attributes to the options of a call. The context of the
    /// caller is up to the host.
    fn describe(
        &self,
        method: Method<'_>,
        options: InvocationOptions,
        rules: Rules<'_>,
    ) -> InvocationOptions {
        // A client may send longer texts than any backend accepts.
        let text = |key, value: &str| KeyValue::new(key, rules.own_text(value));
        let mut attributes = vec![
            method.attribute(),
            text(attribute::URL_SCHEME.key, self.scheme),
            text(attribute::URL_PATH.key, self.path),
            text(attribute::PROTOCOL_VERSION.key, self.version),
        ];
        attributes.extend(method.original(rules));
        let query = self.query.map(url::query);
        attributes.extend(query.map(|query| text(attribute::URL_QUERY.key, &query)));
        let host = self
            .host
            .map(|host| text(attribute::SERVER_ADDRESS.key, host));
        attributes.extend(host);
        let port = self.port.map(i64::from);
        attributes.extend(port.map(|port| KeyValue::new(attribute::SERVER_PORT.key, port)));
        let client = self.client.map(|client| client.to_string());
        attributes
            .extend(client.map(|client| KeyValue::new(attribute::CLIENT_ADDRESS.key, client)));
        let agent = self.user_agent;
        attributes.extend(agent.map(|agent| text(attribute::USER_AGENT.key, agent)));
        options
            .with_name(method.span_name())
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
    }
}

/// A request to a component that has not ended. It ends when it is dropped: when its response has
/// been sent, or has failed.
#[derive(Debug)]
#[must_use = "dropped at once, it ends"]
pub struct ActiveServerRequest {
    telemetry: Telemetry,
    started: Instant,
    /// The attributes of `http.server.active_requests`.
    active: [KeyValue; 2],
    version: KeyValue,
    span: Option<HostSpan>,
    /// The attribute `http.route` of the metrics.
    route: Option<KeyValue>,
    ended: Ended,
    request_bytes: u64,
    response_bytes: u64,
}

impl Telemetry {
    /// Starts the span of a request to a component, and counts the request as active.
    ///
    /// `component` is the component's name, as for [`instance`](Self::instance). `options` have the
    /// context of the caller.
    pub fn start_server_request(
        &self,
        component: &str,
        request: &ServerRequest<'_>,
        options: InvocationOptions,
    ) -> ActiveServerRequest {
        let method = Method::new(request.method, &self.0.http_methods);
        let scheme = KeyValue::new(attribute::URL_SCHEME.key, request.scheme.to_owned());
        let version = request.version.to_owned();
        let options = request.describe(method, options, self.0.span_rules());
        let mut span = self.start_call(component, options);
        span.route = Route::of_request(method.span_name());
        let active = ActiveServerRequest {
            span: Some(span),
            telemetry: self.clone(),
            started: Instant::now(),
            active: [method.attribute(), scheme],
            version: KeyValue::new(attribute::PROTOCOL_VERSION.key, version),
            route: None,
            ended: Ended::default(),
            request_bytes: 0,
            response_bytes: 0,
        };
        active.count(1);
        active
    }
}

impl ActiveServerRequest {
    /// Takes the span, to lend it to an invocation. `None` if it was taken before.
    #[must_use]
    pub fn take_span(&mut self) -> Option<HostSpan> {
        self.span.take()
    }

    /// Gives the span back after the invocation. Without it, it counts as ended with the instance.
    ///
    /// The error of the invocation becomes that of the request.
    pub fn return_span(&mut self, span: Option<HostSpan>) {
        if let Some(error_type) = span.as_ref().and_then(HostSpan::error_type) {
            self.set_error(error_type);
        }
        self.span = span;
    }

    /// Returns the context of its span as a `traceparent` header. `None` if there is no context, or
    /// if the span was taken.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        self.span.as_ref()?.traceparent()
    }

    /// Sets the status code of the response.
    pub fn set_status(&mut self, status: u16) {
        self.ended.status = Some(status);
    }

    /// Sets the error that the request ends with: a name of few that exist. Of several, the first
    /// one counts.
    pub fn set_error(&mut self, error_type: impl Into<Cow<'static, str>>) {
        let error_type = || error_type.into();
        self.ended.error_type.get_or_insert_with(error_type);
    }

    /// Adds to the bytes of the request's body that were received.
    pub fn add_request_bytes(&mut self, bytes: u64) {
        self.request_bytes = self.request_bytes.saturating_add(bytes);
    }

    /// Adds to the bytes of the response's body that were sent.
    pub fn add_response_bytes(&mut self, bytes: u64) {
        self.response_bytes = self.response_bytes.saturating_add(bytes);
    }

    fn count(&self, delta: i64) {
        if let Some(metrics) = &self.telemetry.0.http_metrics {
            metrics.server_active.add(delta, &self.active);
        }
    }

    fn end_span(&mut self) {
        let Some(mut span) = self.span.take() else {
            return;
        };
        let shared = &self.telemetry.0;
        if let Some((metrics, route)) = shared.http_metrics.as_ref().zip(span.route.get()) {
            let limit = shared.limits.http_routes;
            self.route = metrics.routes.attribute(route, limit, &shared.dropped);
        }
        self.ended.set_on(&mut span, is_error);
        span.end();
    }

    fn record(&self) {
        let Some(metrics) = &self.telemetry.0.http_metrics else {
            return;
        };
        let mut attributes = self.ended.attributes(is_error);
        attributes.extend(self.active.iter().cloned());
        attributes.push(self.version.clone());
        attributes.extend(self.route.clone());
        let seconds = self.started.elapsed().as_secs_f64();
        metrics.server_duration.record(seconds, &attributes);
        let sizes = [
            (&metrics.server_request_size, self.request_bytes),
            (&metrics.server_response_size, self.response_bytes),
        ];
        for (histogram, bytes) in sizes {
            histogram.record(bytes, &attributes);
        }
    }
}

impl Drop for ActiveServerRequest {
    fn drop(&mut self) {
        self.end_span();
        self.record();
        self.count(-1);
    }
}

/// Returns whether a status code is the server's error. Those below 500 are the client's.
fn is_error(status: u16) -> bool {
    status >= 500
}
