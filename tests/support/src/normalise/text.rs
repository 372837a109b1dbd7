//! Text that all signals share.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::common::v1::KeyValue;

use crate::value::Value;
use crate::views::{Resource, Scope};

/// `TraceFlags`: sampled.
const SAMPLED: u32 = 0x1;
/// `TraceFlags`: the trace id is random.
const RANDOM: u32 = 0x2;
/// `SpanFlags`: it is known whether the other end is remote.
const HAS_IS_REMOTE: u32 = 0x100;
/// `SpanFlags`: the other end is remote.
const IS_REMOTE: u32 = 0x200;

/// Lines with an indentation.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    pub(super) fn line(&mut self, depth: usize, text: impl AsRef<str>) {
        // Senders cannot break lines: `{:?}` has escaped their text.
        for _ in 0..depth {
            self.0.push_str("  ");
        }
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Empty => "nothing".to_owned(),
        Value::Str(text) => format!("{text:?}"),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => format!("{value:?}"),
        Value::Bytes(bytes) => format!("b\"{}\"", bytes.escape_ascii()),
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(self::value).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{key:?}: {}", self::value(value)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        Value::StringIndex(index) => format!("string #{index}"),
    }
}

/// Returns a name unchanged if it is unambiguous, and otherwise quoted.
pub(super) fn name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

/// Returns `key = value` for each attribute, sorted.
pub(super) fn attributes(attributes: &[KeyValue], hidden: &BTreeSet<String>) -> Vec<String> {
    let mut lines: Vec<_> = attributes
        .iter()
        .map(|entry| {
            let value = if hidden.contains(&entry.key) {
                "[hidden]".to_owned()
            } else {
                value(&Value::of(entry))
            };
            format!("{} = {value}", name(&entry.key))
        })
        .collect();
    lines.sort();
    lines
}

/// Returns the attributes in braces, on one line.
pub(super) fn attribute_set(attributes: &[KeyValue], hidden: &BTreeSet<String>) -> String {
    format!("{{{}}}", self::attributes(attributes, hidden).join(", "))
}

pub(super) fn resource(resource: &Resource, hidden: &BTreeSet<String>) -> String {
    let mut lines = Lines::default();
    if !resource.schema_url.is_empty() {
        lines.line(1, format!("schema {:?}", resource.schema_url));
    }
    for attribute in attributes(&resource.attributes, hidden) {
        lines.line(1, attribute);
    }
    if resource.dropped_attributes_count > 0 {
        lines.line(1, dropped("attributes", resource.dropped_attributes_count));
    }
    lines.finish()
}

pub(super) fn scope(scope: &Scope, hidden: &BTreeSet<String>) -> String {
    let mut text = format!("scope {}", name(&scope.name));
    if !scope.version.is_empty() {
        text += &format!(" {}", name(&scope.version));
    }
    if !scope.schema_url.is_empty() {
        text += &format!(" schema {:?}", scope.schema_url);
    }
    if !scope.attributes.is_empty() {
        text += &format!(" {}", attribute_set(&scope.attributes, hidden));
    }
    if scope.dropped_attributes_count > 0 {
        text += &format!(" {}", dropped("attributes", scope.dropped_attributes_count));
    }
    text
}

pub(super) fn dropped(what: &str, count: u32) -> String {
    format!("dropped {count} {what}")
}

/// Renders the flags of a span, a link or a log record. `other_end` is the word for the end that
/// may be remote.
pub(super) fn flags(flags: u32, other_end: &str) -> Vec<String> {
    let mut words = Vec::new();
    if flags & SAMPLED != 0 {
        words.push("sampled".to_owned());
    } else {
        words.push("unsampled".to_owned());
    }
    if flags & RANDOM != 0 {
        words.push("random-id".to_owned());
    }
    match flags & (HAS_IS_REMOTE | IS_REMOTE) {
        0 => {}
        HAS_IS_REMOTE => words.push(format!("local-{other_end}")),
        IS_REMOTE => words.push(format!("remote-{other_end}-without-mask")),
        _ => words.push(format!("remote-{other_end}")),
    }
    let rest = flags & !(SAMPLED | RANDOM | HAS_IS_REMOTE | IS_REMOTE);
    if rest != 0 {
        words.push(format!("flags-{rest:#x}"));
    }
    words
}

/// Returns true if an id is empty or all zeros, which means "none".
pub(super) fn is_absent(id: &[u8]) -> bool {
    id.iter().all(|&byte| byte == 0)
}
