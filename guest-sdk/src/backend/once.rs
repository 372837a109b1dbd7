//! What is done once.

/// Is `std::sync::Once`, where another thread may have to wait for it.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use std::sync::Once;

#[cfg(target_arch = "wasm32")]
mod imp {
    use core::sync::atomic::{AtomicBool, Ordering};

    /// Is `std::sync::Once` for one thread, without the panics of one that is poisoned or entered again.
    pub(crate) struct Once(AtomicBool);

    impl Once {
        pub(crate) const fn new() -> Self {
            Self(AtomicBool::new(false))
        }

        pub(crate) fn call_once(&self, act: impl FnOnce()) {
            if !self.0.swap(true, Ordering::Relaxed) {
                act();
            }
        }
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) use imp::Once;
