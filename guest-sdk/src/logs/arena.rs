//! How records with nested values become the contract's: nodes in a list, which name their children by index.

use std::collections::VecDeque;
use std::ops::Range;

use super::types::{LogAttribute, LogRecord, LogValue, MapEntry, Severity};
use crate::{SpanReference, backend, notice};

/// Is a value that may be nested, as a node with its children.
pub(crate) trait Nested<'a>: Copy {
    /// Gives the node, with children that are values themselves.
    fn node(self) -> Node<'a, Self>;
}

/// Is a node and its children.
pub(crate) enum Node<'a, V> {
    /// Anything but the two below.
    Scalar(LogValue<'a>),
    /// An array's elements.
    Array(Vec<V>),
    /// A map's entries.
    Map(Vec<(&'a str, V)>),
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

/// Emits records in one call. Whether somebody listens has been asked before.
pub(crate) fn emit<'a, V: Nested<'a>>(logger: u64, records: &[Parts<'a, V>]) {
    // Most calls have one record without nested values, which need no arena.
    if let [parts] = records
        && let Some(resolved) = Resolved::flat(parts)
    {
        notice::take(backend::logger::emit(logger, &[resolved.record(parts)]));
        return;
    }
    let flattened: Vec<_> = records.iter().map(Flattened::new).collect();
    let resolved: Vec<_> = flattened.iter().map(Flattened::resolve).collect();
    let records: Vec<_> = records
        .iter()
        .zip(&resolved)
        .map(|(parts, resolved)| resolved.record(parts))
        .collect();
    notice::take(backend::logger::emit(logger, &records));
}

/// A record's values, their children's places found, but not borrowed from yet.
struct Flattened<'a> {
    body: Option<Flat<'a>>,
    attributes: Vec<(&'a str, Flat<'a>)>,
    arena: Arena<'a>,
}

struct Resolved<'a> {
    body: Option<LogValue<'a>>,
    attributes: Vec<LogAttribute<'a>>,
    nodes: Vec<LogValue<'a>>,
}

impl<'a> Resolved<'a> {
    /// Gives the values of a record that has no nested ones.
    fn flat<V: Nested<'a>>(parts: &Parts<'a, V>) -> Option<Self> {
        let body = match parts.body {
            Some(body) => Some(scalar(body)?),
            None => None,
        };
        let mut attributes = Vec::with_capacity(parts.attributes.len());
        for &(key, value) in parts.attributes {
            attributes.push(LogAttribute {
                key,
                value: scalar(value)?,
            });
        }
        Some(Self {
            body,
            attributes,
            nodes: Vec::new(),
        })
    }

    fn record<'r, V>(&'r self, parts: &Parts<'r, V>) -> LogRecord<'r> {
        LogRecord {
            body: self.body,
            severity: parts.severity,
            severity_text: parts.severity_text,
            event_name: parts.event_name,
            attributes: &self.attributes,
            nodes: &self.nodes,
            time: parts.time,
            context: parts.context,
        }
    }
}

fn scalar<'a, V: Nested<'a>>(value: V) -> Option<LogValue<'a>> {
    match value.node() {
        Node::Scalar(value) => Some(value),
        Node::Array(_) | Node::Map(_) => None,
    }
}

impl<'a> Flattened<'a> {
    fn new<V: Nested<'a>>(parts: &Parts<'a, V>) -> Self {
        let mut arena = Arena::default();
        Self {
            body: parts.body.map(|body| arena.flatten(body)),
            attributes: parts
                .attributes
                .iter()
                .map(|&(key, value)| (key, arena.flatten(value)))
                .collect(),
            arena,
        }
    }

    fn resolve(&self) -> Resolved<'_> {
        let arena = &self.arena;
        Resolved {
            body: self.body.as_ref().map(|body| arena.resolve(body)),
            attributes: self
                .attributes
                .iter()
                .map(|(key, value)| LogAttribute {
                    key,
                    value: arena.resolve(value),
                })
                .collect(),
            nodes: arena.nodes.iter().map(|node| arena.resolve(node)).collect(),
        }
    }
}

/// A value whose children are ranges in the arena's lists.
enum Flat<'a> {
    Scalar(LogValue<'a>),
    Array(Range<usize>),
    Map(Range<usize>),
}

#[derive(Default)]
struct Arena<'a> {
    nodes: Vec<Flat<'a>>,
    elements: Vec<u32>,
    entries: Vec<MapEntry<'a>>,
}

impl<'a> Arena<'a> {
    /// Places a value's descendants level by level, so that a child stands after its parent, and without recursion, so
    /// that no depth overflows the stack. The host decides what is too deep.
    fn flatten<V: Nested<'a>>(&mut self, root: V) -> Flat<'a> {
        let mut waiting = VecDeque::new();
        let flat = self.place(root, &mut waiting, 0);
        while let Some(value) = waiting.pop_front() {
            let node = self.place(value, &mut waiting, 1);
            self.nodes.push(node);
        }
        flat
    }

    /// Gives a value's node and queues its children. `ahead` is 1 where the value itself is yet to take the next place.
    fn place<V: Nested<'a>>(
        &mut self,
        value: V,
        waiting: &mut VecDeque<V>,
        ahead: usize,
    ) -> Flat<'a> {
        let next = (self.nodes.len() + waiting.len() + ahead) as u32;
        match value.node() {
            Node::Scalar(value) => Flat::Scalar(value),
            Node::Array(children) => {
                let start = self.elements.len();
                self.elements.extend((next..).take(children.len()));
                waiting.extend(children);
                Flat::Array(start..self.elements.len())
            }
            Node::Map(children) => {
                let start = self.entries.len();
                for (node, (key, child)) in (next..).zip(children) {
                    self.entries.push(MapEntry { key, node });
                    waiting.push_back(child);
                }
                Flat::Map(start..self.entries.len())
            }
        }
    }

    fn resolve(&self, flat: &Flat<'a>) -> LogValue<'_> {
        match flat {
            Flat::Scalar(value) => *value,
            Flat::Array(range) => {
                LogValue::ArrayValue(self.elements.get(range.clone()).unwrap_or_default())
            }
            Flat::Map(range) => {
                LogValue::MapValue(self.entries.get(range.clone()).unwrap_or_default())
            }
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
