//! Builds trees of spans from arbitrary parent ids.

use std::collections::{BTreeMap, HashMap, HashSet};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use wasmscope_otlp::memory::Record;

/// Bit 9 of a span's flags: the parent is in another process (`SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`).
const PARENT_IS_REMOTE: u32 = 0x200;

/// One trace. It may have several roots, since parents may be missing.
#[derive(Debug)]
pub(super) struct Trace<'a> {
    pub(super) id: &'a [u8],
    pub(super) nodes: Vec<Node<'a>>,
    /// The roots in order of time.
    pub(super) roots: Vec<(usize, Root)>,
    /// The start of the first span, in nanoseconds since the Unix epoch.
    pub(super) start: u64,
    /// The end of the last span.
    pub(super) end: u64,
    /// How many spans have an error.
    pub(super) errors: usize,
}

/// A span in its tree.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) record: &'a Record<Span>,
    /// `None` for a root.
    pub(super) parent: Option<usize>,
    /// The children in order of their start.
    pub(super) children: Vec<usize>,
    /// Whether it or a descendant has an error.
    pub(super) error_within: bool,
    /// The number of its descendants.
    pub(super) descendants: usize,
}

/// Why a span is a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// It has no parent.
    Real,
    /// Its parent is in another process.
    Remote,
    /// Its parent was not received.
    Orphan,
    /// It is its own ancestor.
    Cycle,
}

/// Returns whether a span has an error.
pub(super) fn is_error(span: &Span) -> bool {
    let error = i32::from(StatusCode::Error);
    span.status
        .as_ref()
        .is_some_and(|status| status.code == error)
}

/// Groups spans into traces, in order of time.
pub(super) fn traces<'a>(records: impl Iterator<Item = &'a Record<Span>>) -> Vec<Trace<'a>> {
    let mut by_trace: BTreeMap<&[u8], Vec<&'a Record<Span>>> = BTreeMap::new();
    for record in records {
        by_trace
            .entry(&record.item.trace_id)
            .or_default()
            .push(record);
    }
    let mut traces: Vec<_> = by_trace
        .into_iter()
        .map(|(id, records)| trace(id, records))
        .collect();
    traces.sort_by_key(|trace| trace.start);
    traces
}

fn trace<'a>(id: &'a [u8], mut records: Vec<&'a Record<Span>>) -> Trace<'a> {
    // Nodes are ordered by their start, and so are the lists of children. Of two that start
    // together, the longer one comes first, because it is likelier to be the cause.
    records.sort_by_key(|record| {
        let span = &record.item;
        (
            span.start_time_unix_nano,
            std::cmp::Reverse(span.end_time_unix_nano),
        )
    });
    let mut by_span: HashMap<&[u8], usize> = HashMap::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        by_span.entry(&record.item.span_id).or_insert(index);
    }
    let mut parents: Vec<Option<usize>> = records
        .iter()
        .map(|record| {
            let parent = record.item.parent_span_id.as_slice();
            // A file may have spans without an id.
            let is_valid = parent.iter().any(|&byte| byte != 0);
            by_span.get(parent).copied().filter(|_| is_valid)
        })
        .collect();
    let cut = break_cycles(&mut parents);

    let mut nodes: Vec<Node<'a>> = records
        .iter()
        .zip(&parents)
        .map(|(record, &parent)| Node {
            record,
            parent,
            children: Vec::new(),
            error_within: is_error(&record.item),
            descendants: 0,
        })
        .collect();
    let mut roots = Vec::new();
    for (index, parent) in parents.iter().enumerate() {
        match parent {
            Some(parent) => nodes[*parent].children.push(index),
            None => roots.push((index, root(&nodes[index].record.item, cut.contains(&index)))),
        }
    }
    propagate_counts(&mut nodes, &roots);
    Trace {
        id,
        start: nodes.iter().map(|node| start(node)).min().unwrap_or(0),
        end: nodes.iter().map(|node| end(node)).max().unwrap_or(0),
        errors: nodes
            .iter()
            .filter(|node| is_error(&node.record.item))
            .count(),
        nodes,
        roots,
    }
}

fn start(node: &Node<'_>) -> u64 {
    node.record.item.start_time_unix_nano
}

fn end(node: &Node<'_>) -> u64 {
    node.record.item.end_time_unix_nano
}

fn root(span: &Span, cut: bool) -> Root {
    if cut {
        Root::Cycle
    } else if span.parent_span_id.iter().all(|&byte| byte == 0) {
        Root::Real
    } else if span.flags & PARENT_IS_REMOTE != 0 {
        Root::Remote
    } else {
        Root::Orphan
    }
}

/// Makes the earliest span of each cycle a root, and returns these. Follows each parent link once.
fn break_cycles(parents: &mut [Option<usize>]) -> HashSet<usize> {
    let mut cut = HashSet::new();
    let mut walk_of = vec![usize::MAX; parents.len()];
    for first in 0..parents.len() {
        let mut current = first;
        while walk_of[current] == usize::MAX {
            walk_of[current] = first;
            match parents[current] {
                Some(parent) => current = parent,
                None => break,
            }
        }
        // The walk returned to one of its own spans that still has a parent, so this is a cycle.
        if walk_of[current] == first && parents[current].is_some() {
            let mut earliest = current;
            let mut next = parents[current];
            while let Some(index) = next.filter(|&index| index != current) {
                earliest = earliest.min(index);
                next = parents[index];
            }
            parents[earliest] = None;
            cut.insert(earliest);
        }
    }
    cut
}

/// Propagates errors and counts from the leaves to the roots.
fn propagate_counts(nodes: &mut [Node<'_>], roots: &[(usize, Root)]) {
    let mut order: Vec<usize> = roots.iter().map(|(root, _)| *root).collect();
    let mut next = 0;
    while let Some(&index) = order.get(next) {
        order.extend(&nodes[index].children);
        next += 1;
    }
    for &index in order.iter().rev() {
        let Node {
            parent,
            error_within,
            descendants,
            ..
        } = nodes[index];
        if let Some(parent) = parent {
            nodes[parent].error_within |= error_within;
            nodes[parent].descendants += descendants + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::break_cycles;

    #[test]
    fn forest_without_cycles_is_unchanged() {
        let mut parents = [None, Some(0), Some(1), None, Some(3), Some(1)];
        let before = parents;
        assert!(break_cycles(&mut parents).is_empty());
        assert_eq!(parents, before);
    }

    #[test]
    fn the_earliest_span_of_a_cycle_becomes_a_root() {
        // 0 is a child of the cycle 2 → 1 → 3 → 2; 4 is its own parent.
        let mut parents = [Some(3), Some(3), Some(1), Some(2), Some(4)];
        let mut cut: Vec<_> = break_cycles(&mut parents).into_iter().collect();
        cut.sort_unstable();
        assert_eq!(cut, [1, 4]);
        assert_eq!(parents, [Some(3), None, Some(1), Some(2), None]);
    }
}
