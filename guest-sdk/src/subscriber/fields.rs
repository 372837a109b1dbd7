//! Fields that have been visited and wait to be passed on.
//!
//! All texts of one span or event lie in one `String`, into which `Debug` and `Display` write directly. A buffer is local to
//! the call that fills it, for what it calls is the author's code, which may log in its turn.

#[cfg(feature = "tracing-std")]
use core::error::Error;
use core::fmt::{self, Debug, Write};
use core::ops::Range;

use crate::logs::types::{LogAttribute, LogValue};
use crate::{KeyValue, Value};

/// How far a chain of sources is followed.
#[cfg(feature = "tracing-std")]
const MAX_CHAIN: usize = 32;

/// Gathers keys and values.
#[derive(Debug, Default)]
pub(super) struct Fields {
    text: String,
    bytes: Vec<u8>,
    list_items: Vec<Text>,
    entries: Vec<(Text, Packed)>,
}

/// Is a text that lives in the program or in a buffer.
#[derive(Debug, Clone)]
pub(super) enum Text {
    Static(&'static str),
    Copied(Range<usize>),
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Static(text)
    }
}

/// Is a value, whose texts and items are in the buffer.
#[derive(Debug)]
pub(super) enum Packed {
    Text(Text),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Range<usize>),
    List(Range<usize>),
    Bools(Box<[bool]>),
    Ints(Box<[i64]>),
    Doubles(Box<[f64]>),
}

/// Gives a digit as a text, which is smaller than what a `String` does to take a `char`.
fn digit(value: u8) -> &'static str {
    let at = usize::from(value);
    "0123456789abcdef".get(at..=at).unwrap_or_default()
}

impl Fields {
    pub(super) fn push(&mut self, key: impl Into<Text>, value: Packed) {
        self.entries.push((key.into(), value));
    }

    pub(super) fn push_text(&mut self, key: &'static str, text: impl Into<Text>) {
        self.push(key, Packed::Text(text.into()));
    }

    /// Adds a list of texts, unless it is empty.
    pub(super) fn push_list(&mut self, key: impl Into<Text>, items: &[Text]) {
        if !items.is_empty() {
            let start = self.list_items.len();
            self.list_items.extend_from_slice(items);
            self.push(key, Packed::List(start..self.list_items.len()));
        }
    }

    /// Adds an attribute from outside `tracing`.
    pub(super) fn push_copy(&mut self, attribute: &KeyValue<'_>) {
        let key = self.copy(attribute.key);
        let value = match attribute.value {
            Value::StringValue(text) => Packed::Text(self.copy(text)),
            Value::BoolValue(value) => Packed::Bool(value),
            Value::IntValue(value) => Packed::Int(value),
            Value::DoubleValue(value) => Packed::Double(value),
            Value::StringArray(items) => {
                let items: Vec<_> = items.iter().map(|item| self.copy(item)).collect();
                return self.push_list(key, &items);
            }
            Value::BoolArray(items) => Packed::Bools(items.into()),
            Value::IntArray(items) => Packed::Ints(items.into()),
            Value::DoubleArray(items) => Packed::Doubles(items.into()),
        };
        self.push(key, value);
    }

    pub(super) fn copy(&mut self, text: &str) -> Text {
        self.written(|buffer| buffer.push_str(text))
    }

    pub(super) fn debug(&mut self, value: &dyn Debug) -> Text {
        self.format(format_args!("{value:?}"))
    }

    /// Writes an integer. By hand, for what the standard library has for integers of 128 bits is two kilobytes.
    pub(super) fn decimal(&mut self, negative: bool, magnitude: u128) -> Text {
        let mut limbs = [96, 64, 32, 0].map(|shift| (magnitude >> shift) as u32);
        // No integer has more.
        let mut digits = [0; 39];
        let mut first = digits.len();
        for digit in digits.iter_mut().rev() {
            let mut rest = 0;
            for limb in &mut limbs {
                let part = rest << 32 | u64::from(*limb);
                *limb = (part / 10) as u32;
                rest = part % 10;
            }
            *digit = rest as u8;
            first -= 1;
            if limbs == [0; 4] {
                break;
            }
        }
        self.written(|buffer| {
            buffer.push_str(if negative { "-" } else { "" });
            for &value in digits.iter().skip(first) {
                buffer.push_str(digit(value));
            }
        })
    }

    /// Writes bytes as `tracing` does by default: `[0a ff]`.
    pub(super) fn hex(&mut self, bytes: &[u8]) -> Text {
        self.written(|buffer| {
            let mut before = "[";
            for &byte in bytes {
                for part in [before, digit(byte >> 4), digit(byte & 15)] {
                    buffer.push_str(part);
                }
                before = " ";
            }
            buffer.push_str(if bytes.is_empty() { "[]" } else { "]" });
        })
    }

    /// Writes a value. What an implementation has written before it failed is kept.
    pub(super) fn format(&mut self, value: fmt::Arguments<'_>) -> Text {
        self.written(|buffer| {
            let _ = buffer.write_fmt(value);
        })
    }

    fn written(&mut self, write: impl FnOnce(&mut String)) -> Text {
        let start = self.text.len();
        write(&mut self.text);
        Text::Copied(start..self.text.len())
    }

    pub(super) fn copy_bytes(&mut self, bytes: &[u8]) -> Packed {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Packed::Bytes(start..self.bytes.len())
    }

    /// Writes the messages of the errors beneath an error, outermost first.
    #[cfg(feature = "tracing-std")]
    pub(super) fn chain(&mut self, error: &dyn Error) -> Vec<Text> {
        let mut chain = Vec::new();
        let mut next = error.source();
        while let Some(error) = next.filter(|_| chain.len() < MAX_CHAIN) {
            chain.push(self.format(format_args!("{error}")));
            next = error.source();
        }
        chain
    }

    pub(super) fn str<'a>(&'a self, text: &'a Text) -> &'a str {
        match text {
            Text::Static(text) => text,
            Text::Copied(range) => self.text.get(range.clone()).unwrap_or_default(),
        }
    }

    /// Gives the items of all lists, for [`attributes`](Self::attributes) and [`log_nodes`](Self::log_nodes) to lend.
    pub(super) fn list_items(&self) -> Vec<&str> {
        self.list_items.iter().map(|item| self.str(item)).collect()
    }

    /// Gives the fields as attributes of a span or an event.
    pub(super) fn attributes<'a>(&'a self, list_items: &'a [&'a str]) -> Vec<KeyValue<'a>> {
        self.entries
            .iter()
            .map(|(key, value)| KeyValue {
                key: self.str(key),
                value: match value {
                    Packed::Text(text) => Value::StringValue(self.str(text)),
                    Packed::Bool(value) => Value::BoolValue(*value),
                    Packed::Int(value) => Value::IntValue(*value),
                    Packed::Double(value) => Value::DoubleValue(*value),
                    // Only kept for logs; see `Visitor::record_bytes`.
                    Packed::Bytes(_) => Value::StringValue(""),
                    Packed::List(range) => {
                        Value::StringArray(list_items.get(range.clone()).unwrap_or_default())
                    }
                    Packed::Bools(items) => Value::BoolArray(items),
                    Packed::Ints(items) => Value::IntArray(items),
                    Packed::Doubles(items) => Value::DoubleArray(items),
                },
            })
            .collect()
    }

    /// Gives the nodes of a log record: the items of all lists, in order.
    pub(super) fn log_nodes<'a>(list_items: &[&'a str]) -> (Vec<LogValue<'a>>, Vec<u32>) {
        list_items
            .iter()
            .zip(0..)
            .map(|(item, index)| (LogValue::StringValue(item), index))
            .unzip()
    }

    /// Gives the fields as attributes of a log record with those nodes.
    pub(super) fn log_attributes<'a>(&'a self, nodes: &'a [u32]) -> Vec<LogAttribute<'a>> {
        self.entries
            .iter()
            .map(|(key, value)| LogAttribute {
                key: self.str(key),
                value: match value {
                    Packed::Text(text) => LogValue::StringValue(self.str(text)),
                    Packed::Bool(value) => LogValue::BoolValue(*value),
                    Packed::Int(value) => LogValue::IntValue(*value),
                    Packed::Double(value) => LogValue::DoubleValue(*value),
                    Packed::Bytes(range) => {
                        LogValue::BytesValue(self.bytes.get(range.clone()).unwrap_or_default())
                    }
                    Packed::List(range) => {
                        LogValue::ArrayValue(nodes.get(range.clone()).unwrap_or_default())
                    }
                    // Not among the fields of events.
                    Packed::Bools(_) | Packed::Ints(_) | Packed::Doubles(_) => {
                        LogValue::ArrayValue(&[])
                    }
                },
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_integers_are_written_as_the_standard_library_does() {
        for value in [
            0,
            7,
            10,
            u128::from(u64::MAX) + 1,
            10_u128.pow(38),
            u128::MAX,
        ] {
            let mut fields = Fields::default();
            let text = fields.decimal(false, value);
            assert_eq!(fields.str(&text), value.to_string());
        }
        for value in [-1, i128::from(i64::MIN) - 1, i128::MIN] {
            let mut fields = Fields::default();
            let text = fields.decimal(true, value.unsigned_abs());
            assert_eq!(fields.str(&text), value.to_string());
        }
    }

    #[test]
    fn bytes_are_written_as_tracing_does() {
        for (bytes, written) in [(&[][..], "[]"), (&[10], "[0a]"), (&[0, 255], "[00 ff]")] {
            let mut fields = Fields::default();
            let text = fields.hex(bytes);
            assert_eq!(fields.str(&text), written);
        }
    }
}
