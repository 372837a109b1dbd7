//! Instantiates components, and measures how long it takes.

use std::time::Instant;

use component_model::engine::Engine;
use component_model::{AsContextMut, Component, Instance, InstancePre, Linker};

use crate::outcome::outcome_of;
use wasmscope_telemetry::View;

/// Instantiates a component and records how long it took.
///
/// A component that traps in its start functions is counted in the metrics as a trap of its kind.
/// Within an [`invoke`](crate::invoke), the end of the invocation counts it instead.
///
/// # Errors
///
/// Returns the error of [`Linker::instantiate`]: an import that the linker lacks, a trap, or a
/// limit. [`outcome_of`] tells them apart, and [`missing_imports`](crate::missing_imports) lists
/// all lacking imports.
pub fn instantiate<T: View + 'static, E: Engine>(
    store: impl AsContextMut<Data = T, Engine = E>,
    component: &Component<E>,
    linker: &Linker<T, E>,
) -> anyhow::Result<Instance<E>> {
    instantiate_pre(store, &linker.instantiate_pre(component)?)
}

/// Instantiates a component as [`instantiate`] does. Its imports were looked up and checked before,
/// by `Linker::instantiate_pre`: once for any number of instances.
///
/// # Errors
///
/// Returns the error of [`InstancePre::instantiate`]: a trap, or a limit.
pub fn instantiate_pre<T: View + 'static, E: Engine>(
    mut store: impl AsContextMut<Data = T, Engine = E>,
    pre: &InstancePre<T, E>,
) -> anyhow::Result<Instance<E>> {
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
