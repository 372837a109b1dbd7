//! Instantiating, measured.

use std::time::Instant;

use wasmedge_component::{AsContextMut, Component, Engine, Instance, Linker};

use crate::outcome::outcome_of;
use wasmscope_telemetry::View;

/// Instantiates a component and records how long that took.
///
/// A component that traps in its start functions counts as a trap, in the metrics by its kind;
/// within an [`invoke`](crate::invoke), that is left to the invocation's end.
///
/// # Errors
///
/// Returns the error of [`Linker::instantiate`]: an import that the linker lacks, a trap, or a
/// limit. See [`outcome_of`] for which it is, and [`unserved`](crate::unserved) for all the imports
/// that are lacking.
pub fn instantiate<T: View + 'static>(
    mut store: impl AsContextMut<Data = T, Engine = Engine>,
    component: &Component,
    linker: &Linker<T>,
) -> anyhow::Result<Instance> {
    let pre = linker.instantiate_pre(component)?;
    let started = Instant::now();
    let result = pre.instantiate(&mut store);
    let failure = result.as_ref().err().map(outcome_of);
    store
        .as_context_mut()
        .data_mut()
        .wasmscope()
        .instantiated(started.elapsed(), failure.as_ref());
    result
}
