//! Invalid handles.

use scenarios::logger::{self, LogRecord, LogValue};
use scenarios::meter::{self, InstrumentDescriptor, InstrumentKind, Number};
use scenarios::tracer::{self, LinkTarget};
use scenarios::types::SpanReference;
use scenarios::{NOT_RECORDED, describe, end, kv, link, no_changes, remote, scope, set, start};

fn main() {
    spans();
    stale();
    scopes();
    metrics();
    logs();
    println!("done");
}

fn spans() {
    let tracer = tracer::get(&scope("raw.handles"));
    let span = start(tracer, "good", &SpanReference::Ambient);
    // Unknown handles: small, large, and one bit different from a valid one.
    for wrong in [
        0,
        1,
        u64::MAX >> 1,
        span ^ 1,
        span ^ (1 << 40),
        span.wrapping_add(1 << 20),
    ] {
        let wrong = wrong & !NOT_RECORDED;
        if wrong == span {
            continue;
        }
        let _ = tracer::enter(wrong);
        let _ = tracer::exit(wrong);
        let _ = tracer::update(wrong, &set(vec![kv("x", 1)]));
        let _ = tracer::event(wrong, "x", &[], None);
        let _ = tracer::end(wrong, &no_changes(), None);
        println!(
            "context of a wrong handle: {}",
            describe(tracer::context_of(wrong).as_ref())
        );
    }
    // A wrong parent means the ambient span. A wrong link is dropped. Invalid remote contexts mean
    // none.
    end(start(
        tracer,
        "wrong parent: ambient",
        &SpanReference::Span(77),
    ));
    end(start(
        tracer,
        "parent with no trace id: none",
        &SpanReference::Remote(remote_without_trace()),
    ));
    end(start(
        tracer,
        "parent with no span id: none",
        &SpanReference::Remote(remote(1, 0, true, "")),
    ));
    end(start(
        tracer,
        "broken tracestate: without it",
        &SpanReference::Remote(remote(1, 2, true, "UPPER CASE=no, =x")),
    ));
    let _ = tracer::update(span, &link(LinkTarget::Span(77), vec![]));
    let _ = tracer::update(
        span,
        &link(LinkTarget::Remote(remote(1, 0, true, "")), vec![]),
    );
    // Exited without having been entered.
    let _ = tracer::exit(span);
    end(span);
    // After its end, a span can only be a parent.
    let _ = tracer::update(span, &set(vec![kv("after.end", true)]));
    let _ = tracer::event(span, "after the end", &[], None);
    let _ = tracer::enter(span);
    end(span);
    end(start(
        tracer,
        "child of an ended span",
        &SpanReference::Span(span),
    ));
    println!(
        "context of an ended span: {}",
        describe(tracer::context_of(span).as_ref())
    );
}

/// After enough further spans, the slot is reused, and the handle is stale.
fn stale() {
    let tracer = tracer::get(&scope("raw.handles"));
    let first = tracer::start(
        tracer,
        "first",
        tracer::SpanKind::Internal,
        &SpanReference::None,
        &[],
        None,
        false,
    );
    end(first);
    for number in 0..3_000 {
        let span = start(tracer, "one of many", &SpanReference::None);
        let _ = tracer::end(span, &no_changes(), None);
        if number == 63 {
            println!(
                "after 64 further spans: {}",
                tracer::context_of(first).is_some()
            );
        }
    }
    println!(
        "after 3000 further spans: {}",
        tracer::context_of(first).is_some()
    );
    end(start(
        tracer,
        "stale parent: ambient",
        &SpanReference::Span(first),
    ));
}

fn scopes() {
    let span = start(77, "of a wrong tracer", &SpanReference::Ambient);
    println!("recorded by a wrong tracer: {}", span & NOT_RECORDED == 0);
    println!(
        "its context: {}",
        describe(tracer::context_of(span).as_ref())
    );
}

fn metrics() {
    let descriptor = |name: &str| InstrumentDescriptor {
        name: name.to_owned(),
        kind: InstrumentKind::CounterU64,
        unit: None,
        description: None,
        boundaries: None,
    };
    let lost = meter::create(77, &descriptor("of.a.wrong.meter"));
    let _ = meter::measure(lost, Number::Unsigned(1), &[]);
    let _ = meter::measure(77, Number::Unsigned(1), &[]);
    let _ = meter::measure_series(77, Number::Unsigned(1));
    let lost = meter::bind(77, &[kv("a", 1)]);
    let _ = meter::measure_series(lost, Number::Unsigned(1));
    // Handles of one kind are not valid for another.
    let counter = meter::create(meter::get(&scope("raw.handles")), &descriptor("good"));
    let _ = meter::measure_series(counter, Number::Unsigned(1));
    let series = meter::bind(counter, &[]);
    let _ = meter::measure(series, Number::Unsigned(1), &[]);
    let _ = meter::measure_series(series, Number::Unsigned(1));
}

fn logs() {
    let record = LogRecord {
        body: Some(LogValue::StringValue("lost".to_owned())),
        severity: None,
        severity_text: None,
        event_name: None,
        attributes: vec![],
        nodes: vec![],
        time: None,
        context: SpanReference::Ambient,
    };
    println!(
        "threshold of a wrong logger: {:?}",
        logger::threshold(77).severity
    );
    println!(
        "enabled for a wrong logger: {}",
        logger::enabled(77, None, None)
    );
    let _ = logger::emit(77, &[record]);
}

fn remote_without_trace() -> scenarios::types::SpanContext {
    let mut context = remote(0, 2, true, "");
    context.trace_id.high = 0;
    context
}
