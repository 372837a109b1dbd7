//! Helpers for the tests of this workspace: an OTLP collector inside the test process, views of the
//! received items, a normalised text form, and the programs under test.
//!
//! - [`Collector`] receives OTLP over HTTP/protobuf, HTTP/JSON and gRPC, with or without TLS, and
//!   simulates failures ([`Reply`]).
//! - [`SpanView`], [`MetricView`] and [`LogView`] are received items; [`attr`] and [`Value`]
//!   compare values with their types.
//! - [`mod@normalise`] renders items as text that is equal in each run, for snapshots.
//! - [`guests`] finds guest components, and builds those that are missing or out of date.
//! - [`binary`](mod@binary) runs the `wasmscope` command line under a deadline.
//!
//! ```
//! use std::time::Duration;
//! use wasmscope_test_support::Collector;
//!
//! let collector = Collector::start();
//! let endpoint = collector.endpoint_http(); // for OTEL_EXPORTER_OTLP_ENDPOINT
//! # assert!(endpoint.starts_with("http://127.0.0.1:"));
//! # let mut post = std::net::TcpStream::connect(endpoint.trim_start_matches("http://")).unwrap();
//! # let body = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}"#;
//! # std::io::Write::write_all(&mut post, format!("POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
//! // ... the code under test exports to it ...
//! collector.wait_for(|c| c.spans().len() == 1, Duration::from_secs(10));
//! assert_eq!(collector.spans()[0].name, "a");
//! ```

pub mod binary;
mod cargo;
pub mod collector;
pub mod guests;
pub mod normalise;
pub mod tls;
pub mod value;
pub mod views;

pub use binary::{Cli, Output, Running};
pub use collector::{Collector, Payload, Protocol, Reply, Request, Signal, Violation};
pub use guests::guest;
pub use normalise::{Normaliser, normalise, tree};
pub use tls::Tls;
pub use value::{Value, attr};
pub use views::{LogView, MetricView, Received, Resource, Scope, SpanView};
