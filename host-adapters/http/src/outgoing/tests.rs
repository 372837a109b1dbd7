//! Requests to servers on this machine.

mod body;
mod refused;
mod sent;
mod server;
mod timeout;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt as _, Full};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use wasmscope_telemetry::{Providers, Telemetry};
use wasmtime_wasi_http::Error;

use super::*;

/// A host with a client, and the guest's hooks.
struct Host {
    outgoing: Outgoing,
    spans: InMemorySpanExporter,
    refusals: Arc<Mutex<Vec<Refusal>>>,
}

impl Host {
    fn new(policy: Policy) -> Self {
        Self::with(policy, |builder| builder)
    }

    fn with(policy: Policy, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        let spans = InMemorySpanExporter::default();
        let tracer = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let providers = Providers {
            tracer: Some(tracer),
            meter: None,
            logger: None,
        };
        let telemetry = Telemetry::builder(providers).build();
        let refusals = Arc::<Mutex<Vec<Refusal>>>::default();
        let into = Arc::clone(&refusals);
        let client = Client::builder(policy).on_refusal(move |refusal| {
            into.lock().expect("no panic").push(refusal.clone());
        });
        Self {
            outgoing: Outgoing::new(telemetry.instance("guest"), set(client).build()),
            spans,
            refusals,
        }
    }

    fn send(
        &mut self,
        request: Request<WasiBody>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<WasiBody>>> + Send>> {
        self.send_with(request, RequestOptions::default())
    }

    fn send_with(
        &mut self,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Pin<Box<dyn Future<Output = Result<Response<WasiBody>>> + Send>> {
        let work: Work = Box::new(async { Ok(()) });
        let sending = self.outgoing.send_request(request, Some(options), work);
        Box::pin(async move { Pin::from(sending).await.map(|(response, _)| response) })
    }

    /// Sends a request without a body, and returns the text of the response.
    async fn text(&mut self, url: &str) -> Result<String> {
        text(self.send(get(url)).await?).await
    }

    /// Returns the only span, once it has ended.
    async fn span(&self) -> SpanData {
        let spans = until(|| {
            let spans = self.spans.get_finished_spans().expect("spans");
            (!spans.is_empty()).then_some(spans)
        });
        let mut spans = spans.await;
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.pop().expect("a span")
    }

    /// Returns the `error.type` of the only span.
    async fn error_type(&self) -> Option<String> {
        attribute(&self.span().await, "error.type")
    }

    fn refusals(&self) -> Vec<Refusal> {
        self.refusals.lock().expect("no panic").clone()
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|attribute| attribute.key.as_str() == key);
    found.map(|found| found.value.to_string())
}

/// Waits until a function returns something.
async fn until<T>(mut function: impl FnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = function() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), found).await;
    found.expect("it takes too long")
}

/// A policy that allows everything on this machine.
fn local() -> Policy {
    Policy {
        allow: vec!["http://127.0.0.1:*".parse().expect("a rule")],
        ..Policy::default()
    }
}

fn get(url: &str) -> Request<WasiBody> {
    request(url, Bytes::new())
}

fn request(url: &str, body: Bytes) -> Request<WasiBody> {
    let body = Full::new(body).map_err(|never| match never {});
    let request = Request::builder().uri(url);
    request.body(body.boxed_unsync()).expect("a request")
}

async fn text(response: Response<WasiBody>) -> Result<String> {
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec()).expect("text"))
}
