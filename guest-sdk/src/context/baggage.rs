//! Baggage: names and values that are propagated with the call.

use core::marker::PhantomData;

use crate::backend::context;
use crate::notice;
use crate::types::{BaggageEntry, BaggageHandle};

/// Returns the current baggage: the one that was entered last, or else the one of the call.
#[must_use]
pub fn baggage() -> Vec<BaggageEntry> {
    context::baggage()
}

/// Replaces the baggage until the guard is dropped, for the components that this one calls. The
/// host keeps at most 64 entries and 8,192 bytes.
pub fn enter_baggage(entries: &[BaggageEntry]) -> BaggageGuard {
    let entries: Vec<_> = entries.iter().collect();
    BaggageGuard {
        scope: context::enter_baggage(&entries),
        not_send: PhantomData,
    }
}

/// Adds an entry to the baggage until the guard is dropped. It replaces an entry of the same key.
pub fn with_baggage_entry(entry: BaggageEntry) -> BaggageGuard {
    let mut entries = baggage();
    entries.retain(|other| other.key != entry.key);
    entries.push(entry);
    enter_baggage(&entries)
}

/// Keeps baggage entered until it is dropped.
#[derive(Debug)]
#[must_use = "the previous baggage is restored when this is dropped"]
pub struct BaggageGuard {
    scope: BaggageHandle,
    not_send: PhantomData<*const ()>,
}

impl Drop for BaggageGuard {
    fn drop(&mut self) {
        notice::take(context::exit_baggage(self.scope));
    }
}
