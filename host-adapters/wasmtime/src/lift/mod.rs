//! Lifting arguments out of a guest straight into what the telemetry core wants.
//!
//! Wasmtime's own way would be `String`s and `Vec`s, which take memory by the guest's word and trap on what exceeds
//! Wasmtime's hostcall fuel, or `WasmStr` and `WasmList`, which cannot be read while the telemetry in the same store is
//! borrowed. So each function's parameters are one type of ours, [`Lifted`], which reads them all with one budget.
//! The methods of `Lift` and `ComponentType` are no stable API of Wasmtime's: everything that leans on them is in this folder, and
//! everything unsafe in this file.

#![expect(
    unsafe_code,
    reason = "lifting into types of our own needs Wasmtime's unsafe traits"
)]

mod context;
mod cursor;
mod logs;
mod metrics;
mod reader;
pub(crate) mod shape;
mod shrink;
#[cfg(test)]
mod tests;
mod traces;
mod values;

use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift};
use wasmtime::{Result, ValRaw};

use cursor::{Cursor, Flat, Memory};
use reader::Reader;
pub(crate) use shrink::Shrink;

/// A guest broke the component model's ABI in a call to `wasmscope:otel`: the reason for which it was trapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid argument to wasmscope:otel: {0}")]
pub struct InvalidArgument(pub(crate) String);

impl InvalidArgument {
    fn discriminant(of: &str, found: u32, cases: u32) -> Self {
        Self(format!(
            "{of} has discriminant {found}, expected one below {cases}"
        ))
    }
}

/// The parameters of a function, all of them.
pub(crate) trait Arguments: Shrink + Sized + Send + Sync + 'static {
    /// Their types, as a tuple of the types in [`shape`].
    type Shape: ComponentNamedList;

    /// Reads them in order.
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self>;
}

/// A function's parameters, which take `FLAT` core WebAssembly values, as they were lifted.
pub(crate) struct Lifted<A, const FLAT: usize> {
    pub(crate) arguments: A,
    /// The bytes of host memory that they were charged with.
    pub(crate) bytes: usize,
    /// The items that had no room in [`reader::CEILING`].
    pub(crate) left_out: u64,
}

impl<A: Arguments, const FLAT: usize> Lifted<A, FLAT> {
    /// `[ValRaw; FLAT]` has the layout of what Wasmtime's derives lower the parameters to.
    const LAYOUT_AGREES: () = assert!(
        size_of::<[ValRaw; FLAT]>() == size_of::<<A::Shape as ComponentType>::Lower>()
            && align_of::<[ValRaw; FLAT]>() == align_of::<<A::Shape as ComponentType>::Lower>()
    );

    fn read(cx: &mut LiftContext<'_>, mut at: impl Cursor) -> Result<Self> {
        let mut reader = Reader::new(cx);
        let arguments = A::read(&mut reader, &mut at)?;
        Ok(Self {
            arguments,
            bytes: reader::CEILING - reader.budget.left(),
            left_out: reader.budget.left_out(),
        })
    }
}

// SAFETY: the ABI and the type check are those that Wasmtime derives for the tuple `A::Shape`, and `Lower` is a sequence of
// `ValRaw` as long as the one that it derives, which is checked at compile time.
unsafe impl<A: Arguments, const FLAT: usize> ComponentType for Lifted<A, FLAT> {
    type Lower = [ValRaw; FLAT];
    const ABI: CanonicalAbiInfo = <A::Shape as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        const { Self::LAYOUT_AGREES };
        A::Shape::typecheck(ty, types)
    }
}

// SAFETY: `A::Shape` is a tuple, for which Wasmtime implements this trait, and `ComponentType` is as for it.
unsafe impl<A: Arguments, const FLAT: usize> ComponentNamedList for Lifted<A, FLAT> {}

// SAFETY: only safe code reads, with checked bounds, from what Wasmtime gives; nothing of it is trusted to be well-formed.
unsafe impl<A: Arguments, const FLAT: usize> Lift for Lifted<A, FLAT> {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        _: InterfaceType,
        source: &[ValRaw; FLAT],
    ) -> Result<Self> {
        Self::read(cx, Flat(source))
    }

    // Taken for a call with more parameters than the flat ABI allows: with async-lowered imports, more than 4.
    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        _: InterfaceType,
        source: &[u8],
    ) -> Result<Self> {
        Self::read(cx, Memory::new(source))
    }
}
