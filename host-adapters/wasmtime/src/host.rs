//! Adds the contract's functions to a linker.

use wasmscope_contract::{Arguments, Call, Function, Register, register};
use wasmscope_telemetry::{Instance, View};
use wasmtime::component::Linker;
use wasmtime::{Error, Result};

use crate::lift;
use crate::lower::Lowered;

/// Adds the interfaces of `wasmscope:otel@0.1.0` to a linker, for synchronous and asynchronous
/// stores.
///
/// Components may import any `0.1.x` of the package, because Wasmtime's [`Linker`] accepts
/// compatible versions.
///
/// # Errors
///
/// Returns an error if the linker already has one of these functions, unless it allows shadowing.
pub fn add_to_linker<T: View + 'static>(linker: &mut Linker<T>) -> Result<()> {
    add_to_linker_with(linker, T::wasmscope)
}

/// Adds the interfaces as [`add_to_linker`] does. `get` finds the telemetry in a `T`.
///
/// # Errors
///
/// Returns an error if the linker already has one of these functions, unless it allows shadowing.
pub fn add_to_linker_with<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
) -> Result<()> {
    register(&mut Registrar { linker, get })
}

/// Registers the functions with a linker.
struct Registrar<'a, T: 'static, G> {
    linker: &'a mut Linker<T>,
    get: G,
}

impl<T, G, R> Register<R> for Registrar<'_, T, G>
where
    T: 'static,
    G: Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
    R: Lowered,
{
    type Error = Error;

    fn function<A: Arguments, C: Call<A, R>>(&mut self, function: Function<A, R, C>) -> Result<()> {
        const { R::LAYOUT_AGREES };
        let mut instance = self.linker.instance(function.interface())?;
        lift::add(&mut instance, function, self.get, R::lower)
    }
}
