//! Telemetry for WebAssembly components.
