//! How records with nested values become the contract's: nodes in a list, which name their children by index.

use std::ops::Range;

use super::types::{LogAttribute, LogRecord, LogValue, MapEntry, Severity};
use crate::{SpanReference, backend, notice};

/// Is a value that may be nested.
pub(crate) trait Nested<'a>: Copy {
    /// Gives the node, and adds its children: a map's with their keys, an array's with empty ones.
    fn node(self, children: &mut Vec<(&'a str, Self)>) -> Node<'a>;
}

/// Is a node without its children.
pub(crate) enum Node<'a> {
    /// Anything but the two below.
    Scalar(LogValue<'a>),
    /// An array.
    Array,
    /// A map.
    Map,
}

/// Is a log record whose values are still nested.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a, V> {
    pub(crate) body: Option<V>,
    pub(crate) severity: Option<Severity>,
    pub(crate) severity_text: Option<&'a str>,
    pub(crate) event_name: Option<&'a str>,
    pub(crate) attributes: &'a [(&'a str, V)],
    pub(crate) time: Option<u64>,
    pub(crate) context: SpanReference<'a>,
}

/// Emits a record. Whether somebody listens has been asked before.
pub(crate) fn emit<'a, V: Nested<'a>>(logger: u64, parts: &Parts<'a, V>) {
    let mut values = Values::of(parts);
    let children = values.children();
    values.name(&children);
    let nodes = values.nodes();
    notice::take(backend::logger::emit(
        logger,
        &[values.record(parts, &nodes)],
    ));
}

/// Emits several records in one call, as [`emit`] does one.
pub(crate) fn emit_all<'a, V: Nested<'a>>(logger: u64, records: &[Parts<'a, V>]) {
    let mut values: Vec<_> = records.iter().map(Values::of).collect();
    let children: Vec<_> = values.iter().map(Values::children).collect();
    for (values, children) in values.iter_mut().zip(&children) {
        values.name(children);
    }
    let nodes: Vec<_> = values.iter().map(Values::nodes).collect();
    let records: Vec<_> = records
        .iter()
        .zip(values.iter().zip(&nodes))
        .map(|(parts, (values, nodes))| values.record(parts, nodes))
        .collect();
    notice::take(backend::logger::emit(logger, &records));
}

/// A record's values: those of its attributes, its body, and what lies within them level by level, so that a child stands
/// after its parent.
struct Values<'a> {
    /// With their keys, which a body and an array's elements have not.
    values: Vec<LogAttribute<'a>>,
    attributes: usize,
    /// Where what lies within them begins, which is what the contract calls nodes.
    nodes: usize,
    /// The arrays and maps among them.
    containers: Vec<Container>,
}

/// Is an array or a map: where it is among the values, and which nodes are its children.
struct Container {
    at: usize,
    is_map: bool,
    children: Range<usize>,
}

/// What arrays and maps borrow their children's indices from: all of them, in order.
struct Children<'a> {
    indices: Vec<u32>,
    entries: Vec<MapEntry<'a>>,
}

impl<'a> Values<'a> {
    /// Goes without recursion, so that no depth overflows the stack. The host decides what is too deep.
    fn of<V: Nested<'a>>(parts: &Parts<'a, V>) -> Self {
        let attributes = parts.attributes.len();
        let nodes = attributes + usize::from(parts.body.is_some());
        let mut all = Self {
            values: Vec::with_capacity(nodes),
            attributes,
            nodes,
            containers: Vec::new(),
        };
        let mut children = Vec::new();
        for &(key, value) in parts.attributes {
            all.place(key, value, &mut children);
        }
        if let Some(body) = parts.body {
            all.place("", body, &mut children);
        }
        let mut next = 0;
        while let Some(&(key, value)) = children.get(next) {
            all.place(key, value, &mut children);
            next += 1;
        }
        all
    }

    fn place<V: Nested<'a>>(&mut self, key: &'a str, value: V, children: &mut Vec<(&'a str, V)>) {
        let start = children.len();
        let node = value.node(children);
        let value = if let Node::Scalar(value) = node {
            value
        } else {
            self.containers.push(Container {
                at: self.values.len(),
                is_map: matches!(node, Node::Map),
                children: start..children.len(),
            });
            LogValue::ArrayValue(&[])
        };
        self.values.push(LogAttribute { key, value });
    }

    fn within(&self) -> &[LogAttribute<'a>] {
        self.values.get(self.nodes..).unwrap_or_default()
    }

    fn children(&self) -> Children<'a> {
        let within = self.within();
        Children {
            indices: (0..within.len() as u32).collect(),
            entries: within
                .iter()
                .zip(0..)
                .map(|(value, node)| MapEntry {
                    key: value.key,
                    node,
                })
                .collect(),
        }
    }

    /// Has arrays and maps name their children.
    fn name(&mut self, children: &'a Children<'a>) {
        for Container {
            at,
            is_map,
            children: range,
        } in self.containers.drain(..)
        {
            if let Some(container) = self.values.get_mut(at) {
                container.value = if is_map {
                    LogValue::MapValue(children.entries.get(range).unwrap_or_default())
                } else {
                    LogValue::ArrayValue(children.indices.get(range).unwrap_or_default())
                };
            }
        }
    }

    fn nodes(&self) -> Vec<LogValue<'a>> {
        self.within().iter().map(|value| value.value).collect()
    }

    fn record<'r, V>(&'r self, parts: &Parts<'r, V>, nodes: &'r [LogValue<'r>]) -> LogRecord<'r> {
        let body = parts
            .body
            .is_some()
            .then(|| self.values.get(self.attributes));
        LogRecord {
            body: body.flatten().map(|body| body.value).into(),
            severity: parts.severity.into(),
            severity_text: parts.severity_text.into(),
            event_name: parts.event_name.into(),
            attributes: self.values.get(..self.attributes).unwrap_or_default(),
            nodes,
            time: parts.time.into(),
            context: parts.context.into(),
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
