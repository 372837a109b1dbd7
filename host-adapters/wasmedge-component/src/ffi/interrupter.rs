//! Interrupting guests.

#![expect(unsafe_code, reason = "the C API is called here")]

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use component_model::engine::Interrupt;
use wasmedge_sys::ffi;

use super::NotCreated;

/// Stops the guests of one executor from another thread.
///
/// WasmEdge can cancel a function that it runs on its own thread, by `WasmEdge_AsyncCancel`. That
/// call does not stop the function itself, but tells the executor to stop at the next branch or
/// call. So one empty function is run that way, and its handle stops whatever the executor runs
/// later, on any thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupter(Arc<Mutex<Armed>>);

#[derive(Debug)]
struct Armed {
    handle: *mut ffi::WasmEdge_Async,
    function: *mut ffi::WasmEdge_FunctionInstanceContext,
}

impl Default for Armed {
    fn default() -> Self {
        Self {
            handle: ptr::null_mut(),
            function: ptr::null_mut(),
        }
    }
}

// SAFETY: the handle is used under the lock, and `WasmEdge_AsyncCancel` may be called from other
// threads: it sets an atomic flag.
unsafe impl Send for Armed {}

impl Interrupter {
    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_armed(&self) -> bool {
        !self.armed().handle.is_null()
    }

    /// Makes this ready. Must be called once, while no guest runs.
    pub(super) fn arm(
        &self,
        executor: *mut ffi::WasmEdge_ExecutorContext,
    ) -> Result<(), NotCreated> {
        let mut armed = self.armed();
        let function = create_nothing()?;
        // SAFETY: both are alive, and nothing else runs on the executor, as the caller guarantees.
        let handle =
            unsafe { ffi::WasmEdge_ExecutorAsyncInvoke(executor, function, ptr::null(), 0) };
        if handle.is_null() {
            // SAFETY: made above, and not used after this.
            unsafe { ffi::WasmEdge_FunctionInstanceDelete(function) };
            return Err(NotCreated("a thread"));
        }
        // SAFETY: made above. After this, only the handle refers to the run.
        unsafe { ffi::WasmEdge_AsyncWait(handle) };
        armed.handle = handle;
        armed.function = function;
        Ok(())
    }

    /// Clears an interruption that no guest noticed. The executor notices it when it enters a
    /// function, and forgets it then.
    pub(super) fn clear(&self, executor: *mut ffi::WasmEdge_ExecutorContext) {
        let armed = self.armed();
        if !armed.function.is_null() {
            // SAFETY: both are alive; the function has neither parameters nor results. Whether it
            // ran does not matter.
            let _ = unsafe {
                ffi::WasmEdge_ExecutorInvoke(
                    executor,
                    armed.function,
                    ptr::null(),
                    0,
                    ptr::null_mut(),
                    0,
                )
            };
        }
    }

    /// Forgets the executor. Must be called before the executor is deleted.
    pub(super) fn disarm(&self) {
        let mut armed = self.armed();
        let handle = std::mem::replace(&mut armed.handle, ptr::null_mut());
        let function = std::mem::replace(&mut armed.function, ptr::null_mut());
        if !handle.is_null() {
            // SAFETY: made in `arm`, and not used after this.
            unsafe { ffi::WasmEdge_AsyncDelete(handle) };
        }
        if !function.is_null() {
            // SAFETY: made in `arm`, belongs to no module, and is not used after this.
            unsafe { ffi::WasmEdge_FunctionInstanceDelete(function) };
        }
    }
}

impl Interrupt for Interrupter {
    fn interrupt(&self) {
        let armed = self.armed();
        if !armed.handle.is_null() {
            // SAFETY: the executor is alive: it is disarmed under this lock before it is deleted.
            unsafe { ffi::WasmEdge_AsyncCancel(armed.handle) };
        }
    }
}

/// Makes a function that does nothing.
pub(super) fn create_nothing() -> Result<*mut ffi::WasmEdge_FunctionInstanceContext, NotCreated> {
    // SAFETY: a type without parameters and results.
    let ty = unsafe { ffi::WasmEdge_FunctionTypeCreate(ptr::null(), 0, ptr::null(), 0) };
    // SAFETY: the type is copied; the function needs no data.
    let function =
        unsafe { ffi::WasmEdge_FunctionInstanceCreate(ty, Some(nothing), ptr::null_mut(), 0) };
    // SAFETY: made above, and not used after this.
    unsafe { ffi::WasmEdge_FunctionTypeDelete(ty) };
    if function.is_null() {
        return Err(NotCreated("a function"));
    }
    Ok(function)
}

/// A host function that does nothing.
unsafe extern "C" fn nothing(
    _: *mut c_void,
    _: *const ffi::WasmEdge_CallingFrameContext,
    _: *const ffi::WasmEdge_Value,
    _: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    ffi::WasmEdge_Result { Code: 0 }
}
