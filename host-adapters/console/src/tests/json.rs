//! Reads OTLP JSON lines back.

use opentelemetry::KeyValue;
use opentelemetry::logs::{AnyValue, LogRecord as _, Severity};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use serde_json::{Value, json};
use wasmscope_otlp::memory::MemoryExporter;

use super::demo::checkout;
use super::fixture::{context, emit, event, link, received, scope, span};

fn lines(collector: &MemoryExporter) -> Vec<String> {
    let mut out = Vec::new();
    collector.write_json(&mut out).expect("a vector takes it");
    let text = String::from_utf8(out).expect("JSON is UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}

fn parsed(collector: &MemoryExporter) -> Vec<Value> {
    let parse = |line: &String| serde_json::from_str(line).expect("a line is an object");
    lines(collector).iter().map(parse).collect()
}

#[test]
fn a_span_has_the_json_encoding_of_otlp() {
    let mut full = span(0xab, 0xcd, "s", 1, 2);
    full.attributes = vec![
        KeyValue::new("int", i64::MIN),
        KeyValue::new("nan", f64::NAN),
        KeyValue::new("infinite", f64::INFINITY),
        KeyValue::new("negative", f64::NEG_INFINITY),
        KeyValue::new("half", 0.5),
    ];
    event(&mut full, "e", 1, Vec::new());
    link(&mut full, context(2, 3), Vec::new());
    let all = parsed(&received(vec![full]));
    assert_eq!(all.len(), 1);
    let span = &all[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "4bf92f3577b34da60000000000000001");
    assert_eq!(span["spanId"], "00000000000000ab");
    assert_eq!(span["parentSpanId"], "00000000000000cd");
    assert_eq!(span["kind"], 1);
    assert_eq!(span["startTimeUnixNano"], "1793534400000001000");
    assert_eq!(span["endTimeUnixNano"], "1793534400000002000");
    assert_eq!(
        span["attributes"],
        json!([
            {"key": "int", "value": {"intValue": "-9223372036854775808"}},
            {"key": "nan", "value": {"doubleValue": "NaN"}},
            {"key": "infinite", "value": {"doubleValue": "Infinity"}},
            {"key": "negative", "value": {"doubleValue": "-Infinity"}},
            {"key": "half", "value": {"doubleValue": 0.5}},
        ])
    );
    assert_eq!(span["events"][0]["timeUnixNano"], "1793534400000001000");
    assert_eq!(
        span["links"][0]["traceId"],
        "4bf92f3577b34da60000000000000002"
    );
    assert_eq!(span["links"][0]["spanId"], "0000000000000003");
    assert_eq!(
        all[0]["resourceSpans"][0]["scopeSpans"][0]["scope"]["name"],
        "checkout"
    );
}

#[test]
fn bytes_and_absent_values_in_a_log_have_the_json_encoding_of_otlp() {
    let collector = MemoryExporter::default();
    emit(&collector, scope("s", ""), 0, Severity::Warn, |record| {
        record.set_event_name("e");
        record.add_attribute("bytes", AnyValue::Bytes(Box::new(vec![0, 255])));
    });
    let all = parsed(&collector);
    let log = &all[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(log["severityNumber"], 13);
    assert_eq!(log["eventName"], "e");
    assert_eq!(log["body"], Value::Null);
    assert_eq!(log["traceId"], "");
    assert_eq!(
        log["attributes"],
        json!([{"key": "bytes", "value": {"bytesValue": "AP8="}}])
    );
}

#[test]
fn each_line_reads_back_as_one_request() {
    let lines = lines(&checkout());
    assert_eq!(lines.len(), 3);
    let traces: ExportTraceServiceRequest = serde_json::from_str(&lines[0]).expect("traces");
    let scopes = &traces.resource_spans[0].scope_spans;
    assert_eq!(traces.resource_spans.len(), 1);
    assert_eq!(scopes.len(), 3);
    assert_eq!(
        scopes.iter().map(|scope| scope.spans.len()).sum::<usize>(),
        25
    );

    let metrics: ExportMetricsServiceRequest = serde_json::from_str(&lines[1]).expect("metrics");
    let scopes = &metrics.resource_metrics[0].scope_metrics;
    assert_eq!(scopes.len(), 2);
    let total = scopes[0]
        .metrics
        .iter()
        .find(|metric| metric.name == "checkout.total")
        .expect("the histogram");
    let Some(Data::Histogram(histogram)) = &total.data else {
        panic!("a histogram: {total:?}");
    };
    assert_eq!(
        histogram.data_points[0].bucket_counts,
        [0, 1, 4, 3, 1, 1, 0, 0]
    );

    let logs: ExportLogsServiceRequest = serde_json::from_str(&lines[2]).expect("logs");
    assert_eq!(logs.resource_logs[0].scope_logs.len(), 2);
}

#[test]
fn a_line_holds_one_batch_at_most() {
    let spans = (1..=1000).map(|id| span(id, 0, "s", id, id + 1)).collect();
    let all = parsed(&received(spans));
    let counts: Vec<_> = all
        .iter()
        .map(|line| {
            line["resourceSpans"][0]["scopeSpans"][0]["spans"]
                .as_array()
                .map(Vec::len)
        })
        .collect();
    assert_eq!(counts, [Some(512), Some(488)]);
}

#[test]
fn empty_exporter_writes_nothing() {
    assert!(lines(&MemoryExporter::default()).is_empty());
}
