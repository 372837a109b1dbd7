//! What the host lets us know in passing, and what becomes of it.

use std::cell::Cell;

use crate::backend;

thread_local! {
    /// The notice that was heard last: below, the generation of log thresholds; above, the collection that comes next, or 0
    /// where there is none.
    static NOTICE: Cell<u64> = const { Cell::new(0) };
    /// The collection for which the callbacks last ran.
    static ANSWERED: Cell<u32> = const { Cell::new(0) };
    // Set when the first callback is registered: a guest without observable instruments links neither the code nor the import
    // that they need.
    static OBSERVABLES: Cell<Option<&'static Observables>> = const { Cell::new(None) };
}

/// What is done for observable instruments.
#[derive(Debug)]
pub(crate) struct Observables {
    /// Runs the callbacks, and says so with [`answered`].
    pub(crate) collect: fn(),
    /// Asks the host for a notice, and takes it.
    pub(crate) ask: fn(),
}

/// Takes the notice that a call gave. Runs nothing: see [`safe_point`].
#[inline]
pub(crate) fn take(notice: u64) {
    backend::set(&NOTICE, notice);
}

/// The generation of log thresholds that was heard of last.
#[inline]
pub(crate) fn generation() -> u32 {
    NOTICE.get() as u32
}

/// Notes the generation that came with a threshold.
pub(crate) fn set_generation(generation: u32) {
    let collection = NOTICE.get() >> 32;
    backend::set(&NOTICE, collection << 32 | u64::from(generation));
}

/// Has the callbacks run when a collection is due and at the end of a [`crate::Guard`].
pub(crate) fn on_collection(observables: &'static Observables) {
    backend::set(&OBSERVABLES, Some(observables));
}

fn collection() -> u32 {
    (NOTICE.get() >> 32) as u32
}

/// Notes that the callbacks run now, for the collection that comes next.
pub(crate) fn answered() {
    backend::set(&ANSWERED, collection());
}

/// Runs the observable callbacks if they have not run for the collection that comes next.
///
/// Called where the author's code is least likely to be in the middle of something: when a span has ended, recorded or not, and
/// by [`crate::collect`]. Not after measurements, logs or events, which are made while data is borrowed.
#[inline]
pub(crate) fn safe_point() {
    if collection() != ANSWERED.get() {
        collect_now();
    }
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

/// Forgets what an earlier backend said.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    NOTICE.set(0);
    ANSWERED.set(0);
    OBSERVABLES.set(None);
}
