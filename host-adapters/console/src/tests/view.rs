//! The rest of the view: silence, repetition, style, and metrics from several collections.

use opentelemetry::KeyValue;
use opentelemetry::logs::{LogRecord as _, Severity};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::Status;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream,
};
use wasmscope_otlp::memory::MemoryExporter;
use wasmscope_telemetry::Signal;

use super::fixture::{at, emit, received, scope, span, text};
use crate::{Style, render};

#[test]
fn missing_telemetry_has_hints() {
    let collector = MemoryExporter::default();
    assert!(collector.is_empty());
    insta::assert_snapshot!(render(&collector, &Style::default()));
}

#[test]
fn silent_component_is_distinguished_from_a_silent_host() {
    let mut host = span(1, 0, "run hello", 0, 10);
    host.instrumentation_scope = scope("wasmscope", "0.1.0");
    let shown = render(&received(vec![host.clone()]), &Style::default());
    assert!(shown.contains("run hello"), "{shown}");
    assert!(
        shown.contains("The component itself sent no telemetry."),
        "{shown}"
    );

    let shown = render(
        &received(vec![host, span(2, 1, "hello", 1, 2)]),
        &Style::default(),
    );
    assert!(!shown.contains("sent no telemetry"), "{shown}");
}

#[test]
fn signals_exported_elsewhere_are_not_reported_missing() {
    let mut host = span(1, 0, "run hello", 0, 10);
    host.instrumentation_scope = scope("wasmscope", "0.1.0");
    let view = |spans, signals: &[Signal]| {
        let collector = received(spans);
        signals
            .iter()
            .for_each(|signal| collector.receives(*signal));
        render(&collector, &Style::default())
    };
    let shown = view(vec![], &[Signal::Metrics]);
    for words in [
        "No metrics were received.",
        "Not shown here: traces and logs. See OTEL_TRACES_EXPORTER and OTEL_LOGS_EXPORTER.",
    ] {
        assert!(shown.contains(words), "{shown}");
    }
    assert!(!shown.contains("telemetry"), "{shown}");
    let shown = view(vec![host.clone()], &[Signal::Traces, Signal::Metrics]);
    assert!(
        shown.contains("The component itself sent no traces or metrics."),
        "{shown}"
    );
    assert!(shown.contains("Not shown here: logs."), "{shown}");
    let shown = view(vec![host], &Signal::ALL);
    assert!(shown.contains("The component itself sent no telemetry."));
    assert!(!shown.contains("Not shown here"), "{shown}");
}

#[test]
fn stopped_program_gets_no_hint_about_disabled_telemetry() {
    for (outcome, asked) in [
        ("ok", true),
        ("exit", true),
        ("trap", false),
        ("timeout", false),
        ("killed", false),
    ] {
        let mut host = span(1, 0, "run hello", 0, 10);
        host.instrumentation_scope = scope("wasmscope", "0.1.0");
        host.attributes = vec![KeyValue::new("wasmscope.outcome", outcome)];
        let shown = render(&received(vec![host]), &Style::default());
        assert!(shown.contains("The component itself sent no telemetry."));
        assert!(
            shown.contains("does it reach the instrumented code"),
            "{shown}"
        );
        assert_eq!(shown.contains("Is it turned off?"), asked, "{shown}");
    }
}

#[test]
fn repeated_siblings_are_summed_up_but_errors_are_shown() {
    let mut spans = vec![span(1, 0, "root", 0, 1000)];
    for id in 2..=101 {
        let mut order = span(id, 1, "order", id * 10, id * 10 + id);
        if id == 50 {
            order.status = Status::error("bad");
        }
        spans.push(order);
        spans.push(span(id + 1000, id, "step", id * 10, id * 10 + 1));
    }
    spans.push(span(200, 1, "close", 990, 1000));
    let style = Style {
        repeats: Some(2),
        width: 79,
        ..Style::default()
    };
    insta::assert_snapshot!(render(&received(spans), &style));
}

#[test]
fn repeated_logs_are_summarised_but_warnings_are_shown() {
    let collector = MemoryExporter::default();
    for number in 0..50_i64 {
        for severity in [Severity::Info, Severity::Warn] {
            let time = u64::try_from(number).expect("not negative") * 10;
            emit(&collector, scope("orders", ""), time, severity, |record| {
                record.set_body(text("priced"));
                record.add_attribute("number", number);
            });
        }
    }
    let style = Style {
        repeats: Some(2),
        ..Style::default()
    };
    let shown = render(&collector, &style);
    assert_eq!(shown.matches("INFO  orders: priced").count(), 2, "{shown}");
    assert_eq!(shown.matches("WARN  orders: priced").count(), 20, "{shown}");
    assert!(
        shown.contains("… 30 more like it, the last at +490 µs\n"),
        "{shown}"
    );
    assert!(
        shown.contains("… 48 more like it, the last at +490 µs\n"),
        "{shown}"
    );

    let shown = render(&collector, &Style::default());
    assert_eq!(shown.matches("orders: priced").count(), 100, "{shown}");
}

#[test]
fn style_follows_the_terminal_and_its_variables() {
    let detect = |is_terminal: bool, width: Option<usize>, env: &[(&str, &str)]| {
        Style::detect(is_terminal, width, |name| {
            let found = env.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    };
    assert!(detect(true, None, &[]).color);
    assert!(detect(true, None, &[("NO_COLOR", ""), ("CLICOLOR", "1")]).color);
    assert!(!detect(false, None, &[]).color);
    assert!(!detect(true, None, &[("NO_COLOR", "1")]).color);
    assert!(!detect(true, None, &[("CLICOLOR", "0")]).color);
    assert!(!detect(true, None, &[("TERM", "dumb")]).color);
    assert!(detect(false, None, &[("CLICOLOR_FORCE", "1")]).color);
    assert!(!detect(false, None, &[("CLICOLOR_FORCE", "0")]).color);
    assert!(!detect(true, None, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).color);

    assert_eq!(detect(true, None, &[]).width, 100);
    assert_eq!(detect(true, Some(132), &[]).width, 132);
    assert_eq!(detect(true, Some(132), &[("COLUMNS", "72")]).width, 72);
    assert_eq!(detect(true, Some(132), &[("COLUMNS", "many")]).width, 132);
    assert_eq!(detect(true, Some(0), &[]).width, 100);

    assert!(detect(true, None, &[("LANG", "de_DE.UTF-8")]).unicode);
    assert!(!detect(true, None, &[("LANG", "C")]).unicode);
    assert!(!detect(true, None, &[("LC_ALL", "POSIX"), ("LANG", "C.UTF-8")]).unicode);

    assert_eq!(detect(true, None, &[]).repeats, Some(3));
    assert_eq!(detect(false, None, &[]).repeats, Some(3));
}

#[test]
fn widths_are_clamped() {
    let collector = received(vec![span(1, 0, "root", 0, 9), span(2, 1, "child", 1, 2)]);
    for width in [0, 1, 39, usize::MAX] {
        let style = Style {
            width,
            ..Style::default()
        };
        assert!(render(&collector, &style).contains("child"));
    }
}

#[test]
fn later_collections_update_their_series_and_keep_the_rest() {
    let collector = MemoryExporter::default();
    let gauge = |region: &'static str, value: u64| {
        let provider = provider(&collector);
        let meter = provider.meter_with_scope(scope("m", ""));
        let labels = [KeyValue::new("region", region)];
        meter.u64_gauge("g").build().record(value, &labels);
        provider.shutdown().expect("the collector takes everything");
    };
    gauge("gone", 1);
    gauge("stays", 2);
    gauge("stays", 3);
    let shown = render(&collector, &Style::default());
    assert!(
        shown.contains("1  region=gone\n      3  region=stays\n"),
        "{shown}"
    );
}

#[test]
fn series_beyond_the_limit_are_counted() {
    let collector = MemoryExporter::default();
    let provider = provider(&collector);
    let meter = provider.meter("m");
    // The SDK itself keeps up to 2,000 series of an instrument.
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"] {
        let counter = meter.u64_counter(name).build();
        for number in 0..1_000 {
            counter.add(1, &[KeyValue::new("n", number)]);
        }
    }
    provider.shutdown().expect("the collector takes everything");
    assert_eq!(collector.snapshot().discarded.data_points, 1_000);
    let shown = render(&collector, &Style::default());
    assert_eq!(shown.matches("  n=").count(), 10_000);
    assert!(shown.contains("Not shown: 1000 metric data points."));
}

#[test]
fn histograms_with_many_buckets_and_with_none_are_drawn() {
    let collector = MemoryExporter::default();
    let provider = provider(&collector);
    let meter = provider.meter("m");
    let bounds: Vec<f64> = (1..=256).map(f64::from).collect();
    let many = meter.f64_histogram("many").with_boundaries(bounds).build();
    for value in 0..1000 {
        many.record(f64::from(value % 300), &[]);
    }
    let none = meter
        .u64_histogram("none")
        .with_boundaries(Vec::new())
        .build();
    none.record(7, &[]);
    provider.shutdown().expect("the collector takes everything");
    let style = Style {
        width: 60,
        ..Style::default()
    };
    insta::assert_snapshot!(render(&collector, &style));
}

#[test]
fn exponential_histograms_are_drawn_with_their_bounds() {
    let collector = MemoryExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(collector.clone()).build())
        .with_view(|_: &Instrument| {
            let aggregation = Aggregation::Base2ExponentialHistogram {
                max_size: 160,
                max_scale: 0,
                record_min_max: true,
            };
            Stream::builder().with_aggregation(aggregation).build().ok()
        })
        .build();
    let histogram = provider.meter("m").f64_histogram("h").build();
    for value in [0.0, 1.5, 3.0, 3.5, 4.0, 15.0] {
        histogram.record(value, &[]);
    }
    provider.shutdown().expect("the collector takes everything");
    let shown = render(&collector, &Style::default());
    let expected = [
        " ≤ 0 1 ",
        " ≤ 2 1 ",
        " ≤ 4 3 ",
        " ≤ 8 0",
        "≤ 16 1 ",
        "count 6  sum 27  min 0  max 15  mean 4.5\n",
    ];
    for line in expected {
        assert!(shown.contains(line), "{line:?} in {shown}");
    }
}

#[test]
fn late_telemetry_is_shown() {
    let collector = received(vec![span(1, 0, "early", 0, 9)]);
    assert!(!render(&collector, &Style::default()).contains("late"));
    let mut late = span(2, 1, "late", 3, 4);
    late.end_time = at(5);
    super::fixture::export(&collector, vec![late]);
    assert!(render(&collector, &Style::default()).contains("late"));
}

pub(super) fn provider(collector: &MemoryExporter) -> SdkMeterProvider {
    SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(collector.clone()).build())
        .with_resource(super::fixture::resource())
        .build()
}
