//! The functions of `wit/`, interface by interface: what each takes and gives, and which function of the core it is.

mod context;
mod logger;
mod meter;
#[cfg(test)]
mod tests;
mod tracer;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wasmscope_telemetry::model::BaggageEntry;
use wasmscope_telemetry::{Instance, Reason, Signal};

use crate::lift::{Arguments, Lifted};
use crate::results::{LogThreshold, Returned, SpanContext};

/// Where an adapter puts the functions that return `R`, usually its linker.
///
/// It is implemented for each [`Returned`] type; a single `impl` does if it is bound by a trait of the adapter's that lowers them.
pub trait Register<R: Returned> {
    /// Why a function cannot be added.
    type Error;

    /// Adds a function: one that lifts the arguments, calls [`Function::call`] and lowers the result.
    ///
    /// # Errors
    ///
    /// Returns an error if the function cannot be added; then no more are.
    fn function<A: Arguments>(&mut self, function: Function<A, R>) -> Result<(), Self::Error>;
}

/// Adds the functions of all interfaces of `wasmscope:otel`.
///
/// # Errors
///
/// Returns the first error of the registrar's.
pub fn register<G, E>(registrar: &mut G) -> Result<(), E>
where
    G: Register<u64, Error = E>
        + Register<bool, Error = E>
        + Register<Option<SpanContext>, Error = E>
        + Register<Vec<BaggageEntry>, Error = E>
        + Register<LogThreshold, Error = E>,
{
    context::register(registrar)?;
    tracer::register(registrar)?;
    meter::register(registrar)?;
    logger::register(registrar)
}

/// A function of the contract.
pub struct Function<A, R> {
    interface: &'static str,
    name: &'static str,
    signal: Signal,
    neutral: fn() -> R,
    call: fn(&mut Instance, A) -> R,
}

impl<A, R> Clone for Function<A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R> Copy for Function<A, R> {}

impl<A, R> fmt::Debug for Function<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({}#{})", self.interface, self.name)
    }
}

impl<A: Arguments, R: Returned> Function<A, R> {
    /// Gives the full name of its interface: `wasmscope:otel/tracer@0.1.0`.
    #[must_use]
    pub const fn interface(&self) -> &'static str {
        self.interface
    }

    /// Gives its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Gives what the guest gets if the call comes to nothing, because the host panicked.
    #[must_use]
    pub fn neutral(&self) -> R {
        (self.neutral)()
    }

    /// Calls the telemetry core, on the instance that `instance` finds in `state`.
    ///
    /// The arguments are first held to the embedder's limit, and what they lost is counted. A panic, which would take down the embedder for the
    /// sake of its telemetry, is caught and counted too.
    pub fn call<S: ?Sized>(
        &self,
        state: &mut S,
        instance: impl Fn(&mut S) -> &mut Instance,
        mut lifted: Lifted<A>,
    ) -> R {
        let call = AssertUnwindSafe(|| {
            let instance = instance(state);
            if A::IN_MEMORY {
                lifted.limit(instance.telemetry().limits().call_bytes);
                instance.count_dropped(self.signal, Reason::CallBytes, lifted.left_out);
            }
            (self.call)(instance, lifted.arguments)
        });
        // What a panic leaves half-done is a record or a count, never anything that others rely on.
        catch_unwind(call).unwrap_or_else(|_| {
            // If even this panics, there is nobody left to count for.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                instance(state).count_dropped(self.signal, Reason::HostPanic, 1);
            }));
            (self.neutral)()
        })
    }
}

/// An interface of the contract.
#[derive(Debug, Clone, Copy)]
struct Interface {
    name: &'static str,
    /// As what its calls are counted if they are dropped.
    signal: Signal,
}

impl Interface {
    /// Describes a function. `neutral` is what the guest gets if the core panics.
    const fn function<A, R>(
        self,
        name: &'static str,
        neutral: fn() -> R,
        call: fn(&mut Instance, A) -> R,
    ) -> Function<A, R> {
        Function {
            interface: self.name,
            name,
            signal: self.signal,
            neutral,
            call,
        }
    }
}

/// `types.notice` that says nothing.
fn no_notice() -> u64 {
    0
}

/// A handle that no instance gives out, and that every function takes for a wrong one.
fn no_handle() -> u64 {
    0
}
