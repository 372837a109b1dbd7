//! Instantiating, measured.

use std::time::Instant;

use wasmscope_telemetry::{Instance as InstanceTelemetry, View};
use wasmtime::component::{Component, Instance, InstancePre, Linker};
use wasmtime::{AsContextMut, Result};

use crate::outcome::outcome_of;

/// Instantiates a component and records how long that took.
///
/// A component that traps in its start functions counts as a trap, in the metrics by its kind;
/// within an [`invoke`](crate::invoke), that is left to the invocation's end. The result can be
/// given to what `bindgen!` generates: `Command::new(&mut store, &instance)`.
///
/// # Errors
///
/// Returns the error of [`Linker::instantiate`]: an import that the linker lacks, a trap, or a
/// limit. See [`outcome_of`] for which it is, and [`unserved`](crate::unserved) for all the imports
/// that are lacking.
pub fn instantiate<T: View + 'static>(
    mut store: impl AsContextMut<Data = T>,
    component: &Component,
    linker: &Linker<T>,
) -> Result<Instance> {
    let pre: InstancePre<T> = linker.instantiate_pre(component)?;
    let started = Instant::now();
    let result = pre.instantiate(store.as_context_mut());
    record(
        store.as_context_mut().data_mut().wasmscope(),
        started,
        &result,
    );
    result
}

/// Instantiates a component in an asynchronous store, as [`instantiate`] does.
///
/// # Errors
///
/// Returns the error of [`Linker::instantiate_async`]: an import that the linker lacks, a trap, or
/// a limit.
pub async fn instantiate_async<T: View + Send + 'static>(
    mut store: impl AsContextMut<Data = T>,
    component: &Component,
    linker: &Linker<T>,
) -> Result<Instance> {
    let pre = linker.instantiate_pre(component)?;
    let started = Instant::now();
    let result = pre.instantiate_async(store.as_context_mut()).await;
    record(
        store.as_context_mut().data_mut().wasmscope(),
        started,
        &result,
    );
    result
}

fn record(instance: &InstanceTelemetry, started: Instant, result: &Result<Instance>) {
    let failure = result.as_ref().err().map(outcome_of);
    instance.instantiated(started.elapsed(), failure.as_ref());
}
