//! The `opentelemetry` API, with its API crate only.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags,
    TraceId, TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, StringValue, Value, global};

fn main() {
    let _telemetry = wasmscope::init();
    let scope = InstrumentationScope::builder("api")
        .with_version("1.2.3")
        .with_schema_url("https://example.com/schema/1")
        .with_attributes([KeyValue::new("team", "a")])
        .build();
    spans(&scope);
    contexts();
    metrics(&scope);
    logs(&scope);
}

fn remote(span: u64) -> SpanContext {
    SpanContext::new(
        TraceId::from(0x1111_2222_3333_4444_0000_0000_0000_000a_u128),
        SpanId::from(span),
        TraceFlags::SAMPLED,
        true,
        TraceState::from_key_value([("vendor", "1")]).expect("a valid tracestate"),
    )
}

fn spans(scope: &InstrumentationScope) {
    let tracer = global::tracer_provider().tracer_with_scope(scope.clone());
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
    let mut span = tracer
        .span_builder("built")
        .with_kind(SpanKind::Client)
        .with_start_time(past)
        .with_attributes([
            KeyValue::new("text", "a"),
            KeyValue::new("yes", true),
            KeyValue::new("int", -1),
            KeyValue::new("float", 0.5),
            KeyValue::new(
                "texts",
                Value::Array(Array::String(vec![StringValue::from("a"), "b".into()])),
            ),
            KeyValue::new("bools", Value::Array(Array::Bool(vec![true, false]))),
            KeyValue::new("ints", Value::Array(Array::I64(vec![1, 2]))),
            KeyValue::new("floats", Value::Array(Array::F64(vec![0.5]))),
        ])
        .with_links(vec![Link::new(
            remote(0xb),
            vec![KeyValue::new("why", "at the start")],
            0,
        )])
        .start_with_context(
            &tracer,
            &Context::new().with_remote_span_context(remote(0xc)),
        );
    println!("recording: {}", span.is_recording());
    let context = span.span_context();
    println!(
        "in the remote trace: {}",
        context.trace_id() == remote(0xb).trace_id()
    );
    println!("tracestate: {:?}", context.trace_state().header());
    span.set_attribute(KeyValue::new("later", "set"));
    span.set_attribute(KeyValue::new("int", 2));
    span.add_event_with_timestamp(
        "an event",
        past + Duration::from_secs(1),
        vec![KeyValue::new("step", 1)],
    );
    span.add_link(remote(0xd), vec![]);
    span.update_name("renamed");
    span.set_status(Status::error("no answer"));
    span.end_with_timestamp(past + Duration::from_secs(2));
    // After its end, nothing is recorded.
    span.set_attribute(KeyValue::new("too", "late"));
    println!("recording after its end: {}", span.is_recording());
    drop(span);

    tracer.in_span("in span", |context| {
        let span = context.span();
        span.add_event("now", vec![]);
        span.record_error(&"x".parse::<u8>().expect_err("not a number"));
        span.set_status(Status::Ok);
        tracer.start("beneath it").end();
    });
    tracer
        .start_with_context(
            "root",
            &Context::new().with_remote_span_context(SpanContext::NONE),
        )
        .end();
}

fn contexts() {
    let tracer = global::tracer("api.contexts");
    let context = Context::current_with_span(tracer.start("attached"))
        .with_baggage([KeyValue::new("city", "Köln")]);
    let mut headers = HashMap::new();
    {
        let _attached = context.attach();
        tracer.start("beneath what is attached").end();
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&Context::current(), &mut headers)
        });
    }
    tracer.start("beneath the host's span again").end();
    let mut names: Vec<_> = headers.keys().cloned().collect();
    names.sort();
    println!("injected: {names:?}");
    println!("baggage: {:?}", headers.get("baggage"));
    let extracted = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    println!(
        "extracted baggage: {:?}",
        extracted.baggage().get("city").map(StringValue::as_str)
    );
    tracer
        .start_with_context("continued from the headers", &extracted)
        .end();
}

fn metrics(scope: &InstrumentationScope) {
    let meter = global::meter_with_scope(scope.clone());
    let a = [KeyValue::new("kind", "a")];
    let counter = meter
        .u64_counter("count")
        .with_unit("{thing}")
        .with_description("How many things")
        .build();
    counter.add(1, &[]);
    counter.add(2, &a);
    meter.f64_counter("amount").build().add(0.5, &a);
    meter.i64_up_down_counter("open").build().add(-3, &a);
    meter.f64_up_down_counter("balance").build().add(-2.5, &a);
    let sizes = meter
        .u64_histogram("sizes")
        .with_boundaries(vec![1.0, 10.0])
        .build();
    sizes.record(5, &a);
    sizes.record(50, &a);
    meter
        .f64_histogram("times")
        .with_boundaries(vec![])
        .build()
        .record(0.25, &a);
    meter.u64_gauge("places").build().record(4, &a);
    meter.i64_gauge("depth").build().record(-11, &a);
    meter.f64_gauge("level").build().record(0.75, &a);
    meter
        .u64_observable_counter("seen")
        .with_callback(|observer| observer.observe(7, &[]))
        .build();
    meter
        .f64_observable_counter("seen.amount")
        .with_callback(|observer| observer.observe(0.5, &[]))
        .build();
    meter
        .i64_observable_up_down_counter("waiting")
        .with_callback(|observer| observer.observe(-3, &[]))
        .build();
    meter
        .f64_observable_up_down_counter("drift")
        .with_callback(|observer| observer.observe(-0.5, &[]))
        .build();
    meter
        .u64_observable_gauge("rooms")
        .with_callback(|observer| observer.observe(2, &[]))
        .build();
    meter
        .i64_observable_gauge("floor")
        .with_callback(|observer| observer.observe(-1, &[]))
        .build();
    meter
        .f64_observable_gauge("warmth")
        .with_unit("Cel")
        .with_callback(|observer| {
            observer.observe(21.5, &[KeyValue::new("room", "a")]);
            observer.observe(18.0, &[KeyValue::new("room", "b")]);
        })
        .build();
}

fn logs(scope: &InstrumentationScope) {
    let logger = wasmscope::opentelemetry::LoggerProvider::new().logger_with_scope(scope.clone());
    println!(
        "debug is enabled: {}",
        logger.event_enabled(Severity::Debug, "t", None)
    );
    println!(
        "trace is enabled: {}",
        logger.event_enabled(Severity::Trace, "t", None)
    );
    println!(
        "an event is enabled: {}",
        logger.event_enabled(Severity::Info, "t", Some("thing.happened"))
    );
    let tracer = global::tracer("api.logs");
    tracer.in_span("with logs", |_| {
        let mut record = logger.create_log_record();
        record.set_severity_number(Severity::Warn2);
        record.set_severity_text("HM");
        record.set_event_name("thing.happened");
        record.set_timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045));
        record.set_body(AnyValue::Map(Box::new(HashMap::from([
            (
                "list".into(),
                AnyValue::ListAny(Box::new(vec![
                    1.into(),
                    0.5.into(),
                    true.into(),
                    "a".into(),
                ])),
            ),
            ("bytes".into(), AnyValue::Bytes(Box::new(vec![0, 255]))),
        ]))));
        record.add_attribute("flat", 1);
        record.add_attribute(
            "nested",
            AnyValue::ListAny(Box::new(vec![AnyValue::ListAny(Box::default())])),
        );
        logger.emit(record);
        let mut record = logger.create_log_record();
        record.set_body("of another span".into());
        record.set_trace_context(
            remote(0xb).trace_id(),
            SpanId::from(0xe),
            Some(TraceFlags::SAMPLED),
        );
        logger.emit(record);
        let mut record = logger.create_log_record();
        record.set_target("a::target");
        record.set_body("with a target".into());
        logger.emit(record);
        let mut record = logger.create_log_record();
        record.set_severity_number(Severity::Trace);
        record.set_body("below the threshold".into());
        logger.emit(record);
    });
}
