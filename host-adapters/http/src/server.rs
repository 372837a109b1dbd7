//! A server that answers HTTP requests with a component.
//!
//! [`Server`] accepts connections and limits them. It passes each request as a [`Call`] to a
//! [`Handler`], which is specific to an engine and runs a guest. The span of the request starts
//! when its head has arrived, and ends when the guest has ended and its response has been sent or
//! has failed.
//!
//! # Hostile clients and guests
//!
//! Connections, requests, their heads and bodies, and the time that they take are limited: see
//! [`Limits`]. Responses to failed requests contain no details of the guest.

mod admission;
mod body;
mod call;
mod connection;
mod exchange;
mod health;
mod service;

pub use self::body::RequestBody;
pub use self::call::{Call, Stop, StopReason};
pub use self::connection::Server;

use std::pin::Pin;
use std::time::Duration;

use wasmscope_telemetry::{Propagation, Telemetry, TrustIncoming};

/// Runs guests on an engine.
pub trait Handler: Send + Sync + 'static {
    /// Handles a request: calls a guest, and [`Call::finish`] when the guest has ended.
    ///
    /// Stops the guest when [`Call::stop`] says so. A call that is dropped without `finish` counts
    /// as a failure of the host.
    fn handle(&self, call: Call) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Returns whether it can handle requests now, as far as it knows.
    fn is_ready(&self) -> bool {
        true
    }

    /// Ends all that it keeps for further requests. Called once, when there will be none.
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }

    /// Returns how many requests it can handle at once. `None` if it has no limit of its own.
    fn max_requests(&self) -> Option<usize> {
        None
    }
}

/// The limits of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once. Further ones wait in the queue of the operating system. Default:
    /// 1,000.
    pub connections: usize,
    /// Requests at once, from the head of the request to the end of the response. Default: 1,000.
    pub requests: usize,
    /// Requests that wait for others to end. Further ones are refused with 503. Default: 1,000.
    pub queue: usize,
    /// How long a request may wait. Then it is refused with 503. Default: 5 s.
    pub queue_wait: Duration,
    /// How long a client may take to send a head, and how long it may be idle. Default: 30 s.
    pub header_read: Duration,
    /// Bytes of a head. A larger one is refused with 431. At least 8 KiB. Default: 64 KiB.
    pub header_bytes: usize,
    /// Bytes of a request's body. A larger one is refused with 413. Default: 100 MiB.
    pub body_bytes: u64,
    /// How long a request may take, until the end of its response. Then it is refused with 504, or
    /// its response breaks off. Default: 60 s.
    pub request: Duration,
    /// How long requests may take once the server shuts down. Default: 30 s.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_000,
            requests: 1_000,
            queue: 1_000,
            queue_wait: Duration::from_secs(5),
            header_read: Duration::from_secs(30),
            header_bytes: 64 << 10,
            body_bytes: 100 << 20,
            request: Duration::from_secs(60),
            shutdown: Duration::from_secs(30),
        }
    }
}

/// What a server needs to describe requests in telemetry.
#[derive(Debug, Clone)]
pub struct Described {
    /// Receives spans and metrics.
    pub telemetry: Telemetry,
    /// The component's name.
    pub component: String,
    /// The headers of a caller's context that are read.
    pub propagation: Propagation,
    /// Whether a caller's context is trusted.
    pub trust: TrustIncoming,
    /// Whether responses have the header `traceresponse`.
    pub trace_response: bool,
}
