//! The functions of the contract on a linker.

use wasmscope_contract::{Arguments, Call, Function, Register, register};
use wasmscope_telemetry::{Instance, View};
use wasmtime::component::Linker;
use wasmtime::{Error, Result};

use crate::lift;
use crate::lower::Lowered;

/// Adds the interfaces of `wasmscope:otel@0.1.0` to a linker, for synchronous and asynchronous
/// stores alike.
///
/// Components that import any `0.1.x` of the package are served, as Wasmtime's [`Linker`] matches
/// versions.
///
/// # Errors
///
/// Returns an error if the linker has a function of these interfaces already, and shadowing is not
/// allowed.
pub fn add_to_linker<T: View + 'static>(linker: &mut Linker<T>) -> Result<()> {
    add_to_linker_with(linker, T::wasmscope)
}

/// Adds the interfaces as [`add_to_linker`] does, for a `T` whose telemetry `get` finds.
///
/// # Errors
///
/// Returns an error if the linker has a function of these interfaces already, and shadowing is not
/// allowed.
pub fn add_to_linker_with<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
) -> Result<()> {
    register(&mut Registrar { linker, get })
}

/// What functions are added to.
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
