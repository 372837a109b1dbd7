//! The gRPC client that carries OTLP.
//!
//! `opentelemetry-otlp` has one, which keeps to itself what a collector answers: why it refused a
//! request, and how many items of one that it took. So the requests are sent here, by the clients
//! that `opentelemetry-proto` generates, with the retries that OTLP asks for.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

use crate::config::{Compression, ConfigError, Otlp};

use super::connector::Connector;
use super::diagnosis::Diagnosis;
use super::io::Io;
use super::ledger::Ledger;
use super::peer::Line;
use super::reason::Secrets;
use super::tls;

/// How often a request is sent again.
const RETRIES: u32 = 3;

/// The wait before the first retry; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The most that is added to a wait at random, so that many clients do not come back at once.
const JITTER_MILLIS: u64 = 100;

const USER_AGENT: &str = concat!("OTel-OTLP-Exporter-Wasmscope/", env!("CARGO_PKG_VERSION"));

/// Sends one signal's requests.
#[derive(Debug)]
pub(super) struct Client {
    channel: Channel,
    metadata: MetadataMap,
    compression: Option<CompressionEncoding>,
    /// How long an export may take, with its retries.
    limit: Duration,
    line: Arc<Line>,
    ledger: Arc<Ledger>,
    diagnosis: Diagnosis,
    secrets: Secrets,
}

/// A generated client of a signal's service, with the compression that is configured.
macro_rules! service {
    ($client:expr, $service:ident) => {{
        let service = $service::new($client.channel.clone());
        match $client.compression {
            Some(compression) => service
                .send_compressed(compression)
                .accept_compressed(compression),
            None => service,
        }
    }};
}

impl Client {
    pub(super) fn new(
        otlp: &Otlp,
        io: &Io,
        limit: Duration,
        line: Arc<Line>,
        ledger: Arc<Ledger>,
        diagnosis: Diagnosis,
    ) -> Result<Self, ConfigError> {
        // The channel belongs to the runtime that it is made in.
        let _entered = io.handle().enter();
        let channel = channel(otlp, Connector::new(Arc::clone(&line), diagnosis.clone()))?;
        Ok(Self {
            channel,
            metadata: MetadataMap::from_headers(otlp.headers.as_map().clone()),
            compression: match otlp.compression {
                Compression::None => None,
                Compression::Gzip => Some(CompressionEncoding::Gzip),
            },
            limit,
            line,
            ledger,
            diagnosis,
            secrets: Secrets::of(otlp),
        })
    }

    pub(super) async fn send_spans(&self, request: ExportTraceServiceRequest) -> OTelSdkResult {
        let service = service!(self, TraceServiceClient);
        let answer = self.retrying(|| {
            let (mut service, request) = (service.clone(), self.request(request.clone()));
            async move { service.export(request).await }
        });
        if let Some(partial) = answer.await?.partial_success {
            self.ledger
                .refused(partial.rejected_spans, &partial.error_message);
        }
        Ok(())
    }

    pub(super) async fn send_metrics(&self, request: ExportMetricsServiceRequest) -> OTelSdkResult {
        let service = service!(self, MetricsServiceClient);
        let answer = self.retrying(|| {
            let (mut service, request) = (service.clone(), self.request(request.clone()));
            async move { service.export(request).await }
        });
        if let Some(partial) = answer.await?.partial_success {
            self.ledger
                .refused(partial.rejected_data_points, &partial.error_message);
        }
        Ok(())
    }

    pub(super) async fn send_logs(&self, request: ExportLogsServiceRequest) -> OTelSdkResult {
        let service = service!(self, LogsServiceClient);
        let answer = self.retrying(|| {
            let (mut service, request) = (service.clone(), self.request(request.clone()));
            async move { service.export(request).await }
        });
        if let Some(partial) = answer.await?.partial_success {
            self.ledger
                .refused(partial.rejected_log_records, &partial.error_message);
        }
        Ok(())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request
    }

    /// Sends a request until it is answered, or is not to be sent again.
    async fn retrying<T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        mut send: impl FnMut() -> F,
    ) -> Result<T, OTelSdkError> {
        let begun = Instant::now();
        let mut wait = FIRST_WAIT;
        for retry in 0..=RETRIES {
            let status = match send().await {
                Ok(answer) => {
                    self.line.answered();
                    self.line.connected(None);
                    return Ok(answer.into_inner());
                }
                Err(status) => status,
            };
            let cause = self.cause(&status);
            self.line.failed(cause.clone());
            let left = self.limit.saturating_sub(begun.elapsed());
            match wait_before_retry(&status, wait).filter(|wait| retry < RETRIES && *wait < left) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(OTelSdkError::InternalFailure(cause)),
            }
            wait = wait.saturating_mul(2);
        }
        Err(OTelSdkError::InternalFailure(String::from(
            "no retry is left",
        )))
    }

    fn cause(&self, status: &Status) -> String {
        match std::error::Error::source(status) {
            // It comes of the transport, and not from the collector.
            Some(error) => self.diagnosis.of_error(error, self.line.has_answered()),
            None => {
                self.line.answered();
                let reason = self.secrets.shown(status.message());
                self.diagnosis.of_grpc(status.code(), reason)
            }
        }
    }
}

/// Returns how long to wait before a request is sent again; `None` where it is not to be.
///
/// <https://opentelemetry.io/docs/specs/otlp/#failures>
fn wait_before_retry(status: &Status, wait: Duration) -> Option<Duration> {
    let asked = status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay);
    let jitter = RandomState::new().hash_one(0u8) % (JITTER_MILLIS + 1);
    let usual = wait.saturating_add(Duration::from_millis(jitter));
    match status.code() {
        // Only with `RetryInfo` can it pass.
        Code::ResourceExhausted => asked.map(|asked| asked.max(wait)),
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Some(asked.map_or(usual, |asked| asked.max(wait))),
        // A connection that was cut.
        Code::Unknown if std::error::Error::source(status).is_some() => Some(usual),
        Code::Ok
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Unimplemented
        | Code::Internal
        | Code::Unauthenticated => None,
    }
}

fn channel(otlp: &Otlp, connector: Connector) -> Result<Channel, ConfigError> {
    let unusable = |error: &tonic::transport::Error| {
        let cause =
            std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        let expected = format!("an endpoint that can be connected to ({cause})");
        ConfigError::new(&otlp.endpoint_setting, otlp.url.to_string(), expected)
    };
    let endpoint = Endpoint::from_shared(String::from(otlp.url.as_str()))
        .and_then(|endpoint| endpoint.user_agent(USER_AGENT));
    let mut endpoint = endpoint.map_err(|error| unusable(&error))?;
    if otlp.url.is_secure() {
        let tls = endpoint.tls_config(tls::for_grpc(otlp)?);
        endpoint = tls.map_err(|error| unusable(&error))?;
    }
    Ok(endpoint.connect_with_connector_lazy(connector))
}
