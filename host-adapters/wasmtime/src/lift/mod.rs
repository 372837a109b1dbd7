//! Lifting a function's parameters by the contract's code instead of Wasmtime's.
//!
//! Wasmtime's own way would be `String`s and `Vec`s, which take memory by the guest's word and trap
//! on what exceeds Wasmtime's hostcall fuel, or `WasmStr` and `WasmList`, which cannot be read
//! while the telemetry in the same store is borrowed. So each function's parameters are one type of
//! ours, [`Parameters`], which says where they are. The methods of `Lift` and `ComponentType` are
//! no stable API of Wasmtime's: everything that leans on them is in this folder, and everything
//! unsafe in this file.

#![expect(
    unsafe_code,
    reason = "lifting into types of our own needs Wasmtime's unsafe traits"
)]

mod abi;
#[cfg(test)]
mod tests;
mod typecheck;

use wasmscope_contract::{
    Arguments, Call, CoreValue, CoreValues, Function, LiftError, RawArgs, Returned, StringEncoding,
};
use wasmscope_telemetry::Instance;
use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding as Encoding;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift, LinkerInstance, Lower};
use wasmtime::{Error, Result, StoreContextMut, ValRaw};

pub(crate) use abi::agrees;

/// The parameters of a function, not yet read: where they are.
///
/// Wasmtime lifts before it gives access to the store's data. So what is lifted are the places, and
/// they are read when the limits are at hand, and the telemetry that they are for: nothing has to
/// be copied twice.
struct Parameters<A: Arguments> {
    /// The guest's memory, as it was when it called.
    memory: *const [u8],
    encoding: StringEncoding,
    place: Place<A>,
}

enum Place<A: Arguments> {
    Flat(*const A::Flat<Raw>),
    Memory(*const [u8]),
}

// SAFETY: the pointers are used by `passed` alone, whose caller answers for what they lead to.
unsafe impl<A: Arguments> Send for Parameters<A> {}
// SAFETY: as above.
unsafe impl<A: Arguments> Sync for Parameters<A> {}

impl<A: Arguments> Parameters<A> {
    /// Gives what the guest has passed, to be read.
    ///
    /// # Safety
    ///
    /// As long as it is used the guest does not run, its memory is neither written to nor moved nor
    /// freed, nor has it been since the guest called, and neither have the core values that it
    /// passed.
    unsafe fn passed(&self) -> RawArgs<'_, Raw> {
        // SAFETY: it came from a slice, of memory that is as it was by the caller's word.
        let memory = unsafe { &*self.memory };
        match &self.place {
            Place::Flat(values) => {
                // SAFETY: as above.
                let values = unsafe { &**values };
                RawArgs::flat(memory, self.encoding, values.as_slice())
            }
            Place::Memory(parameters) => {
                // SAFETY: as above.
                let parameters = unsafe { &**parameters };
                RawArgs::in_memory(memory, self.encoding, parameters)
            }
        }
    }
}

/// Adds a function to a linker. `get` finds the telemetry in the store's data, and `lower` says how
/// a result is given to Wasmtime.
pub(crate) fn add<T, A, R, C, L>(
    linker: &mut LinkerInstance<'_, T>,
    function: Function<A, R, C>,
    get: impl Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
    lower: impl Fn(R) -> L + Copy + Send + Sync + 'static,
) -> Result<()>
where
    T: 'static,
    A: Arguments,
    R: Returned,
    C: Call<A, R>,
    L: Lower + ComponentType + Send + Sync + 'static,
{
    linker.func_wrap(
        function.name(),
        move |mut store: StoreContextMut<'_, T>, parameters: Parameters<A>| {
            // SAFETY: Wasmtime has lifted them just now. What runs until they are read has the
            // store's data and not the store, and so cannot reach its memories. The
            // core values lie where the guest's code has put them and waits for the
            // results, which take their place when this has returned (Wasmtime's
            // `HostFn::call_sync_lower` and `call_async_lower`).
            let passed = unsafe { parameters.passed() };
            let returned = function.call(store.data_mut(), get, passed);
            Ok((lower(returned.map_err(trap)?),))
        },
    )
}

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
    /// What the contract reads by is what Wasmtime goes by, and `A::Flat<Raw>` as long as what
    /// Wasmtime passes.
    const LAYOUT_AGREES: () = {
        assert!(agrees(&Self::ABI, A::LAYOUT));
        assert!(size_of::<A::Flat<Raw>>() == A::LAYOUT.flat * size_of::<ValRaw>());
        assert!(align_of::<A::Flat<Raw>>() == align_of::<ValRaw>());
    };
}

// SAFETY: the ABI comes from Wasmtime's own functions, and the type check is for the types that it
// is of. `A::Flat<Raw>` is an array, as whatever implements `CoreValues`, of a transparent
// `ValRaw`, and as long as the ABI says, which is checked at compile time.
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

// SAFETY: what is lifted are values that Wasmtime gives, and where they lie; nothing is read.
unsafe impl<A: Arguments> Lift for Parameters<A> {
    #[inline]
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        _: InterfaceType,
        source: &A::Flat<Raw>,
    ) -> Result<Self> {
        let (memory, encoding): (&[u8], _) = if A::IN_MEMORY {
            (cx.memory(), encoding(cx))
        } else {
            (&[], StringEncoding::Utf8)
        };
        Ok(Self {
            memory,
            encoding,
            place: Place::Flat(source),
        })
    }

    // Taken for a call with more parameters than the flat ABI allows: with async-lowered imports,
    // more than 4.
    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        _: InterfaceType,
        source: &[u8],
    ) -> Result<Self> {
        Ok(Self {
            memory: cx.memory(),
            encoding: encoding(cx),
            place: Place::Memory(source),
        })
    }
}

fn encoding(cx: &LiftContext<'_>) -> StringEncoding {
    match cx.options().string_encoding {
        Encoding::Utf8 => StringEncoding::Utf8,
        Encoding::Utf16 => StringEncoding::Utf16,
        Encoding::CompactUtf16 => StringEncoding::CompactUtf16,
    }
}

/// Makes an error that traps the guest, and that embedders find an
/// [`InvalidArgument`](crate::InvalidArgument) in.
#[cold]
fn trap(error: LiftError) -> Error {
    match error {
        LiftError::Invalid(argument) => Error::from(*argument),
        misread @ LiftError::Misread => Error::from(misread),
    }
}
