//! Telemetry with which a guest might break the view or the terminal.

use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::logs::{AnyValue, LogRecord as _, Severity};
use opentelemetry::trace::Status;
use wasmscope_otlp::memory::MemoryExporter;

use super::fixture::{context, emit, event, export, link, received, scope, span, text};
use crate::{Style, render};

/// Clears the screen, sets the title, forges a line, reverses and hides text, and has an 8-bit
/// escape.
const ATTACK: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nTrace forged\u{202e}txt\u{200b}\u{9b}31m";

fn style(width: usize) -> Style {
    Style {
        width,
        ..Style::default()
    }
}

fn assert_harmless(text: &str) {
    let bad = |letter: char| {
        (letter.is_control() && letter != '\n')
            || ('\u{200b}'..='\u{200f}').contains(&letter)
            || ('\u{202a}'..='\u{202e}').contains(&letter)
            || ('\u{2066}'..='\u{2069}').contains(&letter)
    };
    assert!(!text.contains(bad), "{}", text.escape_debug());
    assert!(
        !text.lines().any(|line| line.starts_with("Trace forged")),
        "{text}"
    );
}

fn assert_narrow(text: &str, width: usize) {
    for line in text.lines() {
        let wide = unicode_width::UnicodeWidthStr::width(line);
        assert!(wide <= width, "{wide} columns: {line}");
    }
}

#[test]
fn control_characters_are_escaped_everywhere() {
    let mut attacked = span(1, 0, ATTACK, 0, 10);
    attacked.instrumentation_scope = scope(ATTACK, ATTACK);
    attacked.attributes = vec![KeyValue::new(ATTACK, ATTACK)];
    attacked.status = Status::error(ATTACK);
    event(
        &mut attacked,
        ATTACK,
        5,
        vec![KeyValue::new(ATTACK, ATTACK)],
    );
    link(
        &mut attacked,
        context(1, 1),
        vec![KeyValue::new(ATTACK, ATTACK)],
    );
    let collector = received(vec![attacked]);
    emit(
        &collector,
        scope(ATTACK, ATTACK),
        6,
        Severity::Info,
        |record| {
            record.set_event_name(ATTACK);
            record.set_severity_text(ATTACK);
            record.set_body(AnyValue::Map(Box::new(
                [(ATTACK.into(), text(ATTACK))].into_iter().collect(),
            )));
            record.add_attribute(ATTACK, ATTACK);
        },
    );
    for width in [40, 100, 1000] {
        let shown = render(&collector, &style(width));
        assert_harmless(&shown);
        assert_narrow(&shown, width);
    }
    let shown = render(&collector, &style(1000));
    assert!(shown.contains(
        "\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\r\\nTrace forged\\u{202e}txt\\u{200b}\\u{9b}31m"
    ));
}

#[test]
fn letters_of_all_scripts_are_unchanged() {
    let mut polite = span(1, 0, "caf\u{e9} e\u{301} 日本語 Ωμέγα 🦀", 0, 10);
    polite.attributes = vec![KeyValue::new("город", "Львів")];
    let shown = render(&received(vec![polite]), &Style::default());
    assert!(shown.contains("caf\u{e9} e\u{301} 日本語 Ωμέγα 🦀"));
    assert!(shown.contains("город=Львів"));
}

#[test]
fn long_values_end_in_an_ellipsis() {
    let mut long = span(1, 0, "n", 0, 10);
    long.attributes = vec![
        KeyValue::new("long", "x".repeat(1_000_000)),
        KeyValue::new("stacked", format!("a{}", "\u{301}".repeat(1_000_000))),
        KeyValue::new("wide", "語".repeat(1_000)),
    ];
    let shown = render(&received(vec![long]), &style(60));
    assert!(shown.len() < 10_000, "{} bytes", shown.len());
    assert_eq!(shown.matches('…').count(), 3, "{shown}");
    assert_eq!(shown.matches('x').count(), 160);
    assert_eq!(shown.matches('語').count(), 80);
    assert_narrow(&shown, 60);
}

#[test]
fn values_that_could_be_mistaken_are_quoted() {
    let mut tricky = span(1, 0, "n", 0, 10);
    tricky.attributes = vec![
        KeyValue::new("text", "42"),
        KeyValue::new("number", 42),
        KeyValue::new("float", 42.0),
        KeyValue::new("truth", "true"),
        KeyValue::new("forged", "a  b=c"),
        KeyValue::new("quote", "\"\\"),
        KeyValue::new("empty", ""),
        KeyValue::new("nan", f64::NAN),
        KeyValue::new("tiny", 1e-300),
        KeyValue::new("huge", f64::MAX),
    ];
    let shown = render(&received(vec![tricky]), &style(300));
    let expected = "text=\"42\"  number=42  float=42.0  truth=\"true\"  forged=\"a  b=c\"  quote=\"\\\"\\\\\"  \
                    empty=\"\"  nan=NaN  tiny=1e-300  huge=1.7976931348623157e308";
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn the_longest_chain_of_spans_is_drawn_line_by_line() {
    // As many as the exporter keeps.
    const DEPTH: u64 = 10_000;
    let chain = (1..=DEPTH).map(|id| span(id, id - 1, "down", 0, 1)).rev();
    let shown = render(&received(chain.collect()), &style(100));
    assert_narrow(&shown, 100);
    assert_eq!(shown.matches(" down").count(), 10_000);
    assert!(shown.contains("(level 9999) down"), "levels are numbered");
    assert!(shown.len() < 2 << 20, "{} bytes", shown.len());
}

#[test]
fn cyclic_parents_are_shown_once_each_with_a_note() {
    let spans = vec![
        span(1, 3, "a", 10, 11),
        span(2, 1, "b", 5, 6),
        span(3, 2, "c", 20, 21),
        span(4, 4, "own parent", 30, 31),
        span(5, 3, "hangs on it", 1, 2),
    ];
    let shown = render(&received(spans), &style(79));
    insta::assert_snapshot!(shown);
}

#[test]
fn orphans_stand_at_the_top_with_a_note() {
    let mut remote = span(2, 0xabc, "remote", 5, 6);
    remote.parent_span_is_remote = true;
    let spans = vec![
        span(1, 0xdef, "orphan", 10, 11),
        remote,
        span(3, 1, "child", 10, 11),
    ];
    insta::assert_snapshot!(render(&received(spans), &style(79)));
}

#[test]
fn spans_with_the_same_id_are_both_shown() {
    let spans = vec![
        span(1, 0, "first", 0, 9),
        span(1, 0, "second", 1, 9),
        span(2, 1, "child", 2, 3),
    ];
    let shown = render(&received(spans), &style(79));
    for name in ["first", "second", "child"] {
        assert_eq!(shown.matches(name).count(), 1, "{shown}");
    }
}

#[test]
fn times_at_the_ends_of_their_range_are_shown() {
    let last = SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::MAX);
    let mut backwards = span(1, 0, "backwards", 0, 0);
    backwards.start_time = last;
    backwards.end_time = SystemTime::UNIX_EPOCH;
    event(&mut backwards, "before", 0, Vec::new());
    let mut forever = span(2, 1, "forever", 0, 0);
    forever.start_time = SystemTime::UNIX_EPOCH;
    forever.end_time = last;
    let shown = render(&received(vec![backwards, forever]), &Style::default());
    assert!(shown.contains("213503d23h  "), "{shown}");
    assert!(shown.contains("0 ns  backwards"), "{shown}");
}

#[test]
fn deepest_allowed_values_are_shown_and_deeper_ones_cut() {
    let nested = |depth: usize| {
        (0..depth).fold(text("core"), |value, _| {
            AnyValue::ListAny(Box::new(vec![value]))
        })
    };
    let collector = MemoryExporter::default();
    for depth in [32, 60] {
        emit(&collector, scope("s", ""), 0, Severity::Info, |record| {
            record.set_body(nested(depth));
        });
    }
    let shown = render(&collector, &style(200));
    assert!(shown.contains(&format!("s: {}\"core\"{}", "[".repeat(32), "]".repeat(32))));
    assert_eq!(shown.matches("core").count(), 1, "{shown}");
}

#[test]
fn items_beyond_the_limits_are_counted_and_the_oldest_removed() {
    let collector = MemoryExporter::default();
    let chain = (1..=10_002).map(|id| {
        let name = match id {
            1 => "outermost",
            10_000 => "last kept",
            10_001.. => "removed",
            _ => "between",
        };
        span(id, id - 1, name, 0, 9)
    });
    export(&collector, chain.rev().collect());
    for number in 0..=10_000 {
        let body = if number == 0 { "early" } else { "late" };
        emit(&collector, scope("s", ""), 0, Severity::Info, |record| {
            record.set_body(text(body));
        });
    }
    let shown = render(&collector, &Style::default());
    assert!(shown.contains("outermost") && shown.contains("last kept"));
    assert!(shown.contains("late"));
    assert!(!shown.contains("removed") && !shown.contains("early"));
    assert!(shown.contains("Not shown: 2 spans, 1 log record."));
    let discarded = collector.snapshot().discarded;
    assert_eq!(
        (discarded.spans, discarded.logs, discarded.data_points),
        (2, 1, 0)
    );
}

#[test]
fn a_batch_larger_than_the_memory_limit_leaves_memory_bounded() {
    let spans = (1..=100).map(|id| {
        let mut span = span(id, 0, "big", 0, 1);
        span.attributes = vec![KeyValue::new("blob", "x".repeat(1 << 20))];
        span
    });
    // 64 MiB hold 63 of them.
    let discarded = received(spans.collect()).snapshot().discarded;
    assert_eq!(discarded.spans, 37);
}
