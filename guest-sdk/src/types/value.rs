//! Attributes and their values.
//!
//! The types have the layout of the canonical ABI, so nothing is converted for the host.

use std::borrow::Cow;

/// The value of an attribute of a span, an event, a link, a scope or a measurement.
///
/// [`attributes!`](crate::attributes) and `into()` convert any integer up to 64 bits, `f32`, `f64`,
/// `bool`, `&str`, `&String` and `&Cow<str>`. A `u64` that does not fit into an `i64` becomes a
/// text of its digits, because the OpenTelemetry specification maps integers beyond signed 64 bits
/// to strings. Only logs have nested values: see [`AnyValue`](crate::AnyValue).
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u64)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Text.
    String(&'a str),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// An array of texts.
    StringArray(&'a [&'a str]),
    /// An array of booleans.
    BoolArray(&'a [bool]),
    /// An array of signed integers.
    IntArray(&'a [i64]),
    /// An array of floating point numbers.
    DoubleArray(&'a [f64]),
    /// An unsigned integer that is too large for `i64`, from `Value::from(u64)`. The host receives
    /// it as text, because the contract has no such case.
    Unsigned(Unsigned),
}

/// An unsigned integer that is too large for `i64`, from `Value::from(u64)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Unsigned(u64);

impl Unsigned {
    pub(crate) const fn new(value: u64) -> Self {
        Self(value)
    }

    /// Returns the integer.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Implements `From` for a type of values: for the common source types, and for additional ones.
macro_rules! value_from {
    ($for:ident: $($from:ty => $variant:ident($value:ident => $as:expr)),* $(,)?) => {
        $crate::types::value_from!(@each $for:
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
            $($from => $variant($value => $as),)*
        );
    };
    (@each $for:ident: $($from:ty => $variant:ident($value:ident => $as:expr),)*) => {$(
        impl<'a> From<$from> for $for<'a> {
            #[inline]
            fn from($value: $from) -> Self {
                Self::$variant($as)
            }
        }
    )*};
}
pub(crate) use value_from;

value_from! {
    Value:
    &'a [&'a str] => StringArray(v => v),
    &'a [bool] => BoolArray(v => v),
    &'a [i64] => IntArray(v => v),
    &'a [f64] => DoubleArray(v => v),
}

/// Implements `From` for non-zero integers, through the integer itself.
macro_rules! from_nonzero {
    ($for:ty: $($integer:ty),*) => {$(
        impl From<core::num::NonZero<$integer>> for $for {
            #[inline]
            fn from(value: core::num::NonZero<$integer>) -> Self {
                value.get().into()
            }
        }
    )*};
}
pub(crate) use from_nonzero;

from_nonzero!(Value<'_>: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

/// An attribute: a name and a value. It borrows both, so nothing is copied before the call to the
/// host.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct KeyValue<'a> {
    /// The name. The host drops an attribute with an empty name.
    pub key: &'a str,
    /// The value.
    pub value: Value<'a>,
}

impl<'a> KeyValue<'a> {
    /// Creates an attribute.
    #[inline]
    pub fn new(key: &'a str, value: impl Into<Value<'a>>) -> Self {
        Self {
            key,
            value: value.into(),
        }
    }
}

/// An instrumentation scope in the contract's form. [`Scope`](crate::Scope) is the public form.
/// This one can be built at run time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct InstrumentationScope<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: Option<&'a str>,
    pub(crate) schema_url: Option<&'a str>,
    pub(crate) attributes: &'a [KeyValue<'a>],
}

#[cfg(any(feature = "log", feature = "opentelemetry", feature = "tracing"))]
impl<'a> InstrumentationScope<'a> {
    /// Creates a scope that has only a name.
    pub(crate) const fn named(name: &'a str) -> Self {
        Self {
            name,
            version: None,
            schema_url: None,
            attributes: &[],
        }
    }
}

/// Creates a slice of attributes: `attributes!["order.id" => 17, "customer" => name]`.
///
/// Values may have any type that converts into [`Value`]. The slice borrows them and allocates
/// nothing.
#[macro_export]
macro_rules! attributes {
    ($($key:expr => $value:expr),* $(,)?) => {
        &[$($crate::KeyValue::new($key, $value)),*]
    };
}
