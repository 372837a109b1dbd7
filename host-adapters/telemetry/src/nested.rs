//! Nested log values: from the arena in which they arrive to [`AnyValue`].
//!
//! A value nested 200,000 deep overflows the stack when it is dropped, so the arena is checked,
//! without recursion, before any nested value exists. The rules are those of `log-record.nodes` in
//! `wit/logger.wit`: every node is referenced exactly once, a child stands after its parent, there
//! are not too many and they lie not too deep.

use opentelemetry::Key;
use opentelemetry::logs::AnyValue;

use crate::attributes::{Excess, shortened};
use crate::dropped::Reason;
use crate::model::LogValue;

/// Limits on the nested values of a log record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueLimits {
    /// How many nodes a record may have.
    pub(crate) nodes: usize,
    /// How deep nodes may lie: a body or an attribute itself is at level 1, its children at level
    /// 2.
    pub(crate) depth: usize,
    /// Bytes of a string or byte array.
    pub(crate) value_bytes: usize,
    /// Characters of a string in an attribute, where they are limited.
    pub(crate) attribute_chars: Option<usize>,
}

/// The values of one record, nested ones included.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Values {
    pub(crate) body: Option<Weighed>,
    pub(crate) attributes: Vec<(Key, Weighed)>,
    /// How many values were lost because the arena breaks the rules.
    pub(crate) broken: u64,
    /// Which rule it breaks.
    pub(crate) breach: Option<Reason>,
}

/// A value with the approximate bytes of its contents, beside the [`AnyValue`] itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weighed {
    pub(crate) value: AnyValue,
    pub(crate) bytes: usize,
    pub(crate) cut: Cut,
}

/// What was shortened in a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    /// How many strings and byte arrays, to their bytes.
    pub(crate) bytes: u32,
    /// How many strings, to their characters.
    pub(crate) chars: u32,
}

/// Builds the values of a record. Where the arena breaks the rules, arrays and maps are left out.
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
        Err(breach) => {
            values.breach = Some(breach);
            // Only stray nodes, which belong to no value.
            if !roots(body.as_ref(), &attributes).any(|(value, _)| is_nested(value)) {
                values.broken += 1;
            }
        }
    }
    let valid = values.breach.is_none();
    let mut root = |value: LogValue, owner| {
        if !valid && is_nested(&value) {
            values.broken += 1;
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

/// What a value is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Body,
    Attribute,
}

/// What is known of a node that has been referenced.
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

/// Checks the rules in one pass: since parents stand before their children, a node's level is known
/// when it is reached.
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
            refer(&mut marks, child, Mark { level: 2, owner }, bounds)?;
        }
    }
    for (index, node) in nodes.iter().enumerate() {
        // One that is not referenced by now never is.
        let Some(&Some(Mark { level, owner })) = marks.get(index) else {
            return Err(Reason::NestedValue);
        };
        // A child that stands before its parent, or is its own, has its one reference already.
        for child in children(node) {
            refer(
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

/// Marks a node that is referenced for the first time.
fn refer(
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

/// Builds values whose arena is known to be valid.
pub(crate) struct Builder {
    /// The nodes' values, until their parents take them.
    built: Vec<Option<Weighed>>,
    bounds: ValueLimits,
}

impl Builder {
    pub(crate) fn new(bounds: ValueLimits) -> Self {
        Self {
            built: Vec::new(),
            bounds,
        }
    }

    /// Last to first: a parent's children are there when its turn comes.
    fn build_nodes(&mut self, nodes: Vec<LogValue>, marks: &[Option<Mark>]) {
        self.built.resize(nodes.len(), None);
        for (index, (node, mark)) in nodes.into_iter().zip(marks).enumerate().rev() {
            let owner = mark.map_or(Owner::Body, |mark| mark.owner);
            let value = self.value(node, owner);
            if let Some(place) = self.built.get_mut(index) {
                *place = Some(value);
            }
        }
    }

    /// Makes a value, of nodes that are built already if it is nested.
    pub(crate) fn value(&mut self, value: LogValue, owner: Owner) -> Weighed {
        let mut bytes = 0;
        let mut all_cut = Cut::default();
        let value = match value {
            LogValue::String(mut text) => {
                let chars = self
                    .bounds
                    .attribute_chars
                    .filter(|_| owner == Owner::Attribute);
                if let Some((end, excess)) = shortened(&text, self.bounds.value_bytes, chars) {
                    match excess {
                        Excess::Bytes => all_cut.bytes += 1,
                        Excess::Chars => all_cut.chars += 1,
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
                    all_cut.bytes += 1;
                }
                bytes += data.len();
                AnyValue::Bytes(Box::new(data))
            }
            LogValue::Array(elements) => {
                let elements = elements
                    .into_iter()
                    .filter_map(|child| self.take(child, &mut bytes, &mut all_cut));
                AnyValue::ListAny(Box::new(elements.collect()))
            }
            // A map's later entries replace earlier ones with the same key.
            LogValue::Map(entries) => {
                let entries = entries.into_iter().filter_map(|(key, child)| {
                    bytes += size_of::<Key>() + key.len();
                    Some((Key::from(key), self.take(child, &mut bytes, &mut all_cut)?))
                });
                AnyValue::Map(Box::new(entries.collect()))
            }
        };
        Weighed {
            value,
            bytes,
            cut: all_cut,
        }
    }

    /// Takes a child's value, and adds up its bytes and what was shortened.
    fn take(&mut self, child: u32, total: &mut usize, all: &mut Cut) -> Option<AnyValue> {
        let Weighed { value, bytes, cut } =
            self.built.get_mut(usize::try_from(child).ok()?)?.take()?;
        *total += size_of::<AnyValue>() + bytes;
        all.bytes = all.bytes.saturating_add(cut.bytes);
        all.chars = all.chars.saturating_add(cut.chars);
        Some(value)
    }
}

#[cfg(test)]
mod tests;
