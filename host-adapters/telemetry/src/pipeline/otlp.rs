//! Builds the exporters of `opentelemetry-otlp`, on transports of our own.
//!
//! Everything that the builders there would read in the environment is given to them; the headers, for which the
//! environment wins over what they are given, are set by the transports.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, RetryPolicy, SpanExporter, WithExportConfig,
    WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::metrics::Temporality;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::config::{Compression, ConfigError, Otlp, Protocol};

use super::connector::Connector;
use super::encoded::Encoded;
use super::exporter::Accounted;
use super::http::Client;
use super::io::Io;
use super::ledger::Ledger;
use super::peer::{Line, Peer};
use super::tls;

/// How one signal is sent.
pub(super) struct Connection<'a> {
    pub(super) otlp: &'a Otlp,
    pub(super) io: &'a Arc<Io>,
    pub(super) ledger: &'a Arc<Ledger>,
    pub(super) peer: &'a Arc<Peer>,
    /// How long an export may take, with its retries.
    pub(super) limit: Duration,
}

/// Sets on a builder, whichever signal's it is, what the signals have in common.
macro_rules! build {
    ($connection:expr, $builder:expr, $line:expr) => {{
        let Connection {
            otlp,
            io,
            ledger,
            limit,
            ..
        } = $connection;
        match otlp.protocol {
            Protocol::Grpc => {
                // The channel belongs to the runtime that it is made in.
                let _entered = io.handle().enter();
                let mut builder = $builder
                    .with_tonic()
                    .with_endpoint(&otlp.url)
                    .with_timeout(*limit)
                    .with_retry_policy(retries())
                    .with_channel(channel(otlp, Connector::new(Arc::clone($line)))?)
                    .with_interceptor(metadata(otlp));
                if let Some(compression) = compression(otlp) {
                    builder = WithTonicConfig::with_compression(builder, compression);
                }
                builder.build()
            }
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                let client = Client::new(otlp, Arc::clone($line), Arc::clone(ledger))?;
                let mut builder = $builder
                    .with_http()
                    .with_endpoint(&otlp.url)
                    .with_timeout(*limit)
                    .with_retry_policy(retries())
                    .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
                    .with_http_client(client);
                // JSON is encoded, and compressed, by ourselves.
                if let (Protocol::HttpProtobuf, Some(compression)) =
                    (otlp.protocol, compression(otlp))
                {
                    builder = WithHttpConfig::with_compression(builder, compression);
                }
                builder.build()
            }
        }
    }};
}

impl Connection<'_> {
    pub(super) fn spans(&self) -> Result<Accounted<Encoded<SpanExporter>>, ConfigError> {
        let line = Line::new(Arc::clone(self.peer));
        let exporter = build!(self, SpanExporter::builder(), &line);
        self.accounted(exporter, line)
    }

    pub(super) fn logs(&self) -> Result<Accounted<Encoded<LogExporter>>, ConfigError> {
        let line = Line::new(Arc::clone(self.peer));
        let exporter = build!(self, LogExporter::builder(), &line);
        self.accounted(exporter, line)
    }

    pub(super) fn metrics(
        &self,
        temporality: Temporality,
    ) -> Result<Accounted<Encoded<MetricExporter>>, ConfigError> {
        let line = Line::new(Arc::clone(self.peer));
        let exporter = build!(
            self,
            MetricExporter::builder().with_temporality(temporality),
            &line
        );
        self.accounted(exporter, line)
    }

    fn accounted<E>(
        &self,
        exporter: Result<E, ExporterBuildError>,
        line: Arc<Line>,
    ) -> Result<Accounted<Encoded<E>>, ConfigError> {
        match exporter {
            Ok(exporter) => {
                let encoded = match self.otlp.protocol {
                    Protocol::HttpJson => Encoded::as_json(exporter, self.otlp.compression),
                    Protocol::HttpProtobuf | Protocol::Grpc => Encoded::natively(exporter),
                };
                let accounted = Accounted::new(encoded, Arc::clone(self.ledger));
                let accounted = accounted.over(Arc::clone(self.io), self.limit, line);
                Ok(match self.otlp.protocol {
                    Protocol::Grpc => accounted.retrying_cuts(),
                    Protocol::HttpProtobuf | Protocol::HttpJson => accounted,
                })
            }
            Err(error) => {
                let expected = format!("an OTLP exporter that can be built ({error})");
                Err(ConfigError::new("OTLP endpoint", &self.otlp.url, expected))
            }
        }
    }
}

/// Three retries within the time of an export, after 0.1, 0.2 and 0.4 s with up to 0.1 s more at random, or after what the
/// collector asks for. Which of them are not made, where no connection can be, is decided around the exporter ([`Line`]).
fn retries() -> RetryPolicy {
    RetryPolicy::recommended()
}

fn compression(otlp: &Otlp) -> Option<opentelemetry_otlp::Compression> {
    match otlp.compression {
        Compression::None => None,
        Compression::Gzip => Some(opentelemetry_otlp::Compression::Gzip),
    }
}

fn channel(otlp: &Otlp, connector: Connector) -> Result<Channel, ConfigError> {
    let unusable = |error: &tonic::transport::Error| {
        let cause =
            std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        ConfigError::new(
            "OTLP endpoint",
            &otlp.url,
            format!("an endpoint that can be connected to ({cause})"),
        )
    };
    let mut endpoint = Endpoint::from_shared(otlp.url.clone()).map_err(|error| unusable(&error))?;
    if otlp.url.starts_with("https://") {
        endpoint = endpoint
            .tls_config(tls::for_grpc(otlp)?)
            .map_err(|error| unusable(&error))?;
    }
    Ok(endpoint.connect_with_connector_lazy(connector))
}

/// Puts the configured metadata in place of what the exporter found in the environment.
fn metadata(
    otlp: &Otlp,
) -> impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone + Send + Sync + 'static {
    let configured = MetadataMap::from_headers(otlp.headers.as_map().clone());
    move |mut request| {
        let user_agent = request.metadata_mut().remove("user-agent");
        let mut metadata = configured.clone();
        if let (Some(user_agent), None) = (user_agent, metadata.get("user-agent")) {
            metadata.insert("user-agent", user_agent);
        }
        *request.metadata_mut() = metadata;
        Ok(request)
    }
}
