//! WasmEdge's host functions, through its C API, as an embedder without the component model would
//! write it.

#![expect(
    unsafe_code,
    clippy::multiple_unsafe_ops_per_block,
    reason = "measures the C API, used as in its examples"
)]

use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::ptr;

use anyhow::{Result, ensure};
use wasmedge_sys::{Config, ffi};

use super::super::{Arrived, Caller};

/// An instance of a core module. Its objects are not freed, because each process has only one.
struct Running {
    executor: *mut ffi::WasmEdge_ExecutorContext,
    instance: *mut ffi::WasmEdge_ModuleInstanceContext,
    arrived: *mut Arrived,
}

pub(in super::super) fn caller(cache: Option<&Path>) -> Result<Box<dyn Caller>> {
    let mut config = Config::create()?;
    config.set_run_mode(wasmedge_sdk::RunMode::Aot);
    let bytes = wat::parse_str(super::module())?;
    let arrived = Box::into_raw(Box::new(Arrived::default()));
    // SAFETY: each call makes or reads a live object of the C API, as the C API describes it.
    unsafe {
        let loader = ffi::WasmEdge_LoaderCreate(config.as_ptr());
        let mut module = ptr::null_mut();
        let loaded = match cache {
            None => {
                let wrapped = ffi::WasmEdge_BytesWrap(bytes.as_ptr(), bytes.len() as u32);
                ffi::WasmEdge_LoaderParseFromBytes(loader, &raw mut module, wrapped)
            }
            Some(folder) => {
                let file = folder.join("raw.so");
                let mut settings = Config::create()?;
                settings.set_aot_optimization_level(wasmedge_sdk::CompilerOptimizationLevel::O3);
                settings.set_aot_compiler_output_format(wasmedge_sdk::CompilerOutputFormat::Native);
                let compiler = wasmedge_sys::Compiler::create(Some(&settings))?;
                compiler.compile_from_bytes(&bytes, &file)?;
                let file = CString::new(file.as_os_str().as_encoded_bytes())?;
                ffi::WasmEdge_LoaderParseFromFile(loader, &raw mut module, file.as_ptr())
            }
        };
        ensure!(ffi::WasmEdge_ResultOK(loaded), "the module does not load");
        let validator = ffi::WasmEdge_ValidatorCreate(config.as_ptr());
        let valid = ffi::WasmEdge_ValidatorValidate(validator, module);
        ensure!(ffi::WasmEdge_ResultOK(valid), "the module is not valid");
        let executor = ffi::WasmEdge_ExecutorCreate(config.as_ptr(), ptr::null_mut());
        let store = ffi::WasmEdge_StoreCreate();
        let host = ffi::WasmEdge_ModuleInstanceCreate(name("host"));
        let (i32, i64) = (ffi::WasmEdge_ValTypeGenI32(), ffi::WasmEdge_ValTypeGenI64());
        add(host, "none", &[], none, arrived);
        add(host, "two", &[i64, i64], two, arrived);
        add(host, "text", &[i32, i32], text, arrived);
        add(
            host,
            "attributes",
            &[i32, i32, i32, i32],
            attributes,
            arrived,
        );
        let registered = ffi::WasmEdge_ExecutorRegisterImport(executor, store, host);
        ensure!(
            ffi::WasmEdge_ResultOK(registered),
            "the host's functions are refused"
        );
        let mut instance = ptr::null_mut();
        let made = ffi::WasmEdge_ExecutorInstantiate(executor, &raw mut instance, store, module);
        ensure!(
            ffi::WasmEdge_ResultOK(made),
            "the module cannot be instantiated"
        );
        Ok(Box::new(Running {
            executor,
            instance,
            arrived,
        }))
    }
}

type Callback = unsafe extern "C" fn(
    *mut c_void,
    *const ffi::WasmEdge_CallingFrameContext,
    *const ffi::WasmEdge_Value,
    *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result;

/// # Safety
///
/// `host` and `arrived` must be alive.
unsafe fn add(
    host: *mut ffi::WasmEdge_ModuleInstanceContext,
    function: &str,
    params: &[ffi::WasmEdge_ValType],
    callback: Callback,
    arrived: *mut Arrived,
) {
    // SAFETY: ensured by the caller, and pointers with the lengths of their slices. Names and types
    // are copied.
    unsafe {
        let count = params.len() as u32;
        let ty = ffi::WasmEdge_FunctionTypeCreate(params.as_ptr(), count, ptr::null(), 0);
        let made = ffi::WasmEdge_FunctionInstanceCreate(ty, Some(callback), arrived.cast(), 0);
        ffi::WasmEdge_FunctionTypeDelete(ty);
        ffi::WasmEdge_ModuleInstanceAddFunction(host, name(function), made);
    }
}

fn name(text: &str) -> ffi::WasmEdge_String {
    // SAFETY: pointer and length are those of a `str`.
    unsafe { ffi::WasmEdge_StringWrap(text.as_ptr().cast::<c_char>(), text.len() as u32) }
}

/// # Safety
///
/// `data` must be an [`Arrived`] that nothing else uses during the call.
unsafe extern "C" fn none(
    data: *mut c_void,
    _: *const ffi::WasmEdge_CallingFrameContext,
    _: *const ffi::WasmEdge_Value,
    _: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: ensured by the caller.
    unsafe { count(data, Some(0)) }
}

/// # Safety
///
/// See [`none`].
unsafe extern "C" fn two(
    data: *mut c_void,
    _: *const ffi::WasmEdge_CallingFrameContext,
    _: *const ffi::WasmEdge_Value,
    _: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: ensured by the caller.
    unsafe { count(data, Some(16)) }
}

/// # Safety
///
/// See [`none`]. There must be two parameters of type `i32`.
unsafe extern "C" fn text(
    data: *mut c_void,
    frame: *const ffi::WasmEdge_CallingFrameContext,
    params: *const ffi::WasmEdge_Value,
    _: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: ensured by the caller, and the call lasts until this returns.
    unsafe { count(data, super::text(memory(frame), numbers(params))) }
}

/// # Safety
///
/// See [`none`]. There must be four parameters of type `i32`.
unsafe extern "C" fn attributes(
    data: *mut c_void,
    frame: *const ffi::WasmEdge_CallingFrameContext,
    params: *const ffi::WasmEdge_Value,
    _: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: ensured by the caller, and the call lasts until this returns.
    unsafe { count(data, super::attributes(memory(frame), numbers(params))) }
}

/// Counts a call. Traps if its arguments could not be read.
///
/// # Safety
///
/// See [`none`].
unsafe fn count(data: *mut c_void, bytes: Option<usize>) -> ffi::WasmEdge_Result {
    let Some(bytes) = bytes else {
        return ffi::WasmEdge_Result { Code: 1 };
    };
    // SAFETY: ensured by the caller.
    unsafe { (*data.cast::<Arrived>()).add(bytes) };
    ffi::WasmEdge_Result { Code: 0 }
}

/// # Safety
///
/// There must be `N` parameters of type `i32`.
unsafe fn numbers<const N: usize>(params: *const ffi::WasmEdge_Value) -> [u32; N] {
    // SAFETY: ensured by the caller.
    std::array::from_fn(|at| unsafe { (*params.add(at)).Value as u32 })
}

/// Returns parts of the caller's memory.
///
/// # Safety
///
/// The call must last as long as the result is used, and the guest must not run meanwhile.
unsafe fn memory<'a>(
    frame: *const ffi::WasmEdge_CallingFrameContext,
) -> impl Fn(u32, u32) -> Option<&'a [u8]> {
    // SAFETY: ensured by the caller.
    let memory = unsafe { ffi::WasmEdge_CallingFrameGetMemoryInstance(frame, 0) };
    move |at, length| {
        // SAFETY: ensured by the caller. The C API checks the bounds, and returns null if they are
        // exceeded.
        unsafe {
            let start =
                ffi::WasmEdge_MemoryInstanceGetPointerConst(memory, at.into(), length.into());
            (!start.is_null()).then(|| std::slice::from_raw_parts(start, length as usize))
        }
    }
}

impl Caller for Running {
    fn call(&mut self, function: &str, times: u32) -> Result<()> {
        // SAFETY: all objects were made in `caller` and are never freed. The function has one
        // parameter and no result.
        let result = unsafe {
            let found = ffi::WasmEdge_ModuleInstanceFindFunction(self.instance, name(function));
            ensure!(!found.is_null(), "there is no function {function}");
            let times = ffi::WasmEdge_ValueGenI32(times.cast_signed());
            ffi::WasmEdge_ExecutorInvoke(
                self.executor,
                found,
                &raw const times,
                1,
                ptr::null_mut(),
                0,
            )
        };
        // SAFETY: takes a value.
        let succeeded = unsafe { ffi::WasmEdge_ResultOK(result) };
        ensure!(succeeded, "the raw guest failed in {function}");
        Ok(())
    }

    fn arrived(&self) -> Arrived {
        // SAFETY: made in `caller` and never freed. No guest is running.
        unsafe { *self.arrived }
    }
}
