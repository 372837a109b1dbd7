//! Linkers, which hold an embedder's definitions for the imports of components.

use std::fmt;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::LinkError;
use crate::link::{Definitions, Found};
use crate::resource::ResourceType;
use crate::runtime::component::Component;
use crate::runtime::host_func::{HostFunc, RawCall};
use crate::runtime::instance::Instance;
use crate::runtime::instance_data::Linked;
use crate::runtime::module::Module;
use crate::runtime::store::{AsContextMut, StoreContextMut};
use crate::typed::{InstanceTypes, LiftList, LowerList, TypeList, TypeMismatch};
use crate::types::FuncType;
use crate::val::Val;

/// A destructor that the host defines.
pub(crate) type Destructor<T, E> =
    Arc<dyn Fn(StoreContextMut<'_, T, E>, u32) -> anyhow::Result<()> + Send + Sync>;

/// A definition for an import.
pub(crate) enum Definition<T: 'static, E: Engine> {
    Function(Arc<HostFunc<T, E>>),
    Resource(ResourceType, Destructor<T, E>),
    Module(Module),
}

impl<T, E: Engine> Clone for Definition<T, E> {
    fn clone(&self) -> Self {
        match self {
            Self::Function(function) => Self::Function(Arc::clone(function)),
            Self::Resource(ty, destructor) => Self::Resource(*ty, Arc::clone(destructor)),
            Self::Module(module) => Self::Module(module.clone()),
        }
    }
}

impl<T, E: Engine> Definition<T, E> {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Function(_) => "function",
            Self::Resource(..) => "resource",
            Self::Module(_) => "module",
        }
    }
}

/// An embedder's definitions for the imports of components, by interface and name.
///
/// A component that imports `wasi:io/poll@0.2.3` gets the highest defined version `0.2.x`: see
/// [`NameMap`](crate::NameMap).
pub struct Linker<T: 'static, E: Engine> {
    pub(crate) definitions: Definitions<Definition<T, E>>,
}

impl<T, E: Engine> Default for Linker<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E: Engine> Clone for Linker<T, E> {
    fn clone(&self) -> Self {
        Self {
            definitions: self.definitions.clone(),
        }
    }
}

impl<T, E: Engine> fmt::Debug for Linker<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linker").finish_non_exhaustive()
    }
}

impl<T: 'static, E: Engine> Linker<T, E> {
    /// Makes an empty linker.
    pub fn new() -> Self {
        Self {
            definitions: Definitions::new(),
        }
    }

    /// Returns the definitions of items that are imported outside of an interface.
    pub fn root(&mut self) -> LinkerInstance<'_, T, E> {
        LinkerInstance {
            linker: self,
            path: Vec::new(),
        }
    }

    /// Returns the definitions of an interface, for instance `wasi:clocks/wall-clock@0.2.6`.
    pub fn instance(&mut self, name: &str) -> LinkerInstance<'_, T, E> {
        LinkerInstance {
            linker: self,
            path: vec![name.to_owned()],
        }
    }

    /// Returns an error for each import of a component that has no definition, or one of another
    /// type.
    pub fn missing_imports(&self, component: &Component<E>) -> Vec<LinkError> {
        let mut errors = Vec::new();
        let _ = self.resolve(component, &mut |error| {
            errors.push(error);
            Ok(())
        });
        errors
    }

    /// Returns whether an interface has definitions, under this name or a compatible version of it.
    pub fn has_instance(&self, name: &str) -> bool {
        self.has_instance_at(&[name])
    }

    /// Returns whether an instance has definitions, by its path: the names of the instances that
    /// contain it, outermost first, and its own name.
    pub fn has_instance_at(&self, names: &[&str]) -> bool {
        matches!(
            self.definitions.find(names.iter().copied()),
            Found::Instance
        )
    }

    /// Checks the imports of a component against the definitions, once for any number of instances.
    ///
    /// # Errors
    ///
    /// A [`LinkError`] that names an import that is missing or has another type.
    pub fn instantiate_pre(
        &self,
        component: &Component<E>,
    ) -> Result<InstancePre<T, E>, LinkError> {
        let linked = self.resolve(component, &mut Err)?;
        Ok(InstancePre {
            component: component.clone(),
            linked: Arc::new(linked),
        })
    }

    /// Instantiates a component: [`instantiate_pre`](Self::instantiate_pre) and
    /// [`InstancePre::instantiate`].
    ///
    /// # Errors
    ///
    /// - A [`LinkError`] that names an import that is missing or has another type.
    /// - A [`Trap`](crate::Trap) of a start function, or because a limit does not allow the initial
    ///   memory of the instance.
    /// - The error of a host function that a start function called.
    pub fn instantiate(
        &self,
        store: impl AsContextMut<Data = T, Engine = E>,
        component: &Component<E>,
    ) -> anyhow::Result<Instance<E>> {
        self.instantiate_pre(component)?.instantiate(store)
    }
}

/// A part of a linker: an interface, or the items outside of interfaces.
#[derive(Debug)]
pub struct LinkerInstance<'a, T: 'static, E: Engine> {
    linker: &'a mut Linker<T, E>,
    path: Vec<String>,
}

impl<T: 'static, E: Engine> LinkerInstance<'_, T, E> {
    fn define(&mut self, name: &str, definition: Definition<T, E>) -> Result<(), LinkError> {
        self.linker.definitions.define(&self.path, name, definition)
    }

    /// Returns the definitions of an instance that is nested in this one.
    pub fn instance(&mut self, name: &str) -> LinkerInstance<'_, T, E> {
        let path = self.path.iter().map(String::as_str).chain([name]);
        LinkerInstance {
            path: path.map(str::to_owned).collect(),
            linker: self.linker,
        }
    }

    /// Defines a function with static types: a tuple of parameters, and a tuple of no or one
    /// result.
    ///
    /// An error that it returns traps the guest, and is returned from the call into the guest.
    ///
    /// # Errors
    ///
    /// [`LinkError::Duplicate`] if the name is taken.
    pub fn func_wrap<P, R, F>(&mut self, name: &str, function: F) -> Result<(), LinkError>
    where
        P: LiftList + 'static,
        R: LowerList + 'static,
        F: Fn(StoreContextMut<'_, T, E>, P) -> anyhow::Result<R> + Send + Sync + 'static,
    {
        self.define(
            name,
            Definition::Function(Arc::new(HostFunc::wrap(function))),
        )
    }

    /// Defines a function that reads its arguments directly from the guest's memory, so that large
    /// arguments are not copied first.
    ///
    /// When a component is linked, `check` decides whether the imported types match those that
    /// `call` reads and returns: the parameters' types, then the result's. `call` gets the store's
    /// data and the raw arguments. They are unchecked, except that spilled arguments are aligned
    /// and in the guest's memory. Copies that it makes are not charged to the call's
    /// [`Budget`](crate::Budget), so it must bound them itself. If it returns a
    /// [`Trap`](crate::Trap), the guest violated the ABI; any other error is treated as with
    /// [`func_wrap`](Self::func_wrap).
    ///
    /// Handles among the arguments are plain numbers: they are not lent to the call, and it cannot
    /// take ownership of them.
    ///
    /// # Errors
    ///
    /// [`LinkError::Duplicate`] if the name is taken.
    pub fn func_raw<R, C, F>(&mut self, name: &str, check: C, call: F) -> Result<(), LinkError>
    where
        R: LowerList + 'static,
        C: Fn(TypeList<'_>, TypeList<'_>, &InstanceTypes<'_>) -> Result<(), TypeMismatch>
            + Send
            + Sync
            + 'static,
        F: Fn(&mut T, RawCall<'_>) -> anyhow::Result<R> + Send + Sync + 'static,
    {
        self.define(
            name,
            Definition::Function(Arc::new(HostFunc::raw(check, call))),
        )
    }

    /// Defines a function that accepts any type with which a component imports it.
    ///
    /// It gets the type, the arguments, and a slot for the result, if there is one. The slot
    /// initially holds an arbitrary value.
    ///
    /// # Errors
    ///
    /// [`LinkError::Duplicate`] if the name is taken.
    pub fn func_new<F>(&mut self, name: &str, function: F) -> Result<(), LinkError>
    where
        F: Fn(StoreContextMut<'_, T, E>, &FuncType, &[Val], &mut [Val]) -> anyhow::Result<()>
            + Send
            + Sync
            + 'static,
    {
        self.define(
            name,
            Definition::Function(Arc::new(HostFunc::dynamic(function))),
        )
    }

    /// Defines a core module for components to instantiate.
    ///
    /// # Errors
    ///
    /// [`LinkError::Duplicate`] if the name is taken.
    pub fn module(&mut self, name: &str, module: &Module) -> Result<(), LinkError> {
        self.define(name, Definition::Module(module.clone()))
    }

    /// Defines a resource. `destructor` is called with the representation when a guest drops an
    /// owning handle.
    ///
    /// # Errors
    ///
    /// [`LinkError::Duplicate`] if the name is taken.
    pub fn resource<F>(
        &mut self,
        name: &str,
        ty: ResourceType,
        destructor: F,
    ) -> Result<(), LinkError>
    where
        F: Fn(StoreContextMut<'_, T, E>, u32) -> anyhow::Result<()> + Send + Sync + 'static,
    {
        self.define(name, Definition::Resource(ty, Arc::new(destructor)))
    }
}

/// A component with resolved and checked imports, which can be instantiated any number of times.
pub struct InstancePre<T: 'static, E: Engine> {
    component: Component<E>,
    linked: Arc<Linked<T, E>>,
}

impl<T, E: Engine> Clone for InstancePre<T, E> {
    fn clone(&self) -> Self {
        Self {
            component: self.component.clone(),
            linked: Arc::clone(&self.linked),
        }
    }
}

impl<T, E: Engine> fmt::Debug for InstancePre<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstancePre").finish_non_exhaustive()
    }
}

impl<T: 'static, E: Engine> InstancePre<T, E> {
    /// Returns the component.
    pub fn component(&self) -> &Component<E> {
        &self.component
    }

    /// Instantiates the component in a store of the same engine.
    ///
    /// # Errors
    ///
    /// Those of [`Linker::instantiate`], except for the imports.
    pub fn instantiate(
        &self,
        mut store: impl AsContextMut<Data = T, Engine = E>,
    ) -> anyhow::Result<Instance<E>> {
        Instance::new(store.as_context_mut().0, &self.component, &self.linked)
    }
}
