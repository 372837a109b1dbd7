//! Wasmscope on WasmEdge: components that import the package `wasmscope:otel` send OpenTelemetry
//! traces, metrics and logs through the host that runs them.
//!
//! WasmEdge has no component model of its own; [`wasmedge_component`] provides it. This crate adds
//! the package's interfaces to a [`wasmedge_component::Linker`]. The functions are in
//! [`wasmscope_contract`] and [`wasmscope_telemetry`], which the adapter for Wasmtime uses as well.
//! So a component sends the same telemetry on both.
//!
//! # An embedder
//!
//! ```no_run
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! # Packages outside of the clone
//!
//! WasmEdge's library is needed for the build and by the programs: see the crate
//! `wasmedge-library`, and the output of `cargo xtask wasmedge`.
//!
//! # What each part is for
//!
//! | part | without it |
//! |---|---|
//! | [`View`] and [`add_to_linker`] | Components that import `wasmscope:otel` cannot be instantiated. |
//! | [`invoke`] | There is no host span: a guest's outermost spans start new traces, and a `traceparent` is ignored. Spans that a trap or a timeout leaves open end only with the [`Instance`], as killed. No costs are counted, and no traps but those at instantiation. |
//! | [`instantiate`] | No instantiation times, and failures at instantiation outside of an [`invoke`] are not counted. |
//! | [`Limiter`] | No metrics of memory and instances. |
//! | [`runtime`] | Host spans do not name the runtime. |
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
pub use inspect::{command, exports, imports, missing_imports};
pub use instantiate::instantiate;
pub use invocation::{Invocation, invoke};
pub use limiter::{Limiter, Unlimited};
pub use outcome::outcome_of;
pub use wasmscope_contract::{Extern, ExternKind, InvalidArgument, MissingImport, NotACommand};
pub use wasmscope_telemetry::{
    Ender, Instance, InvocationOptions, Outcome, Runtime, Telemetry, View,
};

/// Returns WasmEdge's name and the version of the loaded library, for
/// [`TelemetryBuilder::runtime`](wasmscope_telemetry::TelemetryBuilder::runtime).
#[must_use]
pub fn runtime() -> Runtime {
    Runtime {
        name: "wasmedge",
        version: wasmedge_component::version(),
    }
}

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
