//! Instances of components.

use std::fmt;
use std::sync::Arc;

use crate::engine::{CoreStore, Engine, LinkageId};
use crate::error::HostError;
use crate::handles::ResourceAny;
use crate::plan::{Export, FunctionExport, HOST_MODULE, ModuleExport};
use crate::runtime::call::internal;
use crate::runtime::component::Component;
use crate::runtime::func::{Func, TypedFunc};
use crate::runtime::instance_data::{Entered, InstanceData, Linked, State};
use crate::runtime::instantiate::{define_host_items, execute, find_function};
use crate::runtime::module::Module;
use crate::runtime::store::{AsContextMut, StoreInner};
use crate::typed::{LiftList, LowerList};

/// An instance of a component, in the store that it was instantiated in.
pub struct Instance<E: Engine> {
    index: usize,
    serial: u64,
    component: Component<E>,
}

impl<E: Engine> Clone for Instance<E> {
    fn clone(&self) -> Self {
        Self {
            index: self.index,
            serial: self.serial,
            component: self.component.clone(),
        }
    }
}

impl<E: Engine> fmt::Debug for Instance<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("index", &self.index)
            .field("component", &self.component)
            .finish_non_exhaustive()
    }
}

impl<E: Engine> Instance<E> {
    pub(crate) fn new<T: 'static>(
        store: &mut StoreInner<T, E>,
        component: &Component<E>,
        linked: &Arc<Linked<T, E>>,
    ) -> anyhow::Result<Self> {
        if !store.engine.same(component.engine()) {
            return Err(
                HostError::new("the component and the store belong to different engines").into(),
            );
        }
        let linkage = store.core.create_linkage(HOST_MODULE)?;
        let index = linkage.index();
        let limit = store.engine.limits().handles;
        store
            .instances
            .push(InstanceData::new(component, linked, limit));
        define_host_items(store, linkage, component)?;
        for step in &component.plan().steps {
            execute(store, linkage, component, step)?;
        }
        let instance = store.instance(index)?;
        instance.state = State::Idle;
        Ok(Self {
            index,
            serial: instance.serial,
            component: component.clone(),
        })
    }

    /// Returns the component.
    pub fn component(&self) -> &Component<E> {
        &self.component
    }

    /// Finds a function that is exported outside of an interface.
    pub fn get_func(&self, store: impl AsContextMut<Engine = E>, name: &str) -> Option<Func<E>> {
        self.get_func_at(store, &[name])
    }

    /// Finds a function of an exported interface, for instance `run` of `wasi:cli/run@0.2.0`.
    /// Versions are matched by compatibility.
    pub fn get_func_in(
        &self,
        store: impl AsContextMut<Engine = E>,
        interface: &str,
        name: &str,
    ) -> Option<Func<E>> {
        self.get_func_at(store, &[interface, name])
    }

    /// Finds a function by its path: the names of the instances that contain it, outermost first,
    /// and its own name. Versions are matched by compatibility.
    pub fn get_func_at(
        &self,
        mut store: impl AsContextMut<Engine = E>,
        path: &[&str],
    ) -> Option<Func<E>> {
        let route = self.component.plan().find_route(path)?;
        let function = function_at(&self.component, &route)?;
        let store = store.as_context_mut().0;
        store.own(self.index, self.serial).ok()?;
        let linkage = LinkageId(u32::try_from(self.index).ok()?);
        let function = find_function(store, linkage, &function.function).ok()?;
        Some(Func::new(
            (self.index, self.serial),
            self.component.clone(),
            route,
            function,
        ))
    }

    /// Finds a core module that is exported outside of an interface. A re-exported import is the
    /// embedder's own module.
    pub fn get_module(&self, store: impl AsContextMut<Engine = E>, name: &str) -> Option<Module> {
        self.get_module_at(store, &[name])
    }

    /// Finds a core module by its path: the names of the instances that contain it, outermost
    /// first, and its own name. Versions are matched by compatibility.
    pub fn get_module_at(
        &self,
        mut store: impl AsContextMut<Engine = E>,
        path: &[&str],
    ) -> Option<Module> {
        let store = store.as_context_mut().0;
        store.own(self.index, self.serial).ok()?;
        match self.component.plan().find_export(path)? {
            Export::Module(ModuleExport::Own(bytes)) => Module::read(Arc::clone(bytes)).ok(),
            Export::Module(ModuleExport::Imported(id)) => {
                let linked = &store.instance(self.index).ok()?.linked;
                linked.imported_modules.get(id.index())?.clone()
            }
            Export::Function(_) | Export::Instance(_) | Export::Resource(_) | Export::Type => None,
        }
    }

    /// Finds a function that is exported outside of an interface, and checks its type.
    ///
    /// # Errors
    ///
    /// An error if there is none, or it has another type.
    pub fn get_typed_func<P, R>(
        &self,
        mut store: impl AsContextMut<Engine = E>,
        name: &str,
    ) -> Result<TypedFunc<P, R, E>, HostError>
    where
        P: LowerList,
        R: LiftList,
    {
        let func = self.get_func(&mut store, name);
        let func =
            func.ok_or_else(|| HostError::new(format!("no function `{name}` is exported")))?;
        func.typed(store)
    }

    /// Finds a function of an exported interface, and checks its type.
    ///
    /// # Errors
    ///
    /// An error if there is none, or it has another type.
    pub fn get_typed_func_in<P, R>(
        &self,
        mut store: impl AsContextMut<Engine = E>,
        interface: &str,
        name: &str,
    ) -> Result<TypedFunc<P, R, E>, HostError>
    where
        P: LowerList,
        R: LiftList,
    {
        let func = self.get_func_in(&mut store, interface, name);
        let func = func.ok_or_else(|| {
            HostError::new(format!("no function `{name}` of `{interface}` is exported"))
        })?;
        func.typed(store)
    }

    /// Drops a resource that the host received from this instance. An owned one is destroyed.
    ///
    /// # Errors
    ///
    /// An error if the host no longer has it, or the destructor fails.
    pub fn drop_resource(
        &self,
        mut store: impl AsContextMut<Engine = E>,
        resource: ResourceAny,
    ) -> anyhow::Result<()> {
        let store = store.as_context_mut().0;
        store.interruption().check()?;
        let entered = Entered::new(store, self.index, self.serial)?;
        let tables = entered.store.instance(self.index)?.tables.as_mut();
        let tables = tables.ok_or_else(|| internal("the handles are in use"))?;
        let (result, reusable) = match tables.host_take(&resource) {
            Ok(rep) => {
                let result = entered.store.destroy(self.index, resource.ty(), rep);
                let reusable = result.is_ok();
                (result, reusable)
            }
            Err(error) => (Err(error.into()), true),
        };
        entered.leave(reusable);
        result
    }
}

/// Finds the export of a function by the indices that `Plan::find_route` returned.
pub(crate) fn function_at<'a, E: Engine>(
    component: &'a Component<E>,
    route: &[usize],
) -> Option<&'a FunctionExport> {
    let mut exports = &component.plan().exports;
    let mut route = route.iter();
    loop {
        match (&exports.get(*route.next()?)?.1, route.len()) {
            (Export::Function(function), 0) => return Some(function),
            (Export::Instance(inner), 1..) => exports = inner,
            _ => return None,
        }
    }
}
