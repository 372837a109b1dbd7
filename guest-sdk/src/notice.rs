//! Notices: the host's news about collections and log thresholds, which come with the results of
//! calls.

use std::cell::Cell;

use crate::backend::{self, DIGEST_SHIFT};

thread_local! {
    /// The notice that was heard last: below, the generation of log thresholds; above, the collection that comes next, or 0
    /// where there is none.
    static NOTICE: Cell<u64> = const { Cell::new(0) };
    /// Whether it was inferred from the handle of an unrecorded span.
    static INFERRED: Cell<bool> = const { Cell::new(false) };
    /// The collection for which the callbacks last ran.
    static ANSWERED: Cell<u32> = const { Cell::new(0) };
    // Set when the first callback is registered: a guest without observable instruments links
    // neither the code nor the import that they need.
    static OBSERVABLES: Cell<Option<&'static Observables>> = const { Cell::new(None) };
}

/// The functions for observable instruments.
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
    backend::set(&INFERRED, false);
}

/// Takes what the handle of an unrecorded span says of the notice. A program may make no other
/// call.
#[inline]
pub(crate) fn hear(handle: u64) {
    let notice = NOTICE.get();
    let collection = ((handle >> DIGEST_SHIFT) ^ (notice >> 32)) as u32 & 15;
    let generation = ((handle >> (DIGEST_SHIFT + 4)) ^ notice) as u32 & 15;
    if collection | generation != 0 {
        infer(handle);
    }
}

/// Puts the digest into the notice, in place of the bits that differ. So it differs from the one
/// that was acted upon; what it really is comes with the next call that gives one.
#[cold]
fn infer(handle: u64) {
    let digest = handle >> DIGEST_SHIFT;
    let generation = forward(NOTICE.get() as u32, (digest >> 4) as u32);
    let collection = match digest as u32 & 15 {
        0 => 0,
        low => forward(collection(), low),
    };
    backend::set(&INFERRED, true);
    backend::set(&NOTICE, u64::from(collection) << 32 | u64::from(generation));
}

/// Returns the next number, from this one on, that has these four lowest bits.
const fn forward(number: u32, low: u32) -> u32 {
    number.wrapping_add(low.wrapping_sub(number) & 15)
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
/// Called where the author's code is least likely to be in the middle of something: when a span has
/// ended, recorded or not, and by [`crate::collect`]. Not after measurements, logs or events, which
/// are made while data is borrowed.
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

/// Forgets what an earlier backend said.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    NOTICE.set(0);
    ANSWERED.set(0);
    INFERRED.set(false);
    OBSERVABLES.set(None);
}
