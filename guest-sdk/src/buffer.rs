//! Attributes that have been copied: all texts in one string, so that they cost no allocation each.

use crate::{KeyValue, Value};

#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Keys and texts, one after the other.
    text: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: usize,
    value: Scalar,
}

#[derive(Debug, Clone, Copy)]
enum Scalar {
    Text(usize),
    Bool(bool),
    Int(i64),
    Double(f64),
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
        let scalar = match value {
            Value::StringValue(text) => Scalar::Text(text.len()),
            Value::BoolValue(value) => Scalar::Bool(value),
            Value::IntValue(value) => Scalar::Int(value),
            Value::DoubleValue(value) => Scalar::Double(value),
            Value::StringArray(_)
            | Value::BoolArray(_)
            | Value::IntArray(_)
            | Value::DoubleArray(_) => return false,
        };
        self.text.push_str(key);
        if let Value::StringValue(text) = value {
            self.text.push_str(text);
        }
        self.entries.push(Entry {
            key: key.len(),
            value: scalar,
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
        let attributes = self.entries.iter().map(|entry| KeyValue {
            key: take(entry.key),
            value: match entry.value {
                Scalar::Text(length) => Value::StringValue(take(length)),
                Scalar::Bool(value) => Value::BoolValue(value),
                Scalar::Int(value) => Value::IntValue(value),
                Scalar::Double(value) => Value::DoubleValue(value),
            },
        });
        attributes.collect()
    }
}
