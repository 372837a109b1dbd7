//! Wasmscope on WasmEdge: components that import the package `wasmscope:otel` send OpenTelemetry
//! traces, metrics and logs through the host that runs them.
//!
//! WasmEdge hosts no components by itself; [`wasmedge_component`] does that on it. This crate puts
//! the package's interfaces into a [`wasmedge_component::Linker`]. What they do is in
//! [`wasmscope_contract`] and [`wasmscope_telemetry`], which Wasmtime's adapter uses as well: a
//! component sends the same telemetry on both.
//!
//! # An embedder
//!
//! ```no_run
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! # A package outside of the clone
//!
//! It needs WasmEdge's library for its build, and again in its programs: see the crate
//! `wasmedge-library`, and what `cargo xtask wasmedge` prints.
//!
//! # What is lost without each part
//!
//! | part | without it |
//! |---|---|
//! | [`View`] and [`add_to_linker`] | Components that import `wasmscope:otel` cannot be instantiated. |
//! | [`invoke`] | There is no host span: a guest's outermost spans begin traces of their own, nothing continues a `traceparent`, what a trap or a timeout leaves open ends only with the [`Instance`], as killed; no costs are counted, and no traps but those at instantiation. |
//! | [`instantiate`] | No instantiation times, and failures at instantiation outside of an [`invoke`] are not counted. |
//! | [`Limiter`] | No metrics of memory in use and of instances. |
//! | [`runtime`] | Host spans do not say which runtime they are from. |
//!
//! # What a guest can do to its host
//!
//! - A guest that is stuck in a host function holds its store, and its telemetry with it.
//!   [`Instance::ender`] returns an [`Ender`], which ends the guest's spans and its call from
//!   another thread.
//! - Files and sockets are bounded by `component-wasi`, so that the host keeps file descriptors to
//!   send telemetry.
//!
//! As on Wasmtime: valid calls never trap, block or panic, and what exceeds the limits is left out
//! and counted; a call that breaks the component model's ABI traps that guest alone, with
//! [`InvalidArgument`].

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
pub use inspect::{command, exports, imports, unserved};
pub use instantiate::instantiate;
pub use invocation::{Invocation, invoke};
pub use limiter::{Limiter, Unlimited};
pub use outcome::outcome_of;
pub use wasmscope_contract::{Extern, ExternKind, InvalidArgument, NotACommand, Unserved};
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
