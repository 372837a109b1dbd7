//! Limits on memories and tables.

/// Decides how far memories and tables of a store may grow, as `wasmtime::ResourceLimiter` does.
pub trait ResourceLimiter {
    /// Tells whether a memory may grow from `current` to `desired` bytes; `maximum` is what its type allows. Memories that come into being
    /// grow from 0. Where this says no, the guest's `memory.grow` gives -1, and an instantiation fails.
    ///
    /// # Errors
    ///
    /// An error traps the guest.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> anyhow::Result<bool>;

    /// Tells whether a table may grow from `current` to `desired` elements, as [`memory_growing`](Self::memory_growing) does for memories.
    ///
    /// # Errors
    ///
    /// An error traps the guest.
    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> anyhow::Result<bool>;
}
