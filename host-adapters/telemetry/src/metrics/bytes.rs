//! How many bytes the series of a provider may take.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes that all series of a provider share.
#[derive(Debug)]
pub(crate) struct ByteBudget {
    left: AtomicUsize,
}

impl ByteBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            left: AtomicUsize::new(bytes),
        }
    }

    /// Takes `bytes` if so many are left; tells whether they were.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            })
            .is_ok()
    }

    /// Whether `bytes` are left.
    pub(crate) fn has(&self, bytes: usize) -> bool {
        bytes <= self.left.load(Ordering::Relaxed)
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}
