//! Notices: news of the host about collections and log thresholds, which come with the results of
//! calls.

use std::cell::Cell;

use crate::local;
use crate::types::{Notice, SpanHandle};

thread_local! {
    /// The last notice.
    static NOTICE: Cell<Notice> = const { Cell::new(Notice::NONE) };
    /// Whether it was inferred from the handle of an unrecorded span.
    static INFERRED: Cell<bool> = const { Cell::new(false) };
    /// The collection for which the callbacks ran last.
    static ANSWERED: Cell<u32> = const { Cell::new(0) };
    // Set when the first callback is registered. A guest without observable instruments links
    // neither their code nor their imports.
    static OBSERVABLES: Cell<Option<&'static Observables>> = const { Cell::new(None) };
}

/// The functions for observable instruments.
#[derive(Debug)]
pub(crate) struct Observables {
    /// Runs the callbacks, and calls [`answered`].
    pub(crate) collect: fn(),
    /// Asks the host for a notice, and takes it.
    pub(crate) ask: fn(),
}

/// Stores the notice that a call returned. Runs no callbacks: see [`safe_point`].
#[inline]
pub(crate) fn take(notice: Notice) {
    local::set(&NOTICE, notice);
    local::set(&INFERRED, false);
}

/// Stores the digest of a notice from the handle of an unrecorded span. A program may make no other
/// calls.
#[inline]
pub(crate) fn take_digest(span: SpanHandle) {
    if span.digest() != NOTICE.get().digest() {
        infer(span);
    }
}

/// Replaces the lowest bits of the notice by the digest. The result differs from the last notice if
/// the digest does. The next call that returns a notice brings the complete one.
#[cold]
fn infer(span: SpanHandle) {
    let digest = span.digest();
    let generation = forward(generation(), digest.generation());
    let collection = match digest.collection() {
        0 => 0,
        low => forward(collection(), low),
    };
    local::set(&INFERRED, true);
    local::set(&NOTICE, Notice::new(collection, generation));
}

/// Returns the first number at or after this one with the four lowest bits `low`.
const fn forward(number: u32, low: u32) -> u32 {
    number.wrapping_add(low.wrapping_sub(number) & 15)
}

/// Returns the latest known generation of log thresholds.
#[inline]
pub(crate) fn generation() -> u32 {
    NOTICE.get().generation()
}

/// Sets the generation that came with a threshold.
pub(crate) fn set_generation(generation: u32) {
    local::set(&NOTICE, Notice::new(collection(), generation));
}

/// Registers the functions to call when a collection is due, and at the end of a [`crate::Guard`].
pub(crate) fn on_collection(observables: &'static Observables) {
    local::set(&OBSERVABLES, Some(observables));
}

fn collection() -> u32 {
    NOTICE.get().collection()
}

/// Marks the next collection as answered, because the callbacks run now.
pub(crate) fn answered() {
    local::set(&ANSWERED, collection());
}

/// Runs the observable callbacks if they have not run for the next collection.
///
/// Called where the program is least likely to have data borrowed: after the end of a span,
/// recorded or not, and by [`crate::collect`]. Not called after measurements, logs or events.
#[inline]
pub(crate) fn safe_point() {
    if collection() != ANSWERED.get() {
        collect_due();
    }
}

fn collect_due() {
    let Some(observables) = OBSERVABLES.get() else {
        return;
    };
    if INFERRED.get() {
        (observables.ask)();
        if collection() == ANSWERED.get() {
            return;
        }
    }
    (observables.collect)();
}

/// Asks the host whether a collection is due, and runs the observable callbacks if so.
pub(crate) fn ask() {
    if let Some(observables) = OBSERVABLES.get() {
        (observables.ask)();
        safe_point();
    }
}

/// Runs the observable callbacks in any case.
pub(crate) fn collect_now() {
    if let Some(observables) = OBSERVABLES.get() {
        (observables.collect)();
    }
}

/// Resets the state for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    NOTICE.set(Notice::NONE);
    ANSWERED.set(0);
    INFERRED.set(false);
    OBSERVABLES.set(None);
}
