//! OTLP/gRPC, with tonic's generated services.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    self, LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    self, MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    self, TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::sync::Notify;
use tonic::codec::CompressionEncoding;
use tonic::codegen::Service as _;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::request::{self, Payload, Protocol};
use super::script::Answer;
use super::state::Shared;

type Reply = hyper::Response<tonic::body::Body>;
type Partial = Option<(i64, String)>;

/// The three services of a connection.
#[derive(Clone)]
pub(super) struct Service {
    shared: Arc<Shared>,
    traces: TraceServiceServer<Receiver>,
    metrics: MetricsServiceServer<Receiver>,
    logs: LogsServiceServer<Receiver>,
}

/// Set once the request reaches the receiver, which then records it.
#[derive(Clone, Debug, Default)]
struct Decoded(Arc<AtomicBool>);

impl Service {
    pub(super) fn new(shared: Arc<Shared>, cut: Arc<Notify>) -> Self {
        let receiver = Arc::new(Receiver {
            shared: Arc::clone(&shared),
            cut,
        });
        macro_rules! server {
            ($server:ident) => {
                $server::from_arc(Arc::clone(&receiver))
                    .accept_compressed(CompressionEncoding::Gzip)
                    .max_decoding_message_size(usize::MAX)
            };
        }
        Self {
            traces: server!(TraceServiceServer),
            metrics: server!(MetricsServiceServer),
            logs: server!(LogsServiceServer),
            shared,
        }
    }

    async fn handle(mut self, mut request: hyper::Request<Incoming>) -> Reply {
        let path = request.uri().path().to_owned();
        let decoded = Decoded::default();
        request.extensions_mut().insert(decoded.clone());
        let service = path.trim_start_matches('/').split('/').next().unwrap_or("");
        let answered = if service == trace_service_server::SERVICE_NAME {
            self.traces.call(request).await
        } else if service == metrics_service_server::SERVICE_NAME {
            self.metrics.call(request).await
        } else if service == logs_service_server::SERVICE_NAME {
            self.logs.call(request).await
        } else {
            Ok(Status::unimplemented("no such service").into_http())
        };
        let response: Reply = answered.unwrap_or_else(|never| match never {});
        if !decoded.0.load(Ordering::Acquire) {
            let status = Status::from_header_map(response.headers());
            let problem = status.map_or_else(
                || format!("not a gRPC export request, answered {}", response.status()),
                |status| format!("{:?}: {}", status.code(), status.message()),
            );
            self.shared.violation(&path, problem);
        }
        response
    }
}

impl hyper::service::Service<hyper::Request<Incoming>> for Service {
    type Response = Reply;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}

struct Receiver {
    shared: Arc<Shared>,
    /// Cuts the connection.
    cut: Arc<Notify>,
}

impl Receiver {
    async fn receive<T: prost::Message>(
        &self,
        request: tonic::Request<T>,
        payload: impl FnOnce(T) -> Payload,
    ) -> Result<Partial, Status> {
        let (metadata, extensions, message) = request.into_parts();
        if let Some(decoded) = extensions.get::<Decoded>() {
            decoded.0.store(true, Ordering::Release);
        }
        let headers = request::headers(metadata.as_ref());
        let size = message.encoded_len();
        match self
            .shared
            .receive(Protocol::Grpc, headers, payload(message), size)
            .await
        {
            Answer::Accepted(partial) => Ok(partial),
            Answer::Rejected { code, retry_after } => {
                let message = "scripted by the test";
                let code = code_of(code);
                Err(match retry_after {
                    None => Status::new(code, message),
                    Some(_) => {
                        let details = ErrorDetails::with_retry_info(retry_after);
                        Status::with_error_details(code, message, details)
                    }
                })
            }
            // The message of gRPC for Go.
            Answer::TooLarge { size, largest } => Err(Status::resource_exhausted(format!(
                "grpc: received message larger than max ({size} vs. {largest})"
            ))),
            Answer::Disconnected => {
                self.cut.notify_one();
                std::future::pending().await
            }
        }
    }
}

/// Maps an HTTP status to a gRPC code: the table "HTTP to gRPC Status Code Mapping" of gRPC, except
/// for 400, and for 429, which OTLP maps to `RESOURCE_EXHAUSTED`.
fn code_of(status: u16) -> Code {
    match status {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 => Code::ResourceExhausted,
        502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        let partial = self.receive(request, Payload::Traces).await?;
        let partial_success =
            partial.map(
                |(rejected_spans, error_message)| ExportTracePartialSuccess {
                    rejected_spans,
                    error_message,
                },
            );
        Ok(tonic::Response::new(ExportTraceServiceResponse {
            partial_success,
        }))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, Status> {
        let partial = self.receive(request, Payload::Metrics).await?;
        let partial_success =
            partial.map(
                |(rejected_data_points, error_message)| ExportMetricsPartialSuccess {
                    rejected_data_points,
                    error_message,
                },
            );
        Ok(tonic::Response::new(ExportMetricsServiceResponse {
            partial_success,
        }))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, Status> {
        let partial = self.receive(request, Payload::Logs).await?;
        let partial_success =
            partial.map(
                |(rejected_log_records, error_message)| ExportLogsPartialSuccess {
                    rejected_log_records,
                    error_message,
                },
            );
        Ok(tonic::Response::new(ExportLogsServiceResponse {
            partial_success,
        }))
    }
}
