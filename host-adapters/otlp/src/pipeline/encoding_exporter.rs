//! Exporters that encode requests, and divide those that are too large.
//!
//! Over HTTP, the exporters of `opentelemetry-otlp` send the requests and retry them. They cannot
//! divide a request or report the status of an answer, and their JSON has `null` for NaN and the
//! infinities. So they get an empty batch, and our HTTP client replaces the body with the one
//! encoded here ([`Exchange`]). gRPC needs no such exporter ([`super::grpc`]).

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::write::GzEncoder;
use opentelemetry_http::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prost::Message;
use serde::Serialize;

use crate::config::Compression;
use crate::json;

use super::collector::SignalEndpoint;
use super::divide::Encoding;
use super::export_stats::PartialSuccess;
#[cfg(feature = "grpc")]
use super::grpc;
use super::splitter::{Failure, RequestSplitter, SendRequest};

/// A request over HTTP and its answer. The exporter in between sees neither.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) body: Body,
    answer: Mutex<Option<Result<PartialSuccess, Failure>>>,
}

impl Exchange {
    /// Records a collector's answer. The answer to a retry replaces the previous one.
    pub(super) fn answered(&self, answer: Result<PartialSuccess, Failure>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    /// Records an attempt without an answer. An earlier answer no longer counts.
    pub(super) fn not_answered(&self) {
        self.take_answer();
    }

    fn take_answer(&self) -> Option<Result<PartialSuccess, Failure>> {
        self.answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// The body of a request.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) encoding: Encoding,
    pub(super) gzip: bool,
}

tokio::task_local! {
    static EXCHANGE: Arc<Exchange>;
}

/// Returns the request that the current task is sending.
pub(super) fn exchange() -> Option<Arc<Exchange>> {
    EXCHANGE.try_with(Arc::clone).ok()
}

/// An exporter that divides large batches.
#[derive(Debug)]
pub(super) struct EncodingExporter<E> {
    transport: Transport<E>,
    splitter: RequestSplitter,
    resource: ResourceAttributesWithSchema,
    /// The temporality of metrics.
    temporality: Temporality,
}

/// How requests are sent.
#[derive(Debug)]
pub(super) enum Transport<E> {
    /// An exporter of `opentelemetry-otlp` sends the encoded requests.
    Http {
        exporter: E,
        encoding: Encoding,
        compression: Compression,
        endpoint: Arc<SignalEndpoint>,
    },
    #[cfg(feature = "grpc")]
    Grpc(Box<grpc::Client>),
}

impl<E> EncodingExporter<E> {
    pub(super) fn new(
        transport: Transport<E>,
        splitter: RequestSplitter,
        temporality: Temporality,
    ) -> Self {
        Self {
            transport,
            splitter,
            resource: ResourceAttributesWithSchema::default(),
            temporality,
        }
    }

    /// Returns the exporter of `opentelemetry-otlp` for HTTP.
    fn exporter(&self) -> Option<&E> {
        match &self.transport {
            Transport::Http { exporter, .. } => Some(exporter),
            #[cfg(feature = "grpc")]
            Transport::Grpc(_) => None,
        }
    }

    fn exporter_mut(&mut self) -> Option<&mut E> {
        match &mut self.transport {
            Transport::Http { exporter, .. } => Some(exporter),
            #[cfg(feature = "grpc")]
            Transport::Grpc(_) => None,
        }
    }
}

fn encode(
    request: &(impl Message + Serialize),
    encoding: Encoding,
    compression: Compression,
) -> Result<Body, Failure> {
    let unusable = |error: &dyn std::error::Error| {
        Failure::Invalid(format!("cannot encode the request ({error})"))
    };
    let plain = match encoding {
        Encoding::Protobuf => request.encode_to_vec(),
        Encoding::Json => json::encode(request).map_err(|error| unusable(&error))?,
    };
    let gzip = compression == Compression::Gzip;
    let bytes = if gzip {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        let packed = encoder.write_all(&plain).and_then(|()| encoder.finish());
        packed.map_err(|error| unusable(&error))?
    } else {
        plain
    };
    Ok(Body {
        bytes: Bytes::from(bytes),
        encoding,
        gzip,
    })
}

/// Sends a body instead of the batch that `carry` exports.
async fn send_through(
    body: Body,
    endpoint: &SignalEndpoint,
    carry: impl Future<Output = OTelSdkResult>,
) -> Result<PartialSuccess, Failure> {
    let exchange = Arc::new(Exchange {
        body,
        answer: Mutex::default(),
    });
    let result = EXCHANGE.scope(Arc::clone(&exchange), carry).await;
    match (exchange.take_answer(), result) {
        (Some(answer), _) => answer,
        (None, Ok(())) => Ok(PartialSuccess::default()),
        (None, Err(error)) => {
            let cause = endpoint.take_cause();
            Err(Failure::Other(cause.unwrap_or_else(|| error.to_string())))
        }
    }
}

/// Implements the transport and the exporter's trait for one signal, from its request type and an
/// empty batch.
macro_rules! send_request {
    ($($exporter:ident, $request:ident, $send:ident, $empty:expr;)*) => {
        $(
            impl<E: $exporter> SendRequest<$request> for Transport<E> {
                async fn send(&self, request: &$request) -> Result<PartialSuccess, Failure> {
                    match self {
                        Self::Http { exporter, encoding, compression, endpoint } => {
                            let body = encode(request, *encoding, *compression)?;
                            send_through(body, endpoint, async { exporter.export($empty).await }).await
                        }
                        #[cfg(feature = "grpc")]
                        Self::Grpc(client) => client.$send(request).await,
                    }
                }
            }
        )*
    };
}

send_request! {
    SpanExporter, ExportTraceServiceRequest, send_spans, Vec::new();
    LogExporter, ExportLogsServiceRequest, send_logs, LogBatch::new(&[]);
    PushMetricExporter, ExportMetricsServiceRequest, send_metrics, &ResourceMetrics::default();
}

impl<E: SpanExporter> SpanExporter for EncodingExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let request = ExportTraceServiceRequest { resource_spans };
        let sent = self.splitter.send(&self.transport, request).await;
        sent.map_err(OTelSdkError::InternalFailure)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter()
            .map_or(Ok(()), |exporter| exporter.shutdown_with_timeout(timeout))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter().map_or(Ok(()), E::force_flush)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
        if let Some(exporter) = self.exporter_mut() {
            exporter.set_resource(resource);
        }
    }
}

impl<E: LogExporter> LogExporter for EncodingExporter<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let resource_logs = group_logs_by_resource_and_scope(&batch, &self.resource);
        let request = ExportLogsServiceRequest { resource_logs };
        let sent = self.splitter.send(&self.transport, request).await;
        sent.map_err(OTelSdkError::InternalFailure)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter()
            .map_or(Ok(()), |exporter| exporter.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
        if let Some(exporter) = self.exporter_mut() {
            exporter.set_resource(resource);
        }
    }
}

impl<E: PushMetricExporter> PushMetricExporter for EncodingExporter<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let request = ExportMetricsServiceRequest::from(metrics);
        let sent = self.splitter.send(&self.transport, request).await;
        sent.map_err(OTelSdkError::InternalFailure)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter().map_or(Ok(()), E::force_flush)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter()
            .map_or(Ok(()), |exporter| exporter.shutdown_with_timeout(timeout))
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_belongs_to_the_running_export_only() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            assert!(exchange().is_none());
            let request = ExportTraceServiceRequest::default();
            let body = encode(&request, Encoding::Json, Compression::None).unwrap();
            let endpoint = SignalEndpoint::new(Arc::default());
            let sent = send_through(body, &endpoint, async {
                let exchange = exchange().unwrap();
                assert_eq!(exchange.body.bytes, r#"{"resourceSpans":[]}"#);
                exchange.answered(Err(Failure::Invalid(String::from("no"))));
                Ok(())
            });
            assert_eq!(sent.await, Err(Failure::Invalid(String::from("no"))));
            assert!(exchange().is_none());
        });
    }
}
