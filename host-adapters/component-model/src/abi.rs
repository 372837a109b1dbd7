//! The synchronous canonical ABI: how component-level values are passed in core parameters and
//! linear memory.
//!
//! This module does not depend on an engine: it runs on any [`Memory`]. *Lifting* reads values from
//! a guest, *lowering* passes values to a guest; `load` and `store` are their counterparts in
//! memory, as in
//! [CanonicalABI.md](https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md).
//!
//! Everything that a guest supplies is checked: pointers for alignment and bounds, lengths,
//! discriminants, chars, encodings, handles. Nothing is allocated for a guest's length before its
//! bytes were found in the guest's memory and charged to the call's [`Budget`]. Recursion follows
//! types, which nest at most [`MAX_TYPE_DEPTH`](crate::types::MAX_TYPE_DEPTH) deep.

pub(crate) mod call;
pub(crate) mod flat;
pub(crate) mod layout;
pub(crate) mod lift;
pub(crate) mod lower;
mod memory;
mod string;
pub(crate) mod transcode;
mod typecheck;

pub use call::RawArgs;
pub use flat::{CoreVal, Source};
pub use layout::FlatType;
pub use lift::{LiftContext, lift_flat, load};
pub use lower::{LowerContext, lower_flat, store};
pub use memory::{Memory, OutOfBounds, Realloc};
pub use string::{MAX_STRING_BYTES, StringEncoding};
pub(crate) use string::{load_string, store_string};
pub use typecheck::check;

use crate::error::{Trap, TrapCode};

/// The bytes that a call may still copy into the host's memory.
///
/// Lifting charges what it allocates: the bytes of strings, and the size of a [`Val`](crate::Val)
/// for each element, field and payload.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: usize,
    left: usize,
}

impl Budget {
    /// The default budget of a call: 128 MiB, as in Wasmtime.
    pub const DEFAULT: usize = 128 << 20;

    /// Makes a budget of this many bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, left: limit }
    }

    /// Returns the number of bytes left.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Charges some bytes.
    ///
    /// # Errors
    ///
    /// A trap if fewer are left.
    pub fn charge(&mut self, bytes: usize) -> Result<(), Trap> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Trap::new(
                TrapCode::BudgetExceeded,
                format!(
                    "the call copies more than its budget of {} bytes into the host",
                    self.limit
                ),
            )),
        }
    }

    /// Charges `count` values of type `T`.
    pub(crate) fn charge_for<T>(&mut self, count: usize) -> Result<(), Trap> {
        self.charge(count.saturating_mul(size_of::<T>()))
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

/// Checks that a guest's pointer is aligned and that `size` bytes from it are in its memory.
fn check_pointer(
    memory: &(impl Memory + ?Sized),
    pointer: u32,
    align: u32,
    size: u64,
    code: TrapCode,
) -> Result<(), Trap> {
    if !pointer.is_multiple_of(align) {
        return Err(Trap::new(
            TrapCode::UnalignedPointer,
            format!("pointer {pointer:#x} is not aligned to {align}"),
        ));
    }
    let end = u64::from(pointer).checked_add(size);
    let length = memory.length();
    if end.is_none_or(|end| end > length) {
        return Err(Trap::new(
            code,
            format!("{size} bytes at {pointer:#x} are out of bounds of a memory of {length} bytes"),
        ));
    }
    Ok(())
}

/// Returns the bytes at a guest's pointer after checking it.
fn checked_slice(
    memory: &[u8],
    pointer: u32,
    align: u32,
    size: u64,
    code: TrapCode,
) -> Result<&[u8], Trap> {
    check_pointer(memory, pointer, align, size, code)?;
    let start = usize::try_from(pointer).ok();
    let size = usize::try_from(size).ok();
    let found = start
        .zip(size)
        .and_then(|(start, size)| memory.get(start..)?.get(..size));
    found.ok_or_else(|| out_of_bounds(OutOfBounds))
}

fn out_of_bounds(_: OutOfBounds) -> Trap {
    Trap::new(TrapCode::MemoryOutOfBounds, "out of bounds memory access")
}

#[cfg(test)]
pub(crate) mod tests;
