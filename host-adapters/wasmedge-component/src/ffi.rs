//! The raw C API: all `unsafe` code of this crate, behind safe types.
//!
//! Objects of the C API live as long as their owners: functions, memories and globals as long as
//! their module instance, and instances as long as their executor is used with them. [`Core`] owns
//! all of them for one store. It hands out indices instead of pointers, so that nothing can outlive
//! it.
//!
//! # While a guest runs
//!
//! Only [`invoke`] and [`instantiate`] enter a guest. They take the host as `&mut H` and lend it,
//! as a raw pointer, to the callbacks of host functions. Only one of them uses the host at a time:
//! while a callback runs, its caller waits in C. The memories of a store's guests are not shared
//! between threads (the loader refuses such memories) and grow only while a guest runs, so they can
//! be accessed as slices while `Core` is borrowed. Their addresses are cached until a guest asks to
//! let one grow, as hardened modules do right before each `memory.grow` ([`Core::memory_grows`]);
//! nothing else moves them.

#![expect(unsafe_code, reason = "the C API is called here")]

mod binding;
mod core;
mod interrupter;
mod memory;
mod module;
mod value;

use std::ffi::{CStr, c_char};

use component_model::HostError;
use component_model::engine::Stop;
use wasmedge_sys::ffi;

pub(crate) use self::core::Core;
pub(crate) use memory::ReservedMemory;
pub(crate) use module::Module;
pub(crate) use module::{ModuleSource, compiled};

use crate::code::{Code, trap};

/// The engine is out of memory, or an index is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("WasmEdge could not create {0}")]
struct NotCreated(&'static str);

impl From<NotCreated> for HostError {
    fn from(error: NotCreated) -> Self {
        Self::new(error.to_string())
    }
}

/// The reason why a call of the C API failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// A host function failed. It has stored its error in the host.
    Host,
    /// WasmEdge failed, or stopped the guest.
    Engine(Code),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Host => Self::Host,
            Failure::Engine(code) => Self::Engine(trap(code)),
        }
    }
}

/// Turns WasmEdge's log off. It would write each trap of a guest to the host's standard error.
pub(crate) fn silence() {
    wasmedge_sdk::LogManager::log_off();
}

/// Returns WasmEdge's message for an error code.
pub(crate) fn message(code: Code) -> String {
    // SAFETY: takes a value; the message is a constant of the library.
    let message = unsafe { ffi::WasmEdge_ResultGetMessage(ffi::WasmEdge_Result { Code: code.0 }) };
    if message.is_null() {
        return format!("error {:#x}", code.0);
    }
    // SAFETY: the library's constants are C strings.
    let message = unsafe { CStr::from_ptr(message) };
    message.to_string_lossy().into_owned()
}

fn check(result: ffi::WasmEdge_Result) -> Result<(), Failure> {
    // SAFETY: takes a value.
    if unsafe { ffi::WasmEdge_ResultOK(result) } {
        return Ok(());
    }
    // SAFETY: takes a value.
    let category = unsafe { ffi::WasmEdge_ResultGetCategory(result) };
    if category == ffi::WasmEdge_ErrCategory_UserLevelError {
        return Err(Failure::Host);
    }
    // SAFETY: takes a value.
    let code = unsafe { ffi::WasmEdge_ResultGetCode(result) };
    Err(Failure::Engine(Code(code)))
}

fn name(text: &str) -> Result<ffi::WasmEdge_String, NotCreated> {
    let too_long = |_| NotCreated("an item with a name of more than 4 GiB");
    let length = u32::try_from(text.len()).map_err(too_long)?;
    // SAFETY: wraps pointer and length, which are those of a `str`; callees copy what they keep.
    Ok(unsafe { ffi::WasmEdge_StringWrap(text.as_ptr().cast::<c_char>(), length) })
}

/// Returns a list's length as the C API takes it. The lists here are short.
fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}
