//! Lifts a function's parameters with the contract's code instead of Wasmtime's.
//!
//! Wasmtime's own types do not work here. `String` and `Vec` allocate as much as the guest claims,
//! and trap beyond Wasmtime's hostcall fuel. `WasmStr` and `WasmList` cannot be read while the
//! telemetry in the same store is borrowed. So all parameters of a function are one type,
//! [`Parameters`], which points to them. The methods of `Lift` and `ComponentType` are not a stable
//! API. All code that depends on them is in this folder, and all unsafe code is in this file.

#![expect(
    unsafe_code,
    reason = "lifting into custom types needs Wasmtime's unsafe traits"
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

/// Pointers to the parameters of a function, which are not read yet.
///
/// Wasmtime lifts before it gives access to the store's data. So this lifts pointers only. The
/// parameters are read when the limits and the telemetry are at hand, and nothing is copied twice.
struct Parameters<A: Arguments> {
    /// The guest's memory at the time of the call.
    memory: *const [u8],
    encoding: StringEncoding,
    location: Location<A>,
}

enum Location<A: Arguments> {
    Flat(*const A::Flat<Raw>),
    Memory(*const [u8]),
}

// SAFETY: only `raw` uses the pointers, and its caller guarantees that they are valid.
unsafe impl<A: Arguments> Send for Parameters<A> {}
// SAFETY: as above.
unsafe impl<A: Arguments> Sync for Parameters<A> {}

impl<A: Arguments> Parameters<A> {
    /// Returns the guest's arguments, to be read.
    ///
    /// # Safety
    ///
    /// While the result is in use, the guest must not run, and its memory and the core values that
    /// it passed must not be written to, moved or freed. The same must hold since the guest's call.
    unsafe fn raw(&self) -> RawArgs<'_, Raw> {
        // SAFETY: it came from a slice, and the caller guarantees that the memory is unchanged.
        let memory = unsafe { &*self.memory };
        match &self.location {
            Location::Flat(values) => {
                // SAFETY: as above.
                let values = unsafe { &**values };
                RawArgs::flat(memory, self.encoding, values.as_slice())
            }
            Location::Memory(parameters) => {
                // SAFETY: as above.
                let parameters = unsafe { &**parameters };
                RawArgs::in_memory(memory, self.encoding, parameters)
            }
        }
    }
}

/// Adds a function to a linker. `get` finds the telemetry in the store's data, and `lower` passes a
/// result to Wasmtime.
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
            // SAFETY: Wasmtime has just lifted them. The code that runs until they are read has the
            // store's data and not the store, so it cannot reach the memories. The core values lie
            // where the guest's code has put them. The results replace them only after this
            // function has returned (Wasmtime's `HostFn::call_sync_lower` and `call_async_lower`).
            let arguments = unsafe { parameters.raw() };
            let returned = function.call(store.data_mut(), get, arguments);
            Ok((lower(returned.map_err(trap)?),))
        },
    )
}

/// A core value as Wasmtime passes it: eight bytes. An `i32` takes the lower four.
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
    /// The contract's layout is the one that Wasmtime uses, and `A::Flat<Raw>` is as long as the
    /// values that Wasmtime passes.
    const LAYOUT_AGREES: () = {
        assert!(agrees(&Self::ABI, A::LAYOUT));
        assert!(size_of::<A::Flat<Raw>>() == A::LAYOUT.flat * size_of::<ValRaw>());
        assert!(align_of::<A::Flat<Raw>>() == align_of::<ValRaw>());
    };
}

// SAFETY: the ABI comes from Wasmtime's own functions, and the type check is for the same types.
// `A::Flat<Raw>` is an array, as every `CoreValues`, of a transparent `ValRaw`. A check at compile
// time ensures that it is as long as the ABI says.
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

// SAFETY: only values and pointers from Wasmtime are stored. Nothing is read.
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
            location: Location::Flat(source),
        })
    }

    // Called if a call has more parameters than the flat ABI allows: more than 4 for async-lowered
    // imports.
    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        _: InterfaceType,
        source: &[u8],
    ) -> Result<Self> {
        Ok(Self {
            memory: cx.memory(),
            encoding: encoding(cx),
            location: Location::Memory(source),
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

/// Returns an error that traps the guest. Embedders can downcast it to
/// [`InvalidArgument`](crate::InvalidArgument).
#[cold]
fn trap(error: LiftError) -> Error {
    match error {
        LiftError::Invalid(argument) => Error::from(*argument),
        misread @ LiftError::Misread => Error::from(misread),
    }
}
