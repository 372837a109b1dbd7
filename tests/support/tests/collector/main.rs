//! The collector as its users see it: over each protocol, under TLS, and its text.

#![expect(clippy::unwrap_used, reason = "all of it is test code")]

mod common;
mod grpc;
mod http;
mod normalised;
mod tls;
