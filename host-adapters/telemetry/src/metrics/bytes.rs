//! How many bytes the series of a provider may take.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::held::Gauge;

/// A number of bytes that all series of a provider share.
#[derive(Debug)]
pub(crate) struct ByteBudget {
    max: usize,
    left: AtomicUsize,
    /// How many have taken some.
    holders: Gauge,
}

impl ByteBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            max: bytes,
            left: AtomicUsize::new(bytes),
            holders: Gauge::default(),
        }
    }

    /// Returns how many bytes are taken, and by how many.
    pub(crate) fn held(&self) -> (usize, usize) {
        let left = self.left.load(Ordering::Relaxed);
        (self.max.saturating_sub(left), self.holders.get())
    }

    /// Takes `bytes` if so many are left; tells whether they were.
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

    /// Returns back what was taken.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
        self.holders.subtract();
    }
}
