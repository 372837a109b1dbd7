//! The functions of `wit/`, interface by interface: what each takes and gives, and which function of the core it is.

mod context;
mod logger;
mod meter;
#[cfg(test)]
mod tests;
mod tracer;

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wasmscope_telemetry::model::BaggageEntry;
use wasmscope_telemetry::{Instance, Reason, Signal};

use crate::error::LiftError;
use crate::lift::{Arguments, CoreValue, RawArgs, Reader};
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
    fn function<A: Arguments, C: Call<A, R>>(
        &mut self,
        function: Function<A, R, C>,
    ) -> Result<(), Self::Error>;
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
///
/// What it calls is a type of its own, so that reading its arguments and what the core does with them are compiled as one: arguments that are
/// passed through a pointer are moved, and moving what has just been written waits for the stores.
pub struct Function<A: Arguments, R, C: Call<A, R>> {
    interface: &'static str,
    name: &'static str,
    signal: Signal,
    neutral: fn() -> R,
    call: C,
    arguments: PhantomData<fn(A)>,
}

/// What a function does. Only this crate implements it.
pub trait Call<A: Arguments, R>: Copy + Send + Sync + 'static {
    /// Calls the core with what has been read, and with what it reads itself.
    #[doc(hidden)]
    fn call(
        &self,
        instance: &mut Instance,
        first: A::First,
        reader: &mut Reader<'_>,
    ) -> Result<R, LiftError>;
}

/// A function of arguments that have been read.
#[derive(Clone, Copy)]
struct WithArguments<F>(F);

impl<A, R, F> Call<A, R> for WithArguments<F>
where
    A: Arguments<First = A>,
    F: Fn(&mut Instance, A) -> R + Copy + Send + Sync + 'static,
{
    #[inline]
    fn call(
        &self,
        instance: &mut Instance,
        arguments: A,
        _: &mut Reader<'_>,
    ) -> Result<R, LiftError> {
        Ok((self.0)(instance, arguments))
    }
}

/// A function that reads lists by itself.
#[derive(Clone, Copy)]
struct WithReader<F>(F);

impl<A, R, F> Call<A, R> for WithReader<F>
where
    A: Arguments,
    F: Fn(&mut Instance, A::First, &mut Reader<'_>) -> Result<R, LiftError>,
    F: Copy + Send + Sync + 'static,
{
    #[inline]
    fn call(
        &self,
        instance: &mut Instance,
        first: A::First,
        reader: &mut Reader<'_>,
    ) -> Result<R, LiftError> {
        (self.0)(instance, first, reader)
    }
}

impl<A: Arguments, R, C: Call<A, R>> Clone for Function<A, R, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Arguments, R, C: Call<A, R>> Copy for Function<A, R, C> {}

impl<A: Arguments, R, C: Call<A, R>> fmt::Debug for Function<A, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({}#{})", self.interface, self.name)
    }
}

impl<A: Arguments, R: Returned, C: Call<A, R>> Function<A, R, C> {
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
        passed: RawArgs<'_, V>,
    ) -> Result<R, LiftError> {
        let call = AssertUnwindSafe(|| {
            let instance = instance(state);
            let mut reader = passed.reader(instance.telemetry().limits().call_bytes);
            let first = passed.read(&mut reader)?;
            let returned = self.call.call(instance, first, &mut reader)?;
            if let Some(text) = reader.repeated_text() {
                instance.cache_text(text);
            }
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
    const fn function<A, R, F>(
        self,
        name: &'static str,
        neutral: fn() -> R,
        call: F,
    ) -> Function<A, R, WithArguments<F>>
    where
        A: Arguments<First = A>,
        F: Fn(&mut Instance, A) -> R + Copy + Send + Sync + 'static,
    {
        self.describe(name, neutral, WithArguments(call))
    }

    /// Describes a function that reads lists by itself: it is called before they have been read, and calls the core when all have.
    const fn reading<A, R, F>(
        self,
        name: &'static str,
        neutral: fn() -> R,
        call: F,
    ) -> Function<A, R, WithReader<F>>
    where
        A: Arguments,
        F: Fn(&mut Instance, A::First, &mut Reader<'_>) -> Result<R, LiftError>,
        F: Copy + Send + Sync + 'static,
    {
        self.describe(name, neutral, WithReader(call))
    }

    const fn describe<A: Arguments, R, C: Call<A, R>>(
        self,
        name: &'static str,
        neutral: fn() -> R,
        call: C,
    ) -> Function<A, R, C> {
        Function {
            interface: self.name,
            name,
            signal: self.signal,
            neutral,
            call,
            arguments: PhantomData,
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
