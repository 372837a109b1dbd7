//! Lifting a function's parameters by the contract's code.

use wasmedge_component::abi::{self, CoreVal, LiftContext, MAX_FLAT_PARAMS, Source};
use wasmedge_component::{InstanceTypes, LiftList, Trap, TrapCode, TypeList, TypeMismatch};
use wasmscope_contract::{Arguments, CoreValue, LiftError, Lifted, StringEncoding};

use crate::typecheck;

/// The parameters of a function, as they were lifted.
pub(crate) struct Parameters<A>(pub(crate) Lifted<A>);

/// A core value, of which the contract knows which type it has.
#[derive(Clone, Copy)]
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

impl<A: Arguments> LiftList for Parameters<A> {
    fn typecheck(list: TypeList<'_>, _: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        typecheck::list(list, A::PARAMETERS)
    }

    fn lift(
        cx: &mut LiftContext<'_>,
        _: TypeList<'_>,
        source: &mut Source<'_>,
    ) -> Result<Self, Trap> {
        let mut values = [Raw(CoreVal::I32(0)); MAX_FLAT_PARAMS];
        let mut count = 0;
        for (place, value) in values.iter_mut().zip(source.take_rest()) {
            *place = Raw(*value);
            count += 1;
        }
        let memory = cx.memory.unwrap_or_default();
        let lifted = Lifted::from_flat(memory, encoding(cx), &values[..count]);
        lifted.map(Self).map_err(|error| trap(&error))
    }

    fn load(
        cx: &mut LiftContext<'_>,
        _: TypeList<'_>,
        bytes: &[u8],
        _: &[u32],
    ) -> Result<Self, Trap> {
        let memory = cx.memory.unwrap_or_default();
        let lifted = Lifted::from_memory(memory, encoding(cx), bytes);
        lifted.map(Self).map_err(|error| trap(&error))
    }
}

fn encoding(cx: &LiftContext<'_>) -> StringEncoding {
    match cx.encoding {
        abi::StringEncoding::Utf8 => StringEncoding::Utf8,
        abi::StringEncoding::Utf16 => StringEncoding::Utf16,
        abi::StringEncoding::CompactUtf16 => StringEncoding::CompactUtf16,
    }
}

fn trap(error: &LiftError) -> Trap {
    let code = match error {
        LiftError::Invalid(_) => TrapCode::InvalidArgument,
        _ => TrapCode::Host,
    };
    Trap::new(code, error.to_string())
}
