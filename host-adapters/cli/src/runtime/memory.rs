//! `--max-memory`, on every runtime alike.

use bytesize::ByteSize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bounds the sum of all linear memories and tables of a store: a composed component has several.
#[derive(Debug)]
pub(crate) struct TotalMemory {
    most: Option<u64>,
    used: u64,
    refusal: Refusal,
}

/// Whether a program was refused memory: it may go on without, or fail in words of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusal(Arc<AtomicBool>);

impl Refusal {
    pub(crate) fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl TotalMemory {
    /// Makes one that allows so much, or anything.
    pub(crate) fn new(most: Option<ByteSize>) -> Self {
        Self {
            most: most.map(|size| size.as_u64()),
            used: 0,
            refusal: Refusal::default(),
        }
    }

    /// What will tell whether this has refused anything.
    pub(crate) fn refusal(&self) -> Refusal {
        self.refusal.clone()
    }

    fn grow(&mut self, bytes: u64) -> bool {
        let used = self.used.saturating_add(bytes);
        let fits = self.most.is_none_or(|most| used <= most);
        if fits {
            self.used = used;
        } else {
            self.refusal.0.store(true, Ordering::Relaxed);
        }
        fits
    }

    fn memory(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        allowed && self.grow(desired.saturating_sub(current) as u64)
    }

    /// A table counts for so many bytes an element as the runtime takes.
    fn table(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        element: usize,
    ) -> bool {
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        let elements = desired.saturating_sub(current);
        allowed && self.grow(elements.saturating_mul(element) as u64)
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
        // A pointer of the host's.
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
    fn memories_and_tables_share_what_there_is() {
        let mut memory = TotalMemory::new(Some(ByteSize(1000)));
        assert!(memory.memory(0, 400, None));
        assert!(memory.memory(0, 400, None));
        assert!(!memory.refusal().happened());
        assert!(!memory.memory(400, 601, None));
        assert!(memory.refusal().happened());
        assert!(!memory.table(0, 26, None, 8));
        assert!(memory.table(0, 25, None, 8));
        assert!(!memory.memory(400, 401, None));
    }
}
