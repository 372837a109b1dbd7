//! Linkers: what an embedder defines for components to import.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use component_size::{Limit as SizeLimit, Refusal};

use crate::component::Component;
use crate::error::{LinkError, LoadError};
use crate::host::{HostFunc, RawCall};
use crate::ids::ResourceId;
use crate::instance::{Instance, Linked, LinkedModule};
use crate::link::{Definitions, Found, full_name};
use crate::module::Module;
use crate::plan::{self, Import, ImportKind, ResourceOrigin, Step};
use crate::resource::ResourceType;
use crate::store::{AsContextMut, StoreContextMut};
use crate::typed::{InstanceTypes, LiftList, LowerList, TypeList, TypeMismatch};
use crate::types::FuncType;
use crate::val::Val;

/// A destructor of the host's.
pub(crate) type Destructor<T> =
    Arc<dyn Fn(StoreContextMut<'_, T>, u32) -> anyhow::Result<()> + Send + Sync>;

/// Something that is defined for components to import.
pub(crate) enum Definition<T: 'static> {
    Function(Arc<HostFunc<T>>),
    Resource(ResourceType, Destructor<T>),
    Module(Module),
}

impl<T> Clone for Definition<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Function(function) => Self::Function(Arc::clone(function)),
            Self::Resource(ty, destructor) => Self::Resource(*ty, Arc::clone(destructor)),
            Self::Module(module) => Self::Module(module.clone()),
        }
    }
}

impl<T> Definition<T> {
    fn kind(&self) -> &'static str {
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
pub struct Linker<T: 'static> {
    definitions: Definitions<Definition<T>>,
}

impl<T> Default for Linker<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for Linker<T> {
    fn clone(&self) -> Self {
        Self {
            definitions: self.definitions.clone(),
        }
    }
}

impl<T> fmt::Debug for Linker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linker").finish_non_exhaustive()
    }
}

impl<T: 'static> Linker<T> {
    /// Makes a linker in which nothing is defined.
    pub fn new() -> Self {
        Self {
            definitions: Definitions::new(),
        }
    }

    /// Defines what is imported by itself, and not as part of an interface.
    pub fn root(&mut self) -> LinkerInstance<'_, T> {
        LinkerInstance {
            linker: self,
            path: Vec::new(),
        }
    }

    /// Defines what is imported as part of an interface, `wasi:clocks/wall-clock@0.2.6` for instance.
    pub fn instance(&mut self, name: &str) -> LinkerInstance<'_, T> {
        LinkerInstance {
            linker: self,
            path: vec![name.to_owned()],
        }
    }

    /// Returns all imports of a component that nothing fitting is defined for, with the reason.
    pub fn unserved(&self, component: &Component) -> Vec<LinkError> {
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
    pub fn instantiate_pre(&self, component: &Component) -> Result<InstancePre<T>, LinkError> {
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
        store: impl AsContextMut<Data = T>,
        component: &Component,
    ) -> anyhow::Result<Instance> {
        self.instantiate_pre(component)?.instantiate(store)
    }

    /// Finds what serves each import; `report` is asked whether to go on after an error.
    fn resolve(
        &self,
        component: &Component,
        report: &mut dyn FnMut(LinkError) -> Result<(), LinkError>,
    ) -> Result<Linked<T>, LinkError> {
        let plan = component.plan();
        let mut functions = vec![None; plan.imports.len()];
        let mut types = vec![ResourceType::UNKNOWN; plan.resources.len()];
        let mut destructors: Vec<Option<Destructor<T>>> = vec![None; plan.resources.len()];
        let missing = |import: &Import, kind| LinkError::Missing {
            kind,
            name: import.full_name(),
        };
        let mismatch = |import: &Import, expected: &str, found: &str| LinkError::Mismatch {
            name: import.full_name(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        for path in &plan.imported_instances {
            let names = || path.iter().map(String::as_str);
            if let Found::Item(other) = self.definitions.find(names()) {
                report(LinkError::Mismatch {
                    name: full_name(names()),
                    expected: "instance".to_owned(),
                    found: other.kind().to_owned(),
                })?;
            }
        }
        // Resources first, for functions are checked against them.
        for import in &plan.imports {
            let ImportKind::Resource(id) = &import.kind else {
                continue;
            };
            let place = id.map(ResourceId::index);
            match self.definitions.find(import.names()) {
                Found::Item(Definition::Resource(ty, destructor)) => {
                    let Some(place) = place else { continue };
                    let known = types.get_mut(place).zip(destructors.get_mut(place));
                    let Some((known, slot)) = known else { continue };
                    if *known != ResourceType::UNKNOWN && known != ty {
                        report(mismatch(
                            import,
                            "resource",
                            "another resource than under another name",
                        ))?;
                    }
                    *known = *ty;
                    *slot = Some(Arc::clone(destructor));
                }
                Found::Item(other) => report(mismatch(import, "resource", other.kind()))?,
                Found::Instance => report(mismatch(import, "resource", "instance"))?,
                // Another name for a resource that was found under its first one need not be defined, as with Wasmtime.
                Found::Nothing => {
                    let known = place.and_then(|place| types.get(place));
                    if known.is_none_or(|known| *known == ResourceType::UNKNOWN) {
                        report(missing(import, "resource"))?;
                    }
                }
                // Reported with the instance.
                Found::NoInstance => {}
            }
        }
        for (resource, ty) in plan.resources.iter().zip(&types) {
            if let ResourceOrigin::Imported(import) = resource
                && *ty == ResourceType::UNKNOWN
                && let Some(import) = plan.imports.get(import.index())
                && let Found::Item(Definition::Resource(..)) = self.definitions.find(import.names())
            {
                report(mismatch(import, "resource", "nothing that can be found"))?;
            }
        }
        let checked = InstanceTypes {
            tables: &plan.resource_tables,
            resources: &types,
        };
        for (import, slot) in plan.imports.iter().zip(&mut functions) {
            let ImportKind::Function(abi) = &import.kind else {
                continue;
            };
            match self.definitions.find(import.names()) {
                Found::Item(Definition::Function(function)) => {
                    if let Err(error) = function.typecheck(abi.ty(), &checked) {
                        report(mismatch(
                            import,
                            "function",
                            &format!("a function of another type: {error}"),
                        ))?;
                    }
                    *slot = Some(Arc::clone(function));
                }
                Found::Item(other) => report(mismatch(import, "function", other.kind()))?,
                Found::Instance => report(mismatch(import, "function", "instance"))?,
                Found::Nothing => report(missing(import, "function"))?,
                // Reported with the instance.
                Found::NoInstance => {}
            }
        }
        let imported_modules = self.modules(component, report)?;
        let modules = link_modules(component, &imported_modules, report)?;
        Ok(Linked {
            functions,
            types,
            destructors,
            imported_modules,
            modules,
        })
    }

    /// Finds the core modules that a component imports.
    fn modules(
        &self,
        component: &Component,
        report: &mut dyn FnMut(LinkError) -> Result<(), LinkError>,
    ) -> Result<Vec<Option<Module>>, LinkError> {
        let mut modules = Vec::new();
        for import in &component.plan().imported_modules {
            let mismatch = |found: String| LinkError::Mismatch {
                name: import.full_name(),
                expected: "module".to_owned(),
                found,
            };
            let mut fitting = None;
            match self
                .definitions
                .find(import.names.iter().map(String::as_str))
            {
                Found::Item(Definition::Module(module)) => match module.ty().fits(&import.ty) {
                    Ok(()) => fitting = Some(module.clone()),
                    Err(why) => report(mismatch(format!("a module of another type: {why}")))?,
                },
                Found::Item(other) => report(mismatch(other.kind().to_owned()))?,
                Found::Instance => report(mismatch("instance".to_owned()))?,
                Found::Nothing => report(LinkError::Missing {
                    kind: "module",
                    name: import.full_name(),
                })?,
                // Reported with the instance.
                Found::NoInstance => {}
            }
            modules.push(fitting);
        }
        Ok(modules)
    }
}

/// Links the core modules that a component imports, in the order in which it instantiates them. Equal
/// instances share one module. All together are bounded as the component's own modules are.
fn link_modules(
    component: &Component,
    imported: &[Option<Module>],
    report: &mut dyn FnMut(LinkError) -> Result<(), LinkError>,
) -> Result<Vec<Arc<LinkedModule>>, LinkError> {
    let plan = component.plan();
    let limits = &component.engine().config().size_limits;
    let mut known: HashMap<_, Arc<LinkedModule>> = HashMap::new();
    let mut linked = Vec::new();
    let mut bytes = 0_u64;
    for step in &plan.steps {
        let Step::InstantiateImported {
            module, imports, ..
        } = step
        else {
            continue;
        };
        let Some(Some(found)) = imported.get(module.index()) else {
            continue;
        };
        let mut refuse = |error: LoadError| {
            report(LinkError::Mismatch {
                name: plan
                    .imported_modules
                    .get(module.index())
                    .map_or_else(String::new, plan::ModuleImport::full_name),
                expected: "module".to_owned(),
                found: format!("a module that cannot be used: {error}"),
            })
        };
        let length = u64::try_from(found.bytes().len()).unwrap_or(u64::MAX);
        bytes = bytes.saturating_add(length);
        if let Err(error) = limits.allow(SizeLimit::ModuleBytes, bytes) {
            refuse(Refusal::from(error).into())?;
            break;
        }
        let made = match known.entry((found.bytes().as_ptr(), imports)) {
            Entry::Occupied(known) => Ok(Arc::clone(known.get())),
            Entry::Vacant(place) => plan::link_imported(found.bytes(), imports)
                .and_then(|core| LinkedModule::new(component.engine(), core))
                .map(|made| Arc::clone(place.insert(Arc::new(made)))),
        };
        match made {
            Ok(made) => linked.push(made),
            Err(error) => refuse(error)?,
        }
    }
    Ok(linked)
}

/// Part of a linker: an interface, or what belongs to none.
#[derive(Debug)]
pub struct LinkerInstance<'a, T: 'static> {
    linker: &'a mut Linker<T>,
    path: Vec<String>,
}

impl<T: 'static> LinkerInstance<'_, T> {
    fn define(&mut self, name: &str, definition: Definition<T>) -> Result<(), LinkError> {
        self.linker.definitions.define(&self.path, name, definition)
    }

    /// Defines what is imported as part of an instance that is in this one.
    ///
    /// # Examples
    ///
    /// The import `(import "outer" (instance (export "inner" (instance (export "now" (func (result
    /// u64)))))))`:
    ///
    /// ```
    /// use wasmedge_component::Linker;
    ///
    /// # fn main() -> Result<(), wasmedge_component::LinkError> {
    /// let mut linker = Linker::<()>::new();
    /// let mut outer = linker.instance("outer");
    /// outer.instance("inner").func_wrap("now", |_, ()| Ok((42u64,)))
    /// # }
    /// ```
    pub fn instance(&mut self, name: &str) -> LinkerInstance<'_, T> {
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
        F: Fn(StoreContextMut<'_, T>, P) -> anyhow::Result<R> + Send + Sync + 'static,
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
    ///
    /// # Examples
    ///
    /// A function of type `func(text: string)` that counts line breaks:
    ///
    /// ```
    /// use wasmedge_component::abi::{CoreVal, Passed};
    /// use wasmedge_component::{Linker, RawCall, Trap, TrapCode, Type, TypeMismatch};
    ///
    /// fn text(call: RawCall<'_>) -> Option<&[u8]> {
    ///     let Passed::Flat(&[CoreVal::I32(start), CoreVal::I32(length)]) = call.params else {
    ///         return None;
    ///     };
    ///     let rest = call.memory.get(usize::try_from(start).ok()?..)?;
    ///     rest.get(..usize::try_from(length).ok()?)
    /// }
    ///
    /// # fn main() -> Result<(), wasmedge_component::LinkError> {
    /// let mut linker = Linker::<usize>::new();
    /// linker.root().func_raw(
    ///     "count",
    ///     |params, results, _| match (params.get(0), params.len(), results.len()) {
    ///         (Some(Type::String), 1, 0) => Ok(()),
    ///         _ => Err(TypeMismatch {
    ///             expected: "one string".to_owned(),
    ///             found: "something else".to_owned(),
    ///         }),
    ///     },
    ///     |lines, call| {
    ///         let out_of_bounds = || Trap::new(TrapCode::StringOutOfBounds, "no such text");
    ///         let text = text(call).ok_or_else(out_of_bounds)?;
    ///         *lines += text.iter().filter(|byte| **byte == b'\n').count();
    ///         Ok(())
    ///     },
    /// )
    /// # }
    /// ```
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
        F: Fn(StoreContextMut<'_, T>, &FuncType, &[Val], &mut [Val]) -> anyhow::Result<()>
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
        F: Fn(StoreContextMut<'_, T>, u32) -> anyhow::Result<()> + Send + Sync + 'static,
    {
        self.define(name, Definition::Resource(ty, Arc::new(destructor)))
    }
}

/// A component whose imports were found and checked: ready to be instantiated any number of times.
pub struct InstancePre<T: 'static> {
    component: Component,
    linked: Arc<Linked<T>>,
}

impl<T> Clone for InstancePre<T> {
    fn clone(&self) -> Self {
        Self {
            component: self.component.clone(),
            linked: Arc::clone(&self.linked),
        }
    }
}

impl<T> fmt::Debug for InstancePre<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstancePre").finish_non_exhaustive()
    }
}

impl<T: 'static> InstancePre<T> {
    /// Returns the component.
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// Instantiates the component in a store of the same engine.
    ///
    /// # Errors
    ///
    /// Those of [`Linker::instantiate`] but for the imports.
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> anyhow::Result<Instance> {
        Instance::new(store.as_context_mut().0, &self.component, &self.linked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;

    #[test]
    fn a_missing_import_is_named_in_full() {
        let text = r#"(component
            (import "log" (func (param "line" string)))
            (import "wasi:io/error@0.2.6" (instance
                (export "error" (type (sub resource)))
                (export "check" (func)))))"#;
        let bytes = wat::parse_str(text).unwrap();
        let component = Component::new(&Engine::default(), bytes).unwrap();
        let missing = |linker: &Linker<()>| -> Vec<String> {
            let errors = linker.unserved(&component);
            errors.iter().map(ToString::to_string).collect()
        };
        let error = ResourceType::host::<()>();
        let mut linker = Linker::new();
        let log = "component imports function `log`, but nothing compatible is defined";
        let resource = "component imports resource `wasi:io/error@0.2.6#error`, but nothing compatible is defined";
        let check = "component imports function `wasi:io/error@0.2.6#check`, but nothing compatible is defined";
        assert_eq!(missing(&linker), [resource, log, check]);
        let done = |_: StoreContextMut<'_, ()>, _: (String,)| Ok(());
        linker.root().func_wrap("log", done).unwrap();
        let mut newer = linker.instance("wasi:io/error@0.3.0");
        newer.resource("error", error, |_, _| Ok(())).unwrap();
        assert_eq!(missing(&linker), [resource, check]);
        let mut compatible = linker.instance("wasi:io/error@0.2.7");
        compatible.resource("error", error, |_, _| Ok(())).unwrap();
        assert_eq!(missing(&linker), [check]);
        assert!(linker.has_instance("wasi:io/error@0.2.9"));
        assert!(!linker.has_instance("wasi:io/error@0.4.0"));
        assert_eq!(
            linker.instantiate_pre(&component).unwrap_err().to_string(),
            check
        );
    }
}
