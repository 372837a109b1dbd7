//! The span around a call into a component.

use std::fmt;
use std::ops::{Deref, DerefMut};

use wasmscope_telemetry::{HostSpan, Instance, InstanceAccess, InvocationOptions, Outcome, View};
use wasmtime::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut};

/// Begins a call into a component and starts its host span, the outermost parent of the guest's
/// spans.
///
/// Use the returned [`Invocation`] as the store during the call. Call [`Invocation::finish`] with
/// the call's outcome.
pub fn invoke<T: View + 'static>(
    store: &mut Store<T>,
    options: InvocationOptions,
) -> Invocation<'_, T> {
    Invocation(wasmscope_telemetry::Invocation::begin(
        Running(store),
        options,
    ))
}

/// Begins a call into a component in a host span that has started already: see
/// [`Telemetry::start_call`](crate::Telemetry::start_call). [`Invocation::hand_over`] returns the
/// span.
pub fn invoke_in<T: View + 'static>(store: &mut Store<T>, span: HostSpan) -> Invocation<'_, T> {
    Invocation(wasmscope_telemetry::Invocation::begin_in(
        Running(store),
        span,
    ))
}

/// A call into a component. Dereferences to the [`Store`], and implements `AsContextMut`.
///
/// # In asynchronous code
///
/// It may be held across an `await`. If its future is dropped, for example because of a timeout,
/// the call and its open spans end as [`Outcome::Killed`].
#[must_use = "dropped at once, it ends as killed"]
pub struct Invocation<'a, T: View + 'static>(wasmscope_telemetry::Invocation<Running<'a, T>>);

impl<T: View> Invocation<'_, T> {
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

impl<T: View> Deref for Invocation<'_, T> {
    type Target = Store<T>;

    fn deref(&self) -> &Store<T> {
        self.0.0
    }
}

impl<T: View> DerefMut for Invocation<'_, T> {
    fn deref_mut(&mut self) -> &mut Store<T> {
        self.0.0
    }
}

impl<T: View> AsContext for Invocation<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        self.0.0.as_context()
    }
}

impl<T: View> AsContextMut for Invocation<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.0.0.as_context_mut()
    }
}

impl<T: View> fmt::Debug for Invocation<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation").finish_non_exhaustive()
    }
}

/// A store during a call.
struct Running<'a, T: View + 'static>(&'a mut Store<T>);

impl<T: View> InstanceAccess for Running<'_, T> {
    fn instance(&mut self) -> Option<&mut Instance> {
        Some(self.0.data_mut().wasmscope())
    }

    fn consumed_fuel(&mut self) -> Option<u64> {
        // Wasmtime returns the remaining fuel.
        Some(u64::MAX - self.0.get_fuel().ok()?)
    }
}
