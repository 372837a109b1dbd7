//! Passes a guest's arguments to the contract's code.

use anyhow::{Error, Result};
use bytemuck::TransparentWrapper;
use component_model::{
    CoreVal, RawArgs as Params, RawCall, StringEncoding as Encoding, Trap, TrapCode,
};
use wasmscope_contract::{
    Arguments, Call, CoreValue, Function, LiftError, RawArgs, Returned, StringEncoding,
};
use wasmscope_telemetry::Instance;

/// A core value. The contract knows its type.
#[derive(Clone, Copy, TransparentWrapper)]
#[repr(transparent)]
struct Raw(CoreVal);

impl CoreValue for Raw {
    fn u32(self) -> u32 {
        self.u64() as u32
    }

    fn u64(self) -> u64 {
        match self.0 {
            CoreVal::I32(bits) | CoreVal::F32(bits) => bits.into(),
            CoreVal::I64(bits) | CoreVal::F64(bits) => bits,
        }
    }

    fn f64(self) -> f64 {
        f64::from_bits(self.u64())
    }
}

/// Calls a function on the instance that `get` finds in the store's data.
pub(crate) fn call<T, A: Arguments, R: Returned, C: Call<A, R>>(
    function: &Function<A, R, C>,
    data: &mut T,
    get: impl Fn(&mut T) -> &mut Instance,
    call: RawCall<'_>,
) -> Result<R> {
    let encoding = match call.encoding {
        Encoding::Utf8 => StringEncoding::Utf8,
        Encoding::Utf16 => StringEncoding::Utf16,
        Encoding::CompactUtf16 => StringEncoding::CompactUtf16,
    };
    let passed = match call.params {
        // Not copied, because they have just been written with other widths, so a copy would wait
        // for the stores.
        Params::Flat(params) => RawArgs::flat(call.memory, encoding, Raw::wrap_slice(params)),
        Params::Spilled(bytes) => RawArgs::in_memory(call.memory, encoding, bytes),
    };
    function.call(data, get, passed).map_err(error_of)
}

#[cold]
fn error_of(error: LiftError) -> Error {
    match error {
        LiftError::Invalid(invalid) => Error::new(*invalid),
        LiftError::Misread => Trap::new(TrapCode::Host, error.to_string()).into(),
    }
}
