//! Limits on memories and tables.

/// How many bytes WasmEdge takes for an element of a table: the type of the reference and a pointer. Its `TableInstance` keeps a
/// `std::vector` of `RefVariant`, which are as large as a vector of 128 bits, in WasmEdge 0.17.
pub const TABLE_ELEMENT_BYTES: usize = 16;

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

    /// Takes back what the last growth of a memory counts for that was allowed: there was no room for it after all. Nothing, unless an
    /// implementation counts.
    fn memory_grow_failed(&mut self) {}

    /// Tells whether a table may grow from `current` to `desired` elements, of [`TABLE_ELEMENT_BYTES`] each, as
    /// [`memory_growing`](Self::memory_growing) does for memories.
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
