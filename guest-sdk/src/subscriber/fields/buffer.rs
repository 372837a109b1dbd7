//! A buffer of fields.
//!
//! All texts of one span or event are in one `String`, into which `Debug` and `Display` write
//! directly. A buffer is local to the call that fills it, because that runs the program's code,
//! which may log.

use core::fmt::Debug;
use core::ops::Range;

use crate::types::{KeyValue, Value};

/// Collects keys and values.
#[derive(Debug, Default)]
pub(in crate::subscriber) struct Fields {
    text: String,
    pub(super) bytes: Vec<u8>,
    pub(super) entries: Vec<(Text, Packed)>,
}

/// A text, static or in a buffer.
#[derive(Debug, Clone)]
pub(in crate::subscriber) enum Text {
    Static(&'static str),
    Copied(Range<usize>),
}

impl Text {
    /// Returns the same text in a buffer that has more bytes before it.
    fn behind(self, bytes: usize) -> Self {
        match self {
            Self::Static(_) => self,
            Self::Copied(range) => Self::Copied(behind(&range, bytes)),
        }
    }
}

fn behind(range: &Range<usize>, bytes: usize) -> Range<usize> {
    range.start + bytes..range.end + bytes
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Static(text)
    }
}

/// A value. Its texts and bytes are in the buffer.
#[derive(Debug)]
pub(in crate::subscriber) enum Packed {
    Text(Text),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Range<usize>),
    Array(Box<dyn Array>),
}

/// An array that owns its elements. A trait object, so that a component without arrays contains no
/// code for them.
pub(in crate::subscriber) trait Array: Debug + Send {
    /// Pushes the array's texts.
    fn lend<'a>(&'a self, _texts: &mut Vec<&'a str>) {}

    /// Returns the array as a value that borrows the texts of `lend`.
    fn value<'a>(&'a self, lent: &mut &'a [&'a str]) -> Value<'a>;
}

impl Fields {
    pub(in crate::subscriber) fn push(&mut self, key: impl Into<Text>, value: Packed) {
        self.entries.push((key.into(), value));
    }

    pub(in crate::subscriber) fn push_text(&mut self, key: &'static str, text: impl Into<Text>) {
        self.push(key, Packed::Text(text.into()));
    }

    /// Appends other fields.
    pub(in crate::subscriber) fn append(&mut self, other: Self) {
        let (text, bytes) = (self.text.len(), self.bytes.len());
        self.text.push_str(&other.text);
        self.bytes.extend_from_slice(&other.bytes);
        for (key, value) in other.entries {
            let value = match value {
                Packed::Text(value) => Packed::Text(value.behind(text)),
                Packed::Bytes(range) => Packed::Bytes(behind(&range, bytes)),
                Packed::Bool(_) | Packed::Int(_) | Packed::Double(_) | Packed::Array(_) => value,
            };
            self.entries.push((key.behind(text), value));
        }
    }

    pub(in crate::subscriber) fn copy(&mut self, text: &str) -> Text {
        self.written(|buffer| buffer.push_str(text))
    }

    pub(super) fn written(&mut self, write: impl FnOnce(&mut String)) -> Text {
        let start = self.text.len();
        write(&mut self.text);
        Text::Copied(start..self.text.len())
    }

    pub(in crate::subscriber) fn str<'a>(&'a self, text: &'a Text) -> &'a str {
        match text {
            Text::Static(text) => text,
            Text::Copied(range) => self.text.get(range.clone()).unwrap_or_default(),
        }
    }

    /// Lends the fields as attributes.
    pub(in crate::subscriber) fn lend<R>(&self, to: impl FnOnce(&[KeyValue<'_>]) -> R) -> R {
        let mut texts = Vec::new();
        for (_, value) in &self.entries {
            if let Packed::Array(array) = value {
                array.lend(&mut texts);
            }
        }
        to(&self.attributes(&texts))
    }

    fn attributes<'a>(&'a self, mut texts: &'a [&'a str]) -> Vec<KeyValue<'a>> {
        self.entries
            .iter()
            .map(|(key, value)| KeyValue {
                key: self.str(key),
                value: match value {
                    Packed::Text(text) => Value::String(self.str(text)),
                    Packed::Bool(value) => Value::Bool(*value),
                    Packed::Int(value) => Value::Int(*value),
                    Packed::Double(value) => Value::Double(*value),
                    // Bytes are only kept for logs; see `Visitor::record_bytes`.
                    Packed::Bytes(_) => Value::String(""),
                    Packed::Array(array) => array.value(&mut texts),
                },
            })
            .collect()
    }
}
