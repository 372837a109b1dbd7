//! Linear memories.

#![expect(unsafe_code, reason = "the C API is called here")]

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use component_model::engine::{Memory, OutOfBounds, PAGE_BYTES};
use wasmedge_sys::ffi;

/// A linear memory, with its cached address.
pub(super) struct GuestMemory {
    memory: *mut ffi::WasmEdge_MemoryInstanceContext,
    /// The cached address and length, with the number of growths at that time. Reading them takes
    /// two calls of the C API, with their locks.
    extent: Cell<Option<(u64, (*mut u8, usize))>>,
}

impl GuestMemory {
    pub(super) fn new(memory: *mut ffi::WasmEdge_MemoryInstanceContext) -> Self {
        Self {
            memory,
            extent: Cell::new(None),
        }
    }

    /// Returns the memory's address and length. `growths` is the number of growths so far.
    pub(super) fn extent(&self, growths: u64) -> Option<(*mut u8, usize)> {
        match self.extent.get() {
            Some((known_at, known)) if known_at == growths => Some(known),
            _ => {
                let known = raw_extent(self.memory)?;
                self.extent.set(Some((growths, known)));
                Some(known)
            }
        }
    }

    /// Returns the memory to copy from and to. It borrows the store, which keeps the memory alive.
    pub(super) fn raw(&self) -> RawMemory<'_> {
        RawMemory {
            memory: self.memory,
            core: PhantomData,
        }
    }
}

/// A memory without a guest, which reserves the address space for a guest's memory.
///
/// If no address space is left, WasmEdge makes a guest's memory without pages, and the guest traps.
#[derive(Debug)]
pub struct ReservedMemory(*mut ffi::WasmEdge_MemoryInstanceContext);

impl ReservedMemory {
    /// Reserves address space. Returns `None` if none is left.
    pub(crate) fn new(pages: u64) -> Option<Self> {
        // SAFETY: returns a new object.
        let limit = unsafe { ffi::WasmEdge_LimitCreate(pages, false) };
        // SAFETY: the limit is alive, and is copied.
        let ty = unsafe { ffi::WasmEdge_MemoryTypeCreate(limit) };
        // SAFETY: made above, and not used after this.
        unsafe { ffi::WasmEdge_LimitDelete(limit) };
        // SAFETY: the type is alive, and is copied.
        let memory = unsafe { ffi::WasmEdge_MemoryInstanceCreate(ty) };
        // SAFETY: made above, and not used after this.
        unsafe { ffi::WasmEdge_MemoryTypeDelete(ty) };
        let reserved = Self(memory);
        (reserved.pages() == pages).then_some(reserved)
    }

    fn pages(&self) -> u64 {
        // SAFETY: made in `new`; the size of a null pointer is 0.
        unsafe { ffi::WasmEdge_MemoryInstanceGetPageSize(self.0) }
    }
}

impl Drop for ReservedMemory {
    fn drop(&mut self) {
        // SAFETY: made in `new`; a null pointer is ignored.
        unsafe { ffi::WasmEdge_MemoryInstanceDelete(self.0) };
    }
}

fn raw_extent(memory: *mut ffi::WasmEdge_MemoryInstanceContext) -> Option<(*mut u8, usize)> {
    // SAFETY: callers have the memory from a living `Core`.
    let pages = unsafe { ffi::WasmEdge_MemoryInstanceGetPageSize(memory) };
    let length = pages.checked_mul(PAGE_BYTES)?;
    if length == 0 {
        return None;
    }
    // SAFETY: as above; the C API checks that this many bytes exist.
    let pointer = unsafe { ffi::WasmEdge_MemoryInstanceGetPointer(memory, 0, length) };
    if pointer.is_null() {
        return None;
    }
    Some((pointer, usize::try_from(length).ok()?))
}

/// A memory to copy from and to, without references to its bytes.
#[derive(Debug)]
pub struct RawMemory<'a> {
    memory: *mut ffi::WasmEdge_MemoryInstanceContext,
    core: PhantomData<&'a mut ()>,
}

impl RawMemory<'_> {
    fn address(&self, offset: u32, length: usize) -> Result<*mut u8, OutOfBounds> {
        let (pointer, size) = raw_extent(self.memory).ok_or(OutOfBounds)?;
        let start = usize::try_from(offset).map_err(|_too_large| OutOfBounds)?;
        let end = start.checked_add(length).ok_or(OutOfBounds)?;
        if end > size {
            return Err(OutOfBounds);
        }
        // SAFETY: `start` is within the bytes that begin at `pointer`.
        Ok(unsafe { pointer.add(start) })
    }
}

impl Memory for RawMemory<'_> {
    fn length(&self) -> u64 {
        raw_extent(self.memory).map_or(0, |(_, length)| u64::try_from(length).unwrap_or(u64::MAX))
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        if bytes.is_empty() && u64::from(offset) <= self.length() {
            return Ok(());
        }
        let source = self.address(offset, bytes.len())?;
        // SAFETY: the check above ensures that this many bytes are at `source`; `bytes` is memory
        // of the host, so they do not overlap.
        unsafe { ptr::copy_nonoverlapping(source, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        if bytes.is_empty() && u64::from(offset) <= self.length() {
            return Ok(());
        }
        let target = self.address(offset, bytes.len())?;
        // SAFETY: as in `read`.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) };
        Ok(())
    }
}
