//! Discriminants of types that have the contract's layout.
#![expect(
    unsafe_code,
    reason = "reads the first byte, and declares the types that begin with one"
)]

use crate::types::{LogValue, Number, Status, Value, WireReference, WireTarget};

/// A type that begins with its discriminant. Its `repr` has an integer, which is little-endian.
///
/// # Safety
///
/// The `repr` must have an integer.
pub(super) unsafe trait Tagged {}

macro_rules! tagged {
    ($($type:ty),* $(,)?) => {
        // SAFETY: each has an integer in its `repr`.
        $(unsafe impl Tagged for $type {})*
    };
}
tagged!(
    Value<'_>,
    Number,
    LogValue<'_>,
    Status<'_>,
    WireTarget<'_>,
    WireReference<'_>
);

/// Returns a value's discriminant.
pub(super) const fn tag<T: Tagged>(value: &T) -> u8 {
    // SAFETY: the first byte is the discriminant.
    unsafe { (&raw const *value).cast::<u8>().read() }
}

// Rust does not promise that a reference to a slice is the address followed by the length, which is
// the layout of a list.
const _: () = {
    #[repr(C)]
    struct List(*const u8, usize);
    // SAFETY: both are an address and an integer of its size, in either order. Any value is valid.
    let List(_, text) = unsafe { core::mem::transmute::<&str, List>("abc") };
    // SAFETY: as above.
    let List(_, list) = unsafe { core::mem::transmute::<&[u64], List>(&[1, 2, 3]) };
    assert!(text == 3 && list == 3);
};
