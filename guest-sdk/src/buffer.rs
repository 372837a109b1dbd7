//! Copied attributes, with all texts in one string instead of separate allocations.

use crate::types::{KeyValue, Value};
use crate::unsigned;

#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Keys and texts, one after the other.
    text: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// The length of the key.
    key: usize,
    /// The value. If it is a text, `text` holds it.
    value: Value<'static>,
    /// The length of the value, if it is a text.
    value_text: usize,
}

impl Buffer {
    pub(crate) const fn new() -> Self {
        Self {
            text: String::new(),
            entries: Vec::new(),
        }
    }

    /// Copies an attribute. Returns false for an array, which the buffer does not support.
    pub(crate) fn push(&mut self, key: &str, value: Value<'_>) -> bool {
        let digits;
        let (value, value_text) = match value {
            Value::Unsigned(value) => {
                digits = unsigned::digits(value);
                (Value::String(""), digits.as_deref().unwrap_or_default())
            }
            Value::String(text) => (Value::String(""), text),
            Value::Bool(value) => (Value::Bool(value), ""),
            Value::Int(value) => (Value::Int(value), ""),
            Value::Double(value) => (Value::Double(value), ""),
            Value::StringArray(_)
            | Value::BoolArray(_)
            | Value::IntArray(_)
            | Value::DoubleArray(_) => return false,
        };
        self.text.push_str(key);
        self.text.push_str(value_text);
        self.entries.push(Entry {
            key: key.len(),
            value,
            value_text: value_text.len(),
        });
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of bytes of keys and texts.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Clears the buffer and keeps its allocations.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    /// Returns the attributes, in order.
    pub(crate) fn as_list(&self) -> Vec<KeyValue<'_>> {
        let mut rest = self.text.as_str();
        let mut take = move |length| {
            // A panic here would link the code that formats its message.
            let (taken, left) = rest.split_at_checked(length).unwrap_or_default();
            rest = left;
            taken
        };
        let mut list = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            list.push(KeyValue {
                key: take(entry.key),
                value: if let Value::String(_) = entry.value {
                    Value::String(take(entry.value_text))
                } else {
                    entry.value
                },
            });
        }
        list
    }
}
