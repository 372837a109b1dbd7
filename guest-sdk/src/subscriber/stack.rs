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

thread_local! {
    static ENTERED: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    /// Spans that were made when this component had entered none, and not started then: their parent is what
    /// the ambient span was. Some may have been started meanwhile.
    static WAITING: RefCell<Vec<(usize, Id)>> = const { RefCell::new(Vec::new()) };
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

pub(super) fn add_waiting(subscriber: usize, id: &Id) {
    WAITING.with_borrow_mut(|waiting| waiting.push((subscriber, id.clone())));
}

pub(super) fn remove_waiting(subscriber: usize, id: &Id) {
    WAITING.with_borrow_mut(|waiting| {
        waiting.retain(|(owner, other)| (*owner, other) != (subscriber, id));
    });
}

/// Gives the spans that wait, once.
pub(super) fn take_waiting(subscriber: usize) -> Vec<Id> {
    WAITING.with_borrow_mut(|waiting| {
        waiting
            .extract_if(.., |(owner, _)| *owner == subscriber)
            .map(|(_, id)| id)
            .collect()
    })
}
