//! Arrays in fields.

#[cfg(feature = "tracing-std")]
use super::buffer::Text;
use super::buffer::{Array, Fields, Packed};
use crate::types::{KeyValue, Value};

impl Array for Box<[Box<str>]> {
    fn lend<'a>(&'a self, texts: &mut Vec<&'a str>) {
        texts.extend(self.iter().map(|text| &**text));
    }

    fn value<'a>(&'a self, lent: &mut &'a [&'a str]) -> Value<'a> {
        let (own, rest) = lent.split_at_checked(self.len()).unwrap_or_default();
        *lent = rest;
        Value::StringArray(own)
    }
}

macro_rules! arrays {
    ($($element:ty => $case:ident,)*) => {$(
        impl Array for Box<[$element]> {
            fn value<'a>(&'a self, _: &mut &'a [&'a str]) -> Value<'a> {
                Value::$case(self)
            }
        }
    )*};
}

arrays! {
    bool => BoolArray,
    i64 => IntArray,
    f64 => DoubleArray,
}

impl Fields {
    /// Adds an attribute that does not come from `tracing`.
    pub(in crate::subscriber) fn push_copy(&mut self, attribute: &KeyValue<'_>) {
        let array = |array| Packed::Array(array);
        let value = match attribute.value {
            Value::String(text) => Packed::Text(self.copy(text)),
            Value::Bool(value) => Packed::Bool(value),
            Value::Int(value) => Packed::Int(value),
            Value::Double(value) => Packed::Double(value),
            Value::Unsigned(value) => Packed::Text(self.decimal(false, value.get().into())),
            Value::StringArray(items) => {
                let items: Box<[Box<str>]> = items.iter().map(|item| (*item).into()).collect();
                array(Box::new(items))
            }
            Value::BoolArray(items) => array(Box::new(Box::<[_]>::from(items))),
            Value::IntArray(items) => array(Box::new(Box::<[_]>::from(items))),
            Value::DoubleArray(items) => array(Box::new(Box::<[_]>::from(items))),
        };
        let key = self.copy(attribute.key);
        self.push(key, value);
    }

    /// Adds a list of texts, unless it is empty.
    #[cfg(feature = "tracing-std")]
    pub(in crate::subscriber) fn push_list(&mut self, key: impl Into<Text>, items: &[Text]) {
        if !items.is_empty() {
            let items: Box<[Box<str>]> = items.iter().map(|item| self.str(item).into()).collect();
            self.push(key, Packed::Array(Box::new(items)));
        }
    }
}
