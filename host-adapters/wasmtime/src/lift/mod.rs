//! Lifting a function's parameters by the contract's code instead of Wasmtime's.
//!
//! Wasmtime's own way would be `String`s and `Vec`s, which take memory by the guest's word and trap on what exceeds
//! Wasmtime's hostcall fuel, or `WasmStr` and `WasmList`, which cannot be read while the telemetry in the same store is
//! borrowed. So each function's parameters are one type of ours, [`Parameters`].
//! The methods of `Lift` and `ComponentType` are no stable API of Wasmtime's: everything that leans on them is in this folder, and
//! everything unsafe in this file.

#![expect(
    unsafe_code,
    reason = "lifting into types of our own needs Wasmtime's unsafe traits"
)]

mod abi;
#[cfg(test)]
mod tests;
mod typecheck;

use wasmscope_contract::{Arguments, CoreValue, CoreValues, LiftError, Lifted, StringEncoding};
use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding as Encoding;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift};
use wasmtime::{Error, Result, ValRaw};

pub(crate) use abi::agrees;

/// The parameters of a function, as they were lifted.
pub(crate) struct Parameters<A>(pub(crate) Lifted<A>);

/// A core value as Wasmtime passes it: eight bytes, of which an `i32` takes the lower four.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Raw(ValRaw);

impl CoreValue for Raw {
    fn u32(self) -> u32 {
        self.0.get_u32()
    }

    fn u64(self) -> u64 {
        self.0.get_u64()
    }

    fn f64(self) -> f64 {
        f64::from_bits(self.0.get_f64())
    }
}

impl<A: Arguments> Parameters<A> {
    /// What the contract reads by is what Wasmtime goes by, and `A::Flat<Raw>` as long as what Wasmtime passes.
    const LAYOUT_AGREES: () = {
        assert!(agrees(&Self::ABI, A::LAYOUT));
        assert!(size_of::<A::Flat<Raw>>() == A::LAYOUT.flat * size_of::<ValRaw>());
        assert!(align_of::<A::Flat<Raw>>() == align_of::<ValRaw>());
    };
}

// SAFETY: the ABI comes from Wasmtime's own functions, and the type check is for the types that it is of. `A::Flat<Raw>`
// is an array, as whatever implements `CoreValues`, of a transparent `ValRaw`, and as long as the ABI says, which is checked at compile time.
unsafe impl<A: Arguments> ComponentType for Parameters<A> {
    type Lower = A::Flat<Raw>;
    const ABI: CanonicalAbiInfo = abi::of_parameters(A::PARAMETERS);

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        const { Self::LAYOUT_AGREES };
        typecheck::parameters(ty, types, A::PARAMETERS)
    }
}

// SAFETY: the ABI and the type check are those of a tuple.
unsafe impl<A: Arguments> ComponentNamedList for Parameters<A> {}

// SAFETY: only safe code reads, with checked bounds, from what Wasmtime gives; nothing of it is trusted to be well-formed.
unsafe impl<A: Arguments> Lift for Parameters<A> {
    #[inline]
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        _: InterfaceType,
        source: &A::Flat<Raw>,
    ) -> Result<Self> {
        let lifted = if A::IN_MEMORY {
            Lifted::from_flat(cx.memory(), encoding(cx), source.as_slice())
        } else {
            Lifted::from_flat(&[], StringEncoding::Utf8, source.as_slice())
        };
        lifted.map(Self).map_err(trap)
    }

    // Taken for a call with more parameters than the flat ABI allows: with async-lowered imports, more than 4.
    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        _: InterfaceType,
        source: &[u8],
    ) -> Result<Self> {
        let lifted = Lifted::from_memory(cx.memory(), encoding(cx), source);
        lifted.map(Self).map_err(trap)
    }
}

fn encoding(cx: &LiftContext<'_>) -> StringEncoding {
    match cx.options().string_encoding {
        Encoding::Utf8 => StringEncoding::Utf8,
        Encoding::Utf16 => StringEncoding::Utf16,
        Encoding::CompactUtf16 => StringEncoding::CompactUtf16,
    }
}

/// Makes an error that traps the guest, and that embedders find an [`InvalidArgument`](crate::InvalidArgument) in.
fn trap(error: LiftError) -> Error {
    match error {
        LiftError::Invalid(argument) => Error::from(*argument),
        misread @ LiftError::Misread => Error::from(misread),
    }
}
