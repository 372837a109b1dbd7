//! Exported functions, and how they are called.

use std::fmt;
use std::marker::PhantomData;

use crate::abi::call::Direction;
use crate::abi::{CoreVal, LiftContext, LowerContext};
use crate::engine::{Engine, FuncId};
use crate::error::{CallError, HostError, Trap};
use crate::plan::FunctionExport;
use crate::runtime::call::{CanonContext, NotLowered, internal};
use crate::runtime::component::Component;
use crate::runtime::instance::function_at;
use crate::runtime::instance_data::Entered;
use crate::runtime::store::{AsContextMut, StoreInner};
use crate::typed::{InstanceTypes, LiftList, LowerList};
use crate::types::FuncType;
use crate::val::Val;

/// A function that an instance exports.
pub struct Func<E: Engine> {
    instance: usize,
    serial: u64,
    component: Component<E>,
    route: Vec<usize>,
    function: FuncId,
}

impl<E: Engine> Clone for Func<E> {
    fn clone(&self) -> Self {
        Self {
            instance: self.instance,
            serial: self.serial,
            component: self.component.clone(),
            route: self.route.clone(),
            function: self.function,
        }
    }
}

impl<E: Engine> fmt::Debug for Func<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Func")
            .field("instance", &self.instance)
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}

impl<E: Engine> Func<E> {
    pub(crate) fn new(
        (instance, serial): (usize, u64),
        component: Component<E>,
        route: Vec<usize>,
        function: FuncId,
    ) -> Self {
        Self {
            instance,
            serial,
            component,
            route,
            function,
        }
    }

    fn export(&self) -> Option<&FunctionExport> {
        function_at(&self.component, &self.route)
    }

    /// Returns the function's type.
    pub fn ty(&self) -> FuncType {
        match self.export() {
            Some(export) => export.abi.ty().clone(),
            None => FuncType {
                params: Vec::new(),
                result: None,
            },
        }
    }

    /// Checks that the function has these types.
    ///
    /// # Errors
    ///
    /// An error that says what is expected and found.
    pub fn typed<P, R>(
        self,
        mut store: impl AsContextMut<Engine = E>,
    ) -> Result<TypedFunc<P, R, E>, HostError>
    where
        P: LowerList,
        R: LiftList,
    {
        let store = store.as_context_mut().0;
        let instance = store.own(self.instance, self.serial).ok();
        let found = instance.zip(self.export());
        let (instance, export) =
            found.ok_or_else(|| HostError::new("the function belongs to another store"))?;
        let types = InstanceTypes {
            tables: &self.component.plan().resource_tables,
            resources: &instance.types,
        };
        let ty = export.abi.ty();
        P::typecheck(ty.param_types(), &types)?;
        R::typecheck(ty.result_types(), &types)?;
        Ok(TypedFunc {
            func: self,
            types: PhantomData,
        })
    }

    /// Calls the function with values whose types are checked now. Returns its result, if it has
    /// one.
    ///
    /// # Errors
    ///
    /// - A [`HostError`] if the arguments do not match the parameters, or contain a resource that
    ///   the host no longer has. The function was not called, but its allocator may have been, for
    ///   earlier arguments; owned resources among these are destroyed.
    /// - A [`Trap`] if the guest was stopped.
    /// - The error of a host function that the guest called.
    ///
    /// After either of the last two the instance cannot be entered again.
    pub fn call(
        &self,
        mut store: impl AsContextMut<Engine = E>,
        params: &[Val],
    ) -> anyhow::Result<Option<Val>> {
        let export = self
            .export()
            .ok_or_else(|| internal("a function does not exist"))?;
        let abi = &export.abi;
        self.run(
            store.as_context_mut().0,
            export,
            |cx| abi.lower_params(cx, params),
            |cx, values| abi.lift_result(cx, values),
        )
    }

    fn run<T: 'static, R>(
        &self,
        store: &mut StoreInner<T, E>,
        export: &FunctionExport,
        lower: impl FnOnce(&mut LowerContext<'_>) -> Result<Vec<CoreVal>, CallError>,
        lift: impl FnOnce(&mut LiftContext<'_>, &[CoreVal]) -> Result<R, Trap>,
    ) -> anyhow::Result<R> {
        let entered = Entered::new(store, self.instance, self.serial)?;
        let result = self.entered(entered.store, export, lower, lift);
        // An embedder's mistake that did not reach the guest leaves the instance usable.
        let harmless = match &result {
            Ok(_) => true,
            Err((_, entered)) => !entered,
        };
        entered.leave(harmless);
        result.map_err(|(error, _)| error)
    }

    /// Runs the call. An error also says whether the guest was entered before.
    fn entered<T: 'static, R>(
        &self,
        store: &mut StoreInner<T, E>,
        export: &FunctionExport,
        lower: impl FnOnce(&mut LowerContext<'_>) -> Result<Vec<CoreVal>, CallError>,
        lift: impl FnOnce(&mut LiftContext<'_>, &[CoreVal]) -> Result<R, Trap>,
    ) -> Result<R, (anyhow::Error, bool)> {
        let before = |error: anyhow::Error| (error, false);
        let after = |error: anyhow::Error| (error, true);
        let options = self.component.plan().options.get(export.options.index());
        let options = options.ok_or_else(|| before(internal("a function has no options")))?;
        let at = CanonContext {
            instance: self.instance,
            options,
        };
        self.tables(store).map_err(before)?.enter_call();
        let params = match store.lowering(at, lower) {
            Ok(params) => params,
            Err(NotLowered::Guest(error)) => return Err(after(error)),
            Err(NotLowered::Host(error)) => {
                self.abandon(store).map_err(after)?;
                return Err(before(error.into()));
            }
        };
        let signature = export.abi.core_signature(Direction::Lift);
        let values = store
            .enter(self.instance, self.function, &params, &signature.results)
            .map_err(after)?;
        let lifted = store.lifting(at, |cx| lift(cx, &values)).map_err(after)?;
        if let Some(post_return) = options.post_return {
            let post_return = store
                .instance(self.instance)
                .map_err(after)?
                .post_return(post_return)
                .ok_or_else(|| after(internal("a post-return function does not exist")))?;
            store
                .enter_without_leave(at, post_return, &values, &[])
                .map_err(after)?;
        }
        let left = self.tables(store).map_err(after)?.exit_call();
        left.map_err(|trap| after(trap.into()))?;
        Ok(lifted)
    }

    /// Undoes a call whose arguments were not all lowered: lent resources are returned, and owned
    /// ones are destroyed.
    fn abandon<T: 'static>(&self, store: &mut StoreInner<T, E>) -> anyhow::Result<()> {
        for (resource, rep) in self.tables(store)?.abandon_call()? {
            store.destroy(self.instance, resource, rep)?;
        }
        Ok(())
    }

    fn tables<'a, T: 'static>(
        &self,
        store: &'a mut StoreInner<T, E>,
    ) -> anyhow::Result<&'a mut crate::handles::ResourceTables> {
        let tables = store.instance(self.instance)?.tables.as_mut();
        tables.ok_or_else(|| internal("the handles are in use"))
    }
}

/// An exported function with checked types.
pub struct TypedFunc<P, R, E: Engine> {
    func: Func<E>,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R, E: Engine> Clone for TypedFunc<P, R, E> {
    fn clone(&self) -> Self {
        Self {
            func: self.func.clone(),
            types: PhantomData,
        }
    }
}

impl<P, R, E: Engine> fmt::Debug for TypedFunc<P, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedFunc").field(&self.func).finish()
    }
}

impl<P: LowerList, R: LiftList, E: Engine> TypedFunc<P, R, E> {
    /// Returns the function without its types.
    pub fn func(&self) -> &Func<E> {
        &self.func
    }

    /// Calls the function with a tuple of parameters. Returns a tuple of no or one result.
    ///
    /// # Errors
    ///
    /// As [`Func::call`].
    pub fn call(&self, mut store: impl AsContextMut<Engine = E>, params: P) -> anyhow::Result<R> {
        let func = &self.func;
        let export = func
            .export()
            .ok_or_else(|| internal("a function does not exist"))?;
        let abi = &export.abi;
        func.run(
            store.as_context_mut().0,
            export,
            |cx| {
                let mut values = Vec::new();
                abi.lower_params_as(cx, &params, &mut values)?;
                Ok(values)
            },
            |cx, values| abi.lift_result_as(cx, values),
        )
    }
}
