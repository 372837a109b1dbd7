//! Instantiates components, and measures how long it takes.

use std::time::Instant;

use wasmscope_telemetry::{Instance as InstanceTelemetry, View};
use wasmtime::component::{Component, Instance, InstancePre, Linker};
use wasmtime::{AsContextMut, Result};

use crate::outcome::outcome_of;

/// Instantiates a component and records how long it took.
///
/// A component that traps in its start functions is counted in the metrics as a trap of its kind.
/// Within an [`invoke`](crate::invoke), the end of the invocation counts it instead. The result
/// works with the code that `bindgen!` generates: `Command::new(&mut store, &instance)`.
///
/// # Errors
///
/// Returns the error of [`Linker::instantiate`]: an import that the linker lacks, a trap, or a
/// limit. [`outcome_of`] tells them apart, and [`missing_imports`](crate::missing_imports) lists
/// all lacking imports.
pub fn instantiate<T: View + 'static>(
    store: impl AsContextMut<Data = T>,
    component: &Component,
    linker: &Linker<T>,
) -> Result<Instance> {
    instantiate_pre(store, &linker.instantiate_pre(component)?)
}

/// Instantiates a component as [`instantiate`] does. Its imports were looked up and checked before,
/// by `Linker::instantiate_pre`: once for any number of instances.
///
/// # Errors
///
/// Returns the error of [`InstancePre::instantiate`]: a trap, or a limit.
pub fn instantiate_pre<T: View + 'static>(
    mut store: impl AsContextMut<Data = T>,
    pre: &InstancePre<T>,
) -> Result<Instance> {
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
    store: impl AsContextMut<Data = T>,
    component: &Component,
    linker: &Linker<T>,
) -> Result<Instance> {
    instantiate_pre_async(store, &linker.instantiate_pre(component)?).await
}

/// Instantiates a component in an asynchronous store, as [`instantiate_pre`] does.
///
/// # Errors
///
/// Returns the error of [`InstancePre::instantiate_async`]: a trap, or a limit.
pub async fn instantiate_pre_async<T: View + Send + 'static>(
    mut store: impl AsContextMut<Data = T>,
    pre: &InstancePre<T>,
) -> Result<Instance> {
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
