//! Bad input of every kind: each causes an error or a trap with a message, and the store and all
//! other instances stay usable.
//!
//! Tests of whole components elsewhere are not repeated here:
//!
//! - too much stack, recursion through destructors, `realloc` and `post-return`: `tests/stack.rs`;
//! - traps of core instructions, costs, memory and table limits, interruption: `tests/calls.rs`,
//!   compiled: `tests/aot.rs`;
//! - the same traps as on Wasmtime between two guests, for handles, strings, lists, scalars and
//!   `realloc` that calls out: `tests/differential/tests/kept`, and for generated types
//!   `tests/differential/tests/generated.rs`.
//!
//! Single rules are tested in `component-model` without an engine: `src/abi/tests.rs` (pointers,
//! discriminants, chars, misbehaving allocators, the budget), `src/abi/tests/strings.rs` (each
//! encoding), `src/abi/tests/properties.rs` (any memory, any core values), `src/handles/tests.rs`
//! (stale, foreign, lent and doubly dropped handles, limits). Memory leaks: `tests/leaks.rs`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod arguments;
mod bytes;
mod calls;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/exercise.rs"]
mod exercise;
mod handles;
mod values;

use wasmedge_component::{Cache, Component, Engine, HostError, Trap, TrapCode};

/// Loads a component twice: interpreted and compiled.
fn in_each_mode(engine: &Engine, text: &str) -> [Component; 2] {
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::open(home.path()).unwrap();
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let compiled = Component::precompile(engine, &bytes, &cache).unwrap();
    assert!(compiled.is_compiled(), "{:?}", compiled.compiled());
    [Component::new(engine, &bytes).unwrap(), compiled]
}

/// Returns the trap code of an error, and checks that the error has a message.
fn code<R: std::fmt::Debug>(result: anyhow::Result<R>) -> Option<TrapCode> {
    let error = result.unwrap_err();
    assert!(!error.to_string().is_empty());
    error.downcast_ref().map(Trap::code)
}

/// Checks that the host's arguments were refused.
fn is_refused<R: std::fmt::Debug>(result: anyhow::Result<R>) {
    let error = result.unwrap_err();
    assert!(error.is::<HostError>(), "{error}");
}

/// Runs a test on a thread with the stack that guests need.
fn with_stack(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(8 << 20);
        let thread = thread.spawn_scoped(scope, test).unwrap();
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}
