//! OTLP as JSON, for the console's lines and the pipeline's requests.
//!
//! The types of opentelemetry-proto serialize to OTLP's JSON with one exception: serde_json writes
//! `null` for NaN and the infinities, and OTLP requires `"NaN"`, `"Infinity"` and `"-Infinity"`
//! (Protobuf, "ProtoJSON Format"). Those types write them only for quantiles. So every value passes
//! through a wrapping serializer, which writes these numbers as strings and forwards everything
//! else.

use std::io;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// Serializes an export request as one line of JSON, without the newline.
pub(crate) fn encode(request: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut line);
    request.serialize(NonFinite(&mut serializer))?;
    Ok(line)
}

/// Returns the size of a request as [`encode`] writes it, without keeping it.
pub(crate) fn size(request: &impl Serialize) -> serde_json::Result<usize> {
    let mut size = Size(0);
    let mut serializer = serde_json::Serializer::new(&mut size);
    request.serialize(NonFinite(&mut serializer))?;
    Ok(size.0)
}

/// Counts the bytes that are written.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Wraps a serializer, a value, or the state of a partially serialized value.
#[derive(Debug)]
struct NonFinite<T>(T);

impl<T: Serialize + ?Sized> Serialize for NonFinite<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(NonFinite(serializer))
    }
}

fn non_finite_name(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value.is_sign_positive() {
        "Infinity"
    } else {
        "-Infinity"
    }
}

macro_rules! hand_on {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $method(self, $($argument: $type),*) -> Result<S::Ok, S::Error> {
            self.0.$method($($argument),*)
        })*
    };
}

macro_rules! open {
    ($($method:ident($($argument:ident: $type:ty),*) -> $compound:ident;)*) => {
        $(fn $method(self, $($argument: $type),*) -> Result<Self::$compound, S::Error> {
            self.0.$method($($argument),*).map(NonFinite)
        })*
    };
}

impl<S: Serializer> Serializer for NonFinite<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = NonFinite<S::SerializeSeq>;
    type SerializeTuple = NonFinite<S::SerializeTuple>;
    type SerializeTupleStruct = NonFinite<S::SerializeTupleStruct>;
    type SerializeTupleVariant = NonFinite<S::SerializeTupleVariant>;
    type SerializeMap = NonFinite<S::SerializeMap>;
    type SerializeStruct = NonFinite<S::SerializeStruct>;
    type SerializeStructVariant = NonFinite<S::SerializeStructVariant>;

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            self.0.serialize_f64(value)
        } else {
            self.0.serialize_str(non_finite_name(value))
        }
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            self.0.serialize_f32(value)
        } else {
            self.0.serialize_str(non_finite_name(f64::from(value)))
        }
    }

    hand_on! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_bytes(value: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    open! {
        serialize_seq(length: Option<usize>) -> SerializeSeq;
        serialize_tuple(length: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, length: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(
            name: &'static str, index: u32, variant: &'static str, length: usize
        ) -> SerializeTupleVariant;
        serialize_map(length: Option<usize>) -> SerializeMap;
        serialize_struct(name: &'static str, length: usize) -> SerializeStruct;
        serialize_struct_variant(
            name: &'static str, index: u32, variant: &'static str, length: usize
        ) -> SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&NonFinite(value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &NonFinite(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0
            .serialize_newtype_variant(name, index, variant, &NonFinite(value))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! compound {
    ($($trait:ident { $($method:ident($($name:ident: $type:ty),*)),* })*) => {
        $(impl<S: $trait> $trait for NonFinite<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            $(fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($name: $type,)*
                value: &T,
            ) -> Result<(), S::Error> {
                self.0.$method($($name,)* &NonFinite(value))
            })*

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        })*
    };
}

compound! {
    SerializeSeq { serialize_element() }
    SerializeTuple { serialize_element() }
    SerializeTupleStruct { serialize_field() }
    SerializeTupleVariant { serialize_field() }
    SerializeMap { serialize_key(), serialize_value() }
    SerializeStruct { serialize_field(name: &'static str) }
    SerializeStructVariant { serialize_field(name: &'static str) }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
    use opentelemetry_proto::tonic::logs::v1::LogRecord;
    use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::{
        Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
        HistogramDataPoint, Metric, NumberDataPoint, exemplar, number_data_point,
    };
    use opentelemetry_proto::tonic::trace::v1::span::Link;
    use opentelemetry_proto::tonic::trace::v1::{Span, Status};
    use serde_json::json;

    use super::*;

    fn written(message: &impl Serialize) -> serde_json::Value {
        let json = encode(message).unwrap();
        assert_eq!(size(message).unwrap(), json.len());
        serde_json::from_slice(&json).unwrap()
    }

    /// Asserts that `found` contains everything in `expected`.
    #[track_caller]
    fn assert_has(found: &serde_json::Value, expected: &serde_json::Value) {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&found[name], value, "{name}");
        }
    }

    fn value(value: Value) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    fn entry(key: &str, inner: Value) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(value(inner)),
            ..KeyValue::default()
        }
    }

    #[test]
    fn ids_are_hex_enumerations_are_numbers_and_64_bit_integers_are_text() {
        let span = Span {
            trace_id: (0xf0..=0xff).collect(),
            span_id: vec![0, 0, 0, 0, 0, 0, 0, 0xa],
            kind: 2,
            start_time_unix_nano: u64::MAX,
            end_time_unix_nano: 0,
            flags: u32::MAX,
            dropped_attributes_count: u32::MAX,
            links: vec![Link {
                trace_id: vec![0xab; 16],
                ..Link::default()
            }],
            status: Some(Status {
                code: 2,
                message: "m".to_owned(),
            }),
            ..Span::default()
        };
        let expected = json!({
            "traceId": "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "spanId": "000000000000000a",
            "parentSpanId": "",
            "kind": 2,
            "startTimeUnixNano": "18446744073709551615",
            "endTimeUnixNano": "0",
            "flags": u32::MAX,
            "droppedAttributesCount": u32::MAX,
            "status": {"code": 2, "message": "m"},
        });
        assert_has(&written(&span), &expected);
        assert_eq!(
            written(&span)["links"][0]["traceId"],
            "abababababababababababababababab"
        );
    }

    #[test]
    fn values_are_named_by_their_type() {
        let list = vec![
            value(Value::DoubleValue(f64::NAN)),
            AnyValue { value: None },
            value(Value::StringValue("NaN".to_owned())),
        ];
        let entries = vec![entry("i", Value::IntValue(i64::MIN))];
        let record = LogRecord {
            observed_time_unix_nano: u64::MAX,
            severity_number: 24,
            body: Some(value(Value::KvlistValue(KeyValueList { values: entries }))),
            attributes: vec![
                entry("list", Value::ArrayValue(ArrayValue { values: list })),
                entry("bytes", Value::BytesValue(vec![0xfb, 0xff])),
                entry("bool", Value::BoolValue(false)),
                entry("double", Value::DoubleValue(-0.0)),
            ],
            event_name: "e".to_owned(),
            ..LogRecord::default()
        };
        let expected = json!({
            "observedTimeUnixNano": "18446744073709551615",
            "severityNumber": 24,
            "eventName": "e",
            "body": {"kvlistValue": {"values": [{"key": "i", "value": {"intValue": "-9223372036854775808"}}]}},
            "attributes": [
                {"key": "list", "value": {"arrayValue": {"values": [
                    {"doubleValue": "NaN"}, {}, {"stringValue": "NaN"},
                ]}}},
                {"key": "bytes", "value": {"bytesValue": "+/8="}},
                {"key": "bool", "value": {"boolValue": false}},
                {"key": "double", "value": {"doubleValue": -0.0}},
            ],
        });
        assert_has(&written(&record), &expected);
    }

    #[test]
    fn numbers_of_metrics_that_json_lacks_are_text() {
        let exemplar = Exemplar {
            span_id: vec![1; 8],
            trace_id: vec![2; 16],
            value: Some(exemplar::Value::AsInt(-1)),
            ..Exemplar::default()
        };
        let point = NumberDataPoint {
            value: Some(number_data_point::Value::AsDouble(f64::NAN)),
            exemplars: vec![exemplar],
            ..NumberDataPoint::default()
        };
        let gauge = Metric {
            data: Some(Data::Gauge(Gauge {
                data_points: vec![point],
            })),
            ..Metric::default()
        };
        let point = &written(&gauge)["gauge"]["dataPoints"][0];
        assert_eq!(point["asDouble"], "NaN");
        let exemplar = json!({"asInt": "-1", "spanId": "0101010101010101", "traceId": "02020202020202020202020202020202"});
        assert_has(&point["exemplars"][0], &exemplar);

        let point = HistogramDataPoint {
            count: u64::MAX,
            sum: Some(f64::INFINITY),
            bucket_counts: vec![u64::MAX, 0],
            explicit_bounds: vec![f64::INFINITY],
            min: Some(f64::NEG_INFINITY),
            max: Some(1e300),
            ..HistogramDataPoint::default()
        };
        let histogram = Metric {
            data: Some(Data::Histogram(Histogram {
                data_points: vec![point],
                aggregation_temporality: 2,
            })),
            ..Metric::default()
        };
        let found = &written(&histogram)["histogram"];
        assert_eq!(found["aggregationTemporality"], 2);
        let expected = json!({
            "count": "18446744073709551615",
            "sum": "Infinity",
            "bucketCounts": ["18446744073709551615", "0"],
            "explicitBounds": ["Infinity"],
            "min": "-Infinity",
            "max": 1e300,
        });
        assert_has(&found["dataPoints"][0], &expected);

        let point = ExponentialHistogramDataPoint {
            sum: Some(f64::NAN),
            scale: -10,
            zero_count: u64::MAX,
            positive: Some(Buckets {
                offset: -1,
                bucket_counts: vec![1],
            }),
            zero_threshold: f64::INFINITY,
            ..ExponentialHistogramDataPoint::default()
        };
        let histogram = Metric {
            data: Some(Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![point],
                aggregation_temporality: 1,
            })),
            ..Metric::default()
        };
        let expected = json!({
            "sum": "NaN",
            "scale": -10,
            "zeroCount": "18446744073709551615",
            "positive": {"offset": -1, "bucketCounts": ["1"]},
            "zeroThreshold": "Infinity",
        });
        let found = &written(&histogram)["exponentialHistogram"]["dataPoints"][0];
        assert_has(found, &expected);
    }
}
