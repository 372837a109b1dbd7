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

use crate::error::LiftError;
use crate::lift::{Arguments, CoreValue, Passed, Reader};
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
pub struct Function<A: Arguments, R> {
    interface: &'static str,
    name: &'static str,
    signal: Signal,
    neutral: fn() -> R,
    call: Call<A, R>,
}

/// A function that reads lists by itself.
type Reading<A, R> =
    fn(&mut Instance, <A as Arguments>::First, &mut Reader<'_>) -> Result<R, LiftError>;

/// What a function does.
enum Call<A: Arguments, R> {
    /// With arguments that have been read.
    Read(fn(&mut Instance, A) -> R),
    /// With arguments of which lists are left to be read by itself.
    Reading(Reading<A, R>),
}

impl<A: Arguments, R> Clone for Call<A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Arguments, R> Copy for Call<A, R> {}

impl<A: Arguments, R> Clone for Function<A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Arguments, R> Copy for Function<A, R> {}

impl<A: Arguments, R> fmt::Debug for Function<A, R> {
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

    /// Lifts the arguments and calls the telemetry core with them, on the instance that `instance` finds in `state`.
    ///
    /// What exceeds [`Limits::call_bytes`](wasmscope_telemetry::limits::Limits::call_bytes) is left out and counted. A panic, which would take
    /// down the embedder for the sake of its telemetry, is caught and counted too.
    ///
    /// # Errors
    ///
    /// Returns an error if the guest broke the ABI, for which the adapter traps it. Then nothing has been called.
    pub fn call<S: ?Sized, V: CoreValue>(
        &self,
        state: &mut S,
        instance: impl Fn(&mut S) -> &mut Instance,
        passed: Passed<'_, V>,
    ) -> Result<R, LiftError> {
        let call = AssertUnwindSafe(|| {
            let instance = instance(state);
            let mut reader = passed.reader(instance.telemetry().limits().call_bytes);
            let returned = match self.call {
                Call::Read(call) => call(instance, passed.read(&mut reader)?),
                Call::Reading(call) => {
                    let first = passed.read(&mut reader)?;
                    call(instance, first, &mut reader)?
                }
            };
            if A::IN_MEMORY {
                instance.count_dropped(self.signal, Reason::CallBytes, reader.budget.left_out());
            }
            Ok(returned)
        });
        // What a panic leaves half-done is a record or a count, never anything that others rely on.
        catch_unwind(call).unwrap_or_else(|_| {
            // If even this panics, there is nobody left to count for.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                instance(state).count_dropped(self.signal, Reason::HostPanic, 1);
            }));
            Ok((self.neutral)())
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
    const fn function<A: Arguments, R>(
        self,
        name: &'static str,
        neutral: fn() -> R,
        call: fn(&mut Instance, A) -> R,
    ) -> Function<A, R> {
        self.describe(name, neutral, Call::Read(call))
    }

    /// Describes a function that reads lists by itself: it is called before they have been read, and calls the core when all have.
    const fn reading<A: Arguments, R>(
        self,
        name: &'static str,
        neutral: fn() -> R,
        call: Reading<A, R>,
    ) -> Function<A, R> {
        self.describe(name, neutral, Call::Reading(call))
    }

    const fn describe<A: Arguments, R>(
        self,
        name: &'static str,
        neutral: fn() -> R,
        call: Call<A, R>,
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
