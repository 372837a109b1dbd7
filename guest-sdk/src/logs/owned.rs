//! Values that own their contents, for structures that are only known at run time.

use std::borrow::Cow;

use crate::types::from_nonzero;

/// A value of a log record that owns its contents, may be nested, and is built at run time.
///
/// ```
/// use wasmscope::{Logger, OwnedValue, Severity, fields};
///
/// static LOGGER: Logger = wasmscope::logger!();
///
/// let stock = OwnedValue::map([("tea", 3), ("cup", 12)].map(|(name, count)| {
///     (name, OwnedValue::map([("count", count), ("reserved", 1)]))
/// }));
/// LOGGER.record(Severity::Info).with_body(&stock).with_attributes(fields!["stock" => &stock]).emit();
/// ```
///
/// With the feature `serde`, `OwnedValue::from_serialize` converts any value that implements
/// `serde::Serialize`.
///
/// By default the host accepts 32 levels, including the value itself, and 1,024 nested values. If a
/// record has more, the host leaves out all its arrays and maps, and counts them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OwnedValue {
    /// Text.
    String(String),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<Self>),
    /// A map. If a key occurs twice, the last value counts.
    Map(Vec<(String, Self)>),
}

impl OwnedValue {
    /// Creates an array.
    pub fn array<T: Into<Self>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }

    /// Creates a map.
    pub fn map<K: Into<String>, T: Into<Self>>(entries: impl IntoIterator<Item = (K, T)>) -> Self {
        let entry = |(key, value): (K, T)| (key.into(), value.into());
        Self::Map(entries.into_iter().map(entry).collect())
    }

    /// Adds an entry to a map, or replaces the one with the same key. Any other value is replaced
    /// by a map first.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Self>) {
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(Vec::new());
        }
        if let Self::Map(entries) = self {
            let key = key.into();
            entries.retain(|(other, _)| *other != key);
            entries.push((key, value.into()));
        }
    }

    /// Adds an element to an array. Any other value is replaced by an array first.
    pub fn push(&mut self, value: impl Into<Self>) {
        if !matches!(self, Self::Array(_)) {
            *self = Self::Array(Vec::new());
        }
        if let Self::Array(values) = self {
            values.push(value.into());
        }
    }
}

macro_rules! owned_from {
    ($($from:ty => $variant:ident($value:ident => $as:expr)),* $(,)?) => {$(
        impl From<$from> for OwnedValue {
            fn from($value: $from) -> Self {
                Self::$variant($as)
            }
        }
    )*};
}

owned_from! {
    &str => String(v => v.to_owned()),
    &String => String(v => v.clone()),
    String => String(v => v),
    Cow<'_, str> => String(v => v.into_owned()),
    Box<str> => String(v => v.into_string()),
    char => String(v => v.to_string()),
    bool => Bool(v => v),
    i8 => Int(v => v.into()),
    i16 => Int(v => v.into()),
    i32 => Int(v => v.into()),
    i64 => Int(v => v),
    isize => Int(v => v as i64),
    u8 => Int(v => v.into()),
    u16 => Int(v => v.into()),
    u32 => Int(v => v.into()),
    f32 => Double(v => v.into()),
    f64 => Double(v => v),
    &[u8] => Bytes(v => v.to_vec()),
}

macro_rules! owned_from_wide {
    ($($from:ty),*) => {$(
        impl From<$from> for OwnedValue {
            /// Creates an integer, or a text of its digits if it is too large.
            fn from(value: $from) -> Self {
                match i64::try_from(value) {
                    Ok(value) => Self::Int(value),
                    Err(_) => Self::String(value.to_string()),
                }
            }
        }
    )*};
}

owned_from_wide!(u64, usize, i128, u128);
from_nonzero!(OwnedValue: i8, i16, i32, i64, isize, i128, u8, u16, u32, u64, usize, u128);

impl<T: Into<Self>> From<Vec<T>> for OwnedValue {
    fn from(values: Vec<T>) -> Self {
        Self::array(values)
    }
}
