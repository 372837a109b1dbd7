//! Attributes that have been copied: all texts in one string, so that they cost no allocation each.

use crate::{KeyValue, Value, wide};

#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Keys and texts, one after the other.
    text: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// How long the key is.
    key: usize,
    /// A text's is in `text`.
    value: Value<'static>,
    /// How long the value is, if it is a text.
    value_text: usize,
}

impl Buffer {
    pub(crate) const fn new() -> Self {
        Self {
            text: String::new(),
            entries: Vec::new(),
        }
    }

    /// Copies an attribute; gives whether its value is one that the buffer takes, which is none that is an array.
    pub(crate) fn push(&mut self, key: &str, value: Value<'_>) -> bool {
        let digits;
        let (value, value_text) = match value {
            Value::UnsignedValue(value) => {
                digits = wide::digits(value);
                (
                    Value::StringValue(""),
                    digits.as_deref().unwrap_or_default(),
                )
            }
            Value::StringValue(text) => (Value::StringValue(""), text),
            Value::BoolValue(value) => (Value::BoolValue(value), ""),
            Value::IntValue(value) => (Value::IntValue(value), ""),
            Value::DoubleValue(value) => (Value::DoubleValue(value), ""),
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

    /// Gives how many bytes the keys and texts have.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Empties the buffer and keeps its allocations.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    /// Gives the attributes, in order.
    pub(crate) fn as_list(&self) -> Vec<KeyValue<'_>> {
        let mut rest = self.text.as_str();
        let mut take = move |length| {
            // No panic that would link what it takes to describe one.
            let (taken, left) = rest.split_at_checked(length).unwrap_or_default();
            rest = left;
            taken
        };
        let mut list = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            list.push(KeyValue {
                key: take(entry.key),
                value: if let Value::StringValue(_) = entry.value {
                    Value::StringValue(take(entry.value_text))
                } else {
                    entry.value
                },
            });
        }
        list
    }
}
