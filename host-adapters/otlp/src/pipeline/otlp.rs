//! Builds the exporters of `opentelemetry-otlp`, on a transport of our own, and those over gRPC.
//!
//! Everything that the builders there would read in the environment is given to them; the headers, for which the
//! environment wins over what they are given, are set by the transport.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, RetryPolicy, SpanExporter, WithExportConfig,
    WithHttpConfig,
};
use opentelemetry_sdk::metrics::Temporality;
use wasmscope_telemetry::Signal;

use crate::config::{ConfigError, Otlp, Protocol};

use super::diagnosis::Diagnosis;
use super::divide::Encoding;
use super::encoded::{Encoded, Way};
use super::exporter::Accounted;
#[cfg(feature = "grpc")]
use super::grpc;
use super::http::Client;
use super::io::Io;
use super::ledger::Ledger;
use super::parts::Parts;
use super::peer::{Line, Peer};

/// How one signal is sent.
pub(super) struct Connection<'a> {
    pub(super) signal: Signal,
    pub(super) otlp: &'a Otlp,
    pub(super) io: &'a Arc<Io>,
    pub(super) ledger: &'a Arc<Ledger>,
    pub(super) peer: &'a Arc<Peer>,
    /// How long an export may take, with its retries.
    pub(super) limit: Duration,
}

/// Sets on a builder, whichever signal's it is, what the signals have in common.
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
    pub(super) fn spans(&self) -> Result<Accounted<Encoded<SpanExporter>>, ConfigError> {
        self.exporter(Temporality::Cumulative, |client| {
            build!(self, client, SpanExporter::builder())
        })
    }

    pub(super) fn logs(&self) -> Result<Accounted<Encoded<LogExporter>>, ConfigError> {
        self.exporter(Temporality::Cumulative, |client| {
            build!(self, client, LogExporter::builder())
        })
    }

    pub(super) fn metrics(
        &self,
        temporality: Temporality,
    ) -> Result<Accounted<Encoded<MetricExporter>>, ConfigError> {
        self.exporter(temporality, |client| {
            let builder = MetricExporter::builder().with_temporality(temporality);
            build!(self, client, builder)
        })
    }

    fn exporter<E>(
        &self,
        temporality: Temporality,
        over_http: impl FnOnce(Client) -> Result<E, ExporterBuildError>,
    ) -> Result<Accounted<Encoded<E>>, ConfigError> {
        let otlp = self.otlp;
        let line = Line::new(Arc::clone(self.peer));
        let diagnosis = Diagnosis::new(otlp, self.signal);
        let http = |encoding| {
            let client = Client::new(otlp, Arc::clone(&line), diagnosis.clone())?;
            let carrier = over_http(client).map_err(|error| {
                let expected = format!("an OTLP exporter that can be built ({error})");
                ConfigError::new(&otlp.endpoint_setting, otlp.url.to_string(), expected)
            })?;
            Ok::<_, ConfigError>(Way::Http {
                carrier,
                encoding,
                compression: otlp.compression,
                line: Arc::clone(&line),
            })
        };
        let encoding = match otlp.protocol {
            Protocol::HttpProtobuf | Protocol::Grpc => Encoding::Protobuf,
            Protocol::HttpJson => Encoding::Json,
        };
        let way = match otlp.protocol {
            Protocol::HttpProtobuf | Protocol::HttpJson => http(encoding)?,
            // The configuration has none of these.
            #[cfg(not(feature = "grpc"))]
            Protocol::Grpc => http(encoding)?,
            #[cfg(feature = "grpc")]
            Protocol::Grpc => Way::Grpc(Box::new(grpc::Client::new(
                otlp,
                self.io,
                self.limit,
                Arc::clone(&line),
                diagnosis.clone(),
            )?)),
        };
        let parts = Parts::new(
            encoding,
            otlp.max_request_size.bytes(),
            Arc::clone(self.ledger),
            otlp.flags
                .naming("max_request_size", "WASMSCOPE_OTLP_MAX_REQUEST_SIZE"),
            self.signal == Signal::Metrics && temporality == Temporality::Cumulative,
        );
        let encoded = Encoded::new(way, parts, temporality);
        let accounted = Accounted::new(encoded, Arc::clone(self.ledger));
        Ok(accounted.over(Arc::clone(self.io), self.limit, line, diagnosis))
    }
}

/// Three retries within the time of an export, after 0.1, 0.2 and 0.4 s with up to 0.1 s more at random, or after what the
/// collector asks for. Which of them are not made, where no connection can be, is decided around the exporter ([`Line`]).
fn retries() -> RetryPolicy {
    RetryPolicy::recommended()
}
