//! WasmEdge's error codes, and the traps that they correspond to.

use component_model::{Trap, TrapCode};
use wasmedge_sys::ffi as codes;

use crate::ffi;

/// An error code of WasmEdge, below 2²⁴ (`WasmEdge_ErrCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u32);

/// Returns the trap for a code.
pub(crate) fn trap(code: Code) -> Trap {
    let (code, message) = match code.0 {
        codes::WasmEdge_ErrCode_Unreachable => (
            TrapCode::Unreachable,
            "wasm `unreachable` instruction executed",
        ),
        codes::WasmEdge_ErrCode_MemoryOutOfBounds | codes::WasmEdge_ErrCode_DataSegDoesNotFit => {
            (TrapCode::MemoryOutOfBounds, "out of bounds memory access")
        }
        codes::WasmEdge_ErrCode_TableOutOfBounds
        | codes::WasmEdge_ErrCode_ElemSegDoesNotFit
        | codes::WasmEdge_ErrCode_UndefinedElement => (
            TrapCode::TableOutOfBounds,
            "undefined element: out of bounds table access",
        ),
        codes::WasmEdge_ErrCode_UninitializedElement => {
            (TrapCode::IndirectCallToNull, "uninitialized element")
        }
        codes::WasmEdge_ErrCode_IndirectCallTypeMismatch => {
            (TrapCode::BadSignature, "indirect call type mismatch")
        }
        codes::WasmEdge_ErrCode_DivideByZero => {
            (TrapCode::IntegerDivisionByZero, "integer divide by zero")
        }
        codes::WasmEdge_ErrCode_IntegerOverflow => (TrapCode::IntegerOverflow, "integer overflow"),
        codes::WasmEdge_ErrCode_InvalidConvToInt => (
            TrapCode::BadConversionToInteger,
            "invalid conversion to integer",
        ),
        codes::WasmEdge_ErrCode_Interrupted => (TrapCode::Interrupt, "interrupt"),
        codes::WasmEdge_ErrCode_CostLimitExceeded => {
            (TrapCode::OutOfFuel, "all fuel consumed by WebAssembly")
        }
        _ => return Trap::new(TrapCode::Engine, ffi::message(code)),
    };
    Trap::new(code, message)
}
