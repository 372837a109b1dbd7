//! Core modules as loaded by WasmEdge.

#![expect(unsafe_code, reason = "the C API is called here")]

use std::ptr;

use compiled_code::Trusted;
use wasmedge_sys::ffi;

use super::{Failure, check};
use crate::code::Code;
use crate::engine::Engine;

/// A core module, parsed and validated.
#[derive(Debug)]
pub struct Module {
    pub(super) raw: *mut ffi::WasmEdge_ASTModuleContext,
    /// Owns the object that `raw` points to.
    _owner: wasmedge_sys::Module,
}

// SAFETY: a validated module is only read, by any number of executors (WasmEdge's C API documents
// its contexts as safe to move between threads; instantiating takes the module by `const` pointer
// and copies what it keeps).
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

impl Module {
    /// Parses and validates a module from its bytes, or from code of WasmEdge's compiler.
    pub(crate) fn new(engine: &Engine, source: ModuleSource<'_>) -> Result<Self, Code> {
        let generic = Code(ffi::WasmEdge_ErrCode_RuntimeError);
        let (config, bytes) = match source {
            ModuleSource::Bytes(bytes) => (engine.interpreting(), bytes),
            ModuleSource::Compiled(code) => (engine.raw(), code.bytes()),
        };
        let length = u32::try_from(bytes.len()).map_err(|_too_large| generic)?;
        // SAFETY: the configuration is alive, and is copied.
        let loader = unsafe { ffi::WasmEdge_LoaderCreate(config.as_ptr()) };
        if loader.is_null() {
            return Err(generic);
        }
        let mut raw = ptr::null_mut();
        // SAFETY: pointer and length are those of a slice, which is only read during the next call.
        let wrapped = unsafe { ffi::WasmEdge_BytesWrap(bytes.as_ptr(), length) };
        // SAFETY: the loader is alive, and `raw` receives the result. Native code in the bytes is
        // loaded only if the configuration says so: it is `Trusted` then, which is code that
        // WasmEdge's compiler has made.
        let result = unsafe { ffi::WasmEdge_LoaderParseFromBytes(loader, &raw mut raw, wrapped) };
        // SAFETY: made above, and not used after this.
        unsafe { ffi::WasmEdge_LoaderDelete(loader) };
        check(result).map_err(code_of)?;
        if raw.is_null() {
            return Err(generic);
        }
        // SAFETY: the loader has transferred the ownership, and there is no other owner.
        let owner = unsafe { wasmedge_sys::Module::from_raw(raw) };
        let module = Self { raw, _owner: owner };
        // SAFETY: the configuration is alive, and is copied.
        let validator = unsafe { ffi::WasmEdge_ValidatorCreate(config.as_ptr()) };
        if validator.is_null() {
            return Err(generic);
        }
        // SAFETY: both are alive.
        let result = unsafe { ffi::WasmEdge_ValidatorValidate(validator, raw) };
        // SAFETY: made above, and not used after this.
        unsafe { ffi::WasmEdge_ValidatorDelete(validator) };
        check(result).map_err(code_of)?;
        Ok(module)
    }
}

fn code_of(failure: Failure) -> Code {
    match failure {
        Failure::Engine(code) => code,
        Failure::Host => Code(ffi::WasmEdge_ErrCode_UserDefError),
    }
}

/// The source of a module.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ModuleSource<'a> {
    /// Its binary. Native code that a guest may have put into it (a custom section `wasmedge`) is
    /// not loaded.
    Bytes(&'a [u8]),
    /// Code of WasmEdge's compiler: the binary, with native code in a custom section.
    Compiled(&'a Trusted),
}

/// Marks the code that WasmEdge's compiler has just made as code that may be loaded.
pub(crate) fn compiled(code: Vec<u8>) -> Trusted {
    // SAFETY: the compiler has written the code to a folder that no other user can write to, and it
    // was read from there.
    unsafe { Trusted::assume(code) }
}
