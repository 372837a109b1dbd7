//! HTTP for components, on any engine that implements `wasi:http` with [`wasmtime_wasi_http`].
//!
//! [`server`] accepts connections, passes requests to a component, and sends its responses. Each
//! request has a span and metrics.

mod error_code;
pub mod outgoing;
pub mod server;
mod unfinished;

pub use unfinished::abort_unfinished_bodies;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
