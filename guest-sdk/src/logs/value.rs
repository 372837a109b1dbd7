//! Values of log bodies and log attributes, including nested ones.

use core::fmt;
use std::borrow::Cow;

use super::arena::{self, EmitNested, NO_VALUE, Nested};
use super::owned::OwnedValue;
use crate::types::{LogValue, LoggerHandle, Value, from_nonzero, value_from};

/// A value of a log record, which may be nested: OpenTelemetry's `AnyValue`.
///
/// It borrows its contents, so a literal allocates nothing:
///
/// ```
/// use wasmscope::{AnyValue, Logger, Severity};
///
/// static LOGGER: Logger = wasmscope::logger!();
///
/// LOGGER
///     .record(Severity::Info)
///     .with_body(AnyValue::map(&[
///         ("id", AnyValue::Int(17)),
///         ("items", AnyValue::array(&[AnyValue::String("tea"), AnyValue::String("cup")])),
///     ]))
///     .emit();
/// ```
///
/// A value in a variable needs variables for all values that it borrows, as with [`format_args!`].
/// If its structure is only known at run time, use an [`OwnedValue`].
///
/// [`fields!`](crate::fields) and `into()` convert any integer up to 64 bits, `f32`, `f64`, `bool`,
/// `&str`, `&String`, `&Cow<str>` and `&[u8]`. A `u64` that does not fit into an `i64` becomes a
/// text of its digits, because the OpenTelemetry specification maps integers beyond signed 64 bits
/// to strings.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u64)]
#[non_exhaustive]
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
    /// An array; use [`AnyValue::array`].
    Array(Items<'a, Self>),
    /// A map; use [`AnyValue::map`].
    Map(Items<'a, (&'a str, Self)>),
    /// An unsigned integer that is too large for `i64`, from `AnyValue::from(u64)`. The host
    /// receives it as text.
    Unsigned(AnyUnsigned),
    /// An array or a map of an [`OwnedValue`], from `AnyValue::from`.
    Owned(Owned<'a>),
}

/// An unsigned integer that is too large for `i64`.
#[derive(Clone, Copy)]
pub struct AnyUnsigned {
    value: u64,
    // As in `Items`.
    emit: for<'x> fn(LoggerHandle, &arena::Parts<'x, AnyValue<'x>>),
}

/// An array or a map that was built at run time.
#[derive(Clone, Copy)]
pub struct Owned<'a> {
    value: &'a OwnedValue,
    // As in `Items`.
    emit: for<'x> fn(LoggerHandle, &arena::Parts<'x, AnyValue<'x>>),
}

impl AnyUnsigned {
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

impl fmt::Debug for AnyUnsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl PartialEq for AnyUnsigned {
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
            Err(_) => Self::Unsigned(AnyUnsigned {
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

/// The contents of an array or a map.
#[derive(Clone, Copy)]
pub struct Items<'a, T> {
    items: &'a [T],
    // Part of the value, so that a component without nested values contains no code for them.
    emit: for<'x> fn(LoggerHandle, &arena::Parts<'x, AnyValue<'x>>),
}

impl<'a> AnyValue<'a> {
    /// Creates an array.
    #[must_use]
    pub const fn array(values: &'a [Self]) -> Self {
        Self::Array(Items::of(values))
    }

    /// Creates a map. If a key occurs twice, the last value counts.
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

    /// Returns the values, or the entries.
    #[must_use]
    pub const fn as_slice(&self) -> &'a [T] {
        self.items
    }
}

fn emit_nested<'a>(logger: LoggerHandle, parts: &arena::Parts<'a, AnyValue<'a>>) {
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

value_from! {
    AnyValue:
    &'a [u8] => Bytes(v => v),
    &'a [AnyValue<'a>] => Array(v => Items::of(v)),
    &'a [(&'a str, AnyValue<'a>)] => Map(v => Items::of(v)),
}

from_nonzero!(AnyValue<'_>: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

impl<'a> Nested<'a> for AnyValue<'a> {
    #[inline]
    fn scalar(self) -> Result<LogValue<'a>, EmitNested<'a, Self>> {
        match self {
            Self::String(value) => Ok(LogValue::String(value)),
            Self::Bool(value) => Ok(LogValue::Bool(value)),
            Self::Int(value) => Ok(LogValue::Int(value)),
            Self::Double(value) => Ok(LogValue::Double(value)),
            Self::Bytes(value) => Ok(LogValue::Bytes(value)),
            Self::Array(values) => Err(values.emit),
            Self::Map(entries) => Err(entries.emit),
            Self::Unsigned(value) => Err(value.emit),
            Self::Owned(value) => Err(value.emit),
        }
    }

    fn node(self, children: &mut Vec<(&'a str, Self)>) -> LogValue<'a> {
        if let Self::Array(values) = self {
            children.extend(values.items.iter().map(|value| ("", *value)));
            return LogValue::Array(&[]);
        }
        if let Self::Map(entries) = self {
            children.extend_from_slice(entries.items);
            return LogValue::Map(&[]);
        }
        if let Self::Owned(Owned { value, .. }) = self {
            if let OwnedValue::Map(entries) = value {
                children.extend(
                    entries
                        .iter()
                        .map(|(key, value)| (key.as_str(), value.into())),
                );
                return LogValue::Map(&[]);
            }
            if let OwnedValue::Array(values) = value {
                children.extend(values.iter().map(|value| ("", value.into())));
            }
            return LogValue::Array(&[]);
        }
        self.scalar().unwrap_or(NO_VALUE)
    }

    fn unsigned(self) -> Option<u64> {
        if let Self::Unsigned(unsigned) = self {
            Some(unsigned.value)
        } else {
            None
        }
    }
}

/// Converts an attribute's value into a log value. Returns `None` for an array, which needs nodes,
/// and for a large integer.
pub(crate) fn scalar(value: Value<'_>) -> Option<LogValue<'_>> {
    match value {
        Value::String(value) => Some(LogValue::String(value)),
        Value::Bool(value) => Some(LogValue::Bool(value)),
        Value::Int(value) => Some(LogValue::Int(value)),
        Value::Double(value) => Some(LogValue::Double(value)),
        Value::StringArray(_)
        | Value::BoolArray(_)
        | Value::IntArray(_)
        | Value::DoubleArray(_)
        | Value::Unsigned(_) => None,
    }
}

impl From<AnyValue<'_>> for OwnedValue {
    fn from(value: AnyValue<'_>) -> Self {
        match value {
            AnyValue::String(value) => value.into(),
            AnyValue::Bool(value) => value.into(),
            AnyValue::Int(value) => value.into(),
            AnyValue::Double(value) => value.into(),
            AnyValue::Bytes(value) => value.into(),
            AnyValue::Array(values) => Self::array(values.as_slice().iter().copied()),
            AnyValue::Map(entries) => Self::map(entries.as_slice().iter().copied()),
            AnyValue::Unsigned(value) => value.get().into(),
            AnyValue::Owned(value) => value.get().clone(),
        }
    }
}
