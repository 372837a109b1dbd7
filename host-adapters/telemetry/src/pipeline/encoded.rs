//! Exporters around those of `opentelemetry-otlp`, which encode HTTP/JSON, and what goes over gRPC,
//! themselves.
//!
//! What `opentelemetry-otlp` sends as JSON says `null` for not-a-number and the infinities, so that these values would be
//! lost. So it only carries the request, with its retries: here the body is encoded, and our client puts it in place of the
//! exporter's. For gRPC there is no exporter behind it ([`super::grpc`]).

use std::io::Write;
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
use serde::Serialize;

use crate::config::Compression;
use crate::otlp_json;

use super::grpc;

/// The largest body that is sent, before and after compression: what OTLP recommends, and the exporter itself keeps to.
const MAX_BODY: usize = 64 << 20;

/// What is sent in place of what the exporter encoded.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) gzip: bool,
}

tokio::task_local! {
    static BODY: Body;
}

/// The body for the request that the current task is about to send; `None` where the exporter's own is right.
pub(super) fn body() -> Option<Body> {
    BODY.try_with(Body::clone).ok()
}

/// An exporter, by how its requests are made.
#[derive(Debug)]
pub(super) enum Encoded<E> {
    /// The exporter itself encodes and sends.
    Natively(E),
    /// The exporter sends what is encoded here.
    Json { inner: E, json: Json },
    /// Everything is done here.
    Grpc {
        client: Box<grpc::Client>,
        resource: ResourceAttributesWithSchema,
        /// Of metrics.
        temporality: Temporality,
    },
}

#[derive(Debug)]
pub(super) struct Json {
    compression: Compression,
    resource: ResourceAttributesWithSchema,
}

impl<E> Encoded<E> {
    /// Makes one over HTTP, whose requests become JSON.
    pub(super) fn as_json(inner: E, compression: Compression) -> Self {
        let resource = ResourceAttributesWithSchema::default();
        let json = Json {
            compression,
            resource,
        };
        Self::Json { inner, json }
    }

    /// Makes one over gRPC.
    pub(super) fn over_grpc(client: grpc::Client, temporality: Temporality) -> Self {
        Self::Grpc {
            client: Box::new(client),
            resource: ResourceAttributesWithSchema::default(),
            temporality,
        }
    }

    fn take_resource(&mut self, resource: &Resource) {
        match self {
            Self::Natively(_) => {}
            Self::Json { json, .. } => json.resource = resource.into(),
            Self::Grpc { resource: own, .. } => *own = resource.into(),
        }
    }

    /// The exporter, where there is one.
    fn inner(&self) -> Option<&E> {
        match self {
            Self::Natively(inner) | Self::Json { inner, .. } => Some(inner),
            Self::Grpc { .. } => None,
        }
    }

    fn inner_mut(&mut self) -> Option<&mut E> {
        match self {
            Self::Natively(inner) | Self::Json { inner, .. } => Some(inner),
            Self::Grpc { .. } => None,
        }
    }
}

impl Json {
    fn encode(&self, request: &impl Serialize) -> Result<Body, OTelSdkError> {
        encode(request, self.compression, MAX_BODY).map_err(OTelSdkError::InternalFailure)
    }
}

fn encode(
    request: &impl Serialize,
    compression: Compression,
    limit: usize,
) -> Result<Body, String> {
    let unusable = |error: &dyn std::error::Error| format!("cannot encode the request ({error})");
    let plain = otlp_json::encode(request).map_err(|error| unusable(&error))?;
    if plain.len() > limit {
        return Err(format!(
            "the request has {} bytes of JSON, and may have {limit}: batches should be smaller",
            plain.len()
        ));
    }
    let gzip = compression == Compression::Gzip;
    let bytes = if gzip {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        let packed = encoder.write_all(&plain).and_then(|()| encoder.finish());
        packed.map_err(|error| unusable(&error))?
    } else {
        plain
    };
    let bytes = Bytes::from(bytes);
    Ok(Body { bytes, gzip })
}

impl<E: SpanExporter> SpanExporter for Encoded<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self {
            Self::Natively(inner) => inner.export(batch).await,
            Self::Json { inner, json } => {
                let resource_spans = group_spans_by_resource_and_scope(batch, &json.resource);
                let body = json.encode(&ExportTraceServiceRequest { resource_spans })?;
                BODY.scope(body, inner.export(Vec::new())).await
            }
            Self::Grpc {
                client, resource, ..
            } => {
                let resource_spans = group_spans_by_resource_and_scope(batch, resource);
                let request = ExportTraceServiceRequest { resource_spans };
                client.send_spans(request).await
            }
        }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner()
            .map_or(Ok(()), |inner| inner.shutdown_with_timeout(timeout))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner().map_or(Ok(()), E::force_flush)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.take_resource(resource);
        if let Some(inner) = self.inner_mut() {
            inner.set_resource(resource);
        }
    }
}

impl<E: LogExporter> LogExporter for Encoded<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        match self {
            Self::Natively(inner) => inner.export(batch).await,
            Self::Json { inner, json } => {
                let resource_logs = group_logs_by_resource_and_scope(&batch, &json.resource);
                let body = json.encode(&ExportLogsServiceRequest { resource_logs })?;
                BODY.scope(body, inner.export(LogBatch::new(&[]))).await
            }
            Self::Grpc {
                client, resource, ..
            } => {
                let resource_logs = group_logs_by_resource_and_scope(&batch, resource);
                client
                    .send_logs(ExportLogsServiceRequest { resource_logs })
                    .await
            }
        }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner()
            .map_or(Ok(()), |inner| inner.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.take_resource(resource);
        if let Some(inner) = self.inner_mut() {
            inner.set_resource(resource);
        }
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Encoded<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        match self {
            Self::Natively(inner) => inner.export(metrics).await,
            Self::Json { inner, json } => {
                let body = json.encode(&ExportMetricsServiceRequest::from(metrics))?;
                BODY.scope(body, inner.export(&ResourceMetrics::default()))
                    .await
            }
            Self::Grpc { client, .. } => client.send_metrics(metrics.into()).await,
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner().map_or(Ok(()), E::force_flush)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner()
            .map_or(Ok(()), |inner| inner.shutdown_with_timeout(timeout))
    }

    fn temporality(&self) -> Temporality {
        match self {
            Self::Natively(inner) | Self::Json { inner, .. } => inner.temporality(),
            Self::Grpc { temporality, .. } => *temporality,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_beyond_the_limit_is_refused_before_it_is_compressed() {
        let request = "a".repeat(100);
        for compression in [Compression::None, Compression::Gzip] {
            let body = encode(&request, compression, 102).unwrap();
            assert_eq!(body.gzip, compression == Compression::Gzip);
            let error = encode(&request, compression, 101).unwrap_err();
            assert!(error.contains("102 bytes"), "{error}");
        }
    }

    #[test]
    fn body_is_that_of_the_export_under_way_and_of_no_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            assert!(body().is_none());
            let one = encode(&1, Compression::None, 9).unwrap();
            BODY.scope(one, async {
                assert_eq!(body().unwrap().bytes, "1");
            })
            .await;
            assert!(body().is_none());
        });
    }
}
