//! What the host lets us know in passing, and what becomes of it.

use std::cell::Cell;

use crate::backend;

thread_local! {
    /// The notice that was heard last: below, the generation of log thresholds; above, the collection that comes next, or 0
    /// where there is none.
    static NOTICE: Cell<u64> = const { Cell::new(0) };
    /// The collection for which the callbacks last ran.
    static ANSWERED: Cell<u32> = const { Cell::new(0) };
    // A pointer, set when the first callback is registered: a guest without observable instruments links neither
    // the code nor the import that they need.
    static COLLECT: Cell<Option<fn()>> = const { Cell::new(None) };
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

/// Has `collect` called when a collection is due and at the end of a [`crate::Guard`].
///
/// When it does run the callbacks, it says so with [`answered`].
pub(crate) fn on_collection(collect: fn()) {
    backend::set(&COLLECT, Some(collect));
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
/// Called where the author's code is least likely to be in the middle of something: when a span has ended, and
/// by [`crate::collect`]. Not after measurements, logs or events, which are made while data is borrowed.
#[inline]
pub(crate) fn safe_point() {
    if collection() != ANSWERED.get() {
        collect_now();
    }
}

/// Runs the observable callbacks in any case.
pub(crate) fn collect_now() {
    if let Some(collect) = COLLECT.get() {
        collect();
    }
}

/// Forgets what an earlier backend said.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    NOTICE.set(0);
    ANSWERED.set(0);
    COLLECT.set(None);
}
