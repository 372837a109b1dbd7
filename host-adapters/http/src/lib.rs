//! HTTP for components, on any engine that implements `wasi:http` with [`wasmtime_wasi_http`].
//!
//! [`server`] accepts connections, passes requests to a component, and sends its responses. Each
//! request has a span and metrics.

mod error_code;
mod head;
pub mod outgoing;
pub mod server;
mod unfinished;

pub use unfinished::abort_unfinished_bodies;

use std::sync::Arc;
use tokio::sync::Semaphore;

/// The smallest buffer of hyper for a head.
const MIN_HEADER_BYTES: usize = 8 << 10;

/// Makes a semaphore for a limit, which may be higher than a semaphore's own.
fn semaphore(limit: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)))
}

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
