//! The direct API against the recorder, as tests of programs use it.
#![cfg(not(target_arch = "wasm32"))]

mod context;
mod end;
mod logs;
mod metrics;
mod traces;
