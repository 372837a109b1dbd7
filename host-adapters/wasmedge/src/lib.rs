//! Wasmscope on WasmEdge: components that import the package `wasmscope:otel` send OpenTelemetry
//! traces, metrics and logs through the host that runs them.
//!
//! WasmEdge has no component model of its own; [`wasmedge_component`] provides it. This crate adds
//! the package's interfaces to a [`wasmedge_component::Linker`]. A component sends the same
//! telemetry as with the adapter for Wasmtime.
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
//! See [`wasmscope_component_otel`], whose items this crate exports for WasmEdge. It also says what
//! hostile guests can do. [`runtime`] is for the builder of a [`Telemetry`]: without it, host spans
//! do not name the runtime.

pub use wasmscope_component_otel::{
    Ender, Error, Extern, ExternKind, HostSpan, Instance, InvalidArgument, InvocationOptions,
    Limiter, MissingImport, NotACommand, NotAHandler, Outcome, Result, Runtime, Telemetry,
    Unlimited, View, add_to_linker, add_to_linker_with, command, exports, http_handler, imports,
    instantiate, instantiate_pre, invoke, invoke_in, missing_imports, outcome_of,
};

/// A call into a component. Dereferences to the store, and implements `AsContextMut`.
pub type Invocation<'a, T> =
    wasmscope_component_otel::Invocation<'a, T, wasmedge_component::Engine>;

/// Returns WasmEdge's name and the version of the loaded library, for
/// `TelemetryBuilder::runtime`.
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
