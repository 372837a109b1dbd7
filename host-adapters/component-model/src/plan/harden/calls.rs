//! Finds the functions of a module that must be counted: those that may take part in a recursion,
//! because they are on a cycle of the call graph, and those from which a long chain of calls
//! begins.
//!
//! The graph contains every call that can happen, and some that cannot. Its nodes are the functions
//! of the module and a few nodes that stand for many functions:
//!
//! - One node for each type of function, with edges to all referenced functions of that type.
//!   `call_indirect` has an edge to it.
//! - One node for everything outside of the module, with edges to all functions that can be called
//!   from there. Imported functions have an edge to it, except those of the host, which itself
//!   bounds how deep guests enter one another through it.
//! - One node for any reference.
//!
//! So the graph is no larger than the module. A recursion through several instances passes through
//! the outside node of each of them.
//!
//! The graph also shows which functions may run for long without loops, including their callees:
//! the time that nested calls take grows exponentially with their depth.

use std::collections::HashMap;

use wasmtime_environ::wasmparser::{FuncType, RefType, ValType};

use super::MAX_UNCOUNTED_UNITS;
use super::analysis::to_index;
use super::graph::Graph;
use crate::error::LoadError;

/// The most instructions that a call runs uncharged.
pub(super) const FREE_STEPS: u32 = 1024;

/// The cost of a call, in instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CostClass {
    /// Cheap enough to run uncharged; holds the step count, including uncharged callees.
    Free(u32),
    /// Charged for each call; holds the step count without loops and without callees that are
    /// charged themselves.
    Charged(u32),
}

impl Default for CostClass {
    fn default() -> Self {
        Self::Free(0)
    }
}

/// The cost of a function without its callees.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LocalCost {
    /// The stack units that it uses.
    pub(super) units: u32,
    /// The number of its instructions.
    pub(super) steps: u32,
    /// Whether it has a loop.
    pub(super) has_loop: bool,
}

/// The result of the analysis for the functions of a module, imported ones first.
#[derive(Debug)]
pub(super) struct CallAnalysis {
    /// For each function, whether its stack units are counted.
    pub(super) counted: Vec<bool>,
    /// For each function, the cost of a call. Counted functions and functions with loops are
    /// charged.
    pub(super) costs: Vec<CostClass>,
    /// For each type, the most uncharged steps of a call to any function of that type.
    pub(super) free_by_type: Vec<u32>,
    /// The most stack units that uncounted functions use together on any path through the graph,
    /// at most [`MAX_UNCOUNTED_UNITS`].
    pub(super) uncounted_units: u32,
}

/// The calls of a module.
#[derive(Default)]
pub(super) struct Calls {
    /// For each type, the first type that is equal to it, which represents it.
    first_equal: Vec<u32>,
    by_type: HashMap<FuncType, u32>,
    /// All functions, imported ones first.
    functions: Vec<Node>,
    /// The imported functions that the host does not provide.
    foreign: Vec<u32>,
    exported: Vec<u32>,
    /// True if references to functions may enter or leave the module.
    shares_references: bool,
    /// Whether functions are called by reference.
    calls_references: bool,
    calls: Vec<(u32, Callee)>,
}

/// A function, imported or defined.
struct Node {
    ty: u32,
    /// True if it is in an element segment.
    in_segment: bool,
    /// True if something other than an element segment refers to it.
    is_referenced: bool,
}

/// The target of a call.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    /// A function.
    Function(u32),
    /// Any referenced function of this type.
    OfType(u32),
    /// Any referenced function.
    Reference,
}

impl Calls {
    /// Adds a type.
    pub(super) fn add_type(&mut self, ty: FuncType) -> Result<(), LoadError> {
        let values = ty.params().iter().chain(ty.results()).copied();
        self.shares_references |= values.into_iter().any(may_be_function);
        let index = u32::try_from(self.first_equal.len()).map_err(LoadError::invalid)?;
        self.first_equal
            .push(*self.by_type.entry(ty).or_insert(index));
        Ok(())
    }

    /// Adds a function with its type.
    pub(super) fn add_function(&mut self, ty: u32) {
        self.functions.push(Node {
            ty,
            in_segment: false,
            is_referenced: false,
        });
    }

    /// Marks an imported function as not provided by the host. To be called in the order of the
    /// functions.
    pub(super) fn add_foreign(&mut self, function: u32) {
        self.foreign.push(function);
    }

    /// Returns the imported functions that the host does not provide, in order.
    pub(super) fn foreign_functions(&self) -> &[u32] {
        &self.foreign
    }

    /// Marks a function as exported.
    pub(super) fn add_export(&mut self, function: u32) {
        self.exported.push(function);
    }

    /// Notes that a table is imported or exported.
    pub(super) fn share_table(&mut self) {
        self.shares_references = true;
    }

    /// Notes that a global of this type is imported or exported.
    pub(super) fn share_global(&mut self, ty: ValType) {
        self.shares_references |= may_be_function(ty);
    }

    /// Notes that a function is in an element segment.
    pub(super) fn add_to_segment(&mut self, function: u32) {
        if let Some(node) = self.functions.get_mut(to_index(function)) {
            node.in_segment = true;
        }
    }

    /// Notes that something other than an element segment refers to a function.
    pub(super) fn add_reference(&mut self, function: u32) {
        if let Some(node) = self.functions.get_mut(to_index(function)) {
            node.is_referenced = true;
        }
    }

    /// Adds a call.
    pub(super) fn add_call(&mut self, caller: u32, callee: Callee) {
        self.calls_references |= matches!(callee, Callee::Reference);
        self.calls.push((caller, callee));
    }

    /// True if tables and references may hold functions that the module does not define.
    pub(super) fn holds_foreign_references(&self, imported_functions: u32) -> bool {
        let mut imported = self.functions.iter().take(to_index(imported_functions));
        self.shares_references || imported.any(|node| node.in_segment || node.is_referenced)
    }

    /// Analyzes all functions, given the local cost of each, imported ones first.
    pub(super) fn analyze(&self, own: &[LocalCost]) -> CallAnalysis {
        let graph = self.graph();
        let functions = self.functions.len();
        let mut counted = vec![false; functions];
        let mut costs = vec![CostClass::default(); graph.len()];
        // The most uncounted units on any path from each node.
        let mut reached = vec![0_u32; graph.len()];
        for component in graph.components().iter() {
            let targets = component.iter().flat_map(|node| graph.targets(*node));
            // Components are ordered callees first; the component's own nodes are still at zero.
            let below = targets.filter_map(|target| reached.get(*target)).max();
            let below = below.copied().unwrap_or(0);
            let uncounted = match component {
                [node] if !graph.targets(*node).contains(node) => {
                    // The nodes that stand for many functions come after the functions, and use no
                    // units.
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
                    Some(CostClass::Free(steps)) => Some(*steps),
                    Some(CostClass::Charged(_)) | None => None,
                });
                let cost = match own.get(*node) {
                    Some(own) => {
                        let steps = steps.fold(own.steps, u32::saturating_add);
                        if own.has_loop || uncounted.is_none() || steps > FREE_STEPS {
                            CostClass::Charged(steps)
                        } else {
                            CostClass::Free(steps)
                        }
                    }
                    // On a cycle, the cost of other such nodes may not be known yet.
                    None if uncounted.is_none() => CostClass::Free(FREE_STEPS),
                    None => CostClass::Free(steps.max().unwrap_or(0)),
                };
                if let Some(slot) = costs.get_mut(*node) {
                    *slot = cost;
                }
            }
        }
        let free_by_type = self.first_equal.iter().map(|first| {
            match costs.get(functions.saturating_add(to_index(*first))) {
                Some(CostClass::Free(steps)) => *steps,
                Some(CostClass::Charged(_)) | None => FREE_STEPS,
            }
        });
        CallAnalysis {
            counted,
            free_by_type: free_by_type.collect(),
            costs,
            uncounted_units: reached.into_iter().max().unwrap_or(0),
        }
    }

    /// Builds the graph. Functions have the same numbers as in the module.
    fn graph(&self) -> Graph {
        let functions = self.functions.len();
        let of_type = |ty: u32| {
            let first = self.first_equal.get(to_index(ty)).copied();
            functions.saturating_add(to_index(first.unwrap_or(u32::MAX)))
        };
        let outside = functions.saturating_add(self.first_equal.len());
        let reference = outside.saturating_add(1);

        let mut edges = Vec::with_capacity(self.calls.len());
        for (caller, callee) in self.calls.iter().copied() {
            let caller = to_index(caller);
            match callee {
                Callee::Function(function) => edges.push((caller, to_index(function))),
                Callee::OfType(ty) => {
                    edges.push((caller, of_type(ty)));
                    // The reference may come from outside.
                    if self.shares_references {
                        edges.push((caller, outside));
                    }
                }
                Callee::Reference => edges.push((caller, reference)),
            }
        }
        edges.extend(self.foreign.iter().map(|n| (to_index(*n), outside)));
        edges.extend(self.exported.iter().map(|n| (outside, to_index(*n))));
        edges.push((reference, outside));
        for (function, node) in self.functions.iter().enumerate() {
            if node.in_segment || node.is_referenced {
                edges.push((of_type(node.ty), function));
                if self.calls_references {
                    edges.push((reference, function));
                }
            }
            if node.is_referenced || (node.in_segment && self.shares_references) {
                edges.push((outside, function));
            }
        }
        Graph::new(reference.saturating_add(1), &edges)
    }
}

fn may_be_function(ty: ValType) -> bool {
    matches!(ty, ValType::Ref(ty) if ty != RefType::EXTERNREF)
}
