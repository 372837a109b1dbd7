//! The telemetry core of Wasmscope.
pub mod model;
