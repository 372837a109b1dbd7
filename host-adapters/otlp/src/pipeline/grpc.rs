//! The gRPC client for OTLP.
//!
//! The client of `opentelemetry-otlp` hides the collector's answers: why it refused a request, and
//! how many items of an accepted one it rejected. So requests are sent here, by the clients that
//! `opentelemetry-proto` generates, with the retries that OTLP specifies.

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
use prost::Message as _;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::{RetryInfo, pb};

use crate::config::{Compression, ConfigError, Otlp};

use super::collector::SignalEndpoint;
use super::connector::Connector;
use super::diagnosis::{self, Diagnosis};
use super::export_stats::PartialSuccess;
use super::io::Io;
use super::reason::Secrets;
use super::splitter::Failure;
use super::tls;

/// How often a request is sent again.
const RETRIES: u32 = 3;

/// The wait before the first retry; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The upper bound of the random addition to a wait. It spreads the retries of many clients.
const JITTER_MILLIS: u64 = 100;

const USER_AGENT: &str = concat!("OTel-OTLP-Exporter-Wasmscope/", env!("CARGO_PKG_VERSION"));

/// Sends one signal's requests.
#[derive(Debug)]
pub(super) struct Client {
    channel: Channel,
    metadata: MetadataMap,
    compression: Option<CompressionEncoding>,
    /// The time limit of an export with its retries.
    limit: Duration,
    endpoint: Arc<SignalEndpoint>,
    diagnosis: Diagnosis,
    secrets: Secrets,
}

/// Makes the generated client of a signal's service, with the configured compression.
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
        endpoint: Arc<SignalEndpoint>,
        diagnosis: Diagnosis,
    ) -> Result<Self, ConfigError> {
        // A channel belongs to the runtime in which it is made.
        let _entered = io.handle().enter();
        let channel = channel(
            otlp,
            Connector::new(Arc::clone(&endpoint), diagnosis.clone()),
        )?;
        Ok(Self {
            channel,
            metadata: MetadataMap::from_headers(otlp.headers.as_map().clone()),
            compression: match otlp.compression {
                Compression::None => None,
                Compression::Gzip => Some(CompressionEncoding::Gzip),
            },
            limit,
            endpoint,
            diagnosis,
            secrets: Secrets::of(otlp),
        })
    }

    pub(super) async fn send_spans(
        &self,
        request: &ExportTraceServiceRequest,
    ) -> Result<PartialSuccess, Failure> {
        let service = service!(self, TraceServiceClient);
        let answer = self.retrying(|| {
            let (mut service, request) = (service.clone(), self.request(request.clone()));
            async move { service.export(request).await }
        });
        let partial = answer.await?.partial_success.unwrap_or_default();
        Ok(PartialSuccess {
            items: partial.rejected_spans,
            message: partial.error_message,
        })
    }

    pub(super) async fn send_metrics(
        &self,
        request: &ExportMetricsServiceRequest,
    ) -> Result<PartialSuccess, Failure> {
        let service = service!(self, MetricsServiceClient);
        let answer = self.retrying(|| {
            let (mut service, request) = (service.clone(), self.request(request.clone()));
            async move { service.export(request).await }
        });
        let partial = answer.await?.partial_success.unwrap_or_default();
        Ok(PartialSuccess {
            items: partial.rejected_data_points,
            message: partial.error_message,
        })
    }

    pub(super) async fn send_logs(
        &self,
        request: &ExportLogsServiceRequest,
    ) -> Result<PartialSuccess, Failure> {
        let service = service!(self, LogsServiceClient);
        let answer = self.retrying(|| {
            let (mut service, request) = (service.clone(), self.request(request.clone()));
            async move { service.export(request).await }
        });
        let partial = answer.await?.partial_success.unwrap_or_default();
        Ok(PartialSuccess {
            items: partial.rejected_log_records,
            message: partial.error_message,
        })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request
    }

    /// Sends a request until it is answered or must not be retried.
    async fn retrying<T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        mut send: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        let mut wait = FIRST_WAIT;
        for retry in 0..=RETRIES {
            let status = match send().await {
                Ok(answer) => {
                    self.endpoint.answered();
                    self.endpoint.connected(None);
                    return Ok(answer.into_inner());
                }
                Err(status) => status,
            };
            let cause = self.cause(&status);
            self.endpoint.failed(cause.clone());
            let left = self.limit.saturating_sub(begun.elapsed());
            match wait_before_retry(&status, wait).filter(|wait| retry < RETRIES && *wait < left) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(failure(&status, cause)),
            }
            wait = wait.saturating_mul(2);
        }
        Err(Failure::Other(String::from("no retry is left")))
    }

    fn cause(&self, status: &Status) -> String {
        match std::error::Error::source(status) {
            // The error comes from the transport, not from the collector.
            Some(error) => self.diagnosis.of_error(error, self.endpoint.has_answered()),
            None => {
                self.endpoint.answered();
                let reason = self.secrets.shown(status.message());
                self.diagnosis.of_grpc(status.code(), reason)
            }
        }
    }
}

/// Classifies a refusal by its effect on other requests.
fn failure(status: &Status, cause: String) -> Failure {
    if says_too_large(status) {
        return Failure::TooLarge {
            certain: true,
            cause,
        };
    }
    match status.code() {
        // With `RetryInfo` the exhaustion is temporary. Without, the request's size is a possible
        // reason.
        Code::ResourceExhausted if requested_wait(status).is_none() => Failure::TooLarge {
            certain: false,
            cause,
        },
        Code::InvalidArgument => Failure::Invalid(cause),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => Failure::Other(cause),
    }
}

/// Returns how long the collector asks to wait, from its `RetryInfo`. Negative durations become
/// zero: `tonic-types` would overflow on the smallest number.
fn requested_wait(status: &Status) -> Option<Duration> {
    let details = pb::Status::decode(status.details()).ok()?;
    let mut details = details.details.iter();
    let info = details.find(|detail| detail.type_url == RetryInfo::TYPE_URL)?;
    let wait = pb::RetryInfo::decode(info.value.as_slice())
        .ok()?
        .retry_delay?;
    let seconds = u64::try_from(wait.seconds).unwrap_or(0);
    let nanos = u32::try_from(wait.nanos).unwrap_or(0);
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into())))
}

/// Returns whether a server refused a request as too large.
fn says_too_large(status: &Status) -> bool {
    let from_the_collector = std::error::Error::source(status).is_none();
    let code = matches!(status.code(), Code::ResourceExhausted | Code::OutOfRange);
    from_the_collector && code && diagnosis::says_too_large(status.message())
}

/// Returns how long to wait before the next retry, or `None` if the request must not be retried.
///
/// <https://opentelemetry.io/docs/specs/otlp/#failures>
fn wait_before_retry(status: &Status, wait: Duration) -> Option<Duration> {
    if says_too_large(status) {
        return None;
    }
    let asked = requested_wait(status);
    let jitter = RandomState::new().hash_one(0u8) % (JITTER_MILLIS + 1);
    let usual = wait.saturating_add(Duration::from_millis(jitter));
    match status.code() {
        // Only temporary if the collector sends `RetryInfo`.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: Code, seconds: i64, nanos: i32) -> Status {
        // `prost-types` is not a dependency, so the messages are declared here.
        #[derive(Clone, PartialEq, prost::Message)]
        struct Wait {
            #[prost(int64, tag = "1")]
            seconds: i64,
            #[prost(int32, tag = "2")]
            nanos: i32,
        }
        #[derive(Clone, PartialEq, prost::Message)]
        struct Info {
            #[prost(message, optional, tag = "1")]
            wait: Option<Wait>,
        }
        #[derive(Clone, PartialEq, prost::Message)]
        struct Detail {
            #[prost(string, tag = "1")]
            type_url: String,
            #[prost(bytes = "vec", tag = "2")]
            value: Vec<u8>,
        }
        #[derive(Clone, PartialEq, prost::Message)]
        struct Details {
            #[prost(message, repeated, tag = "3")]
            details: Vec<Detail>,
        }
        let wait = Some(Wait { seconds, nanos });
        let detail = Detail {
            type_url: String::from(RetryInfo::TYPE_URL),
            value: Info { wait }.encode_to_vec(),
        };
        let details = Details {
            details: vec![detail],
        };
        Status::with_details(code, "", details.encode_to_vec().into())
    }

    #[test]
    fn any_requested_wait_is_read() {
        for (seconds, nanos, expected) in [
            (2, 500_000_000, Duration::from_millis(2_500)),
            (0, 0, Duration::ZERO),
            (-1, -1, Duration::ZERO),
            (i64::MIN, i32::MIN, Duration::ZERO),
            (
                i64::MAX,
                i32::MAX,
                Duration::from_secs(i64::MAX.unsigned_abs())
                    + Duration::from_nanos(i32::MAX.unsigned_abs().into()),
            ),
        ] {
            let status = status(Code::ResourceExhausted, seconds, nanos);
            assert_eq!(requested_wait(&status), Some(expected), "{seconds} {nanos}");
            assert_eq!(
                wait_before_retry(&status, FIRST_WAIT),
                Some(expected.max(FIRST_WAIT))
            );
        }
        let status = Status::resource_exhausted("no details");
        assert_eq!(requested_wait(&status), None);
    }

    #[test]
    fn too_large_is_recognised_by_known_messages() {
        for (code, words, certain) in [
            (
                Code::ResourceExhausted,
                "grpc: received message larger than max (5 vs. 4)",
                Some(true),
            ),
            (
                Code::ResourceExhausted,
                "gRPC message exceeds maximum size 4194304: 5000000",
                Some(true),
            ),
            (
                Code::OutOfRange,
                "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes",
                Some(true),
            ),
            (
                Code::ResourceExhausted,
                "ingestion rate limit exceeded",
                Some(false),
            ),
            (Code::OutOfRange, "something else", None),
            (Code::Internal, "received message larger than max", None),
        ] {
            let found = failure(&Status::new(code, words), String::new());
            let expected = match certain {
                Some(certain) => Failure::TooLarge {
                    certain,
                    cause: String::new(),
                },
                None => Failure::Other(String::new()),
            };
            assert_eq!(found, expected, "{words}");
        }
    }
}
