//! The spans of requests at a collector.

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use wasmscope_test_support::{Collector, SpanView, Value};

/// Waits for the spans of a server, and returns them in the order of their ends.
///
/// # Panics
/// If they do not come.
#[must_use]
#[track_caller]
pub fn server_spans(collector: &Collector, count: usize) -> Vec<SpanView> {
    collector.wait_for(
        |collector| of_host(collector, SpanKind::Server).len() >= count,
        Duration::from_secs(30),
    );
    of_host(collector, SpanKind::Server)
}

/// Returns the spans of requests that guests sent.
#[must_use]
pub fn client_spans(collector: &Collector) -> Vec<SpanView> {
    of_host(collector, SpanKind::Client)
}

fn of_host(collector: &Collector, kind: SpanKind) -> Vec<SpanView> {
    let spans = collector.spans().into_iter();
    spans
        .filter(|span| span.scope.name == "wasmscope" && span.kind == kind as i32)
        .collect()
}

/// Returns an attribute as text, or `-` without it.
#[must_use]
pub fn text(span: &SpanView, key: &str) -> String {
    match span.attr(key) {
        Some(Value::Str(text)) => text,
        Some(Value::Int(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => "-".to_owned(),
    }
}

/// Returns the facts about a request: its span's name, path, status code, error and status.
fn facts(span: &SpanView) -> String {
    let keys = ["url.path", "http.response.status_code", "error.type"];
    let [path, status, error] = keys.map(|key| text(span, key));
    let status_code = span.item.status.as_ref().map_or(0, |status| status.code);
    let is_error = status_code == StatusCode::Error as i32;
    let mark = if is_error { " ERROR" } else { "" };
    format!("{} {path} {status} {error}{mark}", span.name)
}

/// Checks the facts about all requests of a server, in any order: `NAME PATH STATUS ERROR`, and
/// ` ERROR` for a span with that status.
///
/// # Panics
/// If they differ.
#[track_caller]
pub fn assert_facts(collector: &Collector, expected: &[&str]) {
    let spans = server_spans(collector, expected.len());
    let mut facts: Vec<_> = spans.iter().map(facts).collect();
    facts.sort();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(facts, expected);
}

/// Checks that the metrics of a server arrived.
///
/// # Panics
/// If one did not.
#[track_caller]
pub fn assert_metrics(collector: &Collector) {
    for name in [
        "http.server.request.duration",
        "http.server.active_requests",
        "http.server.request.body.size",
        "http.server.response.body.size",
    ] {
        let _ = collector.metric(name);
    }
}

/// Returns an identifier in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
