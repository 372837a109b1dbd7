//! WASI 0.2 for [`component_model`], on any engine: the packages `wasi:cli`, `wasi:clocks`,
//! `wasi:filesystem`, `wasi:io`, `wasi:random` and `wasi:sockets`.
//!
//! The implementation is that of [`wasmtime_wasi`], which needs no engine: it works on a
//! [`WasiCtx`] and a [`ResourceTable`]. A [`WasiCtxBuilder`] sets up what a guest may see and do,
//! as it does for Wasmtime.
//!
//! # Example
//!
//! `E` is an engine, for example that of the crate `wasmedge-component`.
//!
//! ```no_run
//! use component_model::engine::Engine;
//! use component_model::{Component, Linker, Store};
//! use component_wasi::{I32Exit, ResourceTable, WasiCtx, WasiCtxView, WasiView};
//!
//! struct State {
//!     ctx: WasiCtx,
//!     table: ResourceTable,
//! }
//!
//! impl WasiView for State {
//!     fn ctx(&mut self) -> WasiCtxView<'_> {
//!         WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
//!     }
//! }
//!
//! fn run<E: Engine>(engine: &E) -> anyhow::Result<()> {
//!     let mut linker = Linker::new();
//!     component_wasi::add_to_linker(&mut linker)?;
//!
//!     let component = Component::from_file(engine, "hello.wasm")?;
//!     let ctx = WasiCtx::builder().inherit_stdio().build();
//!     let mut store = Store::new(engine, State { ctx, table: ResourceTable::new() })?;
//!     let instance = linker.instantiate(&mut store, &component)?;
//!     // Any 0.2 version matches.
//!     let run = instance.get_func_in(&mut store, "wasi:cli/run@0.2.0", "run");
//!     let run = run.expect("the component is a command").typed::<(), (Result<(), ()>,)>(&mut store)?;
//!     match run.call(&mut store, ()) {
//!         Ok((Ok(()),)) => Ok(()),
//!         Ok((Err(()),)) => std::process::exit(1),
//!         Err(error) => match error.downcast_ref::<I32Exit>() {
//!             Some(exit) => std::process::exit(exit.0),
//!             None => Err(error),
//!         },
//!     }
//! }
//! ```
//!
//! # Threads and waiting
//!
//! A guest waits for input, timers and sockets on the thread that runs it. That may be an ordinary
//! thread, or a thread for blocking tasks of a Tokio runtime. It must not be a thread that runs
//! asynchronous tasks: such a call panics there. Background work happens in the Tokio runtime that
//! the thread has entered. The runtime must have I/O and time enabled, and must be driven. Without
//! one, it happens in a runtime that [`wasmtime_wasi`] keeps for this purpose.
//!
//! A waiting guest is interrupted at once by
//! [`InterruptHandle::interrupt`](component_model::InterruptHandle::interrupt): its call ends with
//! [`TrapCode::Interrupt`](component_model::TrapCode::Interrupt). That includes operations on
//! files, unless [`WasiCtxBuilder::allow_blocking_current_thread`] lets them run on the guest's
//! thread, which is faster but cannot be interrupted. Directories are always listed on another
//! thread.
//!
//! # Limits on host resources
//!
//! [`Bounds`] limits the file descriptors and streams of each guest: see [`wasi_bounds`], which
//! also lists what the embedder must limit.

mod cli;
mod clocks;
mod filesystem;
mod handle;
#[cfg(feature = "http")]
pub mod http;
mod interface;
mod io;
mod mirror;
mod random;
mod sockets;
mod wait;

pub use wasi_bounds::Bounds;
#[doc(no_inline)]
pub use wasmtime_wasi;
#[doc(no_inline)]
pub use wasmtime_wasi::{
    FsPerms, I32Exit, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
};

use component_model::engine::Engine;
use component_model::{LinkError, Linker};

/// Defines every function of WASI 0.2, with the default [`Bounds`] for each guest, as
/// [`add_to_linker_with_bounds`] does.
///
/// # Errors
///
/// [`LinkError::Duplicate`] if one of the names is already defined.
pub fn add_to_linker<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
) -> Result<(), LinkError> {
    add_to_linker_with_bounds(linker, &Bounds::default())
}

/// Defines every function of WASI 0.2 that [`wasmtime_wasi::p2::add_to_linker_async`] defines on
/// Wasmtime, under the same version of WASI. Components that import another version 0.2 use these
/// definitions too.
///
/// `wasi:cli/exit` ends the call into the guest with an error that can be downcast to [`I32Exit`].
///
/// # Errors
///
/// [`LinkError::Duplicate`] if one of the names is already defined.
pub fn add_to_linker_with_bounds<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
    bounds: &Bounds,
) -> Result<(), LinkError> {
    io::add_to_linker(linker)?;
    clocks::add_to_linker(linker)?;
    random::add_to_linker(linker)?;
    cli::add_to_linker(linker)?;
    filesystem::add_to_linker(linker, bounds)?;
    sockets::add_to_linker(linker, bounds)
}

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
