//! Values and identifiers that the signals share: the types of the contract's interface `types`, in the form in
//! which the generated bindings take them, so that nothing is converted on the way to the host.

use std::borrow::Cow;

use crate::wide::Unsigned;

/// Identifies a trace: 128 bits as two halves. All zero is invalid (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct TraceId {
    /// The 64 most significant bits: the first 16 digits of the usual hexadecimal form.
    pub high: u64,
    /// The 64 least significant bits.
    pub low: u64,
}

/// Holds the trace flags of the W3C Trace Context recommendation, level 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// Bit 0: the trace is recorded by the one who made the context.
    pub const SAMPLED: Self = Self(1);
    /// Bit 1: at least the low 56 bits of the trace id are random.
    pub const RANDOM: Self = Self(2);

    /// Gives the flags with no bit set.
    #[must_use]
    pub const fn empty() -> Self {
        Self(0)
    }

    /// Gives the flags that stand in the bits of a byte, unknown ones included.
    #[must_use]
    pub const fn from_bits_retain(bits: u8) -> Self {
        Self(bits)
    }

    /// Gives the flags as a byte.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.0
    }

    /// Whether the trace is sampled.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.0 & 1 != 0
    }
}

impl core::ops::BitOr for TraceFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Identifies a span across processes.
///
/// It is what a `traceparent` and a `tracestate` header say; see
/// [`from_traceparent`](Self::from_traceparent) and [`traceparent`](Self::traceparent).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SpanContext {
    /// The trace that the span belongs to.
    pub trace_id: TraceId,
    /// The span itself; zero is invalid.
    pub span_id: u64,
    /// Whether the trace is sampled.
    pub trace_flags: TraceFlags,
    /// The `tracestate` header's value; empty where there is none.
    pub trace_state: String,
}

impl SpanContext {
    /// Whether neither id is zero. The host takes an invalid context for none.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        (self.trace_id.high != 0 || self.trace_id.low != 0) && self.span_id != 0
    }
}

/// Says which span is meant, where one may be chosen: as a span's parent, as the span that a log record belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpanReference<'a> {
    /// The innermost active span of the instance, by whichever component of a composition it was entered; beneath
    /// those, the host's own span around the call.
    #[default]
    Ambient,
    /// No span: a new trace, or a log record that belongs to none.
    None,
    /// A span of this instance, by its handle.
    Span(u64),
    /// A span of another process. An invalid context counts as `None`.
    Remote(&'a SpanContext),
}

impl<'a> From<&'a SpanContext> for SpanReference<'a> {
    fn from(context: &'a SpanContext) -> Self {
        Self::Remote(context)
    }
}

/// Is the value of an attribute of a span, an event, a link, a scope or a measurement.
///
/// The variants are named as in the contract. Usually a value is made by `into()`, or by
/// [`attributes!`](crate::attributes), of any integer up to 64 bits, `f32`, `f64`, `bool`, `&str`,
/// `&String` and `&Cow<str>`. A `u64` that no `i64` holds becomes a text of its digits, as the
/// OpenTelemetry specification maps integers beyond 64 bits signed. Nested values belong to logs:
/// see [`AnyValue`](crate::AnyValue).
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, u64)]
pub enum Value<'a> {
    /// Text.
    StringValue(&'a str),
    /// True or false.
    BoolValue(bool),
    /// A signed integer.
    IntValue(i64),
    /// A floating point number.
    DoubleValue(f64),
    /// An array of texts.
    StringArray(&'a [&'a str]),
    /// An array of booleans.
    BoolArray(&'a [bool]),
    /// An array of signed integers.
    IntArray(&'a [i64]),
    /// An array of floating point numbers.
    DoubleArray(&'a [f64]),
    /// An unsigned integer beyond the signed ones, which is passed on as text: the contract has no
    /// such case. Made by `Value::from`.
    UnsignedValue(Unsigned),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident($value:ident => $as:expr)),* $(,)?) => {$(
        impl<'a> From<$from> for Value<'a> {
            #[inline]
            fn from($value: $from) -> Self {
                Self::$variant($as)
            }
        }
    )*};
}

value_from! {
    &'a str => StringValue(v => v),
    &'a String => StringValue(v => v),
    &'a Cow<'_, str> => StringValue(v => v),
    &'a Box<str> => StringValue(v => v),
    bool => BoolValue(v => v),
    i8 => IntValue(v => v.into()),
    i16 => IntValue(v => v.into()),
    i32 => IntValue(v => v.into()),
    i64 => IntValue(v => v),
    u8 => IntValue(v => v.into()),
    u16 => IntValue(v => v.into()),
    u32 => IntValue(v => v.into()),
    f32 => DoubleValue(v => v.into()),
    f64 => DoubleValue(v => v),
    &'a [&'a str] => StringArray(v => v),
    &'a [bool] => BoolArray(v => v),
    &'a [i64] => IntArray(v => v),
    &'a [f64] => DoubleArray(v => v),
}

/// Makes a value of each integer that is not zero, as of the integer itself.
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

/// Is an attribute: a name and a value. Nothing is copied before it is passed to the host.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct KeyValue<'a> {
    /// Its name; an attribute with an empty one is dropped.
    pub key: &'a str,
    /// Its value.
    pub value: Value<'a>,
}

impl<'a> KeyValue<'a> {
    /// Makes an attribute.
    #[inline]
    pub fn new(key: &'a str, value: impl Into<Value<'a>>) -> Self {
        Self {
            key,
            value: value.into(),
        }
    }
}

/// Says who is speaking: an instrumentation scope as the contract has it. Authors use
/// [`Scope`](crate::Scope); this one may be built at run time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct InstrumentationScope<'a> {
    /// A name such as the crate's.
    pub(crate) name: &'a str,
    /// The version of what is named.
    pub(crate) version: Option<&'a str>,
    /// The schema that the telemetry of this scope follows.
    pub(crate) schema_url: Option<&'a str>,
    /// Attributes of the scope itself.
    pub(crate) attributes: &'a [KeyValue<'a>],
}

/// Makes a slice of attributes: `attributes!["order.id" => 17, "customer" => name]`.
///
/// Values are anything that [`Value`] can be made from. The slice borrows; nothing is allocated.
#[macro_export]
macro_rules! attributes {
    ($($key:expr => $value:expr),* $(,)?) => {
        &[$($crate::KeyValue::new($key, $value)),*]
    };
}
