//! Instances: a plan's steps, followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmedge_sys::ffi as codes;

use crate::abi::FlatType;
use crate::abi::call::CoreSignature;
use crate::component::{self, Component};
use crate::engine::Engine;
use crate::error::{HostError, LoadError, Trap, TrapCode};
use crate::ffi::{self, Code, FuncId, GlobalId, LinkageId, MemId, Stop};
use crate::func::{Func, TypedFunc};
use crate::handles::{ResourceAny, ResourceTables};
use crate::host::{HostFunc, internal};
use crate::ids::*;
use crate::linker::Destructor;
use crate::module::Module;
use crate::plan::{
    CoreDef, CoreExport, CoreModule, Export, FunctionExport, HOST_MODULE, MAY_LEAVE,
    MEMORY_GROWING, MEMORY_GROWN, ModuleExport, POLL, POLL_STEPS, ResourceOrigin, STACK_OVERFLOW,
    STACK_UNITS, STEPS_LEFT, Step, TABLE_GROWING, TrampolineKind,
};
use crate::resource::ResourceType;
use crate::store::{AsContextMut, StoreInner};
use crate::typed::{LiftList, LowerList};

/// What a component's imports were found to be.
pub(crate) struct Linked<T: 'static> {
    /// By import.
    pub(crate) functions: Vec<Option<Arc<HostFunc<T>>>>,
    /// By resource; those that the component defines are not known yet.
    pub(crate) types: Vec<ResourceType>,
    /// By resource, for those of the host.
    pub(crate) destructors: Vec<Option<Destructor<T>>>,
    /// The core modules that the component imports.
    pub(crate) imported_modules: Vec<Option<Module>>,
    /// The same, linked, in the order in which the component instantiates them.
    pub(crate) modules: Vec<Arc<LinkedModule>>,
}

impl<T> Linked<T> {
    /// Returns how many stack units the functions of the core modules use at most at once that are
    /// not counted, those of the component's own included.
    pub(crate) fn uncounted_units(&self, component: &Component) -> u32 {
        let imported = self
            .modules
            .iter()
            .map(|module| module.core.uncounted_units);
        let imported = imported.max().unwrap_or(0);
        imported.max(component.plan().uncounted_units())
    }
}

/// A core module of the host's, with its imports named as a component's own have theirs.
#[derive(Debug)]
pub(crate) struct LinkedModule {
    core: CoreModule,
    module: Arc<ffi::Module>,
}

impl LinkedModule {
    pub(crate) fn new(engine: &Engine, core: CoreModule) -> Result<Self, LoadError> {
        let module = Arc::new(component::parse(engine, &core)?);
        Ok(Self { core, module })
    }
}

/// A host function of an instance.
pub(crate) struct HostFunction<T: 'static> {
    /// Which instance's.
    pub(crate) instance: usize,
    pub(crate) action: Action<T>,
}

/// What a host function of an instance does.
pub(crate) enum Action<T: 'static> {
    /// Calls what the embedder has defined for an import.
    Import {
        component: Component,
        trampoline: TrampolineId,
        function: Arc<HostFunc<T>>,
    },
    Trampoline(Component, TrampolineId),
    MemoryGrowing,
    MemoryGrown,
    TableGrowing,
    StackOverflow,
}

/// What happens to a resource whose owner drops it.
pub(crate) enum ResourceDefinition<T: 'static> {
    Host(Destructor<T>),
    Guest(Option<FuncId>),
}

impl<T> Clone for ResourceDefinition<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Host(destructor) => Self::Host(Arc::clone(destructor)),
            Self::Guest(destructor) => Self::Guest(*destructor),
        }
    }
}

/// The flags of a component instance.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Flags {
    /// Core modules change them, those that adapt calls from one component instance to another.
    Shared(GlobalId),
    /// Only the host does.
    Own(i32),
}

/// What a store keeps of an instance.
pub(crate) struct InstanceData<T: 'static> {
    /// Tells it from every other instance of the process.
    pub(crate) serial: u64,
    pub(crate) component: Component,
    pub(crate) linked: Arc<Linked<T>>,
    /// By component instance.
    pub(crate) flags: Vec<Flags>,
    /// Where its core instances count their stack units.
    pub(crate) stack_units: Option<GlobalId>,
    /// By resource.
    pub(crate) resources: Vec<Option<ResourceDefinition<T>>>,
    /// By resource.
    pub(crate) types: Vec<ResourceType>,
    /// Handles; taken out while values are lowered, except while the guest's allocator runs.
    pub(crate) tables: Option<ResourceTables>,
    state: State,
    cores: Vec<ffi::InstanceId>,
    memories: Vec<Option<MemId>>,
    reallocs: Vec<Option<FuncId>>,
    post_returns: Vec<Option<FuncId>>,
}

/// Whether an instance may be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Running,
    Poisoned,
}

/// Tells the resources of one instance from those of any other.
static NEXT_INSTANCE: AtomicU64 = AtomicU64::new(0);

impl<T: 'static> InstanceData<T> {
    fn new(component: &Component, linked: &Arc<Linked<T>>, handle_limit: usize) -> Self {
        let plan = component.plan();
        let serial = NEXT_INSTANCE.fetch_add(1, Ordering::Relaxed);
        let mut resources = Vec::new();
        let mut types = Vec::new();
        for (resource, origin) in (0..).zip(&plan.resources) {
            let place = types.len();
            match origin {
                ResourceOrigin::Imported(_) => {
                    let destructor = linked.destructors.get(place).cloned().flatten();
                    resources.push(destructor.map(ResourceDefinition::Host));
                    types.push(
                        linked
                            .types
                            .get(place)
                            .copied()
                            .unwrap_or(ResourceType::UNKNOWN),
                    );
                }
                ResourceOrigin::Defined(_) => {
                    resources.push(None);
                    types.push(ResourceType::guest(serial, ResourceId(resource)));
                }
            }
        }
        let tables = ResourceTables::new(
            plan.resource_tables.as_slice(),
            plan.component_instances,
            handle_limit,
        );
        let room = |count: u32| usize::try_from(count).unwrap_or(0);
        Self {
            serial,
            component: component.clone(),
            linked: Arc::clone(linked),
            flags: Vec::new(),
            stack_units: None,
            resources,
            types,
            tables: Some(tables),
            // Until all steps are done it must not be entered; if one fails, it never is.
            state: State::Poisoned,
            cores: Vec::new(),
            memories: vec![None; room(plan.extracted.memories)],
            reallocs: vec![None; room(plan.extracted.reallocs)],
            post_returns: vec![None; room(plan.extracted.post_returns)],
        }
    }

    /// Marks the instance as entered, unless it must not be.
    fn begin(&mut self) -> Result<(), Trap> {
        match self.state {
            State::Idle => {
                self.state = State::Running;
                Ok(())
            }
            State::Running => {
                let message = "cannot enter component instance: it is running";
                Err(Trap::new(TrapCode::CannotEnter, message))
            }
            State::Poisoned => Err(poisoned()),
        }
    }

    pub(crate) fn memory(&self, id: MemoryId) -> Option<MemId> {
        self.memories.get(id.index()).copied().flatten()
    }

    pub(crate) fn realloc(&self, id: ReallocId) -> Option<FuncId> {
        self.reallocs.get(id.index()).copied().flatten()
    }

    pub(crate) fn post_return(&self, id: PostReturnId) -> Option<FuncId> {
        self.post_returns.get(id.index()).copied().flatten()
    }

    fn core(&self, id: CoreInstanceId) -> Option<ffi::InstanceId> {
        self.cores.get(id.index()).copied()
    }
}

/// A store whose instance is entered until this is dropped. One that came to harm is not entered again, and it did unless somebody says
/// otherwise: an embedder's code may panic on the way.
pub(crate) struct Entered<'a, T: 'static> {
    pub(crate) store: &'a mut StoreInner<T>,
    index: usize,
    unharmed: bool,
}

impl<'a, T: 'static> Entered<'a, T> {
    pub(crate) fn new(
        store: &'a mut StoreInner<T>,
        index: usize,
        serial: u64,
    ) -> anyhow::Result<Self> {
        store.own(index, serial)?.begin()?;
        Ok(Self {
            store,
            index,
            unharmed: false,
        })
    }

    /// Leaves the instance.
    pub(crate) fn leave(mut self, unharmed: bool) {
        self.unharmed = unharmed;
    }
}

impl<T: 'static> Drop for Entered<'_, T> {
    fn drop(&mut self) {
        if let Some(instance) = self.store.instances.get_mut(self.index) {
            instance.state = if self.unharmed {
                State::Idle
            } else {
                State::Poisoned
            };
        }
    }
}

/// An instance of a component, in the store that it was instantiated in.
#[derive(Debug, Clone)]
pub struct Instance {
    index: usize,
    serial: u64,
    component: Component,
}

impl Instance {
    pub(crate) fn new<T: 'static>(
        store: &mut StoreInner<T>,
        component: &Component,
        linked: &Arc<Linked<T>>,
    ) -> anyhow::Result<Self> {
        if !store.engine.same(component.engine()) {
            return Err(HostError::new(
                "the component was loaded for another engine than the store's",
            )
            .into());
        }
        let linkage = store.core.linkage(HOST_MODULE)?;
        let index = linkage.index();
        let limit = store.engine.config().handle_limit;
        store
            .instances
            .push(InstanceData::new(component, linked, limit));
        provide(store, linkage, component)?;
        for step in &component.plan().steps {
            follow(store, linkage, component, step)?;
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
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// Finds a function that is exported by itself.
    pub fn get_func(&self, store: impl AsContextMut, name: &str) -> Option<Func> {
        self.get_func_at(store, &[name])
    }

    /// Finds a function of an exported interface, for instance `run` of `wasi:cli/run@0.2.0`. Versions are matched compatibly.
    pub fn get_func_in(
        &self,
        store: impl AsContextMut,
        interface: &str,
        name: &str,
    ) -> Option<Func> {
        self.get_func_at(store, &[interface, name])
    }

    /// Finds a function by the names of the instances that it is exported in, the outermost first,
    /// and its own. Versions are matched compatibly.
    pub fn get_func_at(&self, mut store: impl AsContextMut, path: &[&str]) -> Option<Func> {
        let route = self.component.plan().find_route(path)?;
        let function = function_at(&self.component, &route)?;
        let store = store.as_context_mut().0;
        store.own(self.index, self.serial).ok()?;
        let linkage = store.core.linkage_at(self.index)?;
        let function = callable(store, linkage, &function.function).ok()?;
        Some(Func::new(
            (self.index, self.serial),
            self.component.clone(),
            route,
            function,
        ))
    }

    /// Finds a core module that is exported by itself. One that the component imports is the
    /// embedder's own.
    ///
    /// # Examples
    ///
    /// ```
    /// use wasmedge_component::{Component, Engine, Linker, Store};
    ///
    /// # fn main() -> anyhow::Result<()> {
    /// let engine = Engine::default();
    /// let bytes = wat::parse_str(r#"(component (core module $m (func (export "f"))) (export "m" (core module $m)))"#)?;
    /// let component = Component::new(&engine, bytes)?;
    /// let mut store = Store::new(&engine, ())?;
    /// let instance = Linker::new().instantiate(&mut store, &component)?;
    /// let module = instance.get_module(&mut store, "m").expect("it is exported");
    /// assert!(module.bytes().starts_with(b"\0asm"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_module(&self, store: impl AsContextMut, name: &str) -> Option<Module> {
        self.get_module_at(store, &[name])
    }

    /// Finds a core module by the names of the instances that it is exported in, the outermost
    /// first, and its own. Versions are matched compatibly.
    pub fn get_module_at(&self, mut store: impl AsContextMut, path: &[&str]) -> Option<Module> {
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

    /// Finds a function that is exported by itself, and checks its type.
    ///
    /// # Errors
    ///
    /// An error if there is none, or it has another type.
    pub fn get_typed_func<P, R>(
        &self,
        mut store: impl AsContextMut,
        name: &str,
    ) -> Result<TypedFunc<P, R>, HostError>
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
        mut store: impl AsContextMut,
        interface: &str,
        name: &str,
    ) -> Result<TypedFunc<P, R>, HostError>
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

    /// Drops a resource that the host has of this instance; one that is owned is destroyed.
    ///
    /// # Errors
    ///
    /// An error if the host has it no more, or the destructor fails.
    pub fn drop_resource(
        &self,
        mut store: impl AsContextMut,
        resource: ResourceAny,
    ) -> anyhow::Result<()> {
        let store = store.as_context_mut().0;
        if store.interrupted() {
            return Err(crate::host::interrupted().into());
        }
        let entered = Entered::new(store, self.index, self.serial)?;
        let tables = entered.store.instance(self.index)?.tables.as_mut();
        let tables = tables.ok_or_else(|| internal("the handles are in use"))?;
        let (result, unharmed) = match tables.host_take(&resource) {
            Ok(rep) => {
                let result = entered.store.destroy(self.index, resource.ty(), rep);
                let unharmed = result.is_ok();
                (result, unharmed)
            }
            Err(error) => (Err(error.into()), true),
        };
        entered.leave(unharmed);
        result
    }
}

pub(crate) fn poisoned() -> Trap {
    Trap::new(
        TrapCode::Poisoned,
        "the instance trapped before and cannot be entered again",
    )
}

/// Finds a function's export by the way that `Plan::find_route` has found.
pub(crate) fn function_at<'a>(
    component: &'a Component,
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

/// Adds what guests import from the host: trampolines, flags and the hooks of hardened modules.
fn provide<T: 'static>(
    store: &mut StoreInner<T>,
    linkage: LinkageId,
    component: &Component,
) -> anyhow::Result<()> {
    let plan = component.plan();
    let instance = linkage.index();
    let mut flags = Vec::new();
    for (id, is_shared) in (0..).zip(&plan.shared_flags) {
        flags.push(if *is_shared {
            let (_, name) = CoreDef::InstanceFlags(ComponentInstanceId(id)).import_name();
            Flags::Shared(store.core.host_global(linkage, &name, MAY_LEAVE)?)
        } else {
            Flags::Own(MAY_LEAVE)
        });
    }
    for (id, trampoline) in (0..).zip(&plan.trampolines) {
        let id = TrampolineId(id);
        let (_, name) = CoreDef::Trampoline(id).import_name();
        let linked = &store.instance(instance)?.linked;
        let action = import_of(component, linked, id)
            .unwrap_or_else(|| Action::Trampoline(component.clone(), id));
        let callee = HostFunction { instance, action };
        store
            .core
            .host_function(linkage, &name, callee, &trampoline.signature)?;
    }
    let growing = CoreSignature {
        params: vec![FlatType::I32; 3],
        results: vec![FlatType::I32],
    };
    let grown = CoreSignature {
        params: vec![FlatType::I32],
        results: vec![FlatType::I32],
    };
    let overflow = CoreSignature {
        params: Vec::new(),
        results: Vec::new(),
    };
    for (name, action, signature) in [
        (MEMORY_GROWING, Action::MemoryGrowing, &growing),
        (MEMORY_GROWN, Action::MemoryGrown, &grown),
        (TABLE_GROWING, Action::TableGrowing, &growing),
        (STACK_OVERFLOW, Action::StackOverflow, &overflow),
    ] {
        let callee = HostFunction { instance, action };
        store.core.host_function(linkage, name, callee, signature)?;
    }
    let stack_units = store.core.host_global(linkage, STACK_UNITS, 0)?;
    store.core.host_nothing(linkage, POLL)?;
    store
        .core
        .host_global(linkage, STEPS_LEFT, POLL_STEPS.cast_signed())?;
    store.core.register_host(linkage)?;
    let instance = store.instance(linkage.index())?;
    instance.flags = flags;
    instance.stack_units = Some(stack_units);
    Ok(())
}

/// Finds what the embedder has defined for the import that a trampoline calls, if it calls one.
fn import_of<T: 'static>(
    component: &Component,
    linked: &Linked<T>,
    trampoline: TrampolineId,
) -> Option<Action<T>> {
    let plan = component.plan();
    let TrampolineKind::LowerImport { import, .. } =
        &plan.trampolines.get(trampoline.index())?.kind
    else {
        return None;
    };
    Some(Action::Import {
        component: component.clone(),
        trampoline,
        function: linked.functions.get(import.index())?.clone()?,
    })
}

fn follow<T: 'static>(
    store: &mut StoreInner<T>,
    linkage: LinkageId,
    component: &Component,
    step: &Step,
) -> anyhow::Result<()> {
    let index = linkage.index();
    let missing = || internal("a step refers to something that is not there");
    match step {
        Step::Instantiate {
            module, instance, ..
        } => {
            let described = component.plan().modules.get(module.index());
            let described = described.ok_or_else(missing)?;
            let module = component.module(*module).ok_or_else(missing)?;
            instantiate(store, linkage, described, module, *instance)?;
        }
        Step::InstantiateImported {
            number, instance, ..
        } => {
            let linked = Arc::clone(&store.instance(index)?.linked);
            let number = usize::try_from(*number).unwrap_or(usize::MAX);
            let linked = linked.modules.get(number).ok_or_else(missing)?;
            instantiate(store, linkage, &linked.core, &linked.module, *instance)?;
        }
        Step::ExtractMemory(id, CoreExport { instance, name }) => {
            let core = store.instance(index)?.core(*instance).ok_or_else(missing)?;
            let memory = store.core.memory(core, name).ok_or_else(missing)?;
            *slot_of(&mut store.instance(index)?.memories, id.index())? = Some(memory);
        }
        Step::ExtractRealloc(id, def) => {
            let found = callable(store, linkage, def)?;
            *slot_of(&mut store.instance(index)?.reallocs, id.index())? = Some(found);
        }
        Step::ExtractPostReturn(id, def) => {
            let found = callable(store, linkage, def)?;
            *slot_of(&mut store.instance(index)?.post_returns, id.index())? = Some(found);
        }
        Step::DefineResource {
            resource,
            destructor,
            ..
        } => {
            let found = match destructor {
                Some(def) => Some(callable(store, linkage, def)?),
                None => None,
            };
            *slot_of(&mut store.instance(index)?.resources, resource.index())? =
                Some(ResourceDefinition::Guest(found));
        }
    }
    Ok(())
}

/// Instantiates a core module.
fn instantiate<T: 'static>(
    store: &mut StoreInner<T>,
    linkage: LinkageId,
    described: &CoreModule,
    module: &Arc<ffi::Module>,
    instance: CoreInstanceId,
) -> anyhow::Result<()> {
    let index = linkage.index();
    store.core_instances = store.core_instances.saturating_add(1);
    if store.core_instances > MAX_CORE_INSTANCES {
        let message = format!(
            "resource limit exceeded: instance count too high at {}",
            store.core_instances
        );
        return Err(Trap::new(TrapCode::MemoryLimit, message).into());
    }
    allow(store, described)?;
    let name = format!("i{}", instance.0);
    if store.interrupted() {
        return Err(crate::host::interrupted().into());
    }
    let made = store.within(index, |store| {
        let made = ffi::instantiate(store, linkage, module, &name);
        made.map_err(|stop| stopped(store, stop))
    })?;
    store.instance(index)?.cores.push(made);
    Ok(())
}

fn slot_of<V>(list: &mut [V], index: usize) -> anyhow::Result<&mut V> {
    list.get_mut(index)
        .ok_or_else(|| internal("a step refers to something that is not there"))
}

fn callable<T: 'static>(
    store: &mut StoreInner<T>,
    linkage: LinkageId,
    def: &CoreDef,
) -> anyhow::Result<FuncId> {
    let found = match def {
        CoreDef::Export(export) => {
            let core = store.instance(linkage.index())?.core(export.instance);
            core.and_then(|core| store.core.function(core, &export.name))
        }
        CoreDef::Trampoline(_) => {
            let (_, name) = def.import_name();
            store.core.found_host_function(linkage, &name)
        }
        CoreDef::InstanceFlags(_) => None,
    };
    found.ok_or_else(|| internal("a core function is not there"))
}

/// Asks the limiter for what a module's memories and tables take from the beginning.
fn allow<T: 'static>(store: &mut StoreInner<T>, module: &CoreModule) -> anyhow::Result<()> {
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    for table in &module.tables {
        if !store.take_table_elements(table.minimum) {
            return Err(tables_too_large(table.minimum).into());
        }
    }
    let mut room = ffi::Room::default();
    for memory in &module.memories {
        let bytes = |pages: u64| size(pages.saturating_mul(ffi::PAGE));
        let (minimum, maximum) = (bytes(memory.minimum), memory.maximum.map(bytes));
        let mut limiter = store.limiter();
        let allowed = match &mut limiter {
            Some(limiter) => limiter.memory_growing(0, minimum, maximum)?,
            None => true,
        };
        if !allowed {
            let message = format!(
                "memory minimum size of {} pages exceeds memory limits",
                memory.minimum
            );
            return Err(Trap::new(TrapCode::MemoryLimit, message).into());
        }
        if !room.has(memory.minimum) {
            if let Some(limiter) = limiter {
                limiter.memory_grow_failed();
            }
            return Err(HostError::new(
                "a memory cannot be reserved: the process has no address space left, or too many mappings",
            )
            .into());
        }
    }
    let Some(limiter) = store.limiter() else {
        return Ok(());
    };
    for table in &module.tables {
        if !limiter.table_growing(0, size(table.minimum), table.maximum.map(size))? {
            return Err(tables_too_large(table.minimum).into());
        }
    }
    Ok(())
}

fn tables_too_large(minimum: u64) -> Trap {
    Trap::new(
        TrapCode::MemoryLimit,
        format!("table minimum size of {minimum} elements exceeds table limits"),
    )
}

/// The most core instances that a store holds, as in Wasmtime: each takes address space of the process, memory or not.
pub const MAX_CORE_INSTANCES: usize = 10_000;

/// Says why a guest was stopped.
pub(crate) fn stopped<T: 'static>(store: &mut StoreInner<T>, stop: Stop) -> anyhow::Error {
    match stop {
        Stop::Host => store.take_failure(),
        Stop::Engine(code) => trap(code).into(),
    }
}

fn trap(code: Code) -> Trap {
    let (code, message) = match code.0 {
        codes::WasmEdge_ErrCode_Unreachable => (
            TrapCode::Unreachable,
            "wasm `unreachable` instruction executed",
        ),
        codes::WasmEdge_ErrCode_MemoryOutOfBounds | codes::WasmEdge_ErrCode_DataSegDoesNotFit => {
            (TrapCode::MemoryOutOfBounds, "out of bounds memory access")
        }
        codes::WasmEdge_ErrCode_TableOutOfBounds
        | codes::WasmEdge_ErrCode_ElemSegDoesNotFit
        | codes::WasmEdge_ErrCode_UndefinedElement => (
            TrapCode::TableOutOfBounds,
            "undefined element: out of bounds table access",
        ),
        codes::WasmEdge_ErrCode_UninitializedElement => {
            (TrapCode::IndirectCallToNull, "uninitialized element")
        }
        codes::WasmEdge_ErrCode_IndirectCallTypeMismatch => {
            (TrapCode::BadSignature, "indirect call type mismatch")
        }
        codes::WasmEdge_ErrCode_DivideByZero => {
            (TrapCode::IntegerDivisionByZero, "integer divide by zero")
        }
        codes::WasmEdge_ErrCode_IntegerOverflow => (TrapCode::IntegerOverflow, "integer overflow"),
        codes::WasmEdge_ErrCode_InvalidConvToInt => (
            TrapCode::BadConversionToInteger,
            "invalid conversion to integer",
        ),
        codes::WasmEdge_ErrCode_Interrupted => return crate::host::interrupted(),
        codes::WasmEdge_ErrCode_CostLimitExceeded => {
            (TrapCode::OutOfFuel, "all fuel consumed by WebAssembly")
        }
        _ => return Trap::new(TrapCode::Engine, ffi::message(code)),
    };
    Trap::new(code, message)
}
