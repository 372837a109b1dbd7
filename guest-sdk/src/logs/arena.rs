//! How records with nested values become the contract's: nodes in a list, which name their children by index.

use std::ops::Range;

use super::types::{LogAttribute, LogRecord, LogValue, MapEntry, Severity};
use crate::{SpanReference, backend, notice};

/// Emits a record in which values are nested: [`emit_nested`].
pub(crate) type EmitNested<'a, V> = fn(u64, &Parts<'a, V>);

/// Is a value that may be nested.
pub(crate) trait Nested<'a>: Copy {
    /// Gives the value if no others lie within, and otherwise what emits a record that has such.
    fn scalar(self) -> Result<LogValue<'a>, EmitNested<'a, Self>> {
        let mut children = Vec::new();
        let value = self.node(&mut children);
        if children.is_empty() {
            Ok(value)
        } else {
            Err(emit_nested)
        }
    }

    /// Gives the value, an array or a map as an empty one, and adds its children: a map's with their keys, an array's
    /// with empty ones.
    fn node(self, children: &mut Vec<(&'a str, Self)>) -> LogValue<'a>;

    /// Returns the value if it is an integer that no signed one holds.
    fn unsigned(self) -> Option<u64> {
        None
    }
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

impl<'a, V> Parts<'a, V> {
    fn record<'r>(
        &self,
        body: Option<LogValue<'r>>,
        attributes: &'r [LogAttribute<'r>],
        nodes: &'r [LogValue<'r>],
    ) -> LogRecord<'r>
    where
        'a: 'r,
    {
        LogRecord {
            body: body.into(),
            severity: self.severity.into(),
            severity_text: self.severity_text.into(),
            event_name: self.event_name.into(),
            attributes,
            nodes,
            time: self.time.into(),
            context: self.context.into(),
        }
    }
}

/// Where nothing is.
pub(super) const NO_VALUE: LogValue<'static> = LogValue::BoolValue(false);

/// Where nothing is, with a key.
const NO_ATTRIBUTE: LogAttribute<'static> = LogAttribute {
    key: "",
    value: NO_VALUE,
};

/// How many attributes a record may have to be emitted without an allocation.
const FEW: usize = 8;

/// Emits a record. Whether somebody listens has been asked before.
pub(crate) fn emit<'a, V: Nested<'a>>(logger: u64, parts: &Parts<'a, V>) {
    if let Err(emit_nested) = emit_scalars(logger, parts) {
        emit_nested(logger, parts);
    }
}

/// Emits a record if nothing in it is nested.
fn emit_scalars<'a, V: Nested<'a>>(
    logger: u64,
    parts: &Parts<'a, V>,
) -> Result<(), EmitNested<'a, V>> {
    let mut few = [NO_ATTRIBUTE; FEW];
    let mut many = Vec::new();
    let attributes = match few.get_mut(..parts.attributes.len()) {
        Some(few) => few,
        None => {
            many.resize(parts.attributes.len(), NO_ATTRIBUTE);
            &mut many
        }
    };
    for (place, (key, value)) in attributes.iter_mut().zip(parts.attributes) {
        place.key = key;
        place.value = value.scalar()?;
    }
    let body = parts.body.map(V::scalar).transpose()?;
    let record = parts.record(body, attributes, &[]);
    notice::take(backend::logger::emit(logger, &[record]));
    Ok(())
}

/// Emits a record in which values are nested.
pub(crate) fn emit_nested<'a, V: Nested<'a>>(logger: u64, parts: &Parts<'a, V>) {
    let mut values = Values::of(parts);
    let digits = values.digits();
    let children = values.children();
    values.name(&children, &digits);
    let nodes = values.nodes();
    notice::take(backend::logger::emit(
        logger,
        &[values.record(parts, &nodes)],
    ));
}

/// Emits several records in one call, as [`emit`] does one.
pub(crate) fn emit_all<'a, V: Nested<'a>>(logger: u64, records: &[Parts<'a, V>]) {
    let mut values: Vec<_> = records.iter().map(Values::of).collect();
    let lent: Vec<_> = values
        .iter()
        .map(|values| (values.children(), values.digits()))
        .collect();
    for (values, (children, digits)) in values.iter_mut().zip(&lent) {
        values.name(children, digits);
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
    /// With their keys, which a body and an array's elements have not. A body that is absent has a place too.
    values: Vec<LogAttribute<'a>>,
    /// The arrays and maps among them.
    containers: Vec<Container>,
    /// The integers among them that no signed one holds, and where they are.
    unsigned: Vec<(usize, u64)>,
    /// Where the body is. Before it are the attributes, behind it what lies within, which is what the contract calls nodes.
    body: usize,
}

/// Is an array or a map: where it is among the values, and which nodes are its children.
struct Container {
    at: usize,
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
        let body = parts.attributes.len();
        let mut values = Vec::with_capacity(body + 1);
        let mut containers = Vec::new();
        let mut unsigned = Vec::new();
        let mut children = Vec::new();
        loop {
            let at = values.len();
            let next = if at < body {
                parts.attributes.get(at).copied()
            } else if at == body {
                parts.body.map(|body| ("", body))
            } else {
                children.get(at - body - 1).copied()
            };
            let start = children.len();
            let (key, value) = match next {
                Some((key, value)) => {
                    unsigned.extend(value.unsigned().map(|value| (at, value)));
                    (key, value.node(&mut children))
                }
                None if at == body => ("", NO_VALUE),
                None => break,
            };
            if children.len() > start {
                containers.push(Container {
                    at,
                    children: start..children.len(),
                });
            }
            values.push(LogAttribute { key, value });
        }
        Self {
            values,
            containers,
            unsigned,
            body,
        }
    }

    fn within(&self) -> &[LogAttribute<'a>] {
        self.values.get(self.body + 1..).unwrap_or_default()
    }

    fn children(&self) -> Children<'a> {
        let mut children = Children {
            indices: Vec::new(),
            entries: Vec::new(),
        };
        for (value, node) in self.within().iter().zip(0..) {
            children.indices.push(node);
            children.entries.push(MapEntry {
                key: value.key,
                node,
            });
        }
        children
    }

    /// Returns the digits of integers that no signed one holds.
    fn digits(&self) -> Vec<String> {
        let digits = self.unsigned.iter().map(|(_, value)| value.to_string());
        digits.collect()
    }

    /// Has arrays and maps name their children, and gives wide integers their digits.
    fn name(&mut self, children: &'a Children<'a>, digits: &'a [String]) {
        for ((at, _), digits) in self.unsigned.iter().zip(digits) {
            if let Some(value) = self.values.get_mut(*at) {
                value.value = LogValue::StringValue(digits.as_str());
            }
        }
        for container in &self.containers {
            let range = container.children.clone();
            if let Some(container) = self.values.get_mut(container.at) {
                container.value = if let LogValue::MapValue(_) = container.value {
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
        let body = parts.body.is_some().then(|| self.values.get(self.body));
        parts.record(
            body.flatten().map(|body| body.value),
            self.values.get(..self.body).unwrap_or_default(),
            nodes,
        )
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
