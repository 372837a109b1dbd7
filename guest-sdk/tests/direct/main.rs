//! Tests the direct API with the recorder, as tests of programs would.
#![cfg(not(target_arch = "wasm32"))]

mod context;
mod end;
mod logs;
mod metrics;
mod traces;
