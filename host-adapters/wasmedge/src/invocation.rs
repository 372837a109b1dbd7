//! The span around a call into a component.

use std::fmt;
use std::ops::{Deref, DerefMut};

use wasmedge_component::{AsContextMut, Engine, Store, StoreContextMut};
use wasmscope_telemetry::{Instance, InstanceAccess, InvocationOptions, Outcome};

use crate::View;

/// Begins a call into a component: makes the host span that is the outermost parent of what the guest does.
///
/// The store is reached through what this returns for as long as the call lasts; [`Invocation::finish`] says how it ended.
pub fn invoke<T: View + 'static>(
    store: &mut Store<T>,
    options: InvocationOptions,
) -> Invocation<'_, T> {
    let cost = store.cost().ok();
    Invocation(wasmscope_telemetry::Invocation::begin(
        Running { store, cost },
        options,
    ))
}

/// A call into a component; dereferences to the [`Store`], and is a store context itself.
#[must_use = "dropped at once, it ends as killed"]
pub struct Invocation<'a, T: View + 'static>(wasmscope_telemetry::Invocation<Running<'a, T>>);

impl<T: View> Invocation<'_, T> {
    /// Ends the call with its outcome, for an error that of [`outcome_of`](crate::outcome_of), and with it every span
    /// that the guest has left open.
    pub fn finish(self, outcome: Outcome) {
        drop(self.0.finish(outcome));
    }
}

impl<T: View> Deref for Invocation<'_, T> {
    type Target = Store<T>;

    fn deref(&self) -> &Store<T> {
        self.0.store
    }
}

impl<T: View> DerefMut for Invocation<'_, T> {
    fn deref_mut(&mut self) -> &mut Store<T> {
        self.0.store
    }
}

impl<T: View> AsContextMut for Invocation<'_, T> {
    type Data = T;
    type Engine = Engine;

    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.0.store.as_context_mut()
    }
}

impl<T: View> fmt::Debug for Invocation<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation").finish_non_exhaustive()
    }
}

/// A store during a call.
struct Running<'a, T: View + 'static> {
    store: &'a mut Store<T>,
    /// What the guests had cost at the beginning, where the engine counts that.
    cost: Option<u64>,
}

impl<T: View> InstanceAccess for Running<'_, T> {
    fn instance(&mut self) -> Option<&mut Instance> {
        Some(self.store.data_mut().wasmscope())
    }
}

impl<T: View> Drop for Running<'_, T> {
    fn drop(&mut self) {
        if let (Some(before), Ok(cost)) = (self.cost, self.store.cost()) {
            let telemetry = self.store.data_mut().wasmscope().telemetry();
            telemetry
                .runtime_metrics()
                .fuel(cost.saturating_sub(before));
        }
    }
}
