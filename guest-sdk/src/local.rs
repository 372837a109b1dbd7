//! Thread-local cells and one-time initialisation, without the panics that the standard library's
//! link into a component.

use std::cell::Cell;
use std::thread::LocalKey;

/// Sets a thread-local value. [`LocalKey::set`] would link a panic for destroyed keys.
pub(crate) fn set<T>(key: &'static LocalKey<Cell<T>>, value: T) {
    key.with(|cell| cell.set(value));
}

/// `std::sync::Once`, because other threads may have to wait.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use std::sync::Once;

/// `std::sync::Once` for a single thread.
#[cfg(target_arch = "wasm32")]
pub(crate) struct Once(core::sync::atomic::AtomicBool);

#[cfg(target_arch = "wasm32")]
impl Once {
    pub(crate) const fn new() -> Self {
        Self(core::sync::atomic::AtomicBool::new(false))
    }

    pub(crate) fn call_once(&self, act: impl FnOnce()) {
        if !self.0.swap(true, core::sync::atomic::Ordering::Relaxed) {
            act();
        }
    }
}
