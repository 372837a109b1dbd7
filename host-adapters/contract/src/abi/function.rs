//! A contract's functions: how each is registered with an engine, and the code around each call.

use std::fmt;
use std::marker::PhantomData;

use wasmscope_telemetry::{Instance, Reason, Signal, catch_panic};

use super::arguments::{Arguments, RawArgs};
use super::cursor::CoreValue;
use super::error::LiftError;
use super::reader::Reader;
use super::wit_type::WitType;

/// Registers an adapter's functions that return `R`. Usually the adapter's linker implements it.
///
/// It is needed for each [`Returned`] type. A single generic `impl` is enough if the adapter has a
/// trait that lowers every one of them.
pub trait Register<R: Returned> {
    /// The error if a function cannot be added.
    type Error;

    /// Adds a function that lifts the arguments, calls [`Function::call`] and lowers the result.
    ///
    /// # Errors
    ///
    /// Returns an error if the function cannot be added. No more functions are added then.
    fn function<A: Arguments, C: Call<A, R>>(
        &mut self,
        function: Function<A, R, C>,
    ) -> Result<(), Self::Error>;
}

/// The result of a function: one of a few types, which adapters lower. Only this crate implements
/// it.
pub trait Returned: WitType + sealed::Sealed + Send + Sync + 'static {}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// Lists the result types of a contract's functions.
macro_rules! returned {
    ($($ty:ty,)*) => {$(
        impl $crate::abi::Returned for $ty {}
        impl $crate::abi::sealed::Sealed for $ty {}
    )*};
}
pub(crate) use returned;

/// A function of the contract.
///
/// The called code is a type parameter, so that reading the arguments and using them compile into
/// one function. Otherwise arguments are moved right after they were written, and the move waits
/// for the stores.
pub struct Function<A: Arguments, R, C: Call<A, R>> {
    interface: &'static str,
    name: &'static str,
    signal: Signal,
    neutral: fn() -> R,
    call: C,
    arguments: PhantomData<fn(A)>,
}

/// The code that a function runs. Only this crate implements it.
pub trait Call<A: Arguments, R>: Copy + Send + Sync + 'static {
    /// Calls the core with the arguments that were read, and may read the remaining lists.
    #[doc(hidden)]
    fn call(
        &self,
        instance: &mut Instance,
        first: A::First,
        reader: &mut Reader<'_>,
    ) -> Result<R, LiftError>;
}

/// A function whose arguments have been read.
#[derive(Clone, Copy)]
pub(crate) struct WithArguments<F>(F);

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

/// A function that reads its lists itself.
#[derive(Clone, Copy)]
pub(crate) struct WithReader<F>(F);

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
    /// Returns the full name of the function's interface: `wasmscope:otel/tracer@0.1.0`.
    #[must_use]
    pub const fn interface(&self) -> &'static str {
        self.interface
    }

    /// Returns the function's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the result that the guest gets if the host panicked.
    #[must_use]
    pub fn neutral(&self) -> R {
        (self.neutral)()
    }

    /// Lifts the arguments and calls the telemetry core with them, on the instance that `instance`
    /// finds in `state`.
    ///
    /// Data beyond [`Limits::call_bytes`](wasmscope_telemetry::limits::Limits::call_bytes) is left
    /// out and counted. A panic is caught and counted, too: see [`catch_panic`].
    ///
    /// # Errors
    ///
    /// Returns an error if the guest broke the ABI. The core has not been called then, and the
    /// adapter traps the guest.
    pub fn call<S: ?Sized, V: CoreValue>(
        &self,
        state: &mut S,
        instance: impl Fn(&mut S) -> &mut Instance,
        passed: RawArgs<'_, V>,
    ) -> Result<R, LiftError> {
        let called = catch_panic(state, instance, self.signal, |instance| {
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
        let called = called.unwrap_or_else(|| Ok((self.neutral)()));
        called.map_err(|error: LiftError| error.in_package(self.package()))
    }

    /// Returns the package of the interface: `wasmscope:otel`.
    fn package(&self) -> &'static str {
        let package = self.interface.split_once('/');
        package.map_or(self.interface, |(package, _)| package)
    }
}

/// An interface of the contract.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interface {
    pub(crate) name: &'static str,
    /// The signal under which dropped calls are counted.
    pub(crate) signal: Signal,
}

impl Interface {
    /// Describes a function. The guest gets `neutral` if the core panics.
    pub(crate) const fn function<A, R, F>(
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

    /// Describes a function that reads its lists itself. It is called before they have been read,
    /// and calls the core after all have been.
    pub(crate) const fn reading<A, R, F>(
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
