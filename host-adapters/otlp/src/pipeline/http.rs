//! The HTTP client for OTLP.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::redirect;

use crate::config::{ConfigError, Otlp, Proxies};

use super::collector::SignalEndpoint;
use super::diagnosis::root_cause;
use super::diagnosis::{Diagnosis, says_too_large};
use super::divide::Encoding;
use super::encoding_exporter::{self, Body};
use super::export_stats::PartialSuccess;
use super::reason::{self, Secrets};
use super::splitter::Failure;
use super::tls;

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// Sends one signal's requests, with only the configured headers.
#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    headers: HeaderMap,
    endpoint: Arc<SignalEndpoint>,
    diagnosis: Diagnosis,
    secrets: Secrets,
}

impl Client {
    pub(super) fn new(
        otlp: &Otlp,
        endpoint: Arc<SignalEndpoint>,
        diagnosis: Diagnosis,
    ) -> Result<Self, ConfigError> {
        let builder = reqwest::Client::builder()
            // Set even for `http://`, so that reqwest does not look for the process's default.
            .tls_backend_preconfigured(tls::for_http(otlp)?)
            // A redirect would take credentials elsewhere, or turn the POST into a GET.
            .redirect(redirect::Policy::none())
            // The exporter retries, by the rules of OTLP.
            .retry(reqwest::retry::never())
            // Replaces the settings that reqwest would read from the process's environment.
            .no_proxy();
        let client = proxies(builder, &otlp.proxies).and_then(reqwest::ClientBuilder::build);
        let client = client.map_err(|error| {
            ConfigError::without_value(
                "OTLP exporter",
                format!("an HTTP client that can be built ({})", root_cause(&error)),
            )
        })?;
        Ok(Self {
            client,
            headers: otlp.headers.as_map().clone(),
            endpoint,
            diagnosis,
            secrets: Secrets::of(otlp),
        })
    }

    /// Makes the request match the configuration. The exporter reads headers from the process's
    /// environment and prefers them to those that it is given; only its user agent is kept.
    fn as_configured(&self, request: &mut Request<Bytes>, body: &Body) {
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 3);
        if let Some(agent) = request.headers_mut().remove(USER_AGENT) {
            headers.insert(USER_AGENT, agent);
        }
        let content_type = match body.encoding {
            Encoding::Protobuf => PROTOBUF,
            Encoding::Json => JSON,
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if body.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.extend(self.headers.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = body.bytes.clone();
    }

    /// Reads an answer of any status.
    fn read_answer(&self, response: &Response<Bytes>) -> Result<PartialSuccess, Failure> {
        let content_type = response.headers().get(CONTENT_TYPE);
        let status = response.status();
        if status.is_success() {
            let json =
                content_type.is_some_and(|value| value.as_bytes().starts_with(JSON.as_bytes()));
            let rejected = if json {
                rejected_json(response.body())
            } else {
                rejected_protobuf(response.body())
            };
            return Ok(rejected.unwrap_or_default());
        }
        let reason = reason::of_body(content_type, response.body(), &self.secrets);
        // An OpenTelemetry Collector answers 400 instead of 413.
        let is_too_large = status == StatusCode::PAYLOAD_TOO_LARGE
            || status == StatusCode::BAD_REQUEST && reason.as_deref().is_some_and(says_too_large);
        let cause = self.diagnosis.of_http(status, reason);
        Err(match status {
            _ if is_too_large => Failure::TooLarge {
                certain: true,
                cause,
            },
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Failure::Invalid(cause),
            _ => Failure::Other(cause),
        })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let exchange = encoding_exporter::exchange().ok_or("no request is under way")?;
        self.as_configured(&mut request, &exchange.body);
        let mut result = HttpClient::send_bytes(&self.client, request).await;
        match &mut result {
            Ok(response) => {
                self.endpoint.answered();
                let answer = self.read_answer(response);
                let cause = match &answer {
                    Ok(_) => None,
                    Err(
                        Failure::TooLarge { cause, .. }
                        | Failure::Invalid(cause)
                        | Failure::Other(cause),
                    ) => Some(cause.clone()),
                };
                self.endpoint.connected(cause);
                exchange.answered(answer);
                // The body has been read; the exporter would log its content.
                *response.body_mut() = Bytes::new();
            }
            // The exporter's own error says only that the network failed.
            Err(error) => {
                exchange.not_answered();
                let cause = self
                    .diagnosis
                    .of_error(error.as_ref(), self.endpoint.has_answered());
                let connects = error.downcast_ref::<reqwest::Error>();
                if connects.is_some_and(reqwest::Error::is_connect) {
                    self.endpoint.refused(cause);
                } else {
                    self.endpoint.connected(Some(cause));
                }
            }
        }
        result
    }
}

fn proxies(
    mut builder: reqwest::ClientBuilder,
    proxies: &Proxies,
) -> reqwest::Result<reqwest::ClientBuilder> {
    let except = proxies
        .except
        .as_deref()
        .and_then(reqwest::NoProxy::from_string);
    if let Some(url) = &proxies.http {
        builder = builder.proxy(reqwest::Proxy::http(url.as_str())?.no_proxy(except.clone()));
    }
    if let Some(url) = &proxies.https {
        builder = builder.proxy(reqwest::Proxy::https(url.as_str())?.no_proxy(except));
    }
    Ok(builder)
}

/// Reads the rejections in a Protocol Buffers answer. The answers of the three signals differ only
/// in the name of the count.
fn rejected_protobuf(body: &Bytes) -> Option<PartialSuccess> {
    let answer = ExportTraceServiceResponse::decode(body.clone()).ok()?;
    let partial = answer.partial_success?;
    Some(PartialSuccess {
        items: partial.rejected_spans,
        message: partial.error_message,
    })
}

fn rejected_json(body: &Bytes) -> Option<PartialSuccess> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let partial = answer.get("partialSuccess")?;
    let number = ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"]
        .iter()
        .find_map(|name| partial.get(name));
    // A count of 0 may be omitted.
    let items = number.and_then(any_number).unwrap_or_default();
    let message = partial
        .get("errorMessage")
        .and_then(serde_json::Value::as_str);
    Some(PartialSuccess {
        items,
        message: String::from(message.unwrap_or_default()),
    })
}

/// Reads a number. The JSON of Protocol Buffers writes 64-bit numbers as strings, but not all
/// collectors do. Numbers that are out of range become the nearest one.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float becomes the nearest integer"
)]
fn any_number(value: &serde_json::Value) -> Option<i64> {
    let exact = value.as_i64();
    let text = || value.as_str()?.trim().parse().ok();
    let float = || {
        value
            .as_f64()
            .or_else(text)
            .map(|number: f64| number as i64)
    };
    exact
        .or_else(|| value.as_str()?.trim().parse().ok())
        .or_else(float)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rejected_count_is_clamped_to_the_nearest_integer() {
        for (value, items) in [
            (json!(3), 3),
            (json!("3"), 3),
            (json!(-10), -10),
            (json!("-10"), -10),
            (json!(18_446_744_073_709_551_606_u64), i64::MAX),
            (json!("18446744073709551606"), i64::MAX),
            (json!(1e300), i64::MAX),
            (json!("-1e300"), i64::MIN),
            (json!("NaN"), 0),
            (json!("many"), 0),
            (json!(null), 0),
            (json!([7]), 0),
        ] {
            let body = json!({"partialSuccess": {"rejectedLogRecords": value}});
            let read = rejected_json(&Bytes::from(body.to_string())).unwrap();
            assert_eq!(read.items, items, "{value}");
        }
    }
}
