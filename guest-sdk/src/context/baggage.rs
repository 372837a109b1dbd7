//! Baggage: names and values that travel with the call.

use core::marker::PhantomData;

use crate::backend::context;
use crate::notice;

/// Is an entry of W3C Baggage.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct BaggageEntry {
    /// Its name: a token (RFC 7230), not empty.
    pub key: String,
    /// Its value, decoded.
    pub value: String,
    /// The properties that follow the value in the header, as they stand there; empty where there are none.
    pub metadata: String,
}

impl BaggageEntry {
    /// Makes an entry without properties.
    #[must_use]
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
            metadata: String::new(),
        }
    }
}

/// Gives the baggage that holds here: what was entered last, or beneath that what came with the call.
#[must_use]
pub fn baggage() -> Vec<BaggageEntry> {
    context::baggage()
}

/// Replaces the baggage until the guard is dropped, for what is called from here on. The host keeps 64 entries and 8,192 bytes.
pub fn enter_baggage(entries: &[BaggageEntry]) -> BaggageGuard {
    let entries: Vec<_> = entries.iter().collect();
    BaggageGuard {
        scope: context::enter_baggage(&entries),
        not_send: PhantomData,
    }
}

/// Adds an entry to the baggage until the guard is dropped; one with the same key is replaced.
pub fn with_baggage_entry(entry: BaggageEntry) -> BaggageGuard {
    let mut entries = baggage();
    entries.retain(|other| other.key != entry.key);
    entries.push(entry);
    enter_baggage(&entries)
}

/// Keeps baggage entered; undoes that when dropped.
#[derive(Debug)]
#[must_use = "the baggage holds until this is dropped"]
pub struct BaggageGuard {
    scope: u64,
    not_send: PhantomData<*const ()>,
}

impl Drop for BaggageGuard {
    fn drop(&mut self) {
        notice::take(context::exit_baggage(self.scope));
    }
}
