//! Directed graphs, and which of their nodes can reach one another.

#![expect(
    clippy::indexing_slicing,
    reason = "every table has a place for each node, and edges to anything else are left out"
)]

/// A directed graph. Its nodes are numbers from zero.
pub(super) struct Graph {
    /// Where the targets of each node begin, and where the last node's end.
    starts: Vec<usize>,
    targets: Vec<usize>,
}

/// The strongly connected components of a graph: sets of nodes that all reach one another.
pub(super) struct Components {
    /// The nodes, those of a component side by side.
    nodes: Vec<usize>,
    /// Where each component ends in `nodes`.
    ends: Vec<usize>,
}

impl Graph {
    /// Makes a graph of so many nodes. Edges from or to other nodes are left out.
    pub(super) fn new(nodes: usize, edges: &[(usize, usize)]) -> Self {
        let inside = || {
            edges
                .iter()
                .copied()
                .filter(|(from, to)| *from < nodes && *to < nodes)
        };
        // Edges are counted, then put in place: sorting them would take longer, and a list for each node more memory.
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

    /// Finds the strongly connected components with Tarjan's algorithm: each comes after all that it leads to.
    ///
    /// What would be the stack of a recursion is a list here, as a module may call its functions in a chain of any length.
    pub(super) fn components(&self) -> Components {
        let nodes = self.len();
        let mut found = Components {
            nodes: Vec::with_capacity(nodes),
            ends: Vec::new(),
        };
        // In which order nodes were reached, from one; zero is for those that were not yet.
        let mut reached = vec![0_usize; nodes];
        let mut count = 0_usize;
        // The earliest open node that each node is known to lead to.
        let mut lowest = vec![0_usize; nodes];
        // The nodes that were reached and are in no component yet.
        let mut open = Vec::new();
        let mut is_open = vec![false; nodes];
        // The path to the current node, and how many of each node's edges were followed.
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
    fn components_come_after_what_they_lead_to() {
        let edges = [(0, 1), (1, 2), (2, 1), (2, 3), (4, 4)];
        assert_eq!(
            components(5, &edges),
            [vec![3], vec![1, 2], vec![0], vec![4]]
        );
        assert_eq!(components(0, &[]), Vec::<Vec<usize>>::new());
        assert_eq!(components(1, &[(0, 1), (7, 0)]), [vec![0]]);
    }

    #[test]
    fn long_paths_need_no_stack() {
        let nodes = 1_000_000;
        let mut edges: Vec<_> = (1..nodes).map(|to| (to - 1, to)).collect();
        assert_eq!(components(nodes, &edges).len(), nodes);
        edges.push((nodes - 1, 0));
        assert_eq!(components(nodes, &edges).len(), 1);
    }

    proptest! {
        #[test]
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
