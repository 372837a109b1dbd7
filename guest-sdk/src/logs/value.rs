//! Values of log bodies and log attributes, nested ones too.

use super::arena::Nested;
use super::types::LogValue;
use crate::Value;

/// Is a value in a log record, nested where need be; `AnyValue` of OpenTelemetry.
///
/// It borrows all that it is made of, so a literal allocates nothing:
///
/// ```
/// use wasmscope::AnyValue;
///
/// let order = AnyValue::Map(&[
///     ("id", AnyValue::Int(17)),
///     ("items", AnyValue::Array(&[AnyValue::String("tea"), AnyValue::String("cup")])),
/// ]);
/// # let _ = order;
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u64)]
pub enum AnyValue<'a> {
    /// Text.
    String(&'a str),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// An array.
    Array(&'a [Self]),
    /// A map. Where a key is given twice the last value holds.
    Map(&'a [(&'a str, Self)]),
}

macro_rules! any_from {
    ($($from:ty => $variant:ident($value:ident => $as:expr)),* $(,)?) => {$(
        impl<'a> From<$from> for AnyValue<'a> {
            #[inline]
            fn from($value: $from) -> Self {
                Self::$variant($as)
            }
        }
    )*};
}

any_from! {
    &'a str => String(v => v),
    &'a String => String(v => v),
    bool => Bool(v => v),
    i8 => Int(v => v.into()),
    i16 => Int(v => v.into()),
    i32 => Int(v => v.into()),
    i64 => Int(v => v),
    u8 => Int(v => v.into()),
    u16 => Int(v => v.into()),
    u32 => Int(v => v.into()),
    f32 => Double(v => v.into()),
    f64 => Double(v => v),
    &'a [u8] => Bytes(v => v),
    &'a [AnyValue<'a>] => Array(v => v),
    &'a [(&'a str, AnyValue<'a>)] => Map(v => v),
}

impl<'a> Nested<'a> for AnyValue<'a> {
    fn node(self, children: &mut Vec<(&'a str, Self)>) -> LogValue<'a> {
        match self {
            Self::String(value) => LogValue::StringValue(value),
            Self::Bool(value) => LogValue::BoolValue(value),
            Self::Int(value) => LogValue::IntValue(value),
            Self::Double(value) => LogValue::DoubleValue(value),
            Self::Bytes(value) => LogValue::BytesValue(value),
            Self::Array(values) => {
                children.extend(values.iter().map(|value| ("", *value)));
                LogValue::ArrayValue(&[])
            }
            Self::Map(entries) => {
                children.extend_from_slice(entries);
                LogValue::MapValue(&[])
            }
        }
    }
}

/// Gives the log value of an attribute's value; none for an array, which takes nodes.
pub(crate) fn scalar(value: Value<'_>) -> Option<LogValue<'_>> {
    match value {
        Value::StringValue(value) => Some(LogValue::StringValue(value)),
        Value::BoolValue(value) => Some(LogValue::BoolValue(value)),
        Value::IntValue(value) => Some(LogValue::IntValue(value)),
        Value::DoubleValue(value) => Some(LogValue::DoubleValue(value)),
        Value::StringArray(_)
        | Value::BoolArray(_)
        | Value::IntArray(_)
        | Value::DoubleArray(_) => None,
    }
}
