//! Builds the OTLP exporters: those of `opentelemetry-otlp` on our own HTTP client, and ours for
//! gRPC.
//!
//! The builders of `opentelemetry-otlp` get every setting that they would otherwise read from the
//! environment. The transport sets the headers, because the builders prefer those in the
//! environment.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, RetryPolicy, SpanExporter, WithExportConfig,
    WithHttpConfig,
};
use opentelemetry_sdk::metrics::Temporality;
use wasmscope_telemetry::Signal;

use crate::config::{ConfigError, Otlp, Protocol, SETTINGS};

use super::collector::{Collector, SignalEndpoint};
use super::diagnosis::Diagnosis;
use super::divide::Encoding;
use super::encoding_exporter::{EncodingExporter, Transport};
use super::export_stats::ExportStats;
#[cfg(feature = "grpc")]
use super::grpc;
use super::http::Client;
use super::io::Io;
use super::splitter::RequestSplitter;
use super::tracked_exporter::TrackedExporter;

/// The connection settings of one signal.
pub(super) struct Connection<'a> {
    pub(super) signal: Signal,
    pub(super) otlp: &'a Otlp,
    pub(super) io: &'a Arc<Io>,
    pub(super) stats: &'a Arc<ExportStats>,
    pub(super) collector: &'a Arc<Collector>,
    /// The time limit of an export with its retries.
    pub(super) limit: Duration,
}

/// Applies the settings that all signals share to a builder.
macro_rules! build {
    ($connection:expr, $client:expr, $builder:expr) => {{
        let Connection { otlp, limit, .. } = $connection;
        // The client encodes and compresses.
        $builder
            .with_http()
            .with_endpoint(otlp.url.as_str())
            .with_timeout(*limit)
            .with_retry_policy(retries())
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_http_client($client)
            .build()
    }};
}

impl Connection<'_> {
    pub(super) fn spans(
        &self,
    ) -> Result<TrackedExporter<EncodingExporter<SpanExporter>>, ConfigError> {
        self.exporter(Temporality::Cumulative, |client| {
            build!(self, client, SpanExporter::builder())
        })
    }

    pub(super) fn logs(
        &self,
    ) -> Result<TrackedExporter<EncodingExporter<LogExporter>>, ConfigError> {
        self.exporter(Temporality::Cumulative, |client| {
            build!(self, client, LogExporter::builder())
        })
    }

    pub(super) fn metrics(
        &self,
        temporality: Temporality,
    ) -> Result<TrackedExporter<EncodingExporter<MetricExporter>>, ConfigError> {
        self.exporter(temporality, |client| {
            let builder = MetricExporter::builder().with_temporality(temporality);
            build!(self, client, builder)
        })
    }

    fn exporter<E>(
        &self,
        temporality: Temporality,
        over_http: impl FnOnce(Client) -> Result<E, ExporterBuildError>,
    ) -> Result<TrackedExporter<EncodingExporter<E>>, ConfigError> {
        let otlp = self.otlp;
        let endpoint = SignalEndpoint::new(Arc::clone(self.collector));
        let diagnosis = Diagnosis::new(otlp, self.signal);
        let http = |encoding| {
            let client = Client::new(otlp, Arc::clone(&endpoint), diagnosis.clone())?;
            let exporter = over_http(client).map_err(|error| {
                let expected = format!("an OTLP exporter that can be built ({error})");
                ConfigError::new(&otlp.endpoint_setting, otlp.url.to_string(), expected)
            })?;
            Ok::<_, ConfigError>(Transport::Http {
                exporter,
                encoding,
                compression: otlp.compression,
                endpoint: Arc::clone(&endpoint),
            })
        };
        let encoding = match otlp.protocol {
            Protocol::HttpProtobuf | Protocol::Grpc => Encoding::Protobuf,
            Protocol::HttpJson => Encoding::Json,
        };
        let transport = match otlp.protocol {
            Protocol::HttpProtobuf | Protocol::HttpJson => http(encoding)?,
            // Without the `grpc` feature, the configuration never selects gRPC.
            #[cfg(not(feature = "grpc"))]
            Protocol::Grpc => http(encoding)?,
            #[cfg(feature = "grpc")]
            Protocol::Grpc => Transport::Grpc(Box::new(grpc::Client::new(
                otlp,
                self.io,
                self.limit,
                Arc::clone(&endpoint),
                diagnosis.clone(),
            )?)),
        };
        let splitter = RequestSplitter::new(
            encoding,
            otlp.max_request_size.bytes(),
            Arc::clone(self.stats),
            SETTINGS.max_request_size.names(otlp.flags),
            self.signal == Signal::Metrics && temporality == Temporality::Cumulative,
        );
        let encoded = EncodingExporter::new(transport, splitter, temporality);
        let accounted = TrackedExporter::new(encoded, Arc::clone(self.stats));
        Ok(accounted.over(Arc::clone(self.io), self.limit, endpoint, diagnosis))
    }
}

/// Three retries within the time limit of an export, after 0.1, 0.2 and 0.4 s plus up to 0.1 s at
/// random, or after the time that the collector asks for. [`SignalEndpoint`] stops retries to a
/// collector that is unreachable.
fn retries() -> RetryPolicy {
    RetryPolicy::recommended()
}
