//! Builds nested log values ([`AnyValue`]) from the arena of nodes in a record.
//!
//! Dropping a value that is nested 200,000 levels deep overflows the stack. So the arena is checked
//! without recursion before any nested value is built. The rules are those of `log-record.nodes` in
//! `wit/logger.wit`: each node is referenced exactly once and comes after its parent, and the
//! number of nodes and levels is limited.

use opentelemetry::Key;
use opentelemetry::logs::AnyValue;

use crate::attributes::{Excess, shortened};
use crate::dropped::Reason;
use crate::model::LogValue;

/// Limits on the nested values of a log record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueLimits {
    /// Nodes of a record.
    pub(crate) nodes: usize,
    /// Levels: a body or an attribute is at level 1, its children at level 2.
    pub(crate) depth: usize,
    /// Bytes of a string or byte array.
    pub(crate) value_bytes: usize,
    /// Characters of a string in an attribute. `None` for no limit.
    pub(crate) attribute_chars: Option<usize>,
}

/// The values of one record, including nested values.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Values {
    pub(crate) body: Option<SizedValue>,
    pub(crate) attributes: Vec<(Key, SizedValue)>,
    /// The number of values that were dropped because the arena is invalid.
    pub(crate) dropped: u64,
    /// The rule that the arena violates.
    pub(crate) violation: Option<Reason>,
}

/// A value with the approximate bytes of its contents, without the [`AnyValue`] itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SizedValue {
    pub(crate) value: AnyValue,
    pub(crate) bytes: usize,
    pub(crate) shortened: ShortenedCounts,
}

/// Counts the shortened parts of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ShortenedCounts {
    /// Strings and byte arrays beyond the limit on bytes.
    pub(crate) bytes: u32,
    /// Strings beyond the limit on characters.
    pub(crate) chars: u32,
}

/// Builds the values of a record. If the arena is invalid, arrays and maps are left out.
pub(crate) fn build(
    body: Option<LogValue>,
    attributes: Vec<(Key, LogValue)>,
    nodes: Vec<LogValue>,
    bounds: ValueLimits,
) -> Values {
    let mut values = Values::default();
    let mut builder = Builder::new(bounds);
    match check(body.as_ref(), &attributes, &nodes, bounds) {
        Ok(marks) => builder.build_nodes(nodes, &marks),
        Err(violation) => {
            values.violation = Some(violation);
            // The record has only nodes that no value references.
            if !roots(body.as_ref(), &attributes).any(|(value, _)| is_nested(value)) {
                values.dropped += 1;
            }
        }
    }
    let valid = values.violation.is_none();
    let mut root = |value: LogValue, owner| {
        if !valid && is_nested(&value) {
            values.dropped += 1;
            return None;
        }
        Some(builder.value(value, owner))
    };
    values.body = body.and_then(|body| root(body, Owner::Body));
    values.attributes = attributes
        .into_iter()
        .filter_map(|(key, value)| Some((key, root(value, Owner::Attribute)?)))
        .collect();
    values
}

/// The part of a record that a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Body,
    Attribute,
}

/// The level and owner of a node that has been referenced.
#[derive(Debug, Clone, Copy)]
struct Mark {
    level: usize,
    owner: Owner,
}

fn roots<'a>(
    body: Option<&'a LogValue>,
    attributes: &'a [(Key, LogValue)],
) -> impl Iterator<Item = (&'a LogValue, Owner)> {
    body.into_iter().map(|value| (value, Owner::Body)).chain(
        attributes
            .iter()
            .map(|(_, value)| (value, Owner::Attribute)),
    )
}

pub(crate) fn is_nested(value: &LogValue) -> bool {
    matches!(value, LogValue::Array(_) | LogValue::Map(_))
}

fn children(value: &LogValue) -> impl Iterator<Item = usize> {
    let (elements, entries): (&[u32], &[(String, u32)]) = match value {
        LogValue::Array(elements) => (elements, &[]),
        LogValue::Map(entries) => (&[], entries),
        LogValue::String(_)
        | LogValue::Bool(_)
        | LogValue::Int(_)
        | LogValue::Double(_)
        | LogValue::Bytes(_) => (&[], &[]),
    };
    elements
        .iter()
        .chain(entries.iter().map(|(_, node)| node))
        .map(|index| usize::try_from(*index).unwrap_or(usize::MAX))
}

/// Checks the rules in one pass. Parents come before their children, so a node's level is known
/// when the node is reached.
fn check(
    body: Option<&LogValue>,
    attributes: &[(Key, LogValue)],
    nodes: &[LogValue],
    bounds: ValueLimits,
) -> Result<Vec<Option<Mark>>, Reason> {
    if nodes.len() > bounds.nodes {
        return Err(Reason::LogNodes);
    }
    let mut marks: Vec<Option<Mark>> = vec![None; nodes.len()];
    for (root, owner) in roots(body, attributes) {
        for child in children(root) {
            mark_child(&mut marks, child, Mark { level: 2, owner }, bounds)?;
        }
    }
    for (index, node) in nodes.iter().enumerate() {
        // Only earlier nodes may reference it.
        let Some(&Some(Mark { level, owner })) = marks.get(index) else {
            return Err(Reason::NestedValue);
        };
        // A child that comes before its parent, or is its own parent, is marked already.
        for child in children(node) {
            mark_child(
                &mut marks,
                child,
                Mark {
                    level: level + 1,
                    owner,
                },
                bounds,
            )?;
        }
    }
    Ok(marks)
}

/// Marks a node as referenced. Fails if it is marked already.
fn mark_child(
    marks: &mut [Option<Mark>],
    child: usize,
    mark: Mark,
    bounds: ValueLimits,
) -> Result<(), Reason> {
    let known = marks.get_mut(child).ok_or(Reason::NestedValue)?;
    if known.is_some() {
        return Err(Reason::NestedValue);
    }
    if mark.level > bounds.depth {
        return Err(Reason::LogDepth);
    }
    *known = Some(mark);
    Ok(())
}

/// Builds values from a valid arena.
pub(crate) struct Builder {
    /// The values of nodes, until their parents take them.
    built: Vec<Option<SizedValue>>,
    bounds: ValueLimits,
}

impl Builder {
    pub(crate) fn new(bounds: ValueLimits) -> Self {
        Self {
            built: Vec::new(),
            bounds,
        }
    }

    /// Builds nodes from the last to the first, so that children come before their parents.
    fn build_nodes(&mut self, nodes: Vec<LogValue>, marks: &[Option<Mark>]) {
        self.built.resize(nodes.len(), None);
        for (index, (node, mark)) in nodes.into_iter().zip(marks).enumerate().rev() {
            let owner = mark.map_or(Owner::Body, |mark| mark.owner);
            let value = self.value(node, owner);
            if let Some(slot) = self.built.get_mut(index) {
                *slot = Some(value);
            }
        }
    }

    /// Builds a value. Its child nodes must be built already.
    pub(crate) fn value(&mut self, value: LogValue, owner: Owner) -> SizedValue {
        let mut bytes = 0;
        let mut shortened_counts = ShortenedCounts::default();
        let value = match value {
            LogValue::String(mut text) => {
                let chars = self
                    .bounds
                    .attribute_chars
                    .filter(|_| owner == Owner::Attribute);
                if let Some((end, excess)) = shortened(&text, self.bounds.value_bytes, chars) {
                    match excess {
                        Excess::Bytes => shortened_counts.bytes += 1,
                        Excess::Chars => shortened_counts.chars += 1,
                    }
                    text.truncate(end);
                }
                bytes += text.len();
                AnyValue::String(text.into())
            }
            LogValue::Bool(value) => AnyValue::Boolean(value),
            LogValue::Int(value) => AnyValue::Int(value),
            LogValue::Double(value) => AnyValue::Double(value),
            LogValue::Bytes(mut data) => {
                if data.len() > self.bounds.value_bytes {
                    data.truncate(self.bounds.value_bytes);
                    data.shrink_to_fit();
                    shortened_counts.bytes += 1;
                }
                bytes += data.len();
                AnyValue::Bytes(Box::new(data))
            }
            LogValue::Array(elements) => {
                let elements = elements
                    .into_iter()
                    .filter_map(|child| self.take(child, &mut bytes, &mut shortened_counts));
                AnyValue::ListAny(Box::new(elements.collect()))
            }
            // A map's later entries replace earlier ones with the same key.
            LogValue::Map(entries) => {
                let entries = entries.into_iter().filter_map(|(key, child)| {
                    bytes += size_of::<Key>() + key.len();
                    Some((
                        Key::from(key),
                        self.take(child, &mut bytes, &mut shortened_counts)?,
                    ))
                });
                AnyValue::Map(Box::new(entries.collect()))
            }
        };
        SizedValue {
            value,
            bytes,
            shortened: shortened_counts,
        }
    }

    /// Takes a child's value, and adds its bytes and counts to those of the parent.
    fn take(
        &mut self,
        child: u32,
        total: &mut usize,
        all: &mut ShortenedCounts,
    ) -> Option<AnyValue> {
        let SizedValue {
            value,
            bytes,
            shortened,
        } = self.built.get_mut(usize::try_from(child).ok()?)?.take()?;
        *total += size_of::<AnyValue>() + bytes;
        all.bytes = all.bytes.saturating_add(shortened.bytes);
        all.chars = all.chars.saturating_add(shortened.chars);
        Some(value)
    }
}

#[cfg(test)]
mod tests;
