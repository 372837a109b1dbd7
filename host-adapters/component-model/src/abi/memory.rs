//! The traits that the canonical ABI requires of an engine.

use std::fmt;

use crate::error::Trap;
use crate::handles::ResourceTables;

/// An access outside of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfBounds;

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of bounds memory access")
    }
}

impl std::error::Error for OutOfBounds {}

/// A 32-bit linear memory. Bytes are copied in and out.
///
/// An implementation must look up the memory in the engine for each call, because it may have grown
/// or moved.
pub trait Memory {
    /// Returns the current size in bytes.
    fn length(&self) -> u64;

    /// Copies bytes out of the memory.
    ///
    /// # Errors
    ///
    /// [`OutOfBounds`]; the contents of `bytes` are then unspecified.
    fn read(&self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds>;

    /// Copies bytes into the memory.
    ///
    /// # Errors
    ///
    /// [`OutOfBounds`]; nothing was written then.
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds>;
}

/// A memory together with the guest's own allocator for it.
pub trait Realloc: Memory {
    /// Calls the guest's `realloc(old_pointer, old_size, align, new_size)` and returns its result
    /// unchecked.
    ///
    /// `resources` are the handles into which values are being lowered. The guest may call
    /// `resource.rep` during the call, which reads them.
    ///
    /// # Errors
    ///
    /// A trap if the guest trapped, or has no `realloc`.
    fn realloc(
        &mut self,
        resources: &mut ResourceTables,
        old_pointer: u32,
        old_size: u32,
        align: u32,
        new_size: u32,
    ) -> Result<u32, Trap>;
}

impl Memory for [u8] {
    fn length(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        let start = usize::try_from(offset).map_err(|_overflow| OutOfBounds)?;
        let end = start.checked_add(bytes.len()).ok_or(OutOfBounds)?;
        bytes.copy_from_slice(self.get(start..end).ok_or(OutOfBounds)?);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let start = usize::try_from(offset).map_err(|_overflow| OutOfBounds)?;
        let end = start.checked_add(bytes.len()).ok_or(OutOfBounds)?;
        self.get_mut(start..end)
            .ok_or(OutOfBounds)?
            .copy_from_slice(bytes);
        Ok(())
    }
}

impl Memory for Vec<u8> {
    fn length(&self) -> u64 {
        self.as_slice().length()
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        self.as_slice().read(offset, bytes)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.as_mut_slice().write(offset, bytes)
    }
}
