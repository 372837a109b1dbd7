//! Values of log bodies and log attributes, nested ones too.

use core::fmt;

use super::arena::{self, EmitNested, NO_VALUE, Nested};
use super::types::LogValue;
use crate::Value;

/// Is a value in a log record, nested where need be; `AnyValue` of OpenTelemetry.
///
/// It borrows all that it is made of, so a literal allocates nothing:
///
/// ```
/// use wasmscope::{AnyValue, Logger, Severity};
///
/// static LOGGER: Logger = wasmscope::logger!();
///
/// LOGGER
///     .record(Severity::Info)
///     .body(AnyValue::map(&[
///         ("id", AnyValue::Int(17)),
///         ("items", AnyValue::array(&[AnyValue::String("tea"), AnyValue::String("cup")])),
///     ]))
///     .emit();
/// ```
///
/// What is kept in a variable needs variables for what it borrows, as [`format_args!`] does.
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
    /// An array; [`AnyValue::array`] makes it.
    Array(Items<'a, Self>),
    /// A map; [`AnyValue::map`] makes it.
    Map(Items<'a, (&'a str, Self)>),
}

/// Is what an array or a map is made of.
#[derive(Clone, Copy)]
pub struct Items<'a, T> {
    items: &'a [T],
    // Comes with the value, so that a program without nested values links none of what they take.
    emit: for<'x> fn(u64, &arena::Parts<'x, AnyValue<'x>>),
}

impl<'a> AnyValue<'a> {
    /// Makes an array.
    #[must_use]
    pub const fn array(values: &'a [Self]) -> Self {
        Self::Array(Items::of(values))
    }

    /// Makes a map. Where a key is given twice the last value holds.
    #[must_use]
    pub const fn map(entries: &'a [(&'a str, Self)]) -> Self {
        Self::Map(Items::of(entries))
    }
}

impl<'a, T> Items<'a, T> {
    const fn of(items: &'a [T]) -> Self {
        Self {
            items,
            emit: emit_nested,
        }
    }

    /// Gives the values, or the entries.
    #[must_use]
    pub const fn as_slice(&self) -> &'a [T] {
        self.items
    }
}

fn emit_nested<'a>(logger: u64, parts: &arena::Parts<'a, AnyValue<'a>>) {
    arena::emit_nested(logger, parts);
}

impl<T: fmt::Debug> fmt::Debug for Items<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Items<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
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
    &'a [AnyValue<'a>] => Array(v => Items::of(v)),
    &'a [(&'a str, AnyValue<'a>)] => Map(v => Items::of(v)),
}

impl<'a> Nested<'a> for AnyValue<'a> {
    #[inline]
    fn scalar(self) -> Result<LogValue<'a>, EmitNested<'a, Self>> {
        match self {
            Self::String(value) => Ok(LogValue::StringValue(value)),
            Self::Bool(value) => Ok(LogValue::BoolValue(value)),
            Self::Int(value) => Ok(LogValue::IntValue(value)),
            Self::Double(value) => Ok(LogValue::DoubleValue(value)),
            Self::Bytes(value) => Ok(LogValue::BytesValue(value)),
            Self::Array(values) => Err(values.emit),
            Self::Map(entries) => Err(entries.emit),
        }
    }

    fn node(self, children: &mut Vec<(&'a str, Self)>) -> LogValue<'a> {
        if let Self::Array(values) = self {
            children.extend(values.items.iter().map(|value| ("", *value)));
            return LogValue::ArrayValue(&[]);
        }
        if let Self::Map(entries) = self {
            children.extend_from_slice(entries.items);
            return LogValue::MapValue(&[]);
        }
        self.scalar().unwrap_or(NO_VALUE)
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
