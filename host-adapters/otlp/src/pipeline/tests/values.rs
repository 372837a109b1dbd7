//! Values arrive unchanged, over each protocol.

use opentelemetry::logs::AnyValue;
use opentelemetry::{Array, Value as Given};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Point;
use wasmscope_test_support::Value;

use super::*;
use crate::config::Compression;
use crate::pipeline::Flushed;

const NUMBERS: [f64; 10] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    5e-324,
    -0.0,
    0.1,
    3.0,
    1.0 / 3.0,
];

/// Asserts equality to the last bit. JSON cannot tell NaN values apart.
#[track_caller]
fn assert_same(found: f64, given: f64, label: &str) {
    let same = if given.is_nan() {
        found.is_nan()
    } else {
        found.to_bits() == given.to_bits()
    };
    assert!(same, "{label}: {given:?} arrived as {found:?}");
}

#[track_caller]
fn assert_double(found: Option<&Value>, given: f64, label: &str) {
    match found {
        Some(Value::Double(found)) => assert_same(*found, given, label),
        other => panic!("{label}: {given:?} arrived as {other:?}"),
    }
}

/// Records with `record` and sends over each protocol, with and without compression.
fn over_all(record: impl Fn(&Pipeline), check: impl Fn(&Collector, &str)) {
    for protocol in PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let collector = Collector::start();
            let pipeline = build(to(&collector, protocol).compression(compression));
            record(&pipeline);
            let label = format!("{protocol} {compression}");
            let flushed = pipeline.flush(PATIENCE);
            assert_eq!(collector.violations(), [], "{label}");
            assert_eq!(flushed, Flushed::Delivered, "{label}");
            check(&collector, &label);
        }
    }
}

#[test]
fn span_floats_arrive_unchanged() {
    let record = |pipeline: &Pipeline| {
        let provider = pipeline.providers.tracer.as_ref().unwrap();
        let mut span = provider.tracer("test").start("a span");
        for (index, number) in NUMBERS.into_iter().enumerate() {
            span.set_attribute(KeyValue::new(format!("{index}"), number));
        }
        let all = Given::Array(Array::F64(NUMBERS.to_vec()));
        span.set_attribute(KeyValue::new("all", all.clone()));
        span.add_event("an event", vec![KeyValue::new("all", all)]);
        span.end();
    };
    over_all(record, |collector, label| {
        let span = collector.span("a span");
        for (index, number) in NUMBERS.into_iter().enumerate() {
            assert_double(span.attr(&index.to_string()).as_ref(), number, label);
        }
        let in_event = wasmscope_test_support::attr(&span.events[0].attributes, "all");
        for all in [span.attr("all"), in_event] {
            let Some(Value::Array(all)) = all else {
                panic!("{label}: {all:?}");
            };
            assert_eq!(all.len(), NUMBERS.len());
            for (found, given) in all.iter().zip(NUMBERS) {
                assert_double(Some(found), given, label);
            }
        }
    });
}

#[test]
fn metric_floats_arrive_unchanged() {
    let record = |pipeline: &Pipeline| {
        let meter = pipeline.providers.meter.as_ref().unwrap().meter("test");
        for (index, number) in NUMBERS.into_iter().enumerate() {
            // The SDK accepts only finite numbers as measurements.
            let measured = if number.is_finite() { number } else { 0.0 };
            let gauge = meter.f64_gauge(format!("gauge.{index}")).build();
            gauge.record(measured, &[KeyValue::new("k", number)]);
        }
        // The SDK does not check the sum.
        let histogram = meter.f64_histogram("overflown").build();
        histogram.record(f64::MAX, &[]);
        histogram.record(f64::MAX, &[]);
    };
    over_all(record, |collector, label| {
        for (index, number) in NUMBERS.into_iter().enumerate() {
            let Some(Data::Gauge(gauge)) = collector.metric(&format!("gauge.{index}")).data.clone()
            else {
                panic!("{label}: no gauge");
            };
            let point = &gauge.data_points[0];
            let attribute = wasmscope_test_support::attr(&point.attributes, "k");
            assert_double(attribute.as_ref(), number, label);
            match point.value {
                Some(Point::AsDouble(found)) if number.is_finite() => {
                    assert_same(found, number, label)
                }
                Some(Point::AsDouble(found)) => assert_same(found, 0.0, label),
                other => panic!("{label}: {number:?} arrived as {other:?}"),
            }
        }
        let Some(Data::Histogram(histogram)) = collector.metric("overflown").data.clone() else {
            panic!("{label}: no histogram");
        };
        let point = &histogram.data_points[0];
        assert_same(point.sum.unwrap(), f64::INFINITY, label);
        assert_same(point.min.unwrap(), f64::MAX, label);
        assert_same(point.max.unwrap(), f64::MAX, label);
    });
}

/// Returns a value nested as deeply as a guest's may be, with a map at every other level.
fn nested(levels: u32) -> AnyValue {
    (0..levels).fold(f64::NAN.into(), |inner, level| {
        if level % 2 == 0 {
            AnyValue::Map(Box::new([("in".into(), inner)].into_iter().collect()))
        } else {
            AnyValue::ListAny(Box::new(vec![inner, i64::MIN.into()]))
        }
    })
}

fn innermost_value(mut value: &Value) -> &Value {
    loop {
        value = match value {
            Value::Array(values) => &values[0],
            Value::Map(entries) => &entries[0].1,
            Value::Empty
            | Value::Str(_)
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Double(_)
            | Value::Bytes(_)
            | Value::StringIndex(_) => return value,
        };
    }
}

#[test]
fn nested_log_values_arrive_unchanged() {
    let record = |pipeline: &Pipeline| {
        let logger = pipeline.providers.logger.as_ref().unwrap().logger("test");
        let mut record = logger.create_log_record();
        record.set_event_name("deep");
        record.set_body(nested(32));
        record.add_attribute("deep", nested(32));
        record.add_attribute("bytes", AnyValue::Bytes(Box::new(vec![0, 0x7f, 0xff])));
        record.add_attribute("least", i64::MIN);
        record.add_attribute("infinite", f64::NEG_INFINITY);
        // Text that looks like a number that JSON writes as text.
        record.add_attribute("text", "NaN");
        logger.emit(record);
    };
    over_all(record, |collector, label| {
        let log = &collector.logs()[0];
        let body = log.body_value().unwrap();
        assert_double(Some(innermost_value(&body)), f64::NAN, label);
        let deep = log.attr("deep").unwrap();
        assert_double(Some(innermost_value(&deep)), f64::NAN, label);
        assert_eq!(
            log.attr("bytes"),
            Some(Value::Bytes(vec![0, 0x7f, 0xff])),
            "{label}"
        );
        assert_eq!(log.attr("least"), Some(i64::MIN.into()), "{label}");
        assert_double(log.attr("infinite").as_ref(), f64::NEG_INFINITY, label);
        assert_eq!(log.attr("text"), Some("NaN".into()), "{label}");
    });
}
