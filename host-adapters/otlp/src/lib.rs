//! Configuration and pipelines: from what guests record to where it is sent.
//!
//! The telemetry core (`wasmscope-telemetry`) decides what becomes of what a guest sends, and hands
//! it to OpenTelemetry providers. This crate makes these providers: [`config`] reads the `OTEL_*`
//! variables and an embedder's own settings, and a [`Pipeline`] exports over OTLP, and keeps account
//! of what was delivered and lost.
//!
//! A host with providers of its own does not need this crate.

pub mod config;
mod json;
pub mod memory;
mod pipeline;

pub use config::{Config, ConfigError};
pub use pipeline::{DROP_DEADLINE, Flushed, Pipeline, Report, SignalReport};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
