//! Tests the collector over each protocol, with TLS, and its text form.

#![expect(clippy::unwrap_used, reason = "all of it is test code")]

mod common;
mod grpc;
mod http;
mod normalised;
mod tls;
