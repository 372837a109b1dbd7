//! Prints the sampling decisions.

use scenarios::logger::{self, LogRecord, LogValue};
use scenarios::tracer::{self, LinkTarget, SpanKind};
use scenarios::types::SpanReference;
use scenarios::{
    ATTRIBUTES_LATER, NOT_RECORDED, context, describe, end, kv, link, meter, no_changes, remote,
    scope, set, start,
};

fn main() {
    println!("current: {}", describe(context::current().as_ref()));
    let mut entries: Vec<_> = context::baggage()
        .into_iter()
        .map(|entry| format!("{}={}", entry.key, entry.value))
        .collect();
    entries.sort();
    println!("baggage: {entries:?}");
    let tracer = tracer::get(&scope("sampling"));
    let ambient = start(tracer, "ambient", &SpanReference::Ambient);
    say("ambient", ambient);
    let _ = tracer::enter(ambient);
    let child = start(tracer, "child of the entered span", &SpanReference::Ambient);
    say("child", child);
    // Calls for an unrecorded span are ignored, and not counted.
    let _ = tracer::update(child, &set(vec![kv("a", 1)]));
    let _ = tracer::event(child, "an event", &[], None);
    let _ = tracer::update(child, &link(LinkTarget::Span(ambient), vec![]));
    log("in the child", SpanReference::Span(child));
    let _ = tracer::end(child, &no_changes(), None);
    let _ = tracer::exit(ambient);
    log("in the host's span", SpanReference::Ambient);
    end(ambient);
    if std::env::args().nth(1).is_none() {
        let root = start(tracer, "root", &SpanReference::None);
        say("root", root);
        end(root);
        for (name, sampled) in [
            ("beneath a sampled remote span", true),
            ("beneath an unsampled remote span", false),
        ] {
            let parent = SpanReference::Remote(remote(0xa, 0xb, sampled, "vendor=1"));
            let span = tracer::start(tracer, name, SpanKind::Server, &parent, &[], None, false);
            say(name, span);
            end(span);
        }
    }
    let counter = meter::create(
        meter::get(&scope("sampling")),
        &meter::InstrumentDescriptor {
            name: "counted".to_owned(),
            kind: meter::InstrumentKind::CounterU64,
            unit: None,
            description: None,
            boundaries: None,
        },
    );
    let _ = meter::measure(counter, meter::Number::Unsigned(1), &[]);
}

fn say(name: &str, span: u64) {
    let recorded = span & NOT_RECORDED == 0;
    // Only has a meaning together with the other bit.
    let later = !recorded && span & ATTRIBUTES_LATER != 0;
    println!(
        "{name}: recorded={recorded} attributes-later={later} {}",
        describe(tracer::context_of(span).as_ref())
    );
}

fn log(body: &str, context: SpanReference) {
    let record = LogRecord {
        body: Some(LogValue::StringValue(body.to_owned())),
        severity: None,
        severity_text: None,
        event_name: None,
        attributes: vec![],
        nodes: vec![],
        time: None,
        context,
    };
    let _ = logger::emit(logger::get(&scope("sampling")), &[record]);
}
