//! Configuration and pipelines: sends guests' telemetry to collectors.
//!
//! The telemetry core (`wasmscope-telemetry`) applies limits and rules to the telemetry of guests,
//! and passes it to OpenTelemetry providers. This crate makes these providers: [`config`] reads the
//! `OTEL_*` variables and an embedder's own settings, and a [`Pipeline`] exports over OTLP and
//! counts delivered and lost items.
//!
//! A host with its own providers does not need this crate.

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
