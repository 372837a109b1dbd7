//! Decodes OTLP's JSON where opentelemetry-proto cannot.
//!
//! opentelemetry-proto accepts `"NaN"`, `"Infinity"` and `"-Infinity"` only in quantiles.
//! serde_json reads at most 127 levels, and a guest's nested values may have more.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// The OTLP fields with floating-point numbers. No field of another type has one of these names.
const DOUBLES: [&str; 9] = [
    "asDouble",
    "doubleValue",
    "explicitBounds",
    "max",
    "min",
    "quantile",
    "sum",
    "value",
    "zeroThreshold",
];

/// Reads a message.
pub(super) fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Error> {
    let mut text = serde_json::Deserializer::from_slice(body);
    text.disable_recursion_limit();
    let value = Value::deserialize(&mut text)?;
    text.end()?;
    T::deserialize(Node {
        value,
        double: false,
    })
}

struct Node {
    value: Value,
    /// True if a floating-point number is expected.
    double: bool,
}

impl IntoDeserializer<'_, Error> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Returns the number for a word in Protobuf's JSON mapping.
fn number(word: &str) -> Option<f64> {
    match word {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self { value, double } = self;
        match value {
            Value::String(text) => match number(&text).filter(|_| double) {
                Some(number) => visitor.visit_f64(number),
                None => visitor.visit_string(text),
            },
            Value::Array(values) => {
                let nodes = values.into_iter().map(|value| Self { value, double });
                visitor.visit_seq(SeqDeserializer::new(nodes))
            }
            Value::Object(fields) => {
                let nodes = fields.into_iter().map(|(name, value)| {
                    let double = DOUBLES.contains(&name.as_str());
                    (name, Self { value, double })
                });
                visitor.visit_map(MapDeserializer::new(nodes))
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => {
                plain.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}
