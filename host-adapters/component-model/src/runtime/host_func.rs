//! Host functions that embedders define.

use crate::abi::call::{FuncAbi, RawArgs};
use crate::abi::{CoreVal, LowerContext, StringEncoding};
use crate::engine::{CoreStore, Engine};
use crate::runtime::call::{CanonContext, NotLowered};
use crate::runtime::store::{StoreContextMut, StoreInner};
use crate::typed::{InstanceTypes, LiftList, LowerList, TypeList, TypeMismatch};
use crate::types::FuncType;
use crate::val::Val;

type Call<T, E> = Box<dyn Fn(HostCall<'_, T, E>) -> anyhow::Result<()> + Send + Sync>;

type Typecheck =
    Box<dyn Fn(&FuncType, &InstanceTypes<'_>) -> Result<(), TypeMismatch> + Send + Sync>;

/// A function that an embedder defines.
pub(crate) struct HostFunc<T: 'static, E: Engine> {
    typecheck: Typecheck,
    /// True if handles can be lent to a call. A raw function cannot look them up.
    pub(crate) lends: bool,
    pub(crate) call: Call<T, E>,
}

/// The arguments of a guest's call, before they are lifted, for
/// [`LinkerInstance::func_raw`](crate::LinkerInstance::func_raw).
///
/// None of it can be trusted: pointers and lengths among the arguments may have any value.
#[derive(Debug, Clone, Copy)]
pub struct RawCall<'a> {
    /// The guest's memory, which does not change during the call. Empty if the call needs none.
    pub memory: &'a [u8],
    /// The encoding of strings in the memory.
    pub encoding: StringEncoding,
    /// The arguments.
    pub params: RawArgs<'a>,
}

impl<T: 'static, E: Engine> HostFunc<T, E> {
    pub(crate) fn wrap<P, R, F>(function: F) -> Self
    where
        P: LiftList + 'static,
        R: LowerList + 'static,
        F: Fn(StoreContextMut<'_, T, E>, P) -> anyhow::Result<R> + Send + Sync + 'static,
    {
        Self {
            typecheck: Box::new(|ty, types| {
                P::typecheck(ty.param_types(), types)?;
                R::typecheck(ty.result_types(), types)
            }),
            lends: true,
            call: Box::new(move |call| {
                let HostCall {
                    store,
                    at,
                    abi,
                    params,
                    results,
                } = call;
                let (arguments, pointer) =
                    store.lifting(at, |cx| abi.lift_params_as::<P>(cx, params))?;
                let returned = function(StoreContextMut(store), arguments)?;
                return_value(store, at, abi, &returned, pointer, results)
            }),
        }
    }

    pub(crate) fn raw<R, C, F>(check: C, function: F) -> Self
    where
        R: LowerList + 'static,
        C: Fn(TypeList<'_>, TypeList<'_>, &InstanceTypes<'_>) -> Result<(), TypeMismatch>
            + Send
            + Sync
            + 'static,
        F: Fn(&mut T, RawCall<'_>) -> anyhow::Result<R> + Send + Sync + 'static,
    {
        Self {
            typecheck: Box::new(move |ty, types| check(ty.param_types(), ty.result_types(), types)),
            lends: false,
            call: Box::new(move |call| {
                let HostCall {
                    store,
                    at,
                    abi,
                    params,
                    results,
                } = call;
                let memory = store.memory_at(at)?;
                let memory = memory.map_or(&[][..], |memory| store.core.bytes(memory));
                let (params, pointer) = abi.raw_params(memory, params)?;
                let call = RawCall {
                    memory,
                    encoding: at.options.string_encoding,
                    params,
                };
                let returned = function(&mut store.data, call)?;
                return_value(store, at, abi, &returned, pointer, results)
            }),
        }
    }

    pub(crate) fn dynamic<F>(function: F) -> Self
    where
        F: Fn(StoreContextMut<'_, T, E>, &FuncType, &[Val], &mut [Val]) -> anyhow::Result<()>
            + Send
            + Sync
            + 'static,
    {
        Self {
            typecheck: Box::new(|_, _| Ok(())),
            lends: true,
            call: Box::new(move |call| {
                let HostCall {
                    store,
                    at,
                    abi,
                    params,
                    results,
                } = call;
                let (arguments, pointer) = store.lifting(at, |cx| abi.lift_params(cx, params))?;
                let mut result = [Val::Bool(false)];
                let count = usize::from(abi.ty().result.is_some());
                let slots = result.get_mut(..count).unwrap_or_default();
                function(StoreContextMut(store), abi.ty(), &arguments, slots)?;
                let value = result.first().filter(|_| count == 1);
                let lowered = store.lowering(at, |cx| abi.lower_result(cx, value, pointer))?;
                results.extend(lowered);
                Ok(())
            }),
        }
    }

    pub(crate) fn typecheck(
        &self,
        ty: &FuncType,
        types: &InstanceTypes<'_>,
    ) -> Result<(), TypeMismatch> {
        (self.typecheck)(ty, types)
    }
}

/// Lowers the result of a function. Does nothing for a function without a result.
fn return_value<T: 'static, E: Engine, R: LowerList>(
    store: &mut StoreInner<T, E>,
    at: CanonContext<'_>,
    abi: &FuncAbi,
    returned: &R,
    pointer: Option<u32>,
    results: &mut Vec<CoreVal>,
) -> anyhow::Result<()> {
    if abi.ty().result.is_none() {
        return Ok(());
    }
    let mut lower = |cx: &mut LowerContext<'_>| abi.lower_result_as(cx, returned, pointer, results);
    if pointer.is_some() {
        return Ok(store.lowering(at, lower)?);
    }
    // The result is one core value that is no pointer, so lowering it needs neither memory nor
    // allocator.
    let tables = store.tables(at.instance)?;
    let lowered = lower(&mut LowerContext {
        guest: None,
        encoding: at.options.string_encoding,
        resources: tables,
    });
    Ok(lowered.map_err(NotLowered::from)?)
}

/// A guest's call of a host function.
pub(crate) struct HostCall<'a, T: 'static, E: Engine> {
    pub(crate) store: &'a mut StoreInner<T, E>,
    pub(crate) at: CanonContext<'a>,
    pub(crate) abi: &'a FuncAbi,
    pub(crate) params: &'a [CoreVal],
    pub(crate) results: &'a mut Vec<CoreVal>,
}
