//! What the host lets us know in passing, and what becomes of it.

use std::cell::Cell;

thread_local! {
    static GENERATION: Cell<u32> = const { Cell::new(0) };
    static DUE: Cell<bool> = const { Cell::new(false) };
    // A pointer, set when the first callback is registered: a guest without observable instruments links neither
    // the code nor the imports that they need.
    static COLLECT: Cell<Option<fn(bool)>> = const { Cell::new(None) };
}

const COLLECTION_DUE: u64 = 1 << 63;

/// Takes the notice that a call gave. Runs nothing: see [`safe_point`].
#[inline]
pub(crate) fn take(notice: u64) {
    GENERATION.set(notice as u32);
    if notice & COLLECTION_DUE != 0 {
        DUE.set(true);
    }
}

/// The generation of log thresholds that was heard of last.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.get()
}

/// Notes the generation that came with a threshold.
pub(crate) fn set_generation(generation: u32) {
    GENERATION.set(generation);
}

/// Has `collect` called when a collection is due (with `false`) and at the end of a [`crate::Guard`] (with `true`).
pub(crate) fn on_collection(collect: fn(bool)) {
    COLLECT.set(Some(collect));
}

/// Runs the observable callbacks if the host has asked for them.
///
/// Called where the author's code is least likely to be in the middle of something: when a span has ended, and
/// by [`crate::collect`]. Not after measurements, logs or events, which are made while data is borrowed.
#[inline]
pub(crate) fn safe_point() {
    if DUE.get()
        && let Some(collect) = COLLECT.get()
    {
        DUE.set(false);
        collect(false);
    }
}

/// Runs the observable callbacks without being asked.
pub(crate) fn collect_now() {
    if let Some(collect) = COLLECT.get() {
        DUE.set(false);
        collect(true);
    }
}

/// Forgets what an earlier backend said.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    GENERATION.set(0);
    DUE.set(false);
    COLLECT.set(None);
}
