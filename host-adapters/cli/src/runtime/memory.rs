//! `--max-memory`, for all runtimes.

use bytesize::ByteSize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The maximum number of elements in all tables of a program. A table takes its memory when it is
/// created or grows.
pub(crate) const TABLE_ELEMENTS: usize = 1_000_000;

/// Limits the sum of all linear memories and tables of a store. A composed component has several.
#[derive(Debug)]
pub(crate) struct TotalMemory {
    most: u64,
    used: u64,
    elements: usize,
    refusal: Refusal,
}

/// Whether a program was refused memory. The program may continue without it, or fail with an
/// unrelated message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusal(Arc<Refused>);

#[derive(Debug, Default)]
struct Refused {
    bytes: AtomicBool,
    elements: AtomicBool,
}

impl Refusal {
    /// Returns true if memory beyond `--max-memory` was refused.
    pub(crate) fn of_bytes(&self) -> bool {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Returns true if elements beyond [`TABLE_ELEMENTS`] were refused.
    pub(crate) fn of_elements(&self) -> bool {
        self.0.elements.load(Ordering::Relaxed)
    }
}

impl TotalMemory {
    /// Creates a limit in bytes.
    pub(crate) fn new(most: ByteSize) -> Self {
        Self {
            most: most.as_u64(),
            used: 0,
            elements: 0,
            refusal: Refusal::default(),
        }
    }

    /// Returns a handle that tells whether this limit has refused anything.
    pub(crate) fn refusal(&self) -> Refusal {
        self.refusal.clone()
    }

    fn grow(&mut self, bytes: u64) -> bool {
        let used = self.used.saturating_add(bytes);
        let fits = used <= self.most;
        if fits {
            self.used = used;
        } else {
            self.refusal.0.bytes.store(true, Ordering::Relaxed);
        }
        fits
    }

    fn memory(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        allowed && self.grow(desired.saturating_sub(current) as u64)
    }

    /// Requests a table's growth. `element` is the size of an element in the runtime.
    fn table(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        element: usize,
    ) -> bool {
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        let more = desired.saturating_sub(current);
        let elements = self.elements.saturating_add(more);
        if allowed && elements > TABLE_ELEMENTS {
            self.refusal.0.elements.store(true, Ordering::Relaxed);
            return false;
        }
        let fits = allowed && self.grow(more.saturating_mul(element) as u64);
        if fits {
            self.elements = elements;
        }
        fits
    }
}

impl wasmtime::ResourceLimiter for TotalMemory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory(current, desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Wasmtime stores a host pointer for each element.
        Ok(self.table(current, desired, maximum, size_of::<usize>()))
    }
}

#[cfg(feature = "wasmedge")]
impl wasmedge_component::ResourceLimiter for TotalMemory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> anyhow::Result<bool> {
        Ok(self.memory(current, desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> anyhow::Result<bool> {
        let element = wasmedge_component::TABLE_ELEMENT_BYTES;
        Ok(self.table(current, desired, maximum, element))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_the_limit() {
        let mut memory = TotalMemory::new(ByteSize(1000));
        assert!(memory.memory(0, 400, None));
        assert!(memory.memory(0, 400, None));
        assert!(!memory.refusal().of_bytes());
        assert!(!memory.memory(400, 601, None));
        assert!(memory.refusal().of_bytes());
        assert!(!memory.table(0, 26, None, 8));
        assert!(memory.table(0, 25, None, 8));
        assert!(!memory.memory(400, 401, None));
        assert!(!memory.refusal().of_elements());
    }

    #[test]
    fn elements_of_tables_are_bounded_separately() {
        let mut memory = TotalMemory::new(ByteSize(u64::MAX));
        assert!(memory.table(0, TABLE_ELEMENTS - 1, None, 8));
        assert!(!memory.table(0, 2, None, 8));
        assert!(memory.refusal().of_elements());
        assert!(memory.table(0, 1, None, 8));
        assert!(!memory.table(TABLE_ELEMENTS - 1, TABLE_ELEMENTS, None, 8));
        assert!(!memory.refusal().of_bytes());
    }
}
