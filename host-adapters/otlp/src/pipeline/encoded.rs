//! Exporters that encode requests, and divide those that are too large.
//!
//! Over HTTP, the exporters of `opentelemetry-otlp` carry the requests, with their retries. They
//! neither divide a request nor report the status of an answer, and their JSON has `null` for NaN
//! and the infinities. So they are given an empty batch, and our HTTP client puts in the body that
//! was encoded here ([`Exchange`]). For gRPC there is no exporter behind it ([`super::grpc`]).

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

use super::divide::Encoding;
#[cfg(feature = "grpc")]
use super::grpc;
use super::ledger::Rejected;
use super::parts::{Failure, Parts, SendPart};
use super::peer::Line;

/// A request over HTTP, and what came of it. The exporter in between knows neither.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) body: Body,
    answer: Mutex<Option<Result<Rejected, Failure>>>,
}

impl Exchange {
    /// Takes note of a collector's answer. That of a retry replaces the one before.
    pub(super) fn answered(&self, answer: Result<Rejected, Failure>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    /// Takes note of an attempt that got no answer: an earlier one no longer counts.
    pub(super) fn not_answered(&self) {
        self.take_answer();
    }

    fn take_answer(&self) -> Option<Result<Rejected, Failure>> {
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

/// Returns the request that the current task is about to send.
pub(super) fn exchange() -> Option<Arc<Exchange>> {
    EXCHANGE.try_with(Arc::clone).ok()
}

/// An exporter that divides what it is given.
#[derive(Debug)]
pub(super) struct Encoded<E> {
    way: Way<E>,
    parts: Parts,
    resource: ResourceAttributesWithSchema,
    /// Of metrics.
    temporality: Temporality,
}

/// How requests are sent.
#[derive(Debug)]
pub(super) enum Way<E> {
    /// An exporter of `opentelemetry-otlp` carries what is encoded here.
    Http {
        carrier: E,
        encoding: Encoding,
        compression: Compression,
        line: Arc<Line>,
    },
    #[cfg(feature = "grpc")]
    Grpc(Box<grpc::Client>),
}

impl<E> Encoded<E> {
    pub(super) fn new(way: Way<E>, parts: Parts, temporality: Temporality) -> Self {
        Self {
            way,
            parts,
            resource: ResourceAttributesWithSchema::default(),
            temporality,
        }
    }

    /// Returns the exporter of `opentelemetry-otlp`, if there is one.
    fn carrier(&self) -> Option<&E> {
        match &self.way {
            Way::Http { carrier, .. } => Some(carrier),
            #[cfg(feature = "grpc")]
            Way::Grpc(_) => None,
        }
    }

    fn carrier_mut(&mut self) -> Option<&mut E> {
        match &mut self.way {
            Way::Http { carrier, .. } => Some(carrier),
            #[cfg(feature = "grpc")]
            Way::Grpc(_) => None,
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

/// Sends a body in place of what `carry` exports.
async fn carried(
    body: Body,
    line: &Line,
    carry: impl Future<Output = OTelSdkResult>,
) -> Result<Rejected, Failure> {
    let exchange = Arc::new(Exchange {
        body,
        answer: Mutex::default(),
    });
    let result = EXCHANGE.scope(Arc::clone(&exchange), carry).await;
    match (exchange.take_answer(), result) {
        (Some(answer), _) => answer,
        (None, Ok(())) => Ok(Rejected::default()),
        (None, Err(error)) => {
            let cause = line.take_cause();
            Err(Failure::Other(cause.unwrap_or_else(|| error.to_string())))
        }
    }
}

/// Implements it for one signal: the exporter's trait, the request, and an empty batch.
macro_rules! send_part {
    ($($exporter:ident, $request:ident, $send:ident, $empty:expr;)*) => {
        $(
            impl<E: $exporter> SendPart<$request> for Way<E> {
                async fn send(&self, request: &$request) -> Result<Rejected, Failure> {
                    match self {
                        Self::Http { carrier, encoding, compression, line } => {
                            let body = encode(request, *encoding, *compression)?;
                            carried(body, line, async { carrier.export($empty).await }).await
                        }
                        #[cfg(feature = "grpc")]
                        Self::Grpc(client) => client.$send(request).await,
                    }
                }
            }
        )*
    };
}

send_part! {
    SpanExporter, ExportTraceServiceRequest, send_spans, Vec::new();
    LogExporter, ExportLogsServiceRequest, send_logs, LogBatch::new(&[]);
    PushMetricExporter, ExportMetricsServiceRequest, send_metrics, &ResourceMetrics::default();
}

impl<E: SpanExporter> SpanExporter for Encoded<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let request = ExportTraceServiceRequest { resource_spans };
        let sent = self.parts.send(&self.way, request).await;
        sent.map_err(OTelSdkError::InternalFailure)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.carrier()
            .map_or(Ok(()), |carrier| carrier.shutdown_with_timeout(timeout))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.carrier().map_or(Ok(()), E::force_flush)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
        if let Some(carrier) = self.carrier_mut() {
            carrier.set_resource(resource);
        }
    }
}

impl<E: LogExporter> LogExporter for Encoded<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let resource_logs = group_logs_by_resource_and_scope(&batch, &self.resource);
        let request = ExportLogsServiceRequest { resource_logs };
        let sent = self.parts.send(&self.way, request).await;
        sent.map_err(OTelSdkError::InternalFailure)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.carrier()
            .map_or(Ok(()), |carrier| carrier.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
        if let Some(carrier) = self.carrier_mut() {
            carrier.set_resource(resource);
        }
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Encoded<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let request = ExportMetricsServiceRequest::from(metrics);
        let sent = self.parts.send(&self.way, request).await;
        sent.map_err(OTelSdkError::InternalFailure)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.carrier().map_or(Ok(()), E::force_flush)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.carrier()
            .map_or(Ok(()), |carrier| carrier.shutdown_with_timeout(timeout))
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_is_that_of_the_export_under_way_and_of_no_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            assert!(exchange().is_none());
            let request = ExportTraceServiceRequest::default();
            let body = encode(&request, Encoding::Json, Compression::None).unwrap();
            let line = Line::new(Arc::default());
            let sent = carried(body, &line, async {
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
