//! The limit on the bytes of all series of a provider.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::state_metrics::ItemCount;

/// A number of bytes that all series of a provider share. Each series takes its bytes when it is
/// made.
#[derive(Debug)]
pub(crate) struct SharedByteBudget {
    max: usize,
    left: AtomicUsize,
    /// The number of series that have taken bytes.
    holders: ItemCount,
}

impl SharedByteBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            max: bytes,
            left: AtomicUsize::new(bytes),
            holders: ItemCount::default(),
        }
    }

    /// Returns the taken bytes and the number of series that have taken them.
    pub(crate) fn held(&self) -> (usize, usize) {
        let left = self.left.load(Ordering::Relaxed);
        (self.max.saturating_sub(left), self.holders.get())
    }

    /// Takes `bytes` for a series. Returns false if fewer are left.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let left = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            });
        if left.is_ok() {
            self.holders.add();
        }
        left.is_ok()
    }

    /// Returns whether `bytes` are left.
    pub(crate) fn has(&self, bytes: usize) -> bool {
        bytes <= self.left.load(Ordering::Relaxed)
    }

    /// Releases the bytes of a series.
    pub(crate) fn release(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
        self.holders.subtract();
    }
}
