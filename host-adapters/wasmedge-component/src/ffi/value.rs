//! Core values in the C API.

#![expect(unsafe_code, reason = "the C API is called here")]

use component_model::engine::{CoreSignature, CoreVal, FlatType};
use wasmedge_sys::ffi;

use super::length;

/// The engine's descriptions of the value types, queried once.
#[derive(Clone, Copy)]
pub(super) struct ValTypes {
    pub(super) i32: ffi::WasmEdge_ValType,
    i64: ffi::WasmEdge_ValType,
    f32: ffi::WasmEdge_ValType,
    f64: ffi::WasmEdge_ValType,
}

impl ValTypes {
    pub(super) fn new() -> Self {
        Self {
            // SAFETY: gives a value.
            i32: unsafe { ffi::WasmEdge_ValTypeGenI32() },
            // SAFETY: gives a value.
            i64: unsafe { ffi::WasmEdge_ValTypeGenI64() },
            // SAFETY: gives a value.
            f32: unsafe { ffi::WasmEdge_ValTypeGenF32() },
            // SAFETY: gives a value.
            f64: unsafe { ffi::WasmEdge_ValTypeGenF64() },
        }
    }

    fn of(&self, ty: FlatType) -> ffi::WasmEdge_ValType {
        match ty {
            FlatType::I32 => self.i32,
            FlatType::I64 => self.i64,
            FlatType::F32 => self.f32,
            FlatType::F64 => self.f64,
        }
    }

    /// Makes a function type, which the caller must delete.
    pub(super) fn signature(
        &self,
        signature: &CoreSignature,
    ) -> *mut ffi::WasmEdge_FunctionTypeContext {
        let of = |list: &[FlatType]| -> Vec<_> { list.iter().map(|ty| self.of(*ty)).collect() };
        let (params, results) = (of(&signature.params), of(&signature.results));
        // SAFETY: pointers and lengths are those of vectors, which are copied.
        unsafe {
            ffi::WasmEdge_FunctionTypeCreate(
                params.as_ptr(),
                length(&params),
                results.as_ptr(),
                length(&results),
            )
        }
    }

    pub(super) fn value(&self, value: CoreVal) -> ffi::WasmEdge_Value {
        let bits = match value {
            CoreVal::I32(bits) | CoreVal::F32(bits) => u128::from(bits),
            CoreVal::I64(bits) | CoreVal::F64(bits) => u128::from(bits),
        };
        ffi::WasmEdge_Value {
            Value: bits,
            Type: self.of(value.ty()),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the C API has 128 bits for each value, and the type determines how many are used"
)]
pub(super) fn core_val(ty: FlatType, value: &ffi::WasmEdge_Value) -> CoreVal {
    match ty {
        FlatType::I32 => CoreVal::I32(value.Value as u32),
        FlatType::I64 => CoreVal::I64(value.Value as u64),
        FlatType::F32 => CoreVal::F32(value.Value as u32),
        FlatType::F64 => CoreVal::F64(value.Value as u64),
    }
}
