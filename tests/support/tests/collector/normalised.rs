//! Telemetry as text.

use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, Sum,
};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use wasmscope_test_support::views::{logs_of, metrics_of, spans_of};
use wasmscope_test_support::{
    Collector, LogView, MetricView, Normaliser, SpanView, normalise, tree,
};

use crate::common::{any, client, int, logs, metrics, span, string, text, traces};

fn views(spans: Vec<Span>) -> Vec<SpanView> {
    spans_of(&traces(spans))
}

fn event(name: &str, time: u64) -> Event {
    Event {
        name: name.to_owned(),
        time_unix_nano: time,
        ..Event::default()
    }
}

/// The first line of each span in a tree.
fn outline(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| line.trim_start().starts_with('s') && line.contains(" @"))
        .collect()
}

#[test]
fn everything_about_a_span_is_shown() {
    let mut root = span("run \"it\"", 1, 0, 10, 50);
    root.kind = 2;
    root.flags = 0x301;
    root.trace_state = "a=1".to_owned();
    root.status = Some(Status {
        code: 2,
        message: "bad\nline".to_owned(),
    });
    root.attributes = vec![string("z", "é"), int("a", 1), int("a", 1)];
    root.dropped_attributes_count = 3;
    root.dropped_events_count = 4;
    root.dropped_links_count = 5;
    root.events = vec![Event {
        attributes: vec![int("k", -1)],
        dropped_attributes_count: 1,
        ..event("tick", 20)
    }];
    root.links = vec![
        Link {
            trace_id: vec![1; 16],
            span_id: vec![0, 0, 0, 0, 0, 0, 0, 2],
            ..Link::default()
        },
        Link {
            trace_id: vec![7; 16],
            span_id: vec![7; 8],
            trace_state: "b=2".to_owned(),
            attributes: vec![int("l", 1)],
            dropped_attributes_count: 1,
            flags: 0x301,
        },
    ];
    let child = span("child", 2, 1, 30, 40);
    let expected = r#"resource r1
  schema "resource:1"
  service.name = "shop"
trace t1
  s1 "run \"it\"" server error "bad\nline" @1-@5 sampled remote-parent r1
    scope checkout 1.2 schema "scope:1" {n = 1}
    tracestate "a=1"
    a = 1
    a = 1
    z = "é"
    dropped 3 attributes
    link t1/s2 unsampled
    link t2/s3 sampled remote-target tracestate "b=2" {l = 1} dropped 1 attributes
    dropped 5 links
    event @2 "tick" {k = -1} dropped 1 attributes
    dropped 4 events
    s2 "child" internal unset @3-@4 sampled r1
      scope checkout 1.2 schema "scope:1" {n = 1}
"#;
    // Spans arrive when they end, so children come first.
    assert_eq!(tree(&views(vec![child, root])), expected);
}

#[test]
fn runs_with_other_ids_times_and_order_have_the_same_text() {
    let run = |offset: u64, id: u8, reversed: bool| {
        let mut root = span("root", id, 0, offset, offset + 100);
        root.attributes = vec![int("a", 1), int("b", 2)];
        let mut spans = vec![
            span("second", id + 2, id, offset + 60, offset + 90),
            span("first", id + 1, id, offset + 10, offset + 20 + offset % 7),
            root,
        ];
        if reversed {
            spans.reverse();
            spans[0].attributes.reverse();
        }
        for span in &mut spans {
            span.trace_id = vec![id; 16];
        }
        tree(&views(spans))
    };
    assert_eq!(run(1_000, 1, false), run(77_777, 100, true));
}

#[test]
fn any_relevant_difference_is_shown() {
    let base = || {
        vec![
            span("a", 1, 0, 1, 10),
            span("b", 2, 1, 2, 5),
            span("c", 3, 1, 6, 9),
        ]
    };
    let changes: [fn(&mut Vec<Span>); 16] = [
        |s| s[1].name = "d".to_owned(),
        |s| s[1].kind = 3,
        |s| s[1].flags = 0x101,
        |s| s[1].flags = 0,
        |s| s[1].parent_span_id.clear(),
        |s| s[2].parent_span_id = s[1].span_id.clone(),
        |s| s[1].trace_id = vec![2; 16],
        |s| s[1].end_time_unix_nano = 7,
        |s| s[1].end_time_unix_nano = 20,
        |s| s[1].trace_state = "a=1".to_owned(),
        |s| s[1].attributes = vec![int("k", 1)],
        |s| s[1].dropped_attributes_count = 1,
        |s| {
            s[1].status = Some(Status {
                code: 1,
                message: String::new(),
            })
        },
        |s| s[1].events = vec![event("e", 3)],
        |s| s[1].links = vec![Link::default()],
        |s| s.truncate(2),
    ];
    let expected = tree(&views(base()));
    for (index, change) in changes.into_iter().enumerate() {
        let mut spans = base();
        change(&mut spans);
        assert_ne!(tree(&views(spans)), expected, "change {index}");
    }
}

#[test]
fn joined_and_leaked_spans_show_their_overlap() {
    let spans = vec![
        span("root", 1, 0, 0, 10),
        span("joined a", 2, 1, 1, 5),
        span("joined b", 3, 1, 2, 6),
        span("leaked", 4, 3, 3, 20),
    ];
    let text = tree(&views(spans));
    assert_eq!(
        outline(&text),
        [
            "  s1 \"root\" internal unset @1-@7 sampled r1",
            "    s2 \"joined a\" internal unset @2-@5 sampled r1",
            "    s3 \"joined b\" internal unset @3-@6 sampled r1",
            "      s4 \"leaked\" internal unset @4-@8 sampled r1",
        ]
    );
}

#[test]
fn equal_times_keep_the_order_of_the_tree() {
    let mut root = span("root", 1, 0, 5, 5);
    root.events = vec![event("e", 5)];
    let spans = vec![span("child", 2, 1, 5, 5), root];
    let text = tree(&views(spans));
    assert_eq!(
        outline(&text),
        [
            "  s1 \"root\" internal unset @1-@5 sampled r1",
            "    s2 \"child\" internal unset @3-@4 sampled r1",
        ]
    );
    assert!(text.contains("event @2 \"e\""), "{text}");
}

#[test]
fn spans_without_a_received_parent_are_roots() {
    let spans = vec![
        span("orphan", 1, 99, 0, 1),
        span("self", 2, 2, 2, 3),
        span("chicken", 3, 4, 4, 5),
        span("egg", 4, 3, 6, 7),
        span("beneath", 5, 4, 8, 9),
    ];
    let text = tree(&views(spans));
    let names: Vec<_> = outline(&text)
        .iter()
        .map(|line| line.split(" internal").next())
        .collect();
    assert_eq!(
        names,
        [
            Some("  s1 \"orphan\""),
            Some("  s3 \"self\""),
            Some("  s4 \"chicken\""),
            Some("  s5 \"egg\""),
            Some("    s6 \"beneath\"")
        ]
    );
    assert!(
        text.contains("    parent s2, which did not arrive\n"),
        "{text}"
    );
}

#[test]
fn hidden_attributes_keep_their_place() {
    let mut normaliser = Normaliser::new().hide("service.name").hide("k");
    let mut one = span("a", 1, 0, 1, 2);
    one.attributes = vec![int("k", 5), int("l", 5)];
    let text = normaliser.traces(&views(vec![one]));
    assert!(text.contains("  service.name = [hidden]\n"), "{text}");
    assert!(text.contains("    k = [hidden]\n    l = 5\n"), "{text}");
}

fn log_views(records: Vec<LogRecord>) -> Vec<LogView> {
    logs_of(&logs(records))
}

fn nested() -> ProtoValue {
    let entry = |key: &str, value| KeyValue {
        key: key.to_owned(),
        value: Some(any(value)),
        key_strindex: 0,
    };
    let values = vec![
        any(ProtoValue::DoubleValue(1.0)),
        any(ProtoValue::BytesValue(vec![0, b'a'])),
    ];
    ProtoValue::KvlistValue(KeyValueList {
        values: vec![
            entry("z", ProtoValue::ArrayValue(ArrayValue { values })),
            entry("a", ProtoValue::BoolValue(true)),
        ],
    })
}

#[test]
fn everything_about_a_log_record_is_shown_with_the_spans_of_the_tree() {
    let mut normaliser = Normaliser::new();
    let _ = normaliser.traces(&views(vec![
        span("root", 9, 0, 1, 4),
        span("in", 5, 9, 2, 3),
    ]));
    let full = LogRecord {
        time_unix_nano: 20,
        observed_time_unix_nano: 21,
        severity_number: 14,
        severity_text: "WARNING".to_owned(),
        body: Some(any(nested())),
        attributes: vec![int("b", 1), string("a", "x")],
        dropped_attributes_count: 2,
        flags: 1,
        trace_id: vec![1; 16],
        span_id: vec![0, 0, 0, 0, 0, 0, 0, 5],
        event_name: "order.priced".to_owned(),
    };
    let bare = LogRecord {
        observed_time_unix_nano: 10,
        ..LogRecord::default()
    };
    let timeless = LogRecord {
        body: Some(text("first")),
        ..LogRecord::default()
    };
    // The resource differs from that of the spans in its schema URL.
    let expected = r#"resource r2
  service.name = "shop"
log unspecified r2
  scope checkout 1.2 {n = 1}
  body "first"
  without a time
  without an observed time
log unspecified r2
  scope checkout 1.2 {n = 1}
  without a time
log warn2 "WARNING" event order.priced r2
  scope checkout 1.2 {n = 1}
  span t1/s2 sampled
  body {"a": true, "z": [1.0, b"\x00a"]}
  a = "x"
  b = 1
  dropped 2 attributes
"#;
    assert_eq!(
        normaliser.logs(&log_views(vec![full, bare, timeless])),
        expected
    );
}

fn metric(name: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn number(key: i64, value: Number) -> NumberDataPoint {
    NumberDataPoint {
        attributes: vec![int("k", key)],
        value: Some(value),
        ..Default::default()
    }
}

fn sum(temporality: i32, data_points: Vec<NumberDataPoint>) -> Metric {
    let sum = Sum {
        data_points,
        aggregation_temporality: temporality,
        is_monotonic: true,
    };
    metric("sum", Data::Sum(sum))
}

fn histogram(temporality: i32, value: f64, bucket_counts: Vec<u64>) -> Metric {
    let point = HistogramDataPoint {
        count: bucket_counts.iter().sum(),
        bucket_counts,
        sum: Some(value),
        min: Some(value),
        max: Some(value),
        explicit_bounds: vec![1.0, 5.0],
        ..HistogramDataPoint::default()
    };
    let data_points = vec![point];
    metric(
        "histogram",
        Data::Histogram(Histogram {
            data_points,
            aggregation_temporality: temporality,
        }),
    )
}

/// Two collections of the same metrics.
fn collected(collections: Vec<Vec<Metric>>) -> Vec<MetricView> {
    collections
        .into_iter()
        .flat_map(|one| metrics_of(&metrics(one)))
        .collect()
}

#[test]
fn everything_about_metrics_is_shown_sorted() {
    let buckets = |bucket_counts| {
        Some(Buckets {
            offset: -1,
            bucket_counts,
        })
    };
    let exponential = ExponentialHistogramDataPoint {
        count: 4,
        sum: Some(3.5),
        scale: 2,
        zero_count: 1,
        positive: buckets(vec![1, 2]),
        negative: buckets(Vec::new()),
        ..ExponentialHistogramDataPoint::default()
    };
    let exponential = ExponentialHistogram {
        data_points: vec![exponential],
        aggregation_temporality: 1,
    };
    let empty = NumberDataPoint {
        flags: 1,
        ..NumberDataPoint::default()
    };
    let all = vec![
        Metric {
            unit: "{order}".to_owned(),
            description: "How many".to_owned(),
            ..sum(
                2,
                vec![
                    number(2, Number::AsInt(7)),
                    number(1, Number::AsDouble(7.0)),
                ],
            )
        },
        histogram(2, 2.0, vec![0, 1, 0]),
        metric("exponential", Data::ExponentialHistogram(exponential)),
        metric(
            "gauge",
            Data::Gauge(Gauge {
                data_points: vec![empty],
            }),
        ),
    ];
    let expected = r#"resource r1
  service.name = "shop"
metric exponential exponential histogram delta r1
  scope checkout 1.2 {n = 1}
  {} count 4 sum 3.5 scale 2 zeros 1 positive from -1: [1, 2]
metric gauge gauge r1
  scope checkout 1.2 {n = 1}
  {} = nothing, no recorded value
metric histogram histogram cumulative r1
  scope checkout 1.2 {n = 1}
  {} count 1 sum 2.0 min 2.0 max 2.0 (-inf, 1.0]: 0 (1.0, 5.0]: 1 (5.0, inf): 0
metric sum sum monotonic cumulative unit "{order}" description "How many" r1
  scope checkout 1.2 {n = 1}
  {k = 1} = 7.0
  {k = 2} = 7
"#;
    assert_eq!(Normaliser::new().metrics(&collected(vec![all])), expected);
}

#[test]
fn collections_of_one_metric_are_merged_by_its_temporality() {
    let last = |metrics: &[MetricView]| {
        let text = Normaliser::new().metrics(metrics);
        text.lines()
            .filter(|line| line.starts_with("  {"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let int = Number::AsInt;
    let two = |temporality| {
        collected(vec![
            vec![sum(temporality, vec![number(1, int(3)), number(2, int(1))])],
            vec![sum(temporality, vec![number(1, int(5))])],
        ])
    };
    assert_eq!(last(&two(2)), "  {k = 1} = 5\n  {k = 2} = 1", "cumulative");
    assert_eq!(last(&two(1)), "  {k = 1} = 8\n  {k = 2} = 1", "delta");

    let two = |temporality| {
        let one = |value, counts| vec![histogram(temporality, value, counts)];
        collected(vec![one(1.0, vec![1, 0, 0]), one(9.0, vec![0, 0, 2])])
    };
    let buckets = "(-inf, 1.0]: 0 (1.0, 5.0]: 0 (5.0, inf): 2";
    assert_eq!(
        last(&two(2)),
        format!("  {{}} count 2 sum 9.0 min 9.0 max 9.0 {buckets}")
    );
    let buckets = "(-inf, 1.0]: 1 (1.0, 5.0]: 0 (5.0, inf): 2";
    assert_eq!(
        last(&two(1)),
        format!("  {{}} count 3 sum 10.0 min 1.0 max 9.0 {buckets}")
    );

    let twice = collected(vec![vec![sum(
        2,
        vec![number(1, int(3)), number(1, int(3))],
    )]]);
    assert_eq!(
        last(&twice),
        "  {k = 1} = 3\n  {k = 1} = 3",
        "twice in one collection stays"
    );
}

#[test]
fn metrics_of_different_units_are_different_metrics() {
    let one = || sum(2, vec![number(1, Number::AsInt(1))]);
    let other = Metric {
        unit: "By".to_owned(),
        ..one()
    };
    let merged = normalise::merge_metrics(&collected(vec![vec![one()], vec![other], vec![one()]]));
    assert_eq!(merged.len(), 2);
}

#[test]
fn a_collectors_text_has_one_numbering_for_all_signals() {
    let collector = Collector::start();
    let record = LogRecord {
        trace_id: vec![1; 16],
        span_id: vec![0, 0, 0, 0, 0, 0, 0, 1],
        ..LogRecord::default()
    };
    let posts = [
        ("/v1/logs", serde_json::to_vec(&logs(vec![record])).unwrap()),
        (
            "/v1/metrics",
            serde_json::to_vec(&metrics(vec![sum(2, Vec::new())])).unwrap(),
        ),
        (
            "/v1/traces",
            serde_json::to_vec(&traces(vec![span("a", 1, 0, 1, 2)])).unwrap(),
        ),
    ];
    for (path, body) in posts {
        let request = client().post(collector.endpoint_http() + path).body(body);
        request
            .header("content-type", "application/json")
            .send()
            .unwrap();
    }
    let text = normalise(&collector);
    let starts: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("  "))
        .collect();
    let expected = [
        "resource r1",
        "trace t1",
        "resource r2",
        "metric sum sum monotonic cumulative r2",
        "log unspecified r2",
    ];
    assert_eq!(starts, expected);
    assert!(
        text.contains("  s1 \"a\"") && text.contains("  span t1/s1 "),
        "{text}"
    );
}
