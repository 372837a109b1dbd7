//! Which spans this thread has entered.

use std::cell::RefCell;

use tracing::span::Id;

thread_local! {
    // Of all subscribers, told apart by their number: there is hardly ever more than one.
    static ENTERED: RefCell<Vec<(usize, Id)>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn push(subscriber: usize, id: &Id) {
    ENTERED.with_borrow_mut(|entered| entered.push((subscriber, id.clone())));
}

/// Removes the innermost entry of a span, wherever it sits; gives whether there was one.
pub(super) fn pop(subscriber: usize, id: &Id) -> bool {
    ENTERED.with_borrow_mut(|entered| {
        let found = entered
            .iter()
            .rposition(|(owner, other)| *owner == subscriber && other == id);
        if let Some(index) = found {
            entered.remove(index);
        }
        found.is_some()
    })
}

/// Gives the span that was entered last and not left.
pub(super) fn current(subscriber: usize) -> Option<Id> {
    ENTERED.with_borrow(|entered| {
        entered
            .iter()
            .rev()
            .find(|(owner, _)| *owner == subscriber)
            .map(|(_, id)| id.clone())
    })
}
