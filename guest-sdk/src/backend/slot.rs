//! A cell for a result of the host that does not change.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::types::Handle;

/// Caches a handle of the host. Zero means that there is none yet: if the host returns zero, it is
/// asked again.
///
/// Natively each thread may have its own recorder, but all share the `static` that contains the
/// slot. So a slot keeps the recorder's number (24 bits) above the value (40 bits).
pub(crate) struct Slot<T> {
    held: AtomicU64,
    holds: PhantomData<fn() -> T>,
}

impl<T> core::fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.held.fmt(f)
    }
}

impl<T> Slot<T> {
    pub(crate) const fn new() -> Self {
        Self {
            held: AtomicU64::new(0),
            holds: PhantomData,
        }
    }
}

impl Slot<u64> {
    /// Returns the value, or 0 if there is none.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        imp::unpack(self.held.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.held.store(imp::pack(value), Ordering::Relaxed);
    }
}

impl<T: Handle> Slot<T> {
    /// Returns the cached handle, or asks the host for it.
    #[inline]
    pub(crate) fn get_or(&self, ask: impl FnOnce() -> T) -> T {
        match imp::unpack(self.held.load(Ordering::Relaxed)) {
            0 => {
                let handle = ask();
                self.held.store(imp::pack(handle.raw()), Ordering::Relaxed);
                handle
            }
            held => T::from_raw(held),
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod imp {
    #[inline]
    pub(super) fn unpack(held: u64) -> u64 {
        held
    }

    #[inline]
    pub(super) fn pack(value: u64) -> u64 {
        value
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use crate::backend::recording::epoch;

    const VALUE_BITS: u32 = 40;

    pub(super) fn unpack(held: u64) -> u64 {
        if held >> VALUE_BITS == u64::from(epoch()) {
            held & ((1 << VALUE_BITS) - 1)
        } else {
            0
        }
    }

    pub(super) fn pack(value: u64) -> u64 {
        debug_assert!(value >> VALUE_BITS == 0, "a recorder's handle is too large");
        u64::from(epoch()) << VALUE_BITS | value
    }
}
