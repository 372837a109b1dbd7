//! Which spans this thread has entered, and which of its spans wait.

use std::cell::RefCell;

use tracing::span::Id;

struct Entry {
    /// Whose span it is. There is hardly ever more than one subscriber.
    subscriber: usize,
    id: Id,
    /// Whether the host has entered it too.
    activated: bool,
}

struct Waiting {
    subscriber: usize,
    id: Id,
    /// The parent's handle; none if it is another one, or not known yet.
    parent: Option<u64>,
}

thread_local! {
    static ENTERED: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    /// Spans that have been made and not entered, with the span that is to be their parent. Some
    /// may have been started meanwhile.
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn push(subscriber: usize, id: &Id, activated: bool) {
    ENTERED.with_borrow_mut(|entered| {
        entered.push(Entry {
            subscriber,
            id: id.clone(),
            activated,
        });
    });
}

/// Removes the innermost entry of a span, wherever it sits; gives whether the host has entered it, if there was one.
pub(super) fn pop(subscriber: usize, id: &Id) -> Option<bool> {
    ENTERED.with_borrow_mut(|entered| {
        let found = entered
            .iter()
            .rposition(|entry| entry.subscriber == subscriber && entry.id == *id)?;
        Some(entered.remove(found).activated)
    })
}

/// Gives the span that was entered last and not left.
pub(super) fn current(subscriber: usize) -> Option<Id> {
    ENTERED.with_borrow(|entered| {
        entered
            .iter()
            .rev()
            .find(|entry| entry.subscriber == subscriber)
            .map(|entry| entry.id.clone())
    })
}

/// Notes a span that has been made; `parent` is the handle of its parent.
pub(super) fn add_waiting(subscriber: usize, id: &Id, parent: Option<u64>) {
    WAITING.with_borrow_mut(|waiting| {
        waiting.push(Waiting {
            subscriber,
            id: id.clone(),
            parent,
        });
    });
}

pub(super) fn remove_waiting(subscriber: usize, id: &Id) {
    WAITING.with_borrow_mut(|waiting| {
        // Usually the last one.
        let found = waiting
            .iter()
            .rposition(|entry| entry.subscriber == subscriber && entry.id == *id);
        if let Some(found) = found {
            waiting.remove(found);
        }
    });
}

/// Which of the spans that wait are meant.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Wanted {
    /// Those that are to be children of the span with that handle.
    ChildrenOf(u64),
    /// Those whose parent is not known yet.
    WithoutParent,
    All,
}

/// Removes spans from those that wait, and returns them.
pub(super) fn take_waiting(subscriber: usize, wanted: Wanted) -> Vec<Id> {
    let mut taken = Vec::new();
    WAITING.with(|waiting| {
        // A panic may come from within this module's code: the spans are then lost.
        if let Ok(mut waiting) = waiting.try_borrow_mut() {
            waiting.retain(|entry| {
                let is_wanted = match wanted {
                    Wanted::ChildrenOf(parent) => entry.parent == Some(parent),
                    Wanted::WithoutParent => entry.parent.is_none(),
                    Wanted::All => true,
                };
                let takes = is_wanted && entry.subscriber == subscriber;
                if takes {
                    taken.push(entry.id.clone());
                }
                !takes
            });
        }
    });
    taken
}

/// Returns true if a span whose parent has that handle waits to be started.
pub(super) fn is_waited_for(parent: u64) -> bool {
    WAITING.with_borrow(|waiting| waiting.iter().any(|entry| entry.parent == Some(parent)))
}
