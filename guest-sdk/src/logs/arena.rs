//! Converts records with nested values into the contract's form: a list of nodes, in which arrays
//! and maps refer to their children by index.

use std::ops::Range;

use crate::backend::logger;
use crate::notice;
use crate::trace::log_context;
use crate::types::{
    LogAttribute, LogRecord, LogValue, LoggerHandle, MapEntry, Severity, SpanReference,
};

/// Emits a record with nested values: [`emit_nested`].
pub(crate) type EmitNested<'a, V> = fn(LoggerHandle, &Parts<'a, V>);

/// A value that may be nested.
pub(crate) trait Nested<'a>: Copy {
    /// Returns the value if it is not nested. Otherwise returns the function that emits a record
    /// with it.
    fn scalar(self) -> Result<LogValue<'a>, EmitNested<'a, Self>> {
        let mut children = Vec::new();
        let value = self.node(&mut children);
        if children.is_empty() {
            Ok(value)
        } else {
            Err(emit_nested)
        }
    }

    /// Returns the value, or for an array or a map an empty one, and pushes its children. The
    /// children of an array have empty keys.
    fn node(self, children: &mut Vec<(&'a str, Self)>) -> LogValue<'a>;

    /// Returns the value if it is an integer that is too large for `i64`.
    fn unsigned(self) -> Option<u64> {
        None
    }
}

/// A log record whose values are still nested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parts<'a, V> {
    pub(crate) body: Option<V>,
    pub(crate) severity: Option<Severity>,
    pub(crate) severity_text: Option<&'a str>,
    pub(crate) event_name: Option<&'a str>,
    pub(crate) attributes: &'a [(&'a str, V)],
    pub(crate) time: Option<u64>,
    pub(crate) context: SpanReference<'a>,
}

impl<V> Default for Parts<'_, V> {
    fn default() -> Self {
        Self {
            body: None,
            severity: None,
            severity_text: None,
            event_name: None,
            attributes: &[],
            time: None,
            context: SpanReference::Ambient,
        }
    }
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
            context: log_context(self.context),
        }
    }
}

/// A placeholder.
pub(super) const NO_VALUE: LogValue<'static> = LogValue::Bool(false);

/// A placeholder with a key.
const NO_ATTRIBUTE: LogAttribute<'static> = LogAttribute {
    key: "",
    value: NO_VALUE,
};

/// The maximum number of attributes of a record that is emitted without an allocation.
const MAX_ON_STACK: usize = 8;

/// Emits a record. The caller has checked the threshold.
pub(crate) fn emit<'a, V: Nested<'a>>(handle: LoggerHandle, parts: &Parts<'a, V>) {
    if let Err(emit_nested) = emit_scalars(handle, parts) {
        emit_nested(handle, parts);
    }
}

/// Emits a record if no value in it is nested.
fn emit_scalars<'a, V: Nested<'a>>(
    handle: LoggerHandle,
    parts: &Parts<'a, V>,
) -> Result<(), EmitNested<'a, V>> {
    let mut few = [NO_ATTRIBUTE; MAX_ON_STACK];
    let mut many = Vec::new();
    let attributes = match few.get_mut(..parts.attributes.len()) {
        Some(few) => few,
        None => {
            many.resize(parts.attributes.len(), NO_ATTRIBUTE);
            &mut many
        }
    };
    for (attribute, (key, value)) in attributes.iter_mut().zip(parts.attributes) {
        attribute.key = key;
        attribute.value = value.scalar()?;
    }
    let body = parts.body.map(V::scalar).transpose()?;
    let record = parts.record(body, attributes, &[]);
    notice::take(logger::emit(handle, &[record]));
    Ok(())
}

/// Emits a record with nested values.
pub(crate) fn emit_nested<'a, V: Nested<'a>>(handle: LoggerHandle, parts: &Parts<'a, V>) {
    let mut values = Values::of(parts);
    let digits = values.digits();
    let children = values.children();
    values.resolve(&children, &digits);
    let nodes = values.nodes();
    notice::take(logger::emit(handle, &[values.record(parts, &nodes)]));
}

/// Emits several records in one call. Otherwise the same as [`emit`].
pub(crate) fn emit_all<'a, V: Nested<'a>>(handle: LoggerHandle, records: &[Parts<'a, V>]) {
    let mut values: Vec<_> = records.iter().map(Values::of).collect();
    let lent: Vec<_> = values
        .iter()
        .map(|values| (values.children(), values.digits()))
        .collect();
    for (values, (children, digits)) in values.iter_mut().zip(&lent) {
        values.resolve(children, digits);
    }
    let nodes: Vec<_> = values.iter().map(Values::nodes).collect();
    let records: Vec<_> = records
        .iter()
        .zip(values.iter().zip(&nodes))
        .map(|(parts, (values, nodes))| values.record(parts, nodes))
        .collect();
    notice::take(logger::emit(handle, &records));
}

/// The values of a record: its attributes, its body, and the nested values level by level, so that
/// a child follows its parent.
struct Values<'a> {
    /// The values with their keys. The keys of the body and of array elements are empty. An absent
    /// body has an entry, too.
    values: Vec<LogAttribute<'a>>,
    /// The arrays and maps among the values.
    containers: Vec<Container>,
    /// The integers that are too large for `i64`, with their indices.
    unsigned: Vec<(usize, u64)>,
    /// The index of the body. The attributes precede it. The nested values, which the contract
    /// calls nodes, follow it.
    body: usize,
}

/// An array or a map: its index among the values, and the nodes that are its children.
struct Container {
    at: usize,
    children: Range<usize>,
}

/// The indices of all nodes, in order. Arrays and maps borrow from it.
struct Children<'a> {
    indices: Vec<u32>,
    entries: Vec<MapEntry<'a>>,
}

impl<'a> Values<'a> {
    /// Collects the values of a record, without recursion, so that deep values do not overflow the
    /// stack. The host limits the depth.
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

    fn nested(&self) -> &[LogAttribute<'a>] {
        self.values.get(self.body + 1..).unwrap_or_default()
    }

    fn children(&self) -> Children<'a> {
        let mut children = Children {
            indices: Vec::new(),
            entries: Vec::new(),
        };
        for (value, node) in self.nested().iter().zip(0..) {
            children.indices.push(node);
            children.entries.push(MapEntry {
                key: value.key,
                node,
            });
        }
        children
    }

    /// Returns the digits of integers that are too large for `i64`.
    fn digits(&self) -> Vec<String> {
        let digits = self.unsigned.iter().map(|(_, value)| value.to_string());
        digits.collect()
    }

    /// Sets the children of arrays and maps, and the digits of large integers.
    fn resolve(&mut self, children: &'a Children<'a>, digits: &'a [String]) {
        for ((at, _), digits) in self.unsigned.iter().zip(digits) {
            if let Some(value) = self.values.get_mut(*at) {
                value.value = LogValue::String(digits.as_str());
            }
        }
        for container in &self.containers {
            let range = container.children.clone();
            if let Some(container) = self.values.get_mut(container.at) {
                container.value = if let LogValue::Map(_) = container.value {
                    LogValue::Map(children.entries.get(range).unwrap_or_default())
                } else {
                    LogValue::Array(children.indices.get(range).unwrap_or_default())
                };
            }
        }
    }

    fn nodes(&self) -> Vec<LogValue<'a>> {
        self.nested().iter().map(|value| value.value).collect()
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
