//! Directed graphs and their strongly connected components (ADR 22).

#![expect(
    clippy::indexing_slicing,
    reason = "every table has an entry for each node, and edges to anything else are left out"
)]

/// A directed graph whose nodes are numbered from zero.
pub(super) struct Graph {
    /// For each node, the index of its first target, and at the end the number of all targets.
    starts: Vec<usize>,
    targets: Vec<usize>,
}

/// The strongly connected components of a graph: sets of nodes that all reach one another.
pub(super) struct Components {
    /// The nodes, grouped by component.
    nodes: Vec<usize>,
    /// Where each component ends in `nodes`.
    ends: Vec<usize>,
}

impl Graph {
    /// Makes a graph with this number of nodes. Edges from or to other nodes are left out.
    pub(super) fn new(nodes: usize, edges: &[(usize, usize)]) -> Self {
        let inside = || {
            edges
                .iter()
                .copied()
                .filter(|(from, to)| *from < nodes && *to < nodes)
        };
        // Counts the edges, then fills in the targets: sorting takes longer, and a list for each
        // node more memory.
        let mut starts = vec![0_usize; nodes.saturating_add(1)];
        for (from, _) in inside() {
            starts[from] = starts[from].saturating_add(1);
        }
        let mut end = 0_usize;
        for start in &mut starts {
            end = end.saturating_add(*start);
            *start = end;
        }
        let mut targets = vec![0; end];
        for (from, to) in inside() {
            starts[from] = starts[from].saturating_sub(1);
            targets[starts[from]] = to;
        }
        Self { starts, targets }
    }

    /// Returns how many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Returns the targets of a node's edges.
    pub(super) fn targets(&self, node: usize) -> &[usize] {
        &self.targets[self.starts[node]..self.starts[node.saturating_add(1)]]
    }

    /// Finds the strongly connected components with Tarjan's algorithm: each comes after all that
    /// it leads to.
    ///
    /// Iterates with an explicit stack, because a chain of calls in a module may be of any length.
    pub(super) fn components(&self) -> Components {
        let nodes = self.len();
        let mut found = Components {
            nodes: Vec::with_capacity(nodes),
            ends: Vec::new(),
        };
        // The order in which nodes were reached, from one; zero for nodes not reached yet.
        let mut reached = vec![0_usize; nodes];
        let mut count = 0_usize;
        // For each node, the earliest open node that it is known to reach.
        let mut lowest = vec![0_usize; nodes];
        // The nodes that were reached and are in no component yet.
        let mut open = Vec::new();
        let mut is_open = vec![false; nodes];
        // The path to the current node, with the number of edges followed from each node.
        let mut path: Vec<(usize, usize)> = Vec::new();
        for root in 0..nodes {
            let mut next = (reached[root] == 0).then_some(root);
            loop {
                if let Some(node) = next.take() {
                    count = count.saturating_add(1);
                    reached[node] = count;
                    lowest[node] = count;
                    open.push(node);
                    is_open[node] = true;
                    path.push((node, 0));
                }
                let Some((node, followed)) = path.last_mut() else {
                    break;
                };
                let node = *node;
                if let Some(target) = self.targets(node).get(*followed).copied() {
                    *followed = followed.saturating_add(1);
                    if reached[target] == 0 {
                        next = Some(target);
                    } else if is_open[target] {
                        lowest[node] = lowest[node].min(reached[target]);
                    }
                    continue;
                }
                path.pop();
                if let Some((parent, _)) = path.last() {
                    lowest[*parent] = lowest[*parent].min(lowest[node]);
                }
                if lowest[node] == reached[node] {
                    while let Some(member) = open.pop() {
                        is_open[member] = false;
                        found.nodes.push(member);
                        if member == node {
                            break;
                        }
                    }
                    found.ends.push(found.nodes.len());
                }
            }
        }
        found
    }
}

impl Components {
    /// Returns the components, each after all that it leads to.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[usize]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.nodes[start..*end])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn components(nodes: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
        let found = Graph::new(nodes, edges).components();
        let sorted = found.iter().map(|component| {
            let mut component = component.to_vec();
            component.sort_unstable();
            component
        });
        sorted.collect()
    }

    #[test]
    fn components_come_after_those_they_reach() {
        let edges = [(0, 1), (1, 2), (2, 1), (2, 3), (4, 4)];
        assert_eq!(
            components(5, &edges),
            [vec![3], vec![1, 2], vec![0], vec![4]]
        );
        assert_eq!(components(0, &[]), Vec::<Vec<usize>>::new());
        assert_eq!(components(1, &[(0, 1), (7, 0)]), [vec![0]]);
    }

    #[test]
    fn long_paths_do_not_recurse() {
        let nodes = 1_000_000;
        let mut edges: Vec<_> = (1..nodes).map(|to| (to - 1, to)).collect();
        assert_eq!(components(nodes, &edges).len(), nodes);
        edges.push((nodes - 1, 0));
        assert_eq!(components(nodes, &edges).len(), 1);
    }

    proptest! {
        #[test]
        #[cfg_attr(miri, ignore = "property tests are too slow")]
        fn members_reach_one_another_and_no_others_do(
            edges in proptest::collection::vec((0_usize..8, 0_usize..8), 0..20)
        ) {
            let at = |from: usize, to: usize| from * 8 + to;
            let mut reach = [false; 64];
            for node in 0..8 {
                reach[at(node, node)] = true;
            }
            for (from, to) in &edges {
                reach[at(*from, *to)] = true;
            }
            for via in 0..8 {
                for from in 0..8 {
                    for to in 0..8 {
                        reach[at(from, to)] |= reach[at(from, via)] && reach[at(via, to)];
                    }
                }
            }
            let components = components(8, &edges);
            let of = |node| components.iter().position(|nodes| nodes.contains(&node)).unwrap();
            for from in 0..8 {
                for to in 0..8 {
                    prop_assert_eq!(of(from) == of(to), reach[at(from, to)] && reach[at(to, from)]);
                    prop_assert!(!reach[at(from, to)] || of(to) <= of(from));
                }
            }
        }
    }
}
