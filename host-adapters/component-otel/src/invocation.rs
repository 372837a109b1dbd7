//! The span around a call into a component.

use std::fmt;
use std::ops::{Deref, DerefMut};

use component_model::engine::Engine;
use component_model::{AsContextMut, Store, StoreContextMut};
use wasmscope_telemetry::{HostSpan, Instance, InstanceAccess, InvocationOptions, Outcome, View};

/// Begins a call into a component and starts its host span, the outermost parent of the guest's
/// spans.
///
/// Use the returned [`Invocation`] as the store during the call. Call [`Invocation::finish`] with
/// the call's outcome.
pub fn invoke<T: View + 'static, E: Engine>(
    store: &mut Store<T, E>,
    options: InvocationOptions,
) -> Invocation<'_, T, E> {
    Invocation(wasmscope_telemetry::Invocation::begin(
        Running(store),
        options,
    ))
}

/// Begins a call into a component in a host span that has started already: see
/// [`Telemetry::start_call`](crate::Telemetry::start_call). [`Invocation::hand_over`] returns the
/// span.
pub fn invoke_in<T: View + 'static, E: Engine>(
    store: &mut Store<T, E>,
    span: HostSpan,
) -> Invocation<'_, T, E> {
    Invocation(wasmscope_telemetry::Invocation::begin_in(
        Running(store),
        span,
    ))
}

/// A call into a component. Dereferences to the [`Store`], and implements `AsContextMut`.
#[must_use = "dropped at once, it ends as killed"]
pub struct Invocation<'a, T: View + 'static, E: Engine>(
    wasmscope_telemetry::Invocation<Running<'a, T, E>>,
);

impl<T: View, E: Engine> Invocation<'_, T, E> {
    /// Ends the call and all spans that the guest left open in it. Use
    /// [`outcome_of`](crate::outcome_of) for the outcome of an error.
    pub fn finish(self, outcome: Outcome) {
        let _store = self.0.finish(outcome);
    }

    /// Ends the call as [`finish`](Self::finish) does, but returns its host span, which is still
    /// open. Returns `None` if an [`Ender`](crate::Ender) has ended it.
    #[must_use = "dropped at once, the span ends"]
    pub fn hand_over(self, outcome: &Outcome) -> Option<HostSpan> {
        let (_store, span) = self.0.hand_over(outcome);
        span
    }
}

impl<T: View, E: Engine> Deref for Invocation<'_, T, E> {
    type Target = Store<T, E>;

    fn deref(&self) -> &Store<T, E> {
        self.0.0
    }
}

impl<T: View, E: Engine> DerefMut for Invocation<'_, T, E> {
    fn deref_mut(&mut self) -> &mut Store<T, E> {
        self.0.0
    }
}

impl<T: View, E: Engine> AsContextMut for Invocation<'_, T, E> {
    type Data = T;
    type Engine = E;

    fn as_context_mut(&mut self) -> StoreContextMut<'_, T, E> {
        self.0.0.as_context_mut()
    }
}

impl<T: View, E: Engine> fmt::Debug for Invocation<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation").finish_non_exhaustive()
    }
}

/// A store during a call.
struct Running<'a, T: View + 'static, E: Engine>(&'a mut Store<T, E>);

impl<T: View, E: Engine> InstanceAccess for Running<'_, T, E> {
    fn instance(&mut self) -> Option<&mut Instance> {
        Some(self.0.data_mut().wasmscope())
    }

    fn consumed_fuel(&mut self) -> Option<u64> {
        self.0.cost().ok()
    }
}
