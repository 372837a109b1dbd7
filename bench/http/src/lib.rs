//! Measures servers of HTTP: their processes, clients that load them, and a collector that counts
//! the telemetry that they send.
//!
//! The bench's table of HTTP services and the soak use it. The programs `native-service` (the peer
//! of a component on Wasmscope) and `soak` are in `src/bin`.

mod client;
mod collector;
mod oha;
mod server;
mod soak;

pub use client::{Progress, load};
pub use collector::{Collector, Mode, Received};
pub use oha::Oha;
pub use server::Server;
pub use soak::{Delivery, Growth, Soak, Soaked};

use std::time::Duration;

/// The path that services are asked for.
pub const PATH: &str = "/api/hello";

/// The result of a load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The requests that were answered.
    pub requests: u64,
    /// Requests per second.
    pub rate: f64,
    /// The median of the latencies.
    pub p50: Duration,
    /// The latency that 99 % of the requests do not exceed.
    pub p99: Duration,
}
