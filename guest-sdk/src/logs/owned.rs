//! Values that own what they are made of, for what is only known at run time.

use std::borrow::Cow;

use super::AnyValue;

/// A value of a log record that owns its contents. It may be nested, and is built at run time.
///
/// ```
/// use wasmscope::{Logger, OwnedValue, Severity, fields};
///
/// static LOGGER: Logger = wasmscope::logger!();
///
/// let stock = OwnedValue::map([("tea", 3), ("cup", 12)].map(|(name, count)| {
///     (name, OwnedValue::map([("count", count), ("reserved", 1)]))
/// }));
/// LOGGER.record(Severity::Info).body(&stock).attributes(fields!["stock" => &stock]).emit();
/// ```
///
/// With the feature `serde`, `OwnedValue::from_serialize` makes one of any value that implements
/// `serde::Serialize`.
///
/// The host takes 32 levels and 1,024 nested values of a record by default; the value itself is the
/// first level. Of a record with more it leaves out all arrays and maps, and counts them.
#[derive(Debug, Clone, PartialEq)]
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
    /// A map. Where a key is given twice the last value holds.
    Map(Vec<(String, Self)>),
}

impl OwnedValue {
    /// Makes an array.
    pub fn array<T: Into<Self>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }

    /// Makes a map.
    pub fn map<K: Into<String>, T: Into<Self>>(entries: impl IntoIterator<Item = (K, T)>) -> Self {
        let entry = |(key, value): (K, T)| (key.into(), value.into());
        Self::Map(entries.into_iter().map(entry).collect())
    }

    /// Makes a value of anything that can be serialized (feature `serde`).
    ///
    /// | serde | value |
    /// |---|---|
    /// | integers | integer; beyond 64 bits signed, text |
    /// | `char`, `str` | text |
    /// | bytes | bytes |
    /// | `None`, `()`, unit structs | left out of maps; an empty text in arrays |
    /// | sequences, tuples | array |
    /// | maps, structs | map; keys that are numbers, booleans or characters become text |
    /// | a unit variant | its name |
    /// | any other variant | a map of its name and what it holds |
    ///
    /// ```
    /// # #[derive(serde::Serialize)]
    /// # struct Order { id: u64, items: Vec<&'static str> }
    /// use wasmscope::{Logger, OwnedValue, Severity};
    ///
    /// static LOGGER: Logger = wasmscope::logger!();
    ///
    /// # let order = Order { id: 17, items: vec!["tea"] };
    /// if let Ok(order) = OwnedValue::from_serialize(&order) {
    ///     LOGGER.record(Severity::Info).body(&order).emit();
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the value is nested more than 32 levels deep, has a map with keys that
    /// are no text, or reports an error of its own.
    #[cfg(feature = "serde")]
    pub fn from_serialize<T: serde::Serialize + ?Sized>(
        value: &T,
    ) -> Result<Self, super::SerializeError> {
        super::serialize::to_value(value)
    }

    /// Adds an entry to a map, or replaces the one with the same key. Any other value becomes a map
    /// first.
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

    /// Adds an element to an array. Any other value becomes an array first.
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
            /// Makes an integer, or where that is too narrow a text of its digits.
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
crate::types::from_nonzero!(OwnedValue: i8, i16, i32, i64, isize, i128, u8, u16, u32, u64, usize, u128);

impl<T: Into<Self>> From<Vec<T>> for OwnedValue {
    fn from(values: Vec<T>) -> Self {
        Self::array(values)
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
