//! Converts serializable values into values of log records (feature `serde`).

use core::error::Error;
use core::fmt;

use serde::ser::{self, Serialize};

use super::owned::OwnedValue;

/// The maximum depth of a value, including the value itself. It is the host's default limit, and
/// keeps the small stack of a guest from overflowing.
const MAX_DEPTH: u32 = 32;

/// The reason why a value could not be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SerializeError {
    /// It is nested more than 32 levels deep.
    TooDeep,
    /// A map has a key that is not a text, number, boolean or character.
    Key,
    /// The error of the value's own `Serialize`.
    Custom(String),
}

impl fmt::Display for SerializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep => write!(f, "the value is nested more than {MAX_DEPTH} levels deep"),
            Self::Key => {
                f.write_str("a map has a key that is not a text, number, boolean or character")
            }
            Self::Custom(message) => f.write_str(message),
        }
    }
}

impl Error for SerializeError {}

impl ser::Error for SerializeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

type Result<T> = core::result::Result<T, SerializeError>;

impl OwnedValue {
    /// Converts any value that can be serialized (feature `serde`).
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
    /// | any other variant | a map of its name and its content |
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
    ///     LOGGER.record(Severity::Info).with_body(&order).emit();
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the value is nested more than 32 levels deep, if it has a map with keys
    /// that cannot become text, or if its `Serialize` fails.
    pub fn from_serialize<T: Serialize + ?Sized>(
        value: &T,
    ) -> core::result::Result<Self, SerializeError> {
        to_value(value)
    }
}

fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<OwnedValue> {
    // A null at the top level is an empty text, as in an array.
    let value = value.serialize(Serializer { depth: 0 })?;
    Ok(value.unwrap_or_else(nothing))
}

/// Returns the value that replaces a null where one is required. The contract has no null.
fn nothing() -> OwnedValue {
    OwnedValue::String(String::new())
}

/// Serializes a value. The result is `None` for a null.
#[derive(Clone, Copy)]
struct Serializer {
    /// The number of arrays and maps around the value.
    depth: u32,
}

impl Serializer {
    /// Returns the serializer for the content of an array or a map.
    fn within(self) -> Result<Self> {
        let depth = self.depth + 1;
        if depth < MAX_DEPTH {
            Ok(Self { depth })
        } else {
            Err(SerializeError::TooDeep)
        }
    }

    fn list(self, variant: Option<&'static str>) -> Result<List> {
        let around = if variant.is_some() {
            self.within()?
        } else {
            self
        };
        Ok(List {
            variant,
            values: Vec::new(),
            around,
        })
    }

    fn entries(self, variant: Option<&'static str>) -> Result<Entries> {
        let around = if variant.is_some() {
            self.within()?
        } else {
            self
        };
        Ok(Entries {
            variant,
            entries: Vec::new(),
            key: None,
            around,
        })
    }
}

/// Puts the content of a variant into a map, under the variant's name.
fn named(variant: Option<&'static str>, value: OwnedValue) -> OwnedValue {
    match variant {
        Some(variant) => OwnedValue::Map(vec![(variant.to_owned(), value)]),
        None => value,
    }
}

macro_rules! scalars {
    ($($method:ident($type:ty);)*) => {$(
        fn $method(self, value: $type) -> Result<Option<OwnedValue>> {
            Ok(Some(value.into()))
        }
    )*};
}

impl ser::Serializer for Serializer {
    type Ok = Option<OwnedValue>;
    type Error = SerializeError;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    scalars! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
    }

    fn serialize_none(self) -> Result<Self::Ok> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Self::Ok> {
        Ok(None)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Self::Ok> {
        Ok(None)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Self::Ok> {
        Ok(Some(variant.into()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Self::Ok> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Self::Ok> {
        let value = value.serialize(self.within()?)?;
        Ok(Some(named(Some(variant), value.unwrap_or_else(nothing))))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List> {
        self.list(None)
    }

    fn serialize_tuple(self, _: usize) -> Result<List> {
        self.list(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List> {
        self.list(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List> {
        self.list(Some(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries> {
        self.entries(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Entries> {
        self.entries(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Entries> {
        self.entries(Some(variant))
    }
}

/// Collects an array.
struct List {
    variant: Option<&'static str>,
    values: Vec<OwnedValue>,
    /// The serializer of the array itself.
    around: Serializer,
}

impl List {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let value = value.serialize(self.around.within()?)?;
        self.values.push(value.unwrap_or_else(nothing));
        Ok(())
    }

    fn finish(self) -> Result<Option<OwnedValue>> {
        Ok(Some(named(self.variant, OwnedValue::Array(self.values))))
    }
}

/// Collects a map.
struct Entries {
    variant: Option<&'static str>,
    entries: Vec<(String, OwnedValue)>,
    /// The key whose value comes next.
    key: Option<String>,
    /// The serializer of the map itself.
    around: Serializer,
}

impl Entries {
    fn add<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<()> {
        if let Some(value) = value.serialize(self.around.within()?)? {
            self.entries.push((key, value));
        }
        Ok(())
    }

    fn finish(self) -> Result<Option<OwnedValue>> {
        Ok(Some(named(self.variant, OwnedValue::Map(self.entries))))
    }
}

macro_rules! lists {
    ($($trait:ident::$method:ident),*) => {$(
        impl ser::$trait for List {
            type Ok = Option<OwnedValue>;
            type Error = SerializeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.add(value)
            }

            fn end(self) -> Result<Option<OwnedValue>> {
                self.finish()
            }
        }
    )*};
}

lists!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! structs {
    ($($trait:ident),*) => {$(
        impl ser::$trait for Entries {
            type Ok = Option<OwnedValue>;
            type Error = SerializeError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
                self.add(key.to_owned(), value)
            }

            fn end(self) -> Result<Option<OwnedValue>> {
                self.finish()
            }
        }
    )*};
}

structs!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Entries {
    type Ok = Option<OwnedValue>;
    type Error = SerializeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        let key = match key.serialize(self.around)? {
            Some(OwnedValue::String(key)) => key,
            Some(OwnedValue::Bool(key)) => key.to_string(),
            Some(OwnedValue::Int(key)) => key.to_string(),
            Some(OwnedValue::Double(key)) => key.to_string(),
            Some(OwnedValue::Bytes(_) | OwnedValue::Array(_) | OwnedValue::Map(_)) | None => {
                return Err(SerializeError::Key);
            }
        };
        self.key = Some(key);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let key = self.key.take().unwrap_or_default();
        self.add(key, value)
    }

    fn end(self) -> Result<Option<OwnedValue>> {
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(serde::Serialize)]
    enum Kind {
        Plain,
        Newtype(u64),
        Tuple(i8, bool),
        Struct { a: Option<u8>, b: char },
    }

    #[derive(serde::Serialize)]
    struct Unit;

    #[derive(serde::Serialize)]
    struct Order<'a> {
        id: u64,
        note: Option<&'a str>,
        unit: Unit,
        items: Vec<Option<&'a str>>,
        kinds: (Kind, Kind, Kind, Kind),
        prices: BTreeMap<i32, f64>,
        huge: (u64, i128, u128),
        nested: BTreeMap<&'a str, BTreeMap<char, bool>>,
    }

    #[test]
    fn each_kind_of_value_has_its_mapping() {
        let order = Order {
            id: 17,
            note: None,
            unit: Unit,
            items: vec![Some("tea"), None],
            kinds: (
                Kind::Plain,
                Kind::Newtype(5),
                Kind::Tuple(-1, true),
                Kind::Struct { a: None, b: 'x' },
            ),
            prices: BTreeMap::from([(-2, 0.5)]),
            huge: (u64::MAX, i128::MIN, 7),
            nested: BTreeMap::from([("outer", BTreeMap::from([('k', true)]))]),
        };
        let value = OwnedValue::from_serialize(&order).unwrap();
        let expected = OwnedValue::map([
            ("id", OwnedValue::from(17)),
            ("items", OwnedValue::array(["tea", ""])),
            (
                "kinds",
                OwnedValue::array([
                    OwnedValue::from("Plain"),
                    OwnedValue::map([("Newtype", 5)]),
                    OwnedValue::map([(
                        "Tuple",
                        OwnedValue::array([OwnedValue::from(-1), OwnedValue::from(true)]),
                    )]),
                    OwnedValue::map([("Struct", OwnedValue::map([("b", 'x')]))]),
                ]),
            ),
            ("prices", OwnedValue::map([("-2", 0.5)])),
            (
                "huge",
                OwnedValue::array([
                    OwnedValue::from("18446744073709551615"),
                    OwnedValue::from("-170141183460469231731687303715884105728"),
                    OwnedValue::from(7),
                ]),
            ),
            (
                "nested",
                OwnedValue::map([("outer", OwnedValue::map([("k", true)]))]),
            ),
        ]);
        assert_eq!(value, expected);
        assert_eq!(OwnedValue::from_serialize(&()).unwrap(), nothing());
        assert_eq!(
            OwnedValue::from_serialize(&BTreeMap::from([(vec![1], 1)])),
            Err(SerializeError::Key)
        );
    }

    /// A value of the given depth.
    struct Deep(u32);

    impl Serialize for Deep {
        fn serialize<S: ser::Serializer>(
            &self,
            serializer: S,
        ) -> core::result::Result<S::Ok, S::Error> {
            match self.0 {
                0 => serializer.serialize_unit(),
                depth => [Self(depth - 1)].serialize(serializer),
            }
        }
    }

    #[test]
    fn depth_is_bounded() {
        // The innermost value is a level, too.
        assert!(OwnedValue::from_serialize(&Deep(MAX_DEPTH - 1)).is_ok());
        for depth in [MAX_DEPTH, MAX_DEPTH + 1, 1_000_000] {
            assert_eq!(
                OwnedValue::from_serialize(&Deep(depth)),
                Err(SerializeError::TooDeep)
            );
        }
    }
}
