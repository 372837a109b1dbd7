//! WasmEdge's host functions, by its C API: what any embedder without the component model would write.

#![expect(
    unsafe_code,
    clippy::multiple_unsafe_ops_per_block,
    reason = "the C API is what is measured, in the way that its examples use it"
)]

use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::ptr;

use anyhow::{Result, ensure};
use wasmedge_sys::{Config, ffi};

use super::super::{Arrived, Caller};

/// A core module's instance. What it is made of is not freed: there is one a process.
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
    // SAFETY: each of these makes or reads an object of the C API that is alive, as the C API describes it.
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
/// `host` and `arrived` are alive.
unsafe fn add(
    host: *mut ffi::WasmEdge_ModuleInstanceContext,
    function: &str,
    params: &[ffi::WasmEdge_ValType],
    callback: Callback,
    arrived: *mut Arrived,
) {
    // SAFETY: the caller's word, and pointers with the lengths of their slices; names and types are copied.
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
/// `data` is an [`Arrived`] that nobody else uses meanwhile.
unsafe extern "C" fn none(
    data: *mut c_void,
    _: *const ffi::WasmEdge_CallingFrameContext,
    _: *const ffi::WasmEdge_Value,
    _: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: the caller's word.
    unsafe { count(data, Some(0)) }
}

/// # Safety
///
/// As [`none`].
unsafe extern "C" fn two(
    data: *mut c_void,
    _: *const ffi::WasmEdge_CallingFrameContext,
    _: *const ffi::WasmEdge_Value,
    _: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: the caller's word.
    unsafe { count(data, Some(16)) }
}

/// # Safety
///
/// As [`none`], and there are two parameters of type `i32`.
unsafe extern "C" fn text(
    data: *mut c_void,
    frame: *const ffi::WasmEdge_CallingFrameContext,
    params: *const ffi::WasmEdge_Value,
    _: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: the caller's word, and the call lasts until this returns.
    unsafe { count(data, super::text(memory(frame), numbers(params))) }
}

/// # Safety
///
/// As [`none`], and there are four parameters of type `i32`.
unsafe extern "C" fn attributes(
    data: *mut c_void,
    frame: *const ffi::WasmEdge_CallingFrameContext,
    params: *const ffi::WasmEdge_Value,
    _: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: the caller's word, and the call lasts until this returns.
    unsafe { count(data, super::attributes(memory(frame), numbers(params))) }
}

/// Counts a call, unless what it came with was not to be read: that traps.
///
/// # Safety
///
/// As [`none`].
unsafe fn count(data: *mut c_void, bytes: Option<usize>) -> ffi::WasmEdge_Result {
    let Some(bytes) = bytes else {
        return ffi::WasmEdge_Result { Code: 1 };
    };
    // SAFETY: the caller's word.
    unsafe { (*data.cast::<Arrived>()).add(bytes) };
    ffi::WasmEdge_Result { Code: 0 }
}

/// # Safety
///
/// There are so many parameters, of type `i32`.
unsafe fn numbers<const N: usize>(params: *const ffi::WasmEdge_Value) -> [u32; N] {
    // SAFETY: the caller's word.
    std::array::from_fn(|at| unsafe { (*params.add(at)).Value as u32 })
}

/// Gives parts of the memory of who calls.
///
/// # Safety
///
/// The call lasts for as long as what it gives is used, and the guest does not run meanwhile.
unsafe fn memory<'a>(
    frame: *const ffi::WasmEdge_CallingFrameContext,
) -> impl Fn(u32, u32) -> Option<&'a [u8]> {
    // SAFETY: the caller's word.
    let memory = unsafe { ffi::WasmEdge_CallingFrameGetMemoryInstance(frame, 0) };
    move |at, length| {
        // SAFETY: the caller's word; the C API checks the bounds, and gives null for what lies without.
        unsafe {
            let start =
                ffi::WasmEdge_MemoryInstanceGetPointerConst(memory, at.into(), length.into());
            (!start.is_null()).then(|| std::slice::from_raw_parts(start, length as usize))
        }
    }
}

impl Caller for Running {
    fn call(&mut self, function: &str, times: u32) -> Result<()> {
        // SAFETY: all was made in `caller` and is never freed; the function takes one value, and gives none.
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
        // SAFETY: made in `caller` and never freed; no guest runs.
        unsafe { *self.arrived }
    }
}
