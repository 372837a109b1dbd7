//! The direct API of the SDK.

use std::cell::Cell;
use std::rc::Rc;

use wasmscope::{
    AnyValue, BaggageEntry, Counter, Gauge, Histogram, Link, Logger, Meter, ObservableCounter,
    ObservableGauge, ObservableUpDownCounter, Scope, Severity, SpanContext, SpanKind,
    SpanReference, Status, Tracer, UpDownCounter, attributes, fields,
};

const SCOPE: Scope = Scope::new("direct")
    .with_version("1.2.3")
    .with_schema_url("https://example.com/schema/1");
static TRACER: Tracer = Tracer::new(SCOPE);
static METER: Meter = Meter::new(SCOPE);
static LOGGER: Logger = Logger::new(SCOPE);

static COUNT: Counter<u64> = Counter::new(&METER, "count")
    .with_unit("{thing}")
    .with_description("How many things");
static AMOUNT: Counter<f64> = Counter::new(&METER, "amount");
static OPEN: UpDownCounter<i64> = UpDownCounter::new(&METER, "open");
static BALANCE: UpDownCounter<f64> = UpDownCounter::new(&METER, "balance");
static SIZES: Histogram<u64> = Histogram::new(&METER, "sizes").with_boundaries(&[1.0, 10.0]);
static TIMES: Histogram<f64> = Histogram::new(&METER, "times").with_boundaries(&[]);
static LEVEL: Gauge<f64> = Gauge::new(&METER, "level");
static PLACES: Gauge<u64> = Gauge::new(&METER, "places");
static DEPTH: Gauge<i64> = Gauge::new(&METER, "depth");
static SEEN: ObservableCounter<u64> = ObservableCounter::new(&METER, "seen").with_unit("{look}");
static WAITING: ObservableUpDownCounter<i64> = ObservableUpDownCounter::new(&METER, "waiting");
static WARMTH: ObservableGauge<f64> = ObservableGauge::new(&METER, "warmth").with_unit("Cel");

fn main() {
    let _telemetry = wasmscope::init();
    spans();
    metrics();
    logs();
    context();
}

fn spans() {
    let remote = SpanContext::from_traceparent(
        "00-11112222333344440000000000000aaa-00000000000000bb-01",
        "vendor=1",
    )
    .expect("a valid header");
    let outer = TRACER
        .span("outer")
        .with_kind(SpanKind::Server)
        .with_attributes(attributes![
            "text" => "a", "yes" => true, "int" => -1, "float" => 0.5,
            "texts" => ["a", "b"].as_slice(), "ints" => [1i64, 2].as_slice(),
        ])
        .with_links(&[Link::to_remote(
            &remote,
            attributes!["why" => "at the start"],
        )])
        .enter();
    {
        let inner = TRACER.enter("inner, entered");
        inner.set_attributes(attributes!["a" => 1, "b" => 2]);
        inner.set_attribute("a", "again");
        inner.event("an event", attributes!["step" => 1]);
        TRACER.start("started beneath it").end();
    }
    let apart = TRACER.start("started, not entered");
    apart.set_name("renamed");
    apart.set_status(Status::Error("no reason"));
    apart.add_link(Link::to_span(&outer, &[]));
    TRACER
        .span("beneath a given span")
        .with_parent(&apart)
        .start()
        .end();
    apart.end();
    let failed = TRACER.start("with an error");
    let error = "x".parse::<u8>().expect_err("not a number");
    failed.record_error(&error);
    failed.end();
    TRACER
        .span("root")
        .with_parent(SpanReference::None)
        .start()
        .end();
    TRACER.span("continued").with_parent(&remote).start().end();
    let timed = TRACER
        .span("with times")
        .with_parent(SpanReference::None)
        .with_start_time(1_767_323_045_000_000_000)
        .start();
    timed.event_at("half way", &[], 1_767_323_045_500_000_000);
    timed.end_at(1_767_323_046_000_000_000);
    wasmscope::route("/orders/{id}");
    let invocation = wasmscope::invocation();
    println!("the host's span is recorded: {}", invocation.is_recorded());
    invocation.set_attributes(attributes!["guest.text" => "on the host's span"]);
    invocation.set_status(Status::Ok);
    invocation.event("on the host's span", attributes!["n" => 1]);
    TRACER
        .span("beneath the host's span")
        .with_parent(invocation)
        .start()
        .end();
}

fn metrics() {
    COUNT.add(1, &[]);
    COUNT.add(2, attributes!["kind" => "a"]);
    let bound = COUNT.bind(attributes!["kind" => "b"]);
    bound.add(10);
    bound.add(20);
    AMOUNT.add(0.5, &[]);
    OPEN.add(3, &[]);
    OPEN.add(-1, &[]);
    BALANCE.add(-2.5, &[]);
    SIZES.record(5, &[]);
    SIZES.bind(&[]).record(50);
    TIMES.record(0.25, &[]);
    LEVEL.record(0.75, &[]);
    PLACES.record(4, &[]);
    DEPTH.record(-11, &[]);
    let looks = Rc::new(Cell::new(0));
    SEEN.register(move |observer| {
        looks.set(looks.get() + 1);
        // The number of the host's collections is not known.
        observer.observe(7, attributes!["asked" => looks.get() > 0]);
    });
    WAITING.register(|observer| observer.observe(-3, &[]));
    WARMTH.register(|observer| {
        observer.observe(21.5, attributes!["room" => "a"]);
        observer.observe(18.0, attributes!["room" => "b"]);
    });
}

fn logs() {
    println!("debug is enabled: {}", LOGGER.enabled(Severity::Debug));
    println!("trace is enabled: {}", LOGGER.enabled(Severity::Trace));
    println!(
        "an event is enabled: {}",
        LOGGER.event_enabled(Severity::Info, "thing.happened")
    );
    LOGGER.log(Severity::Trace, "below the threshold");
    LOGGER.log(Severity::Debug, "at the threshold");
    let items = [
        AnyValue::from("a"),
        AnyValue::from(2),
        AnyValue::Bytes(&[0, 255]),
    ];
    let span = TRACER.start("with a log");
    LOGGER
        .record(Severity::Warn2)
        .with_severity_text("HM")
        .with_event_name("thing.happened")
        .with_body(AnyValue::map(
            fields!["items" => AnyValue::array(&items), "empty" => AnyValue::map(&[])],
        ))
        .with_attributes(fields!["flat" => 1, "nested" => AnyValue::array(&items)])
        .with_span(&span)
        .emit();
    span.end();
}

fn context() {
    let span = TRACER.enter("with baggage");
    let context = span.context().expect("its context");
    println!(
        "current is the span: {}",
        wasmscope::current() == Some(context.clone())
    );
    let header = context.traceparent();
    println!(
        "its header: {} characters, ends in {}",
        header.len(),
        &header[header.len() - 3..]
    );
    {
        let _outer = wasmscope::enter_baggage(&[BaggageEntry::new("user", "alice")]);
        let _inner = wasmscope::with_baggage_entry(BaggageEntry::new("city", "Köln"));
        show();
    }
    show();
}

fn show() {
    let entries: Vec<_> = wasmscope::baggage()
        .into_iter()
        .map(|entry| format!("{}={}", entry.key, entry.value))
        .collect();
    println!("baggage: {}", entries.join(" "));
}
