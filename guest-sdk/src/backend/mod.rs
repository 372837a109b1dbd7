//! The seam between the SDK and what takes the telemetry: on WebAssembly the host's functions, natively
//! a [`Recorder`](crate::testing::Recorder) where one is installed, and nothing otherwise.
//!
//! Both sides have the same four modules with the same functions, those of the contract; every function that gives a
//! notice must have it passed to [`crate::notice::take`].

use std::cell::Cell;
use std::thread::LocalKey;

#[cfg(target_arch = "wasm32")]
mod bindings;
#[cfg(target_arch = "wasm32")]
mod imports;
#[cfg(target_arch = "wasm32")]
pub(crate) use bindings::wasmscope::otel::context;
#[cfg(target_arch = "wasm32")]
pub(crate) use imports::{logger, meter, tracer};

#[cfg(any(target_arch = "wasm32", test))]
mod layout;

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{context, logger, meter, tracer};

pub(crate) mod wire;

mod once;
pub(crate) use once::Once;

mod slot;
pub(crate) use slot::Slot;

/// Sets a value of the thread's. [`LocalKey::set`] would link a panic for keys that are gone.
pub(crate) fn set<T>(key: &'static LocalKey<Cell<T>>, value: T) {
    key.with(|cell| cell.set(value));
}

/// The bit of a span's handle that says "not recorded": such a span is entered and left, and the
/// host is told nothing else about it.
pub(crate) const NOT_RECORDED: u64 = 1 << 63;

/// The bit beside it: the host does not look at attributes when it decides that, and takes them later too.
pub(crate) const ATTRIBUTES_LATER: u64 = 1 << 62;

/// Where the digest of a notice begins in the handle of an unrecorded span: four bits of the number
/// of the next collection, and above them four of the generation of log thresholds.
pub(crate) const DIGEST_SHIFT: u32 = 54;
