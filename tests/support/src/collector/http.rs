//! OTLP/HTTP: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

use std::future::Future;
use std::io::Read as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use hyper::{Method, Response, StatusCode};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::sync::Notify;

use super::json;
use super::request::{self, Payload, Protocol, Signal};
use super::script::Answer;
use super::state::Shared;

#[derive(Clone)]
pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
    /// Cuts the connection.
    pub(super) cut: Arc<Notify>,
}

/// The answer to a request that violates the protocol.
struct Refusal {
    status: StatusCode,
    problem: String,
}

fn refusal(status: StatusCode, problem: impl Into<String>) -> Refusal {
    Refusal {
        status,
        problem: problem.into(),
    }
}

type Reply = Response<Full<Bytes>>;

impl hyper::service::Service<hyper::Request<Incoming>> for Service {
    type Response = Reply;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Self::Error>> + Send>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}

impl Service {
    async fn handle(&self, request: hyper::Request<Incoming>) -> Reply {
        let path = request.uri().path().to_owned();
        match self.decode(request).await {
            Ok((encoding, headers, payload, size)) => {
                let signal = payload.signal();
                let answer = self.shared.receive(encoding, headers, payload, size).await;
                self.answer(signal, encoding, answer).await
            }
            Err(Refusal { status, problem }) => {
                self.shared.violation(&path, &problem);
                error(status, &problem, Protocol::HttpProtobuf, None)
            }
        }
    }

    async fn decode(
        &self,
        request: hyper::Request<Incoming>,
    ) -> Result<(Protocol, Vec<(String, String)>, Payload, usize), Refusal> {
        let (parts, body) = request.into_parts();
        let signal = match parts.uri.path() {
            "/v1/traces" => Signal::Traces,
            "/v1/metrics" => Signal::Metrics,
            "/v1/logs" => Signal::Logs,
            _ => return Err(refusal(StatusCode::NOT_FOUND, "no such path")),
        };
        if parts.method != Method::POST {
            let problem = format!("expected POST, got {}", parts.method);
            return Err(refusal(StatusCode::METHOD_NOT_ALLOWED, problem));
        }
        let encoding = encoding(&parts.headers)?;
        let body = body.collect().await.map_err(|error| {
            refusal(
                StatusCode::BAD_REQUEST,
                format!("the body broke off: {error}"),
            )
        })?;
        let body = decompress(&parts.headers, body.to_bytes())?;
        let payload = match encoding {
            Protocol::HttpJson => from_json(signal, &body),
            Protocol::HttpProtobuf | Protocol::Grpc => from_protobuf(signal, &body),
        };
        let payload = payload.map_err(|problem| refusal(StatusCode::BAD_REQUEST, problem))?;
        let headers = request::headers(&parts.headers);
        Ok((encoding, headers, payload, body.len()))
    }

    async fn answer(&self, signal: Signal, encoding: Protocol, answer: Answer) -> Reply {
        match answer {
            Answer::Accepted(partial) => {
                let body = success(signal, encoding, partial);
                response(StatusCode::OK, encoding, body)
            }
            Answer::Rejected { code, retry_after } => {
                let status = StatusCode::from_u16(code).expect("an HTTP status from 100 to 999");
                error(status, "scripted by the test", encoding, retry_after)
            }
            // An OpenTelemetry Collector answers with 400, not 413.
            Answer::TooLarge { .. } => error(
                StatusCode::BAD_REQUEST,
                "http: request body too large",
                encoding,
                None,
            ),
            Answer::Disconnected => {
                self.cut.notify_one();
                std::future::pending().await
            }
        }
    }
}

fn encoding(headers: &HeaderMap) -> Result<Protocol, Refusal> {
    let unsupported = |found: &str| {
        let problem = format!(
            "expected content-type application/x-protobuf or application/json, got `{found}`"
        );
        refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem)
    };
    let content_type = headers.get(CONTENT_TYPE).ok_or_else(|| unsupported(""))?;
    let content_type = content_type.to_str().unwrap_or("not text");
    match content_type.split(';').next().unwrap_or("").trim() {
        "application/x-protobuf" => Ok(Protocol::HttpProtobuf),
        "application/json" => Ok(Protocol::HttpJson),
        _ => Err(unsupported(content_type)),
    }
}

fn decompress(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Refusal> {
    match headers
        .get(CONTENT_ENCODING)
        .map(|value| value.to_str().unwrap_or("not text"))
    {
        None | Some("identity") => Ok(body),
        Some("gzip") => {
            let mut plain = Vec::new();
            MultiGzDecoder::new(&*body)
                .read_to_end(&mut plain)
                .map_err(|error| {
                    refusal(
                        StatusCode::BAD_REQUEST,
                        format!("the body is not gzip: {error}"),
                    )
                })?;
            Ok(plain.into())
        }
        Some(other) => {
            let problem = format!("expected content-encoding gzip or none, got `{other}`");
            Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem))
        }
    }
}

fn from_protobuf(signal: Signal, body: &[u8]) -> Result<Payload, String> {
    match signal {
        Signal::Traces => Message::decode(body).map(Payload::Traces),
        Signal::Metrics => Message::decode(body).map(Payload::Metrics),
        Signal::Logs => Message::decode(body).map(Payload::Logs),
    }
    .map_err(|error| format!("the body is not the protobuf of {signal:?}: {error}"))
}

fn from_json(signal: Signal, body: &[u8]) -> Result<Payload, String> {
    match signal {
        Signal::Traces => json::read(body).map(Payload::Traces),
        Signal::Metrics => json::read(body).map(Payload::Metrics),
        Signal::Logs => json::read(body).map(Payload::Logs),
    }
    .map_err(|error| format!("the body is not the JSON of {signal:?}: {error}"))
}

fn success(signal: Signal, encoding: Protocol, partial: Option<(i64, String)>) -> Vec<u8> {
    fn encode(encoding: Protocol, message: &(impl Message + serde::Serialize)) -> Vec<u8> {
        match encoding {
            Protocol::HttpJson => serde_json::to_vec(message).expect("a response in JSON"),
            Protocol::HttpProtobuf | Protocol::Grpc => message.encode_to_vec(),
        }
    }
    match signal {
        Signal::Traces => {
            let partial_success =
                partial.map(
                    |(rejected_spans, error_message)| ExportTracePartialSuccess {
                        rejected_spans,
                        error_message,
                    },
                );
            encode(encoding, &ExportTraceServiceResponse { partial_success })
        }
        Signal::Metrics => {
            let partial_success =
                partial.map(
                    |(rejected_data_points, error_message)| ExportMetricsPartialSuccess {
                        rejected_data_points,
                        error_message,
                    },
                );
            encode(encoding, &ExportMetricsServiceResponse { partial_success })
        }
        Signal::Logs => {
            let partial_success =
                partial.map(
                    |(rejected_log_records, error_message)| ExportLogsPartialSuccess {
                        rejected_log_records,
                        error_message,
                    },
                );
            encode(encoding, &ExportLogsServiceResponse { partial_success })
        }
    }
}

/// Builds an error response with a `google.rpc.Status` in its body, as OTLP requires.
fn error(
    status: StatusCode,
    problem: &str,
    encoding: Protocol,
    retry_after: Option<Duration>,
) -> Reply {
    let body = match encoding {
        Protocol::HttpJson => serde_json::json!({ "message": problem })
            .to_string()
            .into_bytes(),
        Protocol::HttpProtobuf | Protocol::Grpc => {
            let message = problem.to_owned();
            tonic_types::Status {
                message,
                ..Default::default()
            }
            .encode_to_vec()
        }
    };
    let mut response = response(status, encoding, body);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response
            .headers_mut()
            .insert(ALLOW, "POST".parse().expect("a header value"));
    }
    if let Some(after) = retry_after {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn response(status: StatusCode, encoding: Protocol, body: Vec<u8>) -> Reply {
    let content_type = match encoding {
        Protocol::HttpJson => "application/json",
        Protocol::HttpProtobuf | Protocol::Grpc => "application/x-protobuf",
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, content_type.parse().expect("a header value"));
    response
}
