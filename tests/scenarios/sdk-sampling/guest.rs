//! Recorded spans after unrecorded ones, by every API.

use opentelemetry::trace::{
    Span as _, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, global};
use tracing::info_span;
use wasmscope::subscriber::SpanExt as _;
use wasmscope::{SpanContext, SpanReference, Tracer, attributes};

static TRACER: Tracer = wasmscope::tracer!();

/// Longer than the limit on a call's bytes. If it were passed, the host would count it as dropped.
const MUCH: usize = 8192;

fn main() {
    let _telemetry = wasmscope::init();
    let much = "a".repeat(MUCH);
    for span in [by_direct, by_tracing, by_opentelemetry] {
        span("not recorded", false, "passed for nothing");
        span("not recorded either", false, &much);
        span("recorded", true, "a");
        span("recorded too", true, "b");
    }
}

fn by_direct(name: &str, sampled: bool, text: &str) {
    let parent = SpanContext::from_traceparent(traceparent(sampled), "").expect("a valid header");
    let span = TRACER
        .span(name)
        .with_parent(SpanReference::Remote(&parent))
        .with_attributes(attributes!["text" => text, "texts" => ["a", ""].as_slice(), "int" => 1])
        .start();
    span.set_attribute("later", true);
    span.set_attribute("int", 2);
}

fn by_tracing(name: &str, sampled: bool, text: &str) {
    let parent = SpanContext::from_traceparent(traceparent(sampled), "").expect("a valid header");
    let span = info_span!(
        "by tracing",
        otel.name = name,
        text,
        int = 1,
        later = tracing::field::Empty
    );
    span.set_parent(&parent).expect("our subscriber");
    span.in_scope(|| span.record("later", true));
    span.record("int", 2);
}

fn by_opentelemetry(name: &str, sampled: bool, text: &str) {
    let flags = if sampled {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::NOT_SAMPLED
    };
    let parent = opentelemetry::trace::SpanContext::new(
        TraceId::from(10),
        SpanId::from(11),
        flags,
        true,
        TraceState::NONE,
    );
    let tracer = global::tracer_provider().tracer("by opentelemetry");
    let text = KeyValue::new("text", text.to_owned());
    let mut span = tracer
        .span_builder(name.to_owned())
        .with_attributes([text, KeyValue::new("int", 1)])
        .start_with_context(&tracer, &Context::new().with_remote_span_context(parent));
    span.set_attribute(KeyValue::new("later", true));
    span.set_attribute(KeyValue::new("int", 2));
}

fn traceparent(sampled: bool) -> &'static str {
    if sampled {
        "00-0000000000000000000000000000000a-000000000000000b-01"
    } else {
        "00-0000000000000000000000000000000a-000000000000000b-00"
    }
}
