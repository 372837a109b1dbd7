//! Values of log bodies and log attributes, nested ones too.

use core::fmt;
use std::borrow::Cow;

use super::OwnedValue;
use super::arena::{self, EmitNested, NO_VALUE, Nested};
use super::types::LogValue;
use crate::Value;
use crate::types::from_nonzero;

/// A value of a log record, which may be nested: OpenTelemetry's `AnyValue`.
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
/// A value in a variable needs variables for everything that it borrows, as with [`format_args!`].
/// If its shape is only known at run time, an [`OwnedValue`] is easier to build.
///
/// It is made by `into()`, or by [`fields!`](crate::fields), of any integer up to 64 bits, `f32`,
/// `f64`, `bool`, `&str`, `&String`, `&Cow<str>` and `&[u8]`. A `u64` that no `i64` holds becomes a
/// text of its digits, as the OpenTelemetry specification maps integers beyond 64 bits signed.
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
    /// An unsigned integer beyond the signed ones, which is passed on as text. Made by
    /// `AnyValue::from`.
    Unsigned(Wide),
    /// An array or a map of an [`OwnedValue`]. Made by `AnyValue::from`.
    Owned(Owned<'a>),
}

/// An unsigned integer that is too large for `i64`.
#[derive(Clone, Copy)]
pub struct Wide {
    value: u64,
    // As in `Items`.
    emit: for<'x> fn(u64, &arena::Parts<'x, AnyValue<'x>>),
}

/// An array or a map that was built at run time.
#[derive(Clone, Copy)]
pub struct Owned<'a> {
    value: &'a OwnedValue,
    // As in `Items`.
    emit: for<'x> fn(u64, &arena::Parts<'x, AnyValue<'x>>),
}

impl Wide {
    /// Returns the integer.
    #[must_use]
    pub const fn get(&self) -> u64 {
        self.value
    }
}

impl<'a> Owned<'a> {
    /// Returns the array or the map.
    #[must_use]
    pub const fn get(&self) -> &'a OwnedValue {
        self.value
    }
}

impl fmt::Debug for Wide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl PartialEq for Wide {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl fmt::Debug for Owned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl PartialEq for Owned<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl From<u64> for AnyValue<'_> {
    #[inline]
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(value) => Self::Int(value),
            Err(_) => Self::Unsigned(Wide {
                value,
                emit: emit_nested,
            }),
        }
    }
}

impl From<usize> for AnyValue<'_> {
    #[inline]
    fn from(value: usize) -> Self {
        #[cfg(target_pointer_width = "32")]
        return Self::Int(value as i64);
        #[cfg(not(target_pointer_width = "32"))]
        return (value as u64).into();
    }
}

impl From<isize> for AnyValue<'_> {
    #[inline]
    fn from(value: isize) -> Self {
        Self::Int(value as i64)
    }
}

impl<'a> From<&'a OwnedValue> for AnyValue<'a> {
    fn from(value: &'a OwnedValue) -> Self {
        match value {
            OwnedValue::String(value) => Self::String(value),
            OwnedValue::Bool(value) => Self::Bool(*value),
            OwnedValue::Int(value) => Self::Int(*value),
            OwnedValue::Double(value) => Self::Double(*value),
            OwnedValue::Bytes(value) => Self::Bytes(value),
            OwnedValue::Array(_) | OwnedValue::Map(_) => Self::Owned(Owned {
                value,
                emit: emit_nested,
            }),
        }
    }
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
    &'a Cow<'_, str> => String(v => v),
    &'a Box<str> => String(v => v),
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

from_nonzero!(AnyValue<'_>: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

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
            Self::Unsigned(value) => Err(value.emit),
            Self::Owned(value) => Err(value.emit),
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
        if let Self::Owned(Owned { value, .. }) = self {
            if let OwnedValue::Map(entries) = value {
                children.extend(
                    entries
                        .iter()
                        .map(|(key, value)| (key.as_str(), value.into())),
                );
                return LogValue::MapValue(&[]);
            }
            if let OwnedValue::Array(values) = value {
                children.extend(values.iter().map(|value| ("", value.into())));
            }
            return LogValue::ArrayValue(&[]);
        }
        self.scalar().unwrap_or(NO_VALUE)
    }

    fn unsigned(self) -> Option<u64> {
        if let Self::Unsigned(wide) = self {
            Some(wide.value)
        } else {
            None
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
        | Value::DoubleArray(_)
        | Value::UnsignedValue(_) => None,
    }
}
