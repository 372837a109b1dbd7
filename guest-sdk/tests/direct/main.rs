//! The direct API against the recorder: what authors' own tests would see.
#![cfg(not(target_arch = "wasm32"))]

mod context;
mod end;
mod logs;
mod metrics;
mod traces;
