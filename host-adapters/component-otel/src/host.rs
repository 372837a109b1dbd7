//! Adds the contract's functions to a linker.

use anyhow::{Error, Result};
use component_model::Linker;
use component_model::engine::Engine;
use wasmscope_contract::{Arguments, Call, Function, Register, Returned, register};
use wasmscope_telemetry::{Instance, View};

use crate::lower::{Lowered, Results};
use crate::{lift, typecheck};

/// Adds the interfaces of `wasmscope:otel@0.1.0` to a linker.
///
/// Components may import any `0.1.x` of the package, because the linker accepts compatible
/// versions.
///
/// # Errors
///
/// Returns an error if the linker already has one of these functions.
pub fn add_to_linker<T: View + 'static, E: Engine>(linker: &mut Linker<T, E>) -> Result<()> {
    add_to_linker_with(linker, T::wasmscope)
}

/// Adds the interfaces as [`add_to_linker`] does. `get` finds the telemetry in a `T`.
///
/// # Errors
///
/// Returns an error if the linker already has one of these functions.
pub fn add_to_linker_with<T: 'static, E: Engine>(
    linker: &mut Linker<T, E>,
    get: impl Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
) -> Result<()> {
    register(&mut Registrar { linker, get })
}

/// Registers the functions with a linker.
struct Registrar<'a, T: 'static, E: Engine, G> {
    linker: &'a mut Linker<T, E>,
    get: G,
}

impl<T, E, G, R> Register<R> for Registrar<'_, T, E, G>
where
    T: 'static,
    E: Engine,
    G: Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
    R: Returned + Lowered,
{
    type Error = Error;

    fn function<A: Arguments, C: Call<A, R>>(&mut self, function: Function<A, R, C>) -> Result<()> {
        let get = self.get;
        Ok(self.linker.instance(function.interface()).func_raw(
            function.name(),
            |params, results, _| {
                typecheck::list(params, A::PARAMETERS)?;
                typecheck::list(results, &[R::TYPE])
            },
            move |data, call| Ok(Results(lift::call(&function, data, get, call)?)),
        )?)
    }
}
