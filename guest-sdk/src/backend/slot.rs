//! A place for what the host said once and need not be asked again.

#[cfg(target_arch = "wasm32")]
mod imp {
    use core::sync::atomic::{AtomicU64, Ordering};

    /// Holds an answer of the host. Zero stands for "not asked": a host that answers zero is asked again.
    #[derive(Debug)]
    pub(crate) struct Slot(AtomicU64);

    impl Slot {
        pub(crate) const fn new() -> Self {
            Self(AtomicU64::new(0))
        }

        #[inline]
        pub(crate) fn get(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        #[inline]
        pub(crate) fn set(&self, value: u64) {
            self.0.store(value, Ordering::Relaxed);
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use std::sync::atomic::{AtomicU64, Ordering};

    const VALUE_BITS: u32 = 40;

    /// Holds an answer of the backend, for as long as that backend is installed: natively each thread
    /// may have a recorder of its own, while the slot sits in a `static` that all of them share. So the
    /// recorder's number (24 bits) stands above the value (40 bits, which is what a recorder's answers have).
    #[derive(Debug)]
    pub(crate) struct Slot(AtomicU64);

    impl Slot {
        pub(crate) const fn new() -> Self {
            Self(AtomicU64::new(0))
        }

        pub(crate) fn get(&self) -> u64 {
            let held = self.0.load(Ordering::Relaxed);
            if held >> VALUE_BITS == epoch() {
                held & ((1 << VALUE_BITS) - 1)
            } else {
                0
            }
        }

        pub(crate) fn set(&self, value: u64) {
            debug_assert!(value >> VALUE_BITS == 0, "a recorder's answer is too large");
            self.0
                .store(epoch() << VALUE_BITS | value, Ordering::Relaxed);
        }
    }

    fn epoch() -> u64 {
        u64::from(crate::testing::epoch())
    }
}

pub(crate) use imp::Slot;

impl Slot {
    /// Gives the answer that is held, or asks for it.
    #[inline]
    pub(crate) fn get_or(&self, ask: impl FnOnce() -> u64) -> u64 {
        match self.get() {
            0 => {
                let value = ask();
                self.set(value);
                value
            }
            value => value,
        }
    }
}
