//! Requests that components send.
//!
//! [`Outgoing`] implements the hooks of `wasi:http` for a guest. It sends requests with a
//! [`Client`], which all guests of a process share. Each request has a span: a child of the ambient
//! span, or of the span that the guest itself names in the same trace. It ends when the body of the
//! response has ended or has failed, or when the guest drops it.
//!
//! # Hostile guests
//!
//! A guest may send the requests that a [`Policy`] allows: none by default. Connections, requests,
//! their time and the head of responses are limited: see [`Limits`]. Bodies are streams, of which
//! some pieces are in memory. Whatever a guest drops is aborted.

mod address;
mod body;
mod client;
mod connect;
mod exchange;
mod failure;
mod limits;
mod look_up;
mod policy;
mod refusal;
mod rule;
mod target;
mod tls;

pub use self::client::{Client, ClientBuilder};
pub use self::limits::Limits;
pub use self::policy::Policy;
pub use self::refusal::{Refusal, RefusalReason};
pub use self::rule::{Rule, RuleError};

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method, Request};
use wasmscope_telemetry::http::{ActiveClientRequest, ClientRequest};
use wasmscope_telemetry::{Instance, Propagation};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{RequestOptions, Result, WasiBody, WasiHttpHooks};

use self::exchange::{Exchange, Exchanges};
use self::target::{NAME_BYTES, Target};
use crate::head::{joined, only};

/// The hooks of a guest. They own the telemetry of its instance, because a request becomes a child
/// of the ambient span.
#[derive(Debug)]
pub struct Outgoing {
    /// The telemetry of the instance.
    pub telemetry: Instance,
    client: Client,
    exchanges: Exchanges,
}

impl Outgoing {
    /// Makes the hooks of an instance.
    #[must_use]
    pub fn new(telemetry: Instance, client: Client) -> Self {
        Self {
            telemetry,
            client,
            exchanges: Exchanges::default(),
        }
    }

    /// Ends the spans of all requests under way. Call it when the guest has ended, before telemetry
    /// is delivered. Dropping the hooks does it as well.
    pub fn end_requests(&mut self) {
        self.exchanges.end();
    }

    /// Starts a request. Returns its destination and its span, or the reason why it is refused.
    fn admit(
        &mut self,
        request: &mut Request<WasiBody>,
    ) -> std::result::Result<(Target, Exchange), ErrorCode> {
        let target = Target::of(request.uri());
        let mut active = start_span(&mut self.telemetry, request, target.as_ref());
        let refused = match &target {
            None => Some(ErrorCode::HttpRequestUriInvalid),
            // Without a connection of its own, a guest has no use for a tunnel.
            Some(_) if request.method() == Method::CONNECT => {
                Some(ErrorCode::HttpRequestMethodInvalid)
            }
            Some(target) => self.refused(target),
        };
        let propagation = target
            .as_ref()
            .and_then(|target| self.client.policy().propagation_to(target));
        if let (None, Some(propagation)) = (&refused, propagation) {
            propagate(&active, propagation, request.headers_mut());
        }
        if refused.is_some() {
            active.set_refused();
        }
        let exchange = Exchange::new(active);
        match (target, refused) {
            (Some(target), None) => {
                self.exchanges.add(&exchange);
                Ok((target, exchange))
            }
            (_, refused) => {
                let code = refused.unwrap_or(ErrorCode::HttpRequestUriInvalid);
                exchange.fail(&code);
                Err(code)
            }
        }
    }

    /// Returns why a destination is refused, if it is, and reports it.
    fn refused(&self, target: &Target) -> Option<ErrorCode> {
        let policy = self.client.policy();
        let (code, reason) = if !policy.allows(target) {
            (ErrorCode::HttpRequestDenied, RefusalReason::NotAllowed)
        } else if let Err(address) = policy.allows_literal(target) {
            let reason = RefusalReason::PrivateAddress(address);
            (ErrorCode::DestinationIpProhibited, reason)
        } else {
            return None;
        };
        self.client.refuse(target, reason);
        Some(code)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.end_requests();
    }
}

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

fn start_span(
    telemetry: &mut Instance,
    request: &Request<WasiBody>,
    target: Option<&Target>,
) -> ActiveClientRequest {
    let host = match target {
        Some(target) => target.host.to_string(),
        // A guest can send any text.
        None => request
            .uri()
            .host()
            .unwrap_or_default()
            .chars()
            .take(NAME_BYTES)
            .collect(),
    };
    let tracestate = joined(request.headers(), TRACESTATE.as_str()).unwrap_or_default();
    telemetry.start_client_request(&ClientRequest {
        method: request.method().as_str(),
        url: &request.uri().to_string(),
        host: host.trim_matches(['[', ']']),
        port: target.map_or(0, |target| target.port),
        own_context: only(request.headers(), TRACEPARENT.as_str())
            .map(|traceparent| (traceparent, tracestate.as_str())),
    })
}

/// Replaces the guest's headers with those of the span.
fn propagate(active: &ActiveClientRequest, propagation: Propagation, headers: &mut HeaderMap) {
    for (name, value) in active.headers(propagation) {
        let name = HeaderName::from_static(name);
        if name == TRACEPARENT {
            // One of the guest would belong to another span.
            headers.remove(TRACESTATE);
        }
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// Bytes of a piece of a body that the guest writes. Two pieces of each body are in memory, so the
/// library's default of 1 MiB is much for many bodies.
const PIECE_BYTES: usize = 64 << 10;

/// Work on a connection that goes on beside a response's body.
type Work = Box<dyn Future<Output = Result<()>> + Send>;

impl WasiHttpHooks for Outgoing {
    /// The pool sets it, for HTTP/1.1 only, and without a user and password.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE_BYTES
    }

    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Work,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Work)>> + Send> {
        let sending = match self.admit(&mut request) {
            Ok((target, exchange)) => {
                let options = options.unwrap_or_default();
                Ok(self.client.send(target, request, options, exchange))
            }
            Err(code) => {
                self.client.discard(request.into_body());
                Err(code)
            }
        };
        Box::new(async move {
            let response = sending?.await?;
            // The pool drives the connection.
            let work: Work = Box::new(async { Ok(()) });
            Ok((response, work))
        })
    }
}

#[cfg(test)]
mod tests;
