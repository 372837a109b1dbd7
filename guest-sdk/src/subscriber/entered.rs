//! The spans that this thread has entered, and those that wait to be started.

use std::cell::RefCell;

use tracing::span::Id;

use crate::types::SpanHandle;

struct Entry {
    /// The number of the core. Usually there is only one.
    core: usize,
    id: Id,
    /// Whether the host has entered it, too.
    activated: bool,
}

struct Waiting {
    core: usize,
    id: Id,
    /// The parent. `None` if it is in another process or not known yet.
    parent: Option<SpanHandle>,
}

thread_local! {
    static ENTERED: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    /// Spans that have not been entered, with their parent. Some may have been started since.
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn push(core: usize, id: &Id, activated: bool) {
    ENTERED.with_borrow_mut(|entered| {
        entered.push(Entry {
            core,
            id: id.clone(),
            activated,
        });
    });
}

/// Removes the innermost entry of a span. Returns whether the host has entered it, or `None` if
/// there was no entry.
pub(super) fn pop(core: usize, id: &Id) -> Option<bool> {
    ENTERED.with_borrow_mut(|entered| {
        let found = entered
            .iter()
            .rposition(|entry| entry.core == core && entry.id == *id)?;
        Some(entered.remove(found).activated)
    })
}

/// Returns the innermost entered span.
pub(super) fn current(core: usize) -> Option<Id> {
    ENTERED.with_borrow(|entered| {
        entered
            .iter()
            .rev()
            .find(|entry| entry.core == core)
            .map(|entry| entry.id.clone())
    })
}

/// Adds a span that has not been started.
pub(super) fn add_waiting(core: usize, id: &Id, parent: Option<SpanHandle>) {
    WAITING.with_borrow_mut(|waiting| {
        waiting.push(Waiting {
            core,
            id: id.clone(),
            parent,
        });
    });
}

pub(super) fn remove_waiting(core: usize, id: &Id) {
    WAITING.with_borrow_mut(|waiting| {
        // Usually the last one.
        let found = waiting
            .iter()
            .rposition(|entry| entry.core == core && entry.id == *id);
        if let Some(found) = found {
            waiting.remove(found);
        }
    });
}

/// Selects waiting spans.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum WaitingFilter {
    /// The children of a span.
    ChildrenOf(SpanHandle),
    /// Spans whose parent is not known yet.
    WithoutParent,
    All,
}

/// Removes waiting spans, and returns them.
pub(super) fn take_waiting(core: usize, wanted: WaitingFilter) -> Vec<Id> {
    let mut taken = Vec::new();
    WAITING.with(|waiting| {
        // A panic may occur within this module's code. The spans are lost then.
        if let Ok(mut waiting) = waiting.try_borrow_mut() {
            waiting.retain(|entry| {
                let is_wanted = match wanted {
                    WaitingFilter::ChildrenOf(parent) => entry.parent == Some(parent),
                    WaitingFilter::WithoutParent => entry.parent.is_none(),
                    WaitingFilter::All => true,
                };
                let takes = is_wanted && entry.core == core;
                if takes {
                    taken.push(entry.id.clone());
                }
                !takes
            });
        }
    });
    taken
}

/// Returns true if a child of a span waits to be started.
pub(super) fn is_waited_for(parent: SpanHandle) -> bool {
    WAITING.with_borrow(|waiting| waiting.iter().any(|entry| entry.parent == Some(parent)))
}
