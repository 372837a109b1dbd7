//! Linkers, which hold an embedder's definitions for components to import.

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

/// A destructor of the host's.
pub(crate) type Destructor<T, E> =
    Arc<dyn Fn(StoreContextMut<'_, T, E>, u32) -> anyhow::Result<()> + Send + Sync>;

/// Something that is defined for components to import.
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

/// What an embedder defines for components to import, by interface and name.
///
/// A component that imports `wasi:io/poll@0.2.3` is served by a definition of any version `0.2.x`, the highest: see
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
    /// Makes a linker in which nothing is defined.
    pub fn new() -> Self {
        Self {
            definitions: Definitions::new(),
        }
    }

    /// Defines what is imported by itself, and not as part of an interface.
    pub fn root(&mut self) -> LinkerInstance<'_, T, E> {
        LinkerInstance {
            linker: self,
            path: Vec::new(),
        }
    }

    /// Defines what is imported as part of an interface, `wasi:clocks/wall-clock@0.2.6` for instance.
    pub fn instance(&mut self, name: &str) -> LinkerInstance<'_, T, E> {
        LinkerInstance {
            linker: self,
            path: vec![name.to_owned()],
        }
    }

    /// Returns all imports of a component that nothing fitting is defined for, with the reason.
    pub fn unserved(&self, component: &Component<E>) -> Vec<LinkError> {
        let mut errors = Vec::new();
        let _ = self.resolve(component, &mut |error| {
            errors.push(error);
            Ok(())
        });
        errors
    }

    /// Returns whether anything is defined for an interface, under this name or a compatible
    /// version of it.
    pub fn has_instance(&self, name: &str) -> bool {
        self.has_instance_at(&[name])
    }

    /// Returns whether anything is defined for an instance, which is found by the names of those
    /// that it is in, the outermost first, and its own.
    pub fn has_instance_at(&self, names: &[&str]) -> bool {
        matches!(
            self.definitions.find(names.iter().copied()),
            Found::Instance
        )
    }

    /// Checks a component's imports against what is defined, once for any number of instances.
    ///
    /// # Errors
    ///
    /// A [`LinkError`] that names what is missing or does not fit.
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

    /// Instantiates a component: [`instantiate_pre`](Self::instantiate_pre) and [`InstancePre::instantiate`].
    ///
    /// # Errors
    ///
    /// A [`LinkError`] that names what is missing or does not fit; a [`Trap`](crate::Trap) of a start function, or because a limit does not
    /// allow the memory that the instance needs to begin with; whatever a host function failed with that a start function called.
    pub fn instantiate(
        &self,
        store: impl AsContextMut<Data = T, Engine = E>,
        component: &Component<E>,
    ) -> anyhow::Result<Instance<E>> {
        self.instantiate_pre(component)?.instantiate(store)
    }
}

/// Part of a linker: an interface, or what belongs to none.
#[derive(Debug)]
pub struct LinkerInstance<'a, T: 'static, E: Engine> {
    linker: &'a mut Linker<T, E>,
    path: Vec<String>,
}

impl<T: 'static, E: Engine> LinkerInstance<'_, T, E> {
    fn define(&mut self, name: &str, definition: Definition<T, E>) -> Result<(), LinkError> {
        self.linker.definitions.define(&self.path, name, definition)
    }

    /// Defines what is imported as part of an instance that is in this one.
    pub fn instance(&mut self, name: &str) -> LinkerInstance<'_, T, E> {
        let path = self.path.iter().map(String::as_str).chain([name]);
        LinkerInstance {
            path: path.map(str::to_owned).collect(),
            linker: self.linker,
        }
    }

    /// Defines a function with static types: a tuple of parameters, and a tuple of no or one result.
    ///
    /// An error that it returns traps the guest, and is what the call into the guest ends with.
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

    /// Defines a function that reads its arguments where the guest has them: the way to take large ones without copying them first.
    ///
    /// `check` is asked, when a component is linked, whether the types that it imports the function with are those that `call` reads and
    /// returns: the parameters', then the result's. `call` gets the store's data together with what the guest passes, and nothing that the
    /// guest says was checked but that spilled arguments lie in its memory and are aligned. Neither is what it copies counted in the
    /// call's [`Budget`](crate::Budget), so it is to bound that by itself. A [`Trap`](crate::Trap) that it returns says that the guest broke
    /// the ABI; any other error is as with [`func_wrap`](Self::func_wrap).
    ///
    /// Handles among the arguments are numbers to it: nothing is lent to the call, and it can take none over.
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

    /// Defines a function of whatever type the component imports it with.
    ///
    /// It gets the type, the arguments, and a place for the result, if there is one, that holds an arbitrary value.
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

    /// Defines a core module, which components instantiate.
    ///
    /// # Errors
    ///
    /// [`LinkError::Duplicate`] if the name is taken.
    pub fn module(&mut self, name: &str, module: &Module) -> Result<(), LinkError> {
        self.define(name, Definition::Module(module.clone()))
    }

    /// Defines a resource; `destructor` is called with the representation when a guest drops a handle that owns one.
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

/// A component whose imports were found and checked: ready to be instantiated any number of times.
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
    /// Those of [`Linker::instantiate`] but for the imports.
    pub fn instantiate(
        &self,
        mut store: impl AsContextMut<Data = T, Engine = E>,
    ) -> anyhow::Result<Instance<E>> {
        Instance::new(store.as_context_mut().0, &self.component, &self.linked)
    }
}
