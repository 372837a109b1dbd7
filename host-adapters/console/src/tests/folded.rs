//! Similar items are summarised, and endless ones are bounded.

use opentelemetry::KeyValue;
use opentelemetry::logs::{LogRecord as _, Severity};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::Status;
use wasmscope_otlp::memory::MemoryExporter;

use super::fixture::{context, emit, event, link, received, scope, span, text};
use super::view::provider;
use crate::{Style, render};

/// Returns the lines of the view in the default style.
fn view(collector: &MemoryExporter) -> String {
    let shown = render(collector, &Style::detect(false, None, |_| None));
    let piped = render(
        collector,
        &Style::detect(true, None, |name| {
            (name == "NO_COLOR").then(|| String::from("1"))
        }),
    );
    assert_eq!(shown, piped, "a pipe shows what a terminal does");
    shown
}

#[test]
fn similar_spans_are_summarised_except_slowest_and_failed() {
    let mut spans = vec![span(1, 0, "root", 0, 100_000)];
    for id in 2..=3_001 {
        let length = if id == 2_000 { 99 } else { 5 };
        let mut tick = span(id, 1, "tick", id * 10, id * 10 + length);
        tick.attributes = vec![KeyValue::new("id", i64::try_from(id).expect("small"))];
        if [500, 2_500].contains(&id) {
            tick.status = Status::error("bad");
        }
        spans.push(tick);
    }
    let shown = view(&received(spans));
    assert!(shown.lines().count() < 30, "{shown}");
    for id in [2, 3, 4, 500, 2_000, 2_500] {
        assert!(shown.contains(&format!("id={id}\n")), "no {id} in {shown}");
    }
    assert!(
        shown.contains("… 2994 more tick  15.0 ms in all, 5.00 µs each"),
        "{shown}"
    );
    assert!(shown.contains("--format json shows everything"), "{shown}");
}

#[test]
fn similar_traces_are_folded_and_kinds_are_bounded() {
    let mut spans = Vec::new();
    for id in 1..=1_000 {
        let length = if id == 500 { 9 } else { 5 };
        let mut root = span(id, 0, "poll", id * 10, id * 10 + length);
        root.span_context = context(u128::from(id), id);
        if id == 700 {
            root.status = Status::error("bad");
        }
        spans.push(root);
    }
    let shown = view(&received(spans.clone()));
    assert!(shown.lines().count() < 40, "{shown}");
    assert!(shown.contains("… 995 more traces like it: poll"), "{shown}");
    assert_eq!(shown.matches("error: bad").count(), 1, "{shown}");

    for (number, root) in spans.iter_mut().enumerate() {
        root.name = format!("kind {number}").into();
    }
    let shown = view(&received(spans));
    assert!(shown.lines().count() < 2_000, "{}", shown.lines().count());
    assert!(shown.contains("… 500 more traces: kind 500"), "{shown}");
}

#[test]
fn deep_trace_is_bounded_but_its_failure_is_shown() {
    let mut spans: Vec<_> = (1..=5_000)
        .map(|id| {
            let mut level = span(id, id - 1, "", id, 10_000);
            level.name = format!("level {id}").into();
            level
        })
        .collect();
    spans[4_998].status = Status::error("bad");
    let shown = view(&received(spans));
    assert!(shown.lines().count() < 520, "{}", shown.lines().count());
    assert!(
        shown.contains("… 4500 more spans of this trace, 1 error"),
        "{shown}"
    );
    assert!(shown.contains("level 4999"), "{shown}");
}

#[test]
fn equal_events_and_links_are_folded_and_exceptions_are_not() {
    let mut root = span(1, 0, "root", 0, 1_000);
    for number in 0..100 {
        event(&mut root, "tick", number, Vec::new());
    }
    for number in 200..205 {
        event(&mut root, "exception", number, Vec::new());
    }
    event(&mut root, "tick", 300, Vec::new());
    for number in 0..50 {
        link(&mut root, context(7, number + 1), Vec::new());
    }
    let shown = view(&received(vec![root]));
    assert_eq!(shown.matches("• ").count(), 3 + 5 + 1, "{shown}");
    assert!(
        shown.contains("… 97 more tick, the last at +99.0 µs"),
        "{shown}"
    );
    assert_eq!(shown.matches("link to").count(), 10, "{shown}");
    assert!(shown.contains("… 40 more links"), "{shown}");
}

#[test]
fn many_logs_are_bounded() {
    let collector = MemoryExporter::default();
    for number in 0..3_000_u64 {
        emit(
            &collector,
            scope("jobs", ""),
            number,
            Severity::Info,
            |record| {
                record.set_body(text(format!("job {number}")));
            },
        );
        emit(
            &collector,
            scope("jobs", ""),
            number,
            Severity::Error,
            |record| {
                record.set_body(text(format!("failed {number}")));
            },
        );
    }
    let shown = view(&collector);
    assert!(shown.lines().count() < 420, "{}", shown.lines().count());
    assert!(
        shown.contains("… 5600 more records, 2800 of them warnings or errors"),
        "{shown}"
    );
}

#[test]
fn series_of_a_metric_are_bounded() {
    let collector = MemoryExporter::default();
    let provider = provider(&collector);
    let counter = provider.meter("shop").u64_counter("orders").build();
    for number in 0..100_i64 {
        counter.add(1, &[KeyValue::new("customer", number)]);
    }
    provider.force_flush().expect("nothing fails");
    let shown = view(&collector);
    assert_eq!(shown.matches("customer=").count(), 20, "{shown}");
    assert!(shown.contains("… 80 more of 100 attribute sets"), "{shown}");
}

#[test]
fn a_body_of_several_lines_is_shown_as_such_and_safely() {
    let collector = MemoryExporter::default();
    emit(
        &collector,
        scope("jobs", ""),
        1,
        Severity::Error,
        |record| {
            record.set_body(text(
                "first\r\n\tsecond \u{1b}[2J\n\n  +0 ns INFO  forged\n",
            ));
            record.add_attribute("k", 1);
        },
    );
    emit(&collector, scope("jobs", ""), 2, Severity::Info, |record| {
        record.set_body(text("line\n".repeat(100)));
    });
    emit(&collector, scope("jobs", ""), 3, Severity::Info, |record| {
        record.set_body(text("one line\n"));
    });
    insta::assert_snapshot!(view(&collector));
}

#[test]
fn component_scope_named_like_the_hosts_is_not_the_host() {
    let collector = MemoryExporter::default();
    let attribute = KeyValue::new("wasmscope.component.name", "shop");
    let own = opentelemetry::InstrumentationScope::builder("wasmscope")
        .with_attributes([attribute])
        .build();
    emit(&collector, own, 1, Severity::Error, |record| {
        record.set_body(text("panicked"));
    });
    let shown = view(&collector);
    assert!(!shown.contains("sent no telemetry"), "{shown}");
}
