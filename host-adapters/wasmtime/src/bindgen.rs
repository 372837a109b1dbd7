//! The same interfaces by [`wasmtime::component::bindgen!`], with Wasmtime's public API only.
//!
//! This is the plain way to write an adapter. `tests/bindgen` uses it as the oracle for the crate's
//! own lifting. It is also the alternative if a release of Wasmtime changes the hidden API that the
//! own lifting uses. A guest gets the same results and the same telemetry from both. The calls are
//! slower: ADR 20 has the numbers.
//!
//! # Limits
//!
//! [`Limits::call_bytes`](wasmscope_telemetry::limits::Limits::call_bytes) has no effect here.
//! Wasmtime copies all arguments of a call before the call arrives. It bounds the copies by
//! [`Store::set_hostcall_fuel`](wasmtime::Store::set_hostcall_fuel), 128 MiB by default, and traps
//! a guest that exceeds it. The crate's own functions leave out the excess and count it instead.
//! All other limits are the same.
//!
//! # Errors of guests
//!
//! A call that breaks the ABI traps with an error of Wasmtime. [`outcome_of`](crate::outcome_of)
//! returns `host_error` for it instead of `invalid_argument`.

mod convert;
mod functions;

use wasmscope_telemetry::{Instance, View};
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "wasmscope:otel/observability",
    });
}

/// Adds the interfaces of `wasmscope:otel@0.1.0` to a linker, as
/// [`add_to_linker`](crate::add_to_linker) does.
///
/// # Errors
///
/// Returns an error if the linker already has one of these functions, unless it allows shadowing.
pub fn add_to_linker<T: View + 'static>(linker: &mut Linker<T>) -> Result<()> {
    add_to_linker_with(linker, T::wasmscope)
}

/// Adds the interfaces as [`add_to_linker`] does. `get` finds the telemetry in a `T`.
///
/// `bindgen!` accepts function pointers only: a closure must not capture anything.
///
/// # Errors
///
/// Returns an error if the linker already has one of these functions, unless it allows shadowing.
pub fn add_to_linker_with<T: 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> &mut Instance,
) -> Result<()> {
    bindings::Observability::add_to_linker::<T, HasSelf<Instance>>(linker, get)
}
