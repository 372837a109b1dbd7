// These run guests on Wasmtime. Miri would take hours for its code generator.
#[cfg(not(miri))]
mod behaviour;
#[cfg(not(miri))]
mod generate;
#[cfg(not(miri))]
mod guest;
#[cfg(not(miri))]
mod polling;

mod polls;
mod recursion;
mod rewriting;

use wasmtime_environ::wasmparser::{Validator, WasmFeatures};

use super::*;
use crate::plan::HOST_MODULE;

/// Validates with the features that the translator allows in core modules.
fn validate(bytes: &[u8]) {
    let features = WasmFeatures::WASM2
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::TAIL_CALL;
    Validator::new_with_features(features)
        .validate_all(bytes)
        .unwrap();
}

fn parse(text: &str) -> Vec<u8> {
    let bytes = wat::parse_str(text).unwrap();
    validate(&bytes);
    bytes
}

fn hardened(text: &str) -> Vec<u8> {
    let bytes = harden(&parse(text)).unwrap().bytes;
    validate(&bytes);
    bytes
}

/// Returns a module as the compiler receives it.
fn polling(text: &str) -> Vec<u8> {
    let bytes = add_polls(&hardened(text)).unwrap();
    validate(&bytes);
    bytes
}

/// Returns the stack units of a module's only function.
fn units(text: &str) -> u32 {
    let summary = ModuleSummary::new(&parse(text)).unwrap();
    summary.functions[0].units
}
