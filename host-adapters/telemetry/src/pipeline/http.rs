//! The HTTP client that carries OTLP.

use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use flate2::read::GzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::redirect;

use crate::config::{Compression, ConfigError, Otlp, Proxies};

use super::connector::innermost;
use super::diagnosis::Diagnosis;
use super::encoded;
use super::ledger::Ledger;
use super::peer::Line;
use super::reason::{self, Secrets};
use super::tls;

/// What the exporter itself puts into a request and may stay. Everything else comes from [`Otlp`]: the exporter would let
/// headers in the process's environment win over those that it is given.
const OWN_HEADERS: [HeaderName; 3] = [CONTENT_TYPE, CONTENT_ENCODING, USER_AGENT];

const JSON: &str = "application/json";

/// Sends one signal's requests, with the headers that were configured and no others.
#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    headers: HeaderMap,
    compression: Compression,
    line: Arc<Line>,
    ledger: Arc<Ledger>,
    diagnosis: Diagnosis,
    secrets: Secrets,
}

impl Client {
    pub(super) fn new(
        otlp: &Otlp,
        line: Arc<Line>,
        ledger: Arc<Ledger>,
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
            compression: otlp.compression,
            line,
            ledger,
            diagnosis,
            secrets: Secrets::of(otlp),
        })
    }

    /// Makes the request what the configuration says, whatever the exporter found in the environment.
    fn as_configured(&self, mut request: Request<Bytes>) -> Result<Request<Bytes>, HttpError> {
        let mut headers = HeaderMap::with_capacity(self.headers.len() + OWN_HEADERS.len());
        for name in OWN_HEADERS {
            if let Some(value) = request.headers_mut().remove(&name) {
                headers.insert(name, value);
            }
        }
        if let Some(body) = encoded::body() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
            headers.remove(CONTENT_ENCODING);
            if body.gzip {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            *request.body_mut() = body.bytes;
            // The exporter has no way to be told "not compressed": then the environment decides.
        } else if self.compression == Compression::None
            && headers.remove(CONTENT_ENCODING).is_some()
        {
            let mut plain = Vec::new();
            GzDecoder::new(request.body().as_ref()).read_to_end(&mut plain)?;
            *request.body_mut() = Bytes::from(plain);
        }
        headers.extend(self.headers.clone());
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Takes note of what the collector took the request without.
    fn read_answer(&self, response: &Response<Bytes>) {
        let json = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(JSON.as_bytes()));
        let rejected = if json {
            rejected_json(response.body())
        } else {
            rejected_protobuf(response.body())
        };
        if let Some((items, message)) = rejected {
            self.ledger.refused(items, &message);
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = self.as_configured(request)?;
        let mut result = HttpClient::send_bytes(&self.client, request).await;
        match &mut result {
            Ok(response) if response.status().is_success() => {
                self.line.answered();
                self.line.connected(None);
                self.read_answer(response);
                // The exporter believes that it sent Protocol Buffers, and would read the answer as such.
                if encoded::body().is_some() {
                    *response.body_mut() = Bytes::new();
                }
            }
            Ok(response) => {
                self.line.answered();
                let content_type = response.headers().get(CONTENT_TYPE);
                let reason = reason::of_body(content_type, response.body(), &self.secrets);
                let cause = self.diagnosis.of_http(response.status(), reason);
                self.line.connected(Some(cause));
            }
            // The exporter's own error says no more than that the network failed.
            Err(error) => {
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

/// The items that an answer in Protocol Buffers says were rejected. Those to the three signals differ in nothing but the name
/// of that number.
fn rejected_protobuf(body: &Bytes) -> Option<(i64, String)> {
    let answer = ExportTraceServiceResponse::decode(body.clone()).ok()?;
    let partial = answer.partial_success?;
    Some((partial.rejected_spans, partial.error_message))
}

fn rejected_json(body: &Bytes) -> Option<(i64, String)> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let partial = answer.get("partialSuccess")?;
    let number = ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"]
        .iter()
        .find_map(|name| partial.get(name));
    // 64-bit numbers are strings in the JSON of Protocol Buffers, but not with everyone. A number
    // that is 0 may be left out.
    let items = number.and_then(|number| number.as_i64().or_else(|| number.as_str()?.parse().ok()));
    let message = partial
        .get("errorMessage")
        .and_then(serde_json::Value::as_str);
    Some((
        items.unwrap_or_default(),
        String::from(message.unwrap_or_default()),
    ))
}
