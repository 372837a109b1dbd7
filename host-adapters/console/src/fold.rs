//! Chooses which of many similar items are shown, and which are summarised in one line.

use std::collections::HashMap;
use std::hash::Hash;

/// The most failed items of a kind that are shown in full.
pub(super) const FAILED: usize = 20;

/// An item that may be similar to others.
#[derive(Debug)]
pub(super) struct Item<K> {
    /// The key that similar items share.
    pub(super) kind: K,
    /// Its duration.
    pub(super) length: u64,
    /// Whether it failed. Failed items are shown individually.
    pub(super) failed: bool,
}

/// One step of the view.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// The item of this index.
    One(usize),
    /// A summary of these items in one line.
    Rest(Vec<usize>),
}

/// Counts of the items of a kind.
#[derive(Debug, Default)]
struct Group {
    /// How many have not failed.
    ordinary: usize,
    slowest: Option<Slowest>,
}

/// The slowest item that has not failed.
#[derive(Debug)]
struct Slowest {
    length: u64,
    at: usize,
    /// Its position among the items that have not failed.
    rank: usize,
}

impl Group {
    /// Returns how many items are summarised.
    fn rest(&self, limit: usize) -> usize {
        let beside = self.slowest.as_ref().is_some_and(|it| it.rank >= limit);
        self.ordinary.saturating_sub(limit + usize::from(beside))
    }

    fn is_slowest(&self, at: usize) -> bool {
        self.slowest.as_ref().is_some_and(|it| it.at == at)
    }
}

/// Chooses the items to show, in order. Of each kind these are shown: the first `limit`, the
/// slowest, and the first [`FAILED`] that failed. The others are summarised at the position of the
/// first of them. Without a limit all items are shown.
pub(super) fn fold<K: Hash + Eq + Clone>(
    items: impl Iterator<Item = Item<K>>,
    limit: Option<usize>,
) -> Vec<Shown> {
    let items: Vec<Item<K>> = items.collect();
    let Some(limit) = limit else {
        return (0..items.len()).map(Shown::One).collect();
    };
    let mut groups: HashMap<K, Group> = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        let group = groups.entry(item.kind.clone()).or_default();
        if item.failed {
            continue;
        }
        let slowest = group.slowest.as_ref();
        if slowest.is_none_or(|it| item.length > it.length) {
            group.slowest = Some(Slowest {
                length: item.length,
                at,
                rank: group.ordinary,
            });
        }
        group.ordinary += 1;
    }
    let mut seen: HashMap<K, (usize, usize)> = HashMap::new();
    let mut rests: HashMap<K, usize> = HashMap::new();
    let mut shown = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        let Some(group) = groups.get(&item.kind) else {
            continue;
        };
        let (ordinary, failed) = seen.entry(item.kind.clone()).or_default();
        let in_full = if item.failed {
            *failed += 1;
            *failed <= FAILED
        } else {
            *ordinary += 1;
            // A summary of one item would take a line too, so the item itself is shown.
            *ordinary <= limit || group.rest(limit) <= 1 || group.is_slowest(at)
        };
        if in_full {
            shown.push(Shown::One(at));
            continue;
        }
        let position = *rests.entry(item.kind).or_insert_with(|| {
            shown.push(Shown::Rest(Vec::new()));
            shown.len() - 1
        });
        if let Some(Shown::Rest(rest)) = shown.get_mut(position) {
            rest.push(at);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::Shown::{One, Rest};
    use super::*;

    fn folded(items: &[(&'static str, u64, bool)], limit: Option<usize>) -> Vec<Shown> {
        let items = items.iter().map(|&(kind, length, failed)| Item {
            kind,
            length,
            failed,
        });
        fold(items, limit)
    }

    #[test]
    fn the_first_the_slowest_and_the_failed_are_shown() {
        let items = [
            ("a", 1, false),
            ("b", 1, false),
            ("a", 1, false),
            ("a", 1, false),
            ("a", 9, false),
            ("a", 1, true),
            ("a", 2, false),
            ("a", 3, false),
        ];
        let all: Vec<_> = (0..items.len()).map(One).collect();
        assert_eq!(folded(&items, None), all);
        assert_eq!(folded(&items, Some(5)), all);
        let expected = [One(0), One(1), One(2), Rest(vec![3, 6, 7]), One(4), One(5)];
        assert_eq!(folded(&items, Some(2)), expected);
    }

    #[test]
    fn excess_failures_are_summarised() {
        let items = [("a", 1, true); 100];
        let shown = folded(&items, Some(3));
        assert_eq!(shown.len(), FAILED + 1);
        assert_eq!(shown[FAILED], Rest((FAILED..100).collect()));
    }
}
