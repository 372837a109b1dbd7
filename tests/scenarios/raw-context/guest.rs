//! Every function of `context`.

use scenarios::context::{self, BaggageEntry};
use scenarios::types::SpanReference;
use scenarios::{describe, end, same_trace, scope, start, tracer};

fn main() {
    let host = context::current().expect("the host's span");
    println!("beneath the host's span: {}", describe(Some(&host)));
    let trace = (host.trace_id.high, host.trace_id.low);
    println!("its trace: {:016x}{:016x}", trace.0, trace.1);
    show("from outside");

    let tracer = tracer::get(&scope("raw.context"));
    let span = start(tracer, "ambient", &SpanReference::Ambient);
    println!("before entering, current is the host's: {}", is(&host));
    let _ = tracer::enter(span);
    let own = tracer::context_of(span).expect("its context");
    println!("after entering, current is the span: {}", is(&own));
    println!("in the same trace: {}", same_trace(&own, &host));
    let _ = tracer::exit(span);
    println!("after exiting, current is the host's: {}", is(&host));
    end(span);

    let mut entries = context::baggage();
    entries.push(entry("added", "ä value; with = all, of it", "p1=x;p2"));
    let outer = context::enter_baggage(&entries);
    show("with one more");
    let inner = context::enter_baggage(&[entry("only", "this", "")]);
    show("replaced");
    let _ = context::exit_baggage(outer);
    show("the outer one exited, the inner one stays");
    let empty = context::enter_baggage(&[]);
    show("emptied");
    let _ = context::exit_baggage(empty);
    let _ = context::exit_baggage(inner);
    show("as at the start");
    // Only counted: exited twice, an unknown handle, an entry without a key.
    let _ = context::exit_baggage(inner);
    let _ = context::exit_baggage(12_345);
    let wrong = context::enter_baggage(&[
        entry("", "no key", ""),
        entry("no token", "x", ""),
        entry("good", "y", ""),
    ]);
    show("invalid keys left out");
    let _ = context::exit_baggage(wrong);
}

fn is(context: &scenarios::types::SpanContext) -> bool {
    context::current().is_some_and(|current| current.span_id == context.span_id)
}

fn entry(key: &str, value: &str, metadata: &str) -> BaggageEntry {
    BaggageEntry {
        key: key.to_owned(),
        value: value.to_owned(),
        metadata: metadata.to_owned(),
    }
}

fn show(when: &str) {
    let mut entries: Vec<_> = context::baggage()
        .into_iter()
        .map(|entry| format!("{}={:?};{}", entry.key, entry.value, entry.metadata))
        .collect();
    entries.sort();
    println!("baggage {when}: {}", entries.join(" | "));
}
