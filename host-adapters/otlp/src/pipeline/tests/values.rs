//! Values arrive as they were given, over each protocol.

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

/// The same number to the last bit; which of the many not-a-numbers it is, JSON cannot say.
#[track_caller]
fn assert_same(found: f64, given: f64, what: &str) {
    let same = if given.is_nan() {
        found.is_nan()
    } else {
        found.to_bits() == given.to_bits()
    };
    assert!(same, "{what}: {given:?} arrived as {found:?}");
}

#[track_caller]
fn assert_double(found: Option<&Value>, given: f64, what: &str) {
    match found {
        Some(Value::Double(found)) => assert_same(*found, given, what),
        other => panic!("{what}: {given:?} arrived as {other:?}"),
    }
}

/// Sends by `record` over each protocol, compressed and not.
fn over_all(record: impl Fn(&Pipeline), check: impl Fn(&Collector, &str)) {
    for protocol in PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let collector = Collector::start();
            let pipeline = build(to(&collector, protocol).compression(compression));
            record(&pipeline);
            let what = format!("{protocol} {compression}");
            let flushed = pipeline.flush(PATIENCE);
            assert_eq!(collector.violations(), [], "{what}");
            assert_eq!(flushed, Flushed::Delivered, "{what}");
            check(&collector, &what);
        }
    }
}

#[test]
fn floating_point_numbers_of_spans_arrive_as_they_are() {
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
    over_all(record, |collector, what| {
        let span = collector.span("a span");
        for (index, number) in NUMBERS.into_iter().enumerate() {
            assert_double(span.attr(&index.to_string()).as_ref(), number, what);
        }
        let in_event = wasmscope_test_support::attr(&span.events[0].attributes, "all");
        for all in [span.attr("all"), in_event] {
            let Some(Value::Array(all)) = all else {
                panic!("{what}: {all:?}");
            };
            assert_eq!(all.len(), NUMBERS.len());
            for (found, given) in all.iter().zip(NUMBERS) {
                assert_double(Some(found), given, what);
            }
        }
    });
}

#[test]
fn floating_point_numbers_of_metrics_arrive_as_they_are() {
    let record = |pipeline: &Pipeline| {
        let meter = pipeline.providers.meter.as_ref().unwrap().meter("test");
        for (index, number) in NUMBERS.into_iter().enumerate() {
            // The SDK takes no others for measurements.
            let measured = if number.is_finite() { number } else { 0.0 };
            let gauge = meter.f64_gauge(format!("gauge.{index}")).build();
            gauge.record(measured, &[KeyValue::new("k", number)]);
        }
        // It does not look at the sum.
        let histogram = meter.f64_histogram("overflown").build();
        histogram.record(f64::MAX, &[]);
        histogram.record(f64::MAX, &[]);
    };
    over_all(record, |collector, what| {
        for (index, number) in NUMBERS.into_iter().enumerate() {
            let Some(Data::Gauge(gauge)) = collector.metric(&format!("gauge.{index}")).data.clone()
            else {
                panic!("{what}: no gauge");
            };
            let point = &gauge.data_points[0];
            let attribute = wasmscope_test_support::attr(&point.attributes, "k");
            assert_double(attribute.as_ref(), number, what);
            match point.value {
                Some(Point::AsDouble(found)) if number.is_finite() => {
                    assert_same(found, number, what)
                }
                Some(Point::AsDouble(found)) => assert_same(found, 0.0, what),
                other => panic!("{what}: {number:?} arrived as {other:?}"),
            }
        }
        let Some(Data::Histogram(histogram)) = collector.metric("overflown").data.clone() else {
            panic!("{what}: no histogram");
        };
        let point = &histogram.data_points[0];
        assert_same(point.sum.unwrap(), f64::INFINITY, what);
        assert_same(point.min.unwrap(), f64::MAX, what);
        assert_same(point.max.unwrap(), f64::MAX, what);
    });
}

/// A value that lies as deep as a guest's may, in a map at every other level.
fn nested(levels: u32) -> AnyValue {
    (0..levels).fold(f64::NAN.into(), |inner, level| {
        if level % 2 == 0 {
            AnyValue::Map(Box::new([("in".into(), inner)].into_iter().collect()))
        } else {
            AnyValue::ListAny(Box::new(vec![inner, i64::MIN.into()]))
        }
    })
}

fn innermost(mut value: &Value) -> &Value {
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
fn nested_values_of_logs_arrive_as_they_are() {
    let record = |pipeline: &Pipeline| {
        let logger = pipeline.providers.logger.as_ref().unwrap().logger("test");
        let mut record = logger.create_log_record();
        record.set_event_name("deep");
        record.set_body(nested(32));
        record.add_attribute("deep", nested(32));
        record.add_attribute("bytes", AnyValue::Bytes(Box::new(vec![0, 0x7f, 0xff])));
        record.add_attribute("least", i64::MIN);
        record.add_attribute("infinite", f64::NEG_INFINITY);
        // Text that only looks like one of the numbers that are written as text.
        record.add_attribute("text", "NaN");
        logger.emit(record);
    };
    over_all(record, |collector, what| {
        let log = &collector.logs()[0];
        let body = log.body_value().unwrap();
        assert_double(Some(innermost(&body)), f64::NAN, what);
        let deep = log.attr("deep").unwrap();
        assert_double(Some(innermost(&deep)), f64::NAN, what);
        assert_eq!(
            log.attr("bytes"),
            Some(Value::Bytes(vec![0, 0x7f, 0xff])),
            "{what}"
        );
        assert_eq!(log.attr("least"), Some(i64::MIN.into()), "{what}");
        assert_double(log.attr("infinite").as_ref(), f64::NEG_INFINITY, what);
        assert_eq!(log.attr("text"), Some("NaN".into()), "{what}");
    });
}
