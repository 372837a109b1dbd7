//! Every function of `tracer`, with every kind of span, value, parent, status and link.

use scenarios::tracer::{self, LinkTarget, SpanChanges, SpanKind, Status};
use scenarios::types::{InstrumentationScope, SpanReference};
use scenarios::{
    NOT_RECORDED, describe, end, every_value, kv, link, no_changes, remote, same_trace, set, start,
};

/// 2026-01-02T03:04:05Z in nanoseconds.
const PAST: u64 = 1_767_323_045_000_000_000;

fn main() {
    let scope = InstrumentationScope {
        name: "raw".to_owned(),
        version: Some("1.2.3".to_owned()),
        schema_url: Some("https://example.com/schema/1".to_owned()),
        attributes: every_value(),
    };
    let full = tracer::get(&scope);
    println!(
        "equal scopes, equal tracers: {}",
        full == tracer::get(&scope)
    );
    end(start(
        full,
        "of a scope with everything",
        &SpanReference::Ambient,
    ));
    let tracer = tracer::get(&scenarios::scope("raw"));
    println!("other scopes, other tracers: {}", full != tracer);
    let other = tracer::get(&scenarios::scope("raw.other"));

    kinds_and_values(tracer);
    changes(tracer);
    activation(tracer, other);
    parents(tracer);
    links(tracer);
    times(tracer);
    made_before_its_start(tracer);
    invocation(tracer);
}

fn kinds_and_values(tracer: u64) {
    for (name, kind) in [
        ("kind internal", SpanKind::Internal),
        ("kind server", SpanKind::Server),
        ("kind client", SpanKind::Client),
        ("kind producer", SpanKind::Producer),
        ("kind consumer", SpanKind::Consumer),
    ] {
        end(tracer::start(
            tracer,
            name,
            kind,
            &SpanReference::Ambient,
            &[],
            None,
            false,
        ));
    }
    let span = tracer::start(
        tracer,
        "values at the start",
        SpanKind::Internal,
        &SpanReference::Ambient,
        &every_value(),
        None,
        false,
    );
    println!("recorded: {}", span & NOT_RECORDED == 0);
    end(span);
    let span = start(tracer, "values in an update", &SpanReference::Ambient);
    let _ = tracer::update(span, &set(every_value()));
    end(span);
    let span = start(
        tracer,
        "values at the end, on an event and on a link",
        &SpanReference::Ambient,
    );
    let _ = tracer::event(span, "values", &every_value(), None);
    let changes = SpanChanges {
        attributes: every_value(),
        ..link(LinkTarget::Span(span), every_value())
    };
    let _ = tracer::end(span, &changes, None);
}

fn changes(tracer: u64) {
    let span = tracer::start(
        tracer,
        "old name",
        SpanKind::Internal,
        &SpanReference::Ambient,
        &[
            kv("given.at.start", 1),
            kv("replaced", "at the start"),
            kv("twice", 1),
            kv("twice", "last"),
        ],
        None,
        false,
    );
    let changes = SpanChanges {
        name: Some("new name".to_owned()),
        ..set(vec![kv("replaced", true), kv("", "has no key")])
    };
    let _ = tracer::update(span, &changes);
    let _ = tracer::update(span, &no_changes());
    let _ = tracer::end(
        span,
        &set(vec![kv("replaced", 3.5), kv("given.at.end", "yes")]),
        None,
    );

    let status = |name: &str, statuses: &[Status]| {
        let span = start(tracer, name, &SpanReference::Ambient);
        for status in statuses {
            let _ = tracer::update(
                span,
                &SpanChanges {
                    status: status.clone(),
                    ..no_changes()
                },
            );
        }
        end(span);
    };
    let error = |text: &str| Status::Error(text.to_owned());
    status("status ok", &[Status::Ok]);
    status("status error", &[error("it broke")]);
    status("status error without a word", &[error("")]);
    status(
        "status ok is final",
        &[Status::Ok, error("too late"), Status::Unset],
    );
    status("status ok after error", &[error("corrected"), Status::Ok]);
    status(
        "status error, the last",
        &[error("first"), error("second"), Status::Unset],
    );
}

fn activation(tracer: u64, other: u64) {
    let at_once = tracer::start(
        tracer,
        "activated at once",
        SpanKind::Internal,
        &SpanReference::Ambient,
        &[],
        None,
        true,
    );
    end(start(
        other,
        "beneath it, by another scope",
        &SpanReference::Ambient,
    ));
    let entered = start(tracer, "entered later", &SpanReference::Ambient);
    end(start(
        tracer,
        "before it is entered",
        &SpanReference::Ambient,
    ));
    let _ = tracer::enter(entered);
    let _ = tracer::enter(entered);
    end(start(
        tracer,
        "beneath what was entered twice",
        &SpanReference::Ambient,
    ));
    let _ = tracer::exit(entered);
    end(start(tracer, "still beneath it", &SpanReference::Ambient));
    // Out of order: the outer span is exited while the inner one is still entered.
    let _ = tracer::exit(at_once);
    end(start(
        tracer,
        "beneath the one that stays",
        &SpanReference::Ambient,
    ));
    // Ending exits.
    end(entered);
    end(start(
        tracer,
        "beneath the host's span again",
        &SpanReference::Ambient,
    ));
    end(at_once);
}

fn parents(tracer: u64) {
    let outer = start(tracer, "given as a parent", &SpanReference::Ambient);
    let child = start(tracer, "child of a given span", &SpanReference::Span(outer));
    let root = start(tracer, "without a parent", &SpanReference::None);
    let given = remote(0xa, 0xb, true, "vendor=1,other=2");
    let continued = start(
        tracer,
        "child of a remote span",
        &SpanReference::Remote(given.clone()),
    );
    let context = |span| tracer::context_of(span).expect("a context");
    println!("context: {}", describe(tracer::context_of(outer).as_ref()));
    println!(
        "child in its parent's trace: {}",
        same_trace(&context(child), &context(outer))
    );
    println!(
        "root in a trace of its own: {}",
        !same_trace(&context(root), &context(outer))
    );
    println!(
        "continued: {}",
        describe(tracer::context_of(continued).as_ref())
    );
    println!(
        "continued in the remote trace: {}",
        same_trace(&context(continued), &given)
    );
    for span in [continued, root, child, outer] {
        end(span);
    }
    let late = start(
        tracer,
        "child of an ended span",
        &SpanReference::Span(outer),
    );
    println!(
        "context of an ended span: {}",
        describe(tracer::context_of(outer).as_ref())
    );
    end(late);
}

fn links(tracer: u64) {
    let target = start(tracer, "linked to", &SpanReference::Ambient);
    let span = start(tracer, "with links", &SpanReference::Ambient);
    let _ = tracer::update(
        span,
        &link(LinkTarget::Span(target), vec![kv("why", "same order")]),
    );
    let _ = tracer::update(
        span,
        &link(
            LinkTarget::Remote(remote(0xc, 0xd, true, "vendor=1")),
            vec![],
        ),
    );
    let _ = tracer::end(
        span,
        &link(
            LinkTarget::Remote(remote(0xc, 0xe, false, "")),
            vec![kv("sampled", false)],
        ),
        None,
    );
    end(target);
}

fn times(tracer: u64) {
    let at = |seconds: u64| Some(PAST + seconds * 1_000_000_000);
    let start_at = |name: &str, time| {
        tracer::start(
            tracer,
            name,
            SpanKind::Internal,
            &SpanReference::None,
            &[],
            time,
            false,
        )
    };
    let span = start_at("times of its own", at(0));
    let _ = tracer::event(span, "third", &[], at(3));
    let _ = tracer::event(span, "first", &[], at(1));
    let child = tracer::start(
        tracer,
        "from second 2 to 4",
        SpanKind::Internal,
        &SpanReference::Span(span),
        &[],
        at(2),
        false,
    );
    let _ = tracer::end(child, &no_changes(), at(4));
    let _ = tracer::end(span, &no_changes(), at(5));
    let span = start_at("ends before it starts", at(10));
    let _ = tracer::end(span, &no_changes(), at(9));
    // Milliseconds in place of nanoseconds are counted, and replaced by the present time.
    let span = start_at("in milliseconds", Some(PAST / 1_000_000));
    let _ = tracer::event(span, "in milliseconds", &[], Some(PAST / 1_000_000));
    let _ = tracer::end(span, &no_changes(), Some(PAST / 1_000_000));
}

/// A span that is made first and started later, when another span is ambient.
fn made_before_its_start(tracer: u64) {
    let outer = start(tracer, "ambient when it is made", &SpanReference::Ambient);
    let _ = tracer::enter(outer);
    let (made, ambient) = (tracer::now(), tracer::ambient());
    println!("time by the host's clock: {}", made > PAST);
    let other = start(tracer, "ambient when it is started", &SpanReference::None);
    let _ = tracer::enter(other);
    let parent = SpanReference::Span(ambient);
    let late = tracer::start(
        tracer,
        "made earlier",
        SpanKind::Internal,
        &parent,
        &[],
        Some(made),
        false,
    );
    for span in [late, other, outer] {
        end(span);
    }
}

/// The host's span around the call.
fn invocation(tracer: u64) {
    let span = tracer::invocation();
    println!("the host's span is one: {}", span == tracer::invocation());
    println!("recorded: {}", span != 0 && span & NOT_RECORDED == 0);
    println!(
        "its context is the current one: {}",
        describe(tracer::context_of(span).as_ref())
            == describe(scenarios::context::current().as_ref())
    );
    let changes = SpanChanges {
        status: Status::Ok,
        ..set(vec![
            kv("guest.flag", true),
            // No HTTP request, so this is an attribute like any other.
            kv("http.route", "/orders/{id}"),
            kv("wasmscope.outcome", "only the host sets this one"),
        ])
    };
    let _ = tracer::update(span, &changes);
    let _ = tracer::event(span, "event of the guest", &[kv("n", 1)], None);
    let child = start(
        tracer,
        "child of the host's span",
        &SpanReference::Span(span),
    );
    let _ = tracer::update(child, &link(LinkTarget::Span(span), Vec::new()));
    end(child);
    // The host ends it.
    let _ = tracer::enter(span);
    let _ = tracer::exit(span);
    let _ = tracer::end(span, &set(vec![kv("too late", true)]), None);
}
