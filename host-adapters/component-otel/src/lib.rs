//! The package `wasmscope:otel` on any engine of [`component_model`]: components that import it
//! send OpenTelemetry traces, metrics and logs through the host that runs them.
//!
//! This crate adds the package's interfaces to a [`component_model::Linker`]. The functions are in
//! [`wasmscope_contract`] and [`wasmscope_telemetry`], which the adapter for Wasmtime uses as well.
//! So a component sends the same telemetry on all runtimes.
//!
//! Embedders use the adapter of their engine, for example the crate `wasmscope-wasmedge`. An
//! adapter exports the items of this crate, hides the type parameter of the engine, and adds the
//! function `runtime`, which returns the engine's name and version.
//!
//! # What each part is for
//!
//! | part | without it |
//! |---|---|
//! | [`View`] and [`add_to_linker`] | Components that import `wasmscope:otel` cannot be instantiated. |
//! | [`invoke`] | There is no host span: a guest's outermost spans start new traces, and a `traceparent` is ignored. Spans that a trap or a timeout leaves open end only with the [`Instance`], as killed. No costs are counted, and no traps but those at instantiation. |
//! | [`instantiate`] | No instantiation times, and failures at instantiation outside of an [`invoke`] are not counted. |
//! | [`Limiter`] | No metrics of memory and instances. |
//!
//! # Hostile guests
//!
//! - A guest that is stuck in a host function blocks its store with its telemetry.
//!   [`Instance::ender`] returns an [`Ender`], which ends the guest's spans and its call from
//!   another thread.
//! - `component-wasi` limits files and sockets, so that the host keeps file descriptors to send
//!   telemetry.
//!
//! The rest is as on Wasmtime. Valid calls never trap or panic and do no I/O, and data beyond the
//! limits is left out and counted. A call that breaks the component model's ABI traps only that
//! guest, with [`InvalidArgument`].

mod host;
mod inspect;
mod instantiate;
mod invocation;
mod lift;
mod limiter;
mod lower;
mod outcome;
mod typecheck;

pub use anyhow::{Error, Result};
pub use host::{add_to_linker, add_to_linker_with};
pub use inspect::{command, exports, http_handler, imports, missing_imports};
pub use instantiate::{instantiate, instantiate_pre};
pub use invocation::{Invocation, invoke, invoke_in};
pub use limiter::{Limiter, Unlimited};
pub use outcome::outcome_of;
pub use wasmscope_contract::{
    Extern, ExternKind, InvalidArgument, MissingImport, NotACommand, NotAHandler,
};
pub use wasmscope_telemetry::{
    Ender, HostSpan, Instance, InvocationOptions, Outcome, Runtime, Telemetry, View,
};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
