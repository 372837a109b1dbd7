//! Attribute values and log bodies, in a form that compares with plain Rust values.

use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// A decoded `AnyValue`, with its type: `Int(1)` equals neither `Double(1.0)` nor `Str("1")`.
///
/// ```
/// use wasmscope_test_support::Value;
/// assert_eq!(Value::from(5), Value::Int(5));
/// assert_ne!(Value::from(5), Value::from(5.0));
/// assert_eq!(Value::from(["a", "b"]), Value::Array(vec!["a".into(), "b".into()]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An `AnyValue` without a value.
    Empty,
    /// Text.
    Str(String),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating-point number. NaN equals nothing.
    Double(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<Self>),
    /// A map, in the order of arrival. See [`Value::map`].
    Map(Vec<(String, Self)>),
    /// An index into a string table, which only the profiles signal may use.
    StringIndex(i32),
}

impl Value {
    /// Makes a map of `entries`, sorted by key like [`Value::sorted`].
    pub fn map<K: Into<String>, V: Into<Self>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()));
        Self::Map(entries.collect()).sorted()
    }

    /// Sorts the maps in this value by key, at every level. In OTLP, map entries have no order.
    #[must_use]
    pub fn sorted(self) -> Self {
        match self {
            Self::Map(entries) => {
                let mut entries: Vec<_> = entries
                    .into_iter()
                    .map(|(key, value)| (key, value.sorted()))
                    .collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                Self::Map(entries)
            }
            Self::Array(values) => Self::Array(values.into_iter().map(Self::sorted).collect()),
            other @ (Self::Empty
            | Self::Str(_)
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Double(_)
            | Self::Bytes(_)
            | Self::StringIndex(_)) => other,
        }
    }
}

impl From<&AnyValue> for Value {
    fn from(value: &AnyValue) -> Self {
        match &value.value {
            None => Self::Empty,
            Some(ProtoValue::StringValue(text)) => Self::Str(text.clone()),
            Some(ProtoValue::BoolValue(value)) => Self::Bool(*value),
            Some(ProtoValue::IntValue(value)) => Self::Int(*value),
            Some(ProtoValue::DoubleValue(value)) => Self::Double(*value),
            Some(ProtoValue::BytesValue(bytes)) => Self::Bytes(bytes.clone()),
            Some(ProtoValue::ArrayValue(array)) => {
                Self::Array(array.values.iter().map(Self::from).collect())
            }
            Some(ProtoValue::KvlistValue(map)) => Self::Map(
                map.values
                    .iter()
                    .map(|entry| (entry.key.clone(), Self::of(entry)))
                    .collect(),
            ),
            Some(ProtoValue::StringValueStrindex(index)) => Self::StringIndex(*index),
        }
    }
}

impl Value {
    /// Returns the value of an entry, or [`Value::Empty`] if it has none.
    #[must_use]
    pub fn of(entry: &KeyValue) -> Self {
        entry.value.as_ref().map_or(Self::Empty, Self::from)
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from!(&str => Str, String => Str, bool => Bool, i64 => Int, i32 => Int, u32 => Int, f64 => Double);

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Value {
    fn from(values: [T; N]) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

/// Returns the value of the attribute `key`, or `None` if there is no such attribute.
///
/// # Panics
/// If the key occurs more than once, which OTLP forbids.
#[must_use]
#[track_caller]
pub fn attr(attributes: &[KeyValue], key: &str) -> Option<Value> {
    let mut found = attributes.iter().filter(|attribute| attribute.key == key);
    let first = found.next()?;
    assert!(
        found.next().is_none(),
        "attribute `{key}` is there more than once: {attributes:?}"
    );
    Some(Value::of(first))
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    use super::*;

    fn any(value: ProtoValue) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    fn entry(key: &str, value: ProtoValue) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(any(value)),
            key_strindex: 0,
        }
    }

    #[test]
    fn values_of_different_types_are_not_equal() {
        let nested = KeyValueList {
            values: vec![
                entry("b", ProtoValue::IntValue(1)),
                entry("a", ProtoValue::BoolValue(true)),
            ],
        };
        let table = [
            (
                any(ProtoValue::StringValue("1".to_owned())),
                Value::from("1"),
            ),
            (any(ProtoValue::IntValue(1)), Value::from(1)),
            (any(ProtoValue::DoubleValue(1.0)), Value::from(1.0)),
            (any(ProtoValue::BoolValue(true)), Value::from(true)),
            (
                any(ProtoValue::BytesValue(b"1".to_vec())),
                Value::Bytes(b"1".to_vec()),
            ),
            (
                any(ProtoValue::ArrayValue(ArrayValue {
                    values: vec![any(ProtoValue::IntValue(1))],
                })),
                Value::from([1]),
            ),
            (
                any(ProtoValue::KvlistValue(nested)),
                Value::map([("a", Value::from(true)), ("b", Value::from(1))]),
            ),
            (AnyValue { value: None }, Value::Empty),
        ];
        for (left, (proto, _)) in table.iter().enumerate() {
            for (right, (_, expected)) in table.iter().enumerate() {
                let equal = Value::from(proto).sorted() == *expected;
                assert_eq!(equal, left == right, "{proto:?} against {expected:?}");
            }
        }
    }

    #[test]
    fn attr_returns_none_for_an_absent_key() {
        let attributes = [entry("there", ProtoValue::IntValue(7))];
        assert_eq!(attr(&attributes, "there"), Some(7.into()));
        assert_eq!(attr(&attributes, "not there"), None);
    }

    #[test]
    #[should_panic(expected = "more than once")]
    fn attr_panics_on_a_duplicate_key() {
        let attributes = [
            entry("k", ProtoValue::IntValue(1)),
            entry("k", ProtoValue::IntValue(2)),
        ];
        let _ = attr(&attributes, "k");
    }
}
