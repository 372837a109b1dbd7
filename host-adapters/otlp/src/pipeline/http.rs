//! The HTTP client that carries OTLP.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::redirect;

use crate::config::{ConfigError, Otlp, Proxies};

use super::diagnosis::innermost;
use super::diagnosis::{Diagnosis, too_large};
use super::divide::Encoding;
use super::encoded::{self, Body};
use super::ledger::Rejected;
use super::parts::Failure;
use super::peer::Line;
use super::reason::{self, Secrets};
use super::tls;

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// Sends one signal's requests, with the headers that were configured and no others.
#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    headers: HeaderMap,
    line: Arc<Line>,
    diagnosis: Diagnosis,
    secrets: Secrets,
}

impl Client {
    pub(super) fn new(
        otlp: &Otlp,
        line: Arc<Line>,
        diagnosis: Diagnosis,
    ) -> Result<Self, ConfigError> {
        let builder = reqwest::Client::builder()
            // Given even for `http://`, so that reqwest does not look for a default of the process.
            .tls_backend_preconfigured(tls::for_http(otlp)?)
            // A redirect would take credentials elsewhere, or turn the POST into a GET.
            .redirect(redirect::Policy::none())
            // The exporter retries, by the rules of OTLP.
            .retry(reqwest::retry::never())
            // Replaces what reqwest would read in the process's environment.
            .no_proxy();
        let client = proxies(builder, &otlp.proxies).and_then(reqwest::ClientBuilder::build);
        let client = client.map_err(|error| {
            ConfigError::without_value(
                "OTLP exporter",
                format!("an HTTP client that can be built ({})", innermost(&error)),
            )
        })?;
        Ok(Self {
            client,
            headers: otlp.headers.as_map().clone(),
            line,
            diagnosis,
            secrets: Secrets::of(otlp),
        })
    }

    /// Makes the request what the configuration says, and not what the exporter found in the
    /// environment. Of its own headers, only the user agent stays: the exporter would let headers
    /// in the process's environment win over those that it is given.
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
    fn read_answer(&self, response: &Response<Bytes>) -> Result<Rejected, Failure> {
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
        // An OpenTelemetry Collector answers 400 where 413 is meant.
        let is_too_large = status == StatusCode::PAYLOAD_TOO_LARGE
            || status == StatusCode::BAD_REQUEST && reason.as_deref().is_some_and(too_large);
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
        let exchange = encoded::exchange().ok_or("no request is under way")?;
        self.as_configured(&mut request, &exchange.body);
        let mut result = HttpClient::send_bytes(&self.client, request).await;
        match &mut result {
            Ok(response) => {
                self.line.answered();
                let answer = self.read_answer(response);
                let cause = match &answer {
                    Ok(_) => None,
                    Err(
                        Failure::TooLarge { cause, .. }
                        | Failure::Invalid(cause)
                        | Failure::Other(cause),
                    ) => Some(cause.clone()),
                };
                self.line.connected(cause);
                exchange.answered(answer);
                // It has been read, and the exporter would log what is in it.
                *response.body_mut() = Bytes::new();
            }
            // The exporter's own error says no more than that the network failed.
            Err(error) => {
                exchange.not_answered();
                let cause = self
                    .diagnosis
                    .of_error(error.as_ref(), self.line.has_answered());
                let connects = error.downcast_ref::<reqwest::Error>();
                if connects.is_some_and(reqwest::Error::is_connect) {
                    self.line.refused(cause);
                } else {
                    self.line.connected(Some(cause));
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

/// Reads which items an answer in Protocol Buffers rejects. Those to the three signals differ in
/// nothing but the name of that number.
fn rejected_protobuf(body: &Bytes) -> Option<Rejected> {
    let answer = ExportTraceServiceResponse::decode(body.clone()).ok()?;
    let partial = answer.partial_success?;
    Some(Rejected {
        items: partial.rejected_spans,
        message: partial.error_message,
    })
}

fn rejected_json(body: &Bytes) -> Option<Rejected> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let partial = answer.get("partialSuccess")?;
    let number = ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"]
        .iter()
        .find_map(|name| partial.get(name));
    // A number that is 0 may be left out.
    let items = number.and_then(any_number).unwrap_or_default();
    let message = partial
        .get("errorMessage")
        .and_then(serde_json::Value::as_str);
    Some(Rejected {
        items,
        message: String::from(message.unwrap_or_default()),
    })
}

/// Reads a number. 64-bit numbers are strings in the JSON of Protocol Buffers, but not all
/// collectors write them so. Numbers that are out of range become the nearest one.
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
    fn any_number_of_rejected_items_is_read_as_the_nearest() {
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
