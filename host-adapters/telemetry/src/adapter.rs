//! The parts of an adapter that do not depend on its engine.
//!
//! An engine's traits, such as its resource limiter, can only be implemented for types of the
//! adapter. So the type [`Limiter`](crate::limiter!) is made by a macro, in each adapter's crate.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Instance, Reason, Signal};

/// Runs a guest's call on the instance that `instance` finds in `state`.
///
/// Catches panics, so that an error in telemetry does not end the embedder's program. A panic is
/// counted as `host_panic`, and the result is `None`. A program that is built with
/// `panic = "abort"` still ends.
#[inline]
pub fn catch_panic<S: ?Sized, R>(
    state: &mut S,
    instance: impl Fn(&mut S) -> &mut Instance,
    signal: Signal,
    call: impl FnOnce(&mut Instance) -> R,
) -> Option<R> {
    // A panic may leave a record or a count incomplete. No other code depends on these.
    if let Ok(returned) = catch_unwind(AssertUnwindSafe(|| call(instance(state)))) {
        return Some(returned);
    }
    // If counting panics as well, the panic stays uncounted.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        instance(state).count_dropped(signal, Reason::HostPanic, 1);
    }));
    None
}

/// Gives access to Wasmscope's state in the embedder's data of a store.
///
/// The state belongs to one store and is dropped with it. All adapters use this trait.
///
/// # Examples
///
/// ```
/// use wasmscope_telemetry::{Instance, View};
///
/// struct State {
///     telemetry: Instance,
/// }
///
/// impl View for State {
///     fn wasmscope(&mut self) -> &mut Instance {
///         &mut self.telemetry
///     }
/// }
/// ```
pub trait View {
    /// Returns the telemetry of the component instance that runs in this store.
    fn wasmscope(&mut self) -> &mut Instance;
}

/// Defines an adapter's types `Limiter` and `Unlimited`.
///
/// The adapter implements its engine's trait for both, and passes each answer to
/// [`StoreMeter`](crate::StoreMeter) in the field `meter`.
#[macro_export]
#[doc(hidden)]
macro_rules! limiter {
    ($(#[$doc:meta])*) => {
        /// Wraps an embedder's resource limiter, and reports the store's memory and lifetime to the
        /// runtime metrics.
        ///
        /// The inner limiter decides. Keep the limiter in the store's data: until it is dropped, it
        /// counts as one instance with the store's memory. [`Limiter::unlimited`] is for stores
        /// without limits.
        ///
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "it limits nothing until it is passed to `Store::limiter`"]
        pub struct Limiter<L> {
            inner: L,
            meter: $crate::StoreMeter,
        }

        impl Limiter<Unlimited> {
            /// Makes a limiter that refuses nothing. The engine's own limits remain.
            pub fn unlimited(metered: &impl $crate::Metered) -> Self {
                Self::new(metered, Unlimited)
            }
        }

        impl<L> Limiter<L> {
            /// Makes a limiter around the embedder's own.
            ///
            /// Given a [`Telemetry`]($crate::Telemetry), refused memory is counted. Given the
            /// [`Instance`]($crate::Instance) of the same store, it is also an event on the span of
            /// the current call.
            pub fn new(metered: &impl $crate::Metered, inner: L) -> Self {
                Self {
                    inner,
                    meter: $crate::StoreMeter::new(metered),
                }
            }

            /// Returns the inner limiter.
            pub fn inner(&self) -> &L {
                &self.inner
            }

            /// Returns the inner limiter mutably.
            pub fn inner_mut(&mut self) -> &mut L {
                &mut self.inner
            }

            /// Returns the size of the store's linear memory, in bytes.
            #[must_use]
            pub fn memory(&self) -> u64 {
                self.meter.memory()
            }
        }

        /// A limiter that refuses nothing; see [`Limiter::unlimited`].
        #[derive(Debug, Clone, Copy, Default)]
        pub struct Unlimited;
    };
}
