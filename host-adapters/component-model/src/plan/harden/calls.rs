//! Which functions of a module are counted: those that may take part in a recursion, as they are on a cycle of its graph of calls, and
//! those from which a long chain of calls begins.
//!
//! The graph contains every call that can happen, and some that cannot. Its nodes are the module's functions and a few that stand for
//! many:
//! - one for each type of function, which leads to all functions of that type that are referred to: `call_indirect` leads there;
//! - one for everything outside of the module, which leads to all that can be called from there: imported functions lead there, except
//!   those of the host, which bounds by itself how often guests enter one another through it;
//! - one for any reference.
//!
//! So the graph is no larger than the module. A recursion through several instances goes through the outside of each of them.
//!
//! The graph also says which functions may run for long with all that they call, even without loops: calls that branch out take time
//! that grows exponentially with their depth.

use std::collections::HashMap;

use wasmtime_environ::wasmparser::{FuncType, RefType, ValType};

use super::MAX_UNCOUNTED_UNITS;
use super::analysis::place;
use super::graph::Graph;
use crate::error::LoadError;

/// How many instructions a call runs at most that it is not charged for.
pub(super) const FREE_STEPS: u32 = 1024;

/// What a call costs, in instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// So little that nobody is charged: so many, with all that it calls and that is not charged by itself.
    Free(u32),
    /// So many without its loops; what it calls and is charged by itself is not among them.
    Charged(u32),
}

impl Default for Cost {
    fn default() -> Self {
        Self::Free(0)
    }
}

/// What is known of a function by itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Own {
    /// The stack units that it uses.
    pub(super) units: u32,
    /// Its instructions.
    pub(super) steps: u32,
    /// Whether it has a loop.
    pub(super) has_loop: bool,
}

/// What is to be done to the functions of a module, imported ones first.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Whether each one's stack units are to be counted.
    pub(super) counted: Vec<bool>,
    /// What a call of each one costs. Those that are counted, and those with loops, are charged.
    pub(super) costs: Vec<Cost>,
    /// How many steps a call takes at most of any function of each type, and is not charged for.
    pub(super) free_by_type: Vec<u32>,
    /// How many stack units the ones that are not counted use together, at most, on any path through the graph. That is no more than
    /// [`MAX_UNCOUNTED_UNITS`].
    pub(super) uncounted_units: u32,
}

/// What calls what.
#[derive(Default)]
pub(super) struct Calls {
    /// The first type that is equal to each type, and stands for it.
    first_equal: Vec<u32>,
    by_type: HashMap<FuncType, u32>,
    /// All functions, imported ones first.
    functions: Vec<Node>,
    /// The imported functions that are not the host's.
    foreign: Vec<u32>,
    exported: Vec<u32>,
    /// Whether references to functions may come into the module, or leave it.
    shares_references: bool,
    /// Whether functions are called by reference.
    calls_references: bool,
    calls: Vec<(u32, Callee)>,
}

/// A function, imported or defined.
struct Node {
    ty: u32,
    /// Whether it is in an element segment.
    is_listed: bool,
    /// Whether something else refers to it.
    is_named: bool,
}

/// What a function calls.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    /// A function.
    Function(u32),
    /// Any function of a type that something refers to.
    OfType(u32),
    /// Any function that something refers to.
    Reference,
}

impl Calls {
    /// Adds a type.
    pub(super) fn ty(&mut self, ty: FuncType) -> Result<(), LoadError> {
        let values = ty.params().iter().chain(ty.results()).copied();
        self.shares_references |= values.into_iter().any(may_be_function);
        let index = u32::try_from(self.first_equal.len()).map_err(LoadError::invalid)?;
        self.first_equal
            .push(*self.by_type.entry(ty).or_insert(index));
        Ok(())
    }

    /// Adds a function, of a type.
    pub(super) fn function(&mut self, ty: u32) {
        self.functions.push(Node {
            ty,
            is_listed: false,
            is_named: false,
        });
    }

    /// Says that an imported function is not the host's. These come in order.
    pub(super) fn foreign(&mut self, function: u32) {
        self.foreign.push(function);
    }

    /// Returns the imported functions that are not the host's, in order.
    pub(super) fn foreign_functions(&self) -> &[u32] {
        &self.foreign
    }

    /// Says that a function is exported.
    pub(super) fn export(&mut self, function: u32) {
        self.exported.push(function);
    }

    /// Says that a table is imported or exported.
    pub(super) fn share_table(&mut self) {
        self.shares_references = true;
    }

    /// Says that a global of this type is imported or exported.
    pub(super) fn share_global(&mut self, ty: ValType) {
        self.shares_references |= may_be_function(ty);
    }

    /// Says that a function is in an element segment.
    pub(super) fn list(&mut self, function: u32) {
        if let Some(node) = self.functions.get_mut(place(function)) {
            node.is_listed = true;
        }
    }

    /// Says that something refers to a function, other than an element segment.
    pub(super) fn name(&mut self, function: u32) {
        if let Some(node) = self.functions.get_mut(place(function)) {
            node.is_named = true;
        }
    }

    /// Adds a call.
    pub(super) fn call(&mut self, caller: u32, callee: Callee) {
        self.calls_references |= matches!(callee, Callee::Reference);
        self.calls.push((caller, callee));
    }

    /// Says whether tables and references may hold functions that the module does not define.
    pub(super) fn holds_foreign_references(&self, imported_functions: u32) -> bool {
        let mut imported = self.functions.iter().take(place(imported_functions));
        self.shares_references || imported.any(|node| node.is_listed || node.is_named)
    }

    /// Says what is to be done to each function, given what is known of them, imported ones first.
    pub(super) fn verdict(&self, own: &[Own]) -> Verdict {
        let graph = self.graph();
        let functions = self.functions.len();
        let mut counted = vec![false; functions];
        let mut costs = vec![Cost::default(); graph.len()];
        // The most uncounted units on any path from each node.
        let mut reached = vec![0_u32; graph.len()];
        for component in graph.components().iter() {
            let targets = component.iter().flat_map(|node| graph.targets(*node));
            // What the component leads to comes before it; its own nodes are still at zero.
            let below = targets.filter_map(|target| reached.get(*target)).max();
            let below = below.copied().unwrap_or(0);
            let uncounted = match component {
                [node] if !graph.targets(*node).contains(node) => {
                    // Nodes that stand for many come behind, and use none.
                    let own = own.get(*node).map_or(0, |own| own.units);
                    Some(below.saturating_add(own)).filter(|sum| *sum <= MAX_UNCOUNTED_UNITS)
                }
                _ => None,
            };
            for node in component {
                if let Some(counted) = counted.get_mut(*node) {
                    *counted = uncounted.is_none();
                }
                if let Some(reached) = reached.get_mut(*node) {
                    *reached = uncounted.unwrap_or(below);
                }
            }
            for node in component {
                let steps = graph.targets(*node).iter();
                let steps = steps.filter_map(|target| match costs.get(*target) {
                    Some(Cost::Free(steps)) => Some(*steps),
                    Some(Cost::Charged(_)) | None => None,
                });
                let cost = match own.get(*node) {
                    Some(own) => {
                        let steps = steps.fold(own.steps, u32::saturating_add);
                        if own.has_loop || uncounted.is_none() || steps > FREE_STEPS {
                            Cost::Charged(steps)
                        } else {
                            Cost::Free(steps)
                        }
                    }
                    // On a cycle, others that stand for many may be still to come.
                    None if uncounted.is_none() => Cost::Free(FREE_STEPS),
                    None => Cost::Free(steps.max().unwrap_or(0)),
                };
                if let Some(place) = costs.get_mut(*node) {
                    *place = cost;
                }
            }
        }
        let free_by_type = self.first_equal.iter().map(|first| {
            match costs.get(functions.saturating_add(place(*first))) {
                Some(Cost::Free(steps)) => *steps,
                Some(Cost::Charged(_)) | None => FREE_STEPS,
            }
        });
        Verdict {
            counted,
            free_by_type: free_by_type.collect(),
            costs,
            uncounted_units: reached.into_iter().max().unwrap_or(0),
        }
    }

    /// Makes the graph. The numbers of functions are those that they have in the module.
    fn graph(&self) -> Graph {
        let functions = self.functions.len();
        let of_type = |ty: u32| {
            let first = self.first_equal.get(place(ty)).copied();
            functions.saturating_add(place(first.unwrap_or(u32::MAX)))
        };
        let outside = functions.saturating_add(self.first_equal.len());
        let reference = outside.saturating_add(1);

        let mut edges = Vec::with_capacity(self.calls.len());
        for (caller, callee) in self.calls.iter().copied() {
            let caller = place(caller);
            match callee {
                Callee::Function(function) => edges.push((caller, place(function))),
                Callee::OfType(ty) => {
                    edges.push((caller, of_type(ty)));
                    // The reference may have come from there.
                    if self.shares_references {
                        edges.push((caller, outside));
                    }
                }
                Callee::Reference => edges.push((caller, reference)),
            }
        }
        edges.extend(self.foreign.iter().map(|n| (place(*n), outside)));
        edges.extend(self.exported.iter().map(|n| (outside, place(*n))));
        edges.push((reference, outside));
        for (function, node) in self.functions.iter().enumerate() {
            if node.is_listed || node.is_named {
                edges.push((of_type(node.ty), function));
                if self.calls_references {
                    edges.push((reference, function));
                }
            }
            if node.is_named || (node.is_listed && self.shares_references) {
                edges.push((outside, function));
            }
        }
        Graph::new(reference.saturating_add(1), &edges)
    }
}

fn may_be_function(ty: ValType) -> bool {
    matches!(ty, ValType::Ref(ty) if ty != RefType::EXTERNREF)
}
