//! From the head of a request to the head of its response.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, RETRY_AFTER, USER_AGENT};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasmscope_telemetry::InvocationOptions;
use wasmscope_telemetry::http::{ActiveServerRequest, ServerRequest};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::admission::Admission;
use super::body::{RequestBody, ResponseBody};
use super::call::{Call, StopReason};
use super::exchange::{Exchange, ResponseEnd, supervise};
use super::{Described, Handler, Limits};
use crate::error_code;
use crate::head::{joined, only, version};

/// The response to a client.
pub(super) type Answer = Response<UnsyncBoxBody<Bytes, Error>>;

const TRACEPARENT: &str = "traceparent";

/// The `error.type` of a guest that ended without a response.
const NO_RESPONSE: &str = "no_response";

/// The `error.type` of a status code that no response may have.
const INVALID_RESPONSE: &str = "invalid_response";

/// The connection of a request.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) client: SocketAddr,
    /// Closes the connection.
    pub(super) kill: CancellationToken,
    /// Each request under way has a clone.
    pub(super) open: Arc<()>,
}

/// The state that all requests share.
pub(super) struct Service {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) limits: Limits,
    pub(super) described: Described,
    pub(super) admission: Admission,
    /// Given when the time for the shutdown is over.
    pub(super) abort: CancellationToken,
    /// Set when the server shuts down.
    pub(super) is_draining: AtomicBool,
    /// The guests that run.
    pub(super) guests: TaskTracker,
}

impl Service {
    /// Answers a request.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Answer {
        let deadline = Instant::now() + self.limits.request;
        let authority = authority(&request);
        let active = self.begin(&request, connection, authority.as_ref());
        let traceresponse = self.traceresponse(&active);
        let is_head = request.method() == Method::HEAD;
        let mut answer = if authority.is_none() {
            refuse(active, StatusCode::BAD_REQUEST)
        } else if request.method() == Method::CONNECT {
            // A guest cannot be a tunnel.
            refuse(active, StatusCode::NOT_IMPLEMENTED)
        } else if content_length(request.headers()) > Some(self.limits.body_bytes) {
            refuse(active, StatusCode::PAYLOAD_TOO_LARGE)
        } else {
            self.queue(request, active, connection, deadline).await
        };
        if is_head {
            // hyper leaves the body out for HTTP/1 only. That of a guest is read already.
            answer = answer.map(|_body| empty());
        }
        if let Some(value) = traceresponse {
            let name = HeaderName::from_static("traceresponse");
            answer.headers_mut().insert(name, value);
        }
        answer
    }

    /// Starts the request's span.
    fn begin(
        &self,
        request: &Request<Incoming>,
        connection: &Connection,
        authority: Option<&Authority>,
    ) -> ActiveServerRequest {
        let headers = request.headers();
        let agent = headers.get(USER_AGENT);
        let described = ServerRequest {
            method: request.method().as_str(),
            scheme: "http",
            path: request.uri().path(),
            query: request.uri().query(),
            host: authority.map(Authority::host),
            port: authority.and_then(Authority::port_u16),
            client: Some(connection.client.ip()),
            version: version(request.version()),
            user_agent: agent.and_then(|agent| agent.to_str().ok()),
        };
        let Described {
            telemetry,
            component,
            propagation,
            trust,
            ..
        } = &self.described;
        let mut options = InvocationOptions::default().with_trust(*trust);
        if propagation.trace_context {
            // A header that occurs several times is as good as a malformed one.
            let traceparent = || only(headers, TRACEPARENT).unwrap_or_default().to_owned();
            options.traceparent = headers.contains_key(TRACEPARENT).then(traceparent);
            options.tracestate = joined(headers, "tracestate");
        }
        if propagation.baggage {
            options.baggage = joined(headers, "baggage");
        }
        telemetry.start_server_request(component, &described, options)
    }

    fn traceresponse(&self, active: &ActiveServerRequest) -> Option<HeaderValue> {
        let value = active
            .traceparent()
            .filter(|_| self.described.trace_response)?;
        HeaderValue::try_from(value).ok()
    }

    /// Waits for its turn, and handles a request.
    async fn queue(
        &self,
        request: Request<Incoming>,
        active: ActiveServerRequest,
        connection: &Connection,
        deadline: Instant,
    ) -> Answer {
        let mut waiting = Waiting(Some(active));
        let permit = self.admission.admit(deadline).await;
        let Some(active) = waiting.0.take() else {
            return plain(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let Some(permit) = permit else {
            let mut answer = refuse(active, StatusCode::SERVICE_UNAVAILABLE);
            let soon = HeaderValue::from_static("1");
            answer.headers_mut().insert(RETRY_AFTER, soon);
            return answer;
        };
        let open = Arc::clone(&connection.open);
        let exchange = Arc::new(Exchange::new(active, permit, open));
        self.handle(request, exchange, connection, deadline).await
    }

    /// Lets a guest handle a request.
    async fn handle(
        &self,
        request: Request<Incoming>,
        exchange: Arc<Exchange>,
        connection: &Connection,
        deadline: Instant,
    ) -> Answer {
        let is_head = request.method() == Method::HEAD;
        let limit = self.limits.body_bytes;
        let request = request.map(|body| RequestBody::new(body, limit, &exchange));
        let (sender, head) = oneshot::channel();
        let call = Call::new(Arc::clone(&exchange), request, sender);
        self.guests.spawn(supervise(
            self.handler.handle(call),
            Arc::clone(&exchange),
            deadline,
            self.abort.clone(),
            connection.kill.clone(),
        ));
        let end = ResponseEnd::new(Arc::clone(&exchange));
        let head = tokio::select! {
            biased;
            // First, because the guest may answer with its own error then.
            () = exchange.too_large().cancelled() => {
                return end.refuse(StatusCode::PAYLOAD_TOO_LARGE);
            }
            head = head => head,
            reason = exchange.stop().stopped() => return end.refuse(status_of(reason)),
        };
        match head {
            Ok(Ok(response)) if response.status().is_informational() => {
                exchange.request().set_error(INVALID_RESPONSE);
                end.refuse(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Ok(Ok(response)) => respond(response, end, is_head),
            Ok(Err(code)) => {
                exchange.request().set_error(error_code::name(&code));
                end.refuse(StatusCode::BAD_GATEWAY)
            }
            Err(_) => {
                // If the guest has failed, that error was set before. If it was stopped, it may
                // have ended before this task runs.
                exchange.request().set_error(NO_RESPONSE);
                let stopped = exchange.stop().reason().map(status_of);
                end.refuse(stopped.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
            }
        }
    }
}

/// Sends a guest's response.
fn respond(response: Response<HyperOutgoingBody>, end: ResponseEnd, is_head: bool) -> Answer {
    let status = response.status();
    end.exchange().request().set_status(status.as_u16());
    let has_no_body =
        is_head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let (parts, body) = response.into_parts();
    let length = content_length(&parts.headers);
    let body = ResponseBody::new(body, length, end);
    if !has_no_body {
        return Response::from_parts(parts, body.boxed_unsync());
    }
    let mut body = body.not_sent();
    // The guest may send a body nevertheless, and waits until it is read. It breaks off at the
    // deadline.
    tokio::spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
    Response::from_parts(parts, empty())
}

impl ResponseEnd {
    /// Answers without the guest.
    fn refuse(mut self, status: StatusCode) -> Answer {
        self.exchange().request().set_status(status.as_u16());
        self.complete();
        plain(status)
    }
}

/// A request that waits. If the client goes away, it is dropped.
struct Waiting(Option<ActiveServerRequest>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(active) = &mut self.0 {
            active.set_error(StopReason::ClientGone.error_type());
        }
    }
}

fn status_of(reason: StopReason) -> StatusCode {
    match reason {
        StopReason::Timeout => StatusCode::GATEWAY_TIMEOUT,
        StopReason::Shutdown => StatusCode::SERVICE_UNAVAILABLE,
        // It is not received.
        StopReason::ClientGone => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Refuses a request, and ends it.
fn refuse(mut active: ActiveServerRequest, status: StatusCode) -> Answer {
    active.set_status(status.as_u16());
    plain(status)
}

/// Makes a response with the status as its text.
fn plain(status: StatusCode) -> Answer {
    let text = Full::from(format!("{status}\n"));
    let mut answer = Response::new(text.map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}

fn empty() -> UnsyncBoxBody<Bytes, Error> {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Returns the host and port that a request is for. `None` if there is not exactly one.
fn authority(request: &Request<Incoming>) -> Option<Authority> {
    let mut hosts = request.headers().get_all(HOST).into_iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return None;
    }
    match (request.uri().authority(), host) {
        (Some(authority), _) => Some(authority.clone()),
        (None, Some(host)) => Authority::try_from(host.as_bytes()).ok(),
        (None, None) => None,
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}
