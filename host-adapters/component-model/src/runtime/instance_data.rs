//! The state of an instance in its store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::{Engine, FuncId, GlobalId, InstanceId, MemId};
use crate::error::{LoadError, Trap, TrapCode};
use crate::handles::ResourceTables;
use crate::ids::*;
use crate::plan::{CoreModule, ResourceOrigin};
use crate::resource::ResourceType;
use crate::runtime::component::Component;
use crate::runtime::host_func::HostFunc;
use crate::runtime::linker::Destructor;
use crate::runtime::module::Module;
use crate::runtime::store::StoreInner;

/// The resolved imports of a component.
pub(crate) struct Linked<T: 'static, E: Engine> {
    /// Indexed by import.
    pub(crate) functions: Vec<Option<Arc<HostFunc<T, E>>>>,
    /// Indexed by resource. Those that the component defines are not known yet.
    pub(crate) types: Vec<ResourceType>,
    /// Indexed by resource, for those of the host.
    pub(crate) destructors: Vec<Option<Destructor<T, E>>>,
    /// The core modules that the component imports.
    pub(crate) imported_modules: Vec<Option<Module>>,
    /// The same modules, linked, in the order in which the component instantiates them.
    pub(crate) modules: Vec<Arc<LinkedModule<E>>>,
}

impl<T, E: Engine> Linked<T, E> {
    /// Returns the most stack units that the uncounted functions of all core modules use at once,
    /// including the component's own.
    pub(crate) fn uncounted_units(&self, component: &Component<E>) -> u32 {
        let imported = self
            .modules
            .iter()
            .map(|module| module.core.uncounted_units);
        let imported = imported.max().unwrap_or(0);
        imported.max(component.plan().uncounted_units())
    }
}

/// A core module of the host, with its imports renamed like those of the component's own.
pub(crate) struct LinkedModule<E: Engine> {
    pub(crate) core: CoreModule,
    pub(crate) module: Arc<E::Module>,
}

impl<E: Engine> LinkedModule<E> {
    pub(crate) fn new(engine: &E, core: CoreModule) -> Result<Self, LoadError> {
        let module = Arc::new(engine.load(&core.bytes)?);
        Ok(Self { core, module })
    }
}

/// A host function of an instance.
pub(crate) struct HostFunction<T: 'static, E: Engine> {
    /// The instance.
    pub(crate) instance: usize,
    pub(crate) action: Action<T, E>,
}

/// The action of a host function of an instance.
pub(crate) enum Action<T: 'static, E: Engine> {
    /// Calls the function that the embedder defined for an import.
    Import {
        component: Component<E>,
        trampoline: TrampolineId,
        function: Arc<HostFunc<T, E>>,
    },
    Trampoline(Component<E>, TrampolineId),
    MemoryGrowing,
    MemoryGrown,
    TableGrowing,
    StackOverflow,
}

/// The destructor of a resource.
pub(crate) enum ResourceDefinition<T: 'static, E: Engine> {
    Host(Destructor<T, E>),
    Guest(Option<FuncId>),
}

impl<T, E: Engine> Clone for ResourceDefinition<T, E> {
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
    /// Core modules that adapt calls between component instances also change them.
    Shared(GlobalId),
    /// Only the host changes them.
    Own(i32),
}

/// The state of an instance.
pub(crate) struct InstanceData<T: 'static, E: Engine> {
    /// A number that is unique in the process.
    pub(crate) serial: u64,
    pub(crate) component: Component<E>,
    pub(crate) linked: Arc<Linked<T, E>>,
    /// Indexed by component instance.
    pub(crate) flags: Vec<Flags>,
    /// The global that counts the stack units of its core instances.
    pub(crate) stack_units: Option<GlobalId>,
    /// Indexed by resource.
    pub(crate) resources: Vec<Option<ResourceDefinition<T, E>>>,
    /// Indexed by resource.
    pub(crate) types: Vec<ResourceType>,
    /// The handles. They are taken out while values are lowered, except while the guest's
    /// allocator runs.
    pub(crate) tables: Option<ResourceTables>,
    pub(crate) state: State,
    pub(crate) cores: Vec<InstanceId>,
    pub(crate) memories: Vec<Option<MemId>>,
    pub(crate) reallocs: Vec<Option<FuncId>>,
    pub(crate) post_returns: Vec<Option<FuncId>>,
}

/// Whether an instance may be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Idle,
    Running,
    Poisoned,
}

/// The serial number of the next instance.
static NEXT_INSTANCE: AtomicU64 = AtomicU64::new(0);

impl<T: 'static, E: Engine> InstanceData<T, E> {
    pub(crate) fn new(
        component: &Component<E>,
        linked: &Arc<Linked<T, E>>,
        handle_limit: usize,
    ) -> Self {
        let plan = component.plan();
        let serial = NEXT_INSTANCE.fetch_add(1, Ordering::Relaxed);
        let mut resources = Vec::new();
        let mut types = Vec::new();
        for (resource, origin) in (0..).zip(&plan.resources) {
            let index = types.len();
            match origin {
                ResourceOrigin::Imported(_) => {
                    let destructor = linked.destructors.get(index).cloned().flatten();
                    resources.push(destructor.map(ResourceDefinition::Host));
                    types.push(
                        linked
                            .types
                            .get(index)
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
        let capacity = |count: u32| usize::try_from(count).unwrap_or(0);
        Self {
            serial,
            component: component.clone(),
            linked: Arc::clone(linked),
            flags: Vec::new(),
            stack_units: None,
            resources,
            types,
            tables: Some(tables),
            // The instance must not be entered before all steps are done, and never if one fails.
            state: State::Poisoned,
            cores: Vec::new(),
            memories: vec![None; capacity(plan.extracted.memories)],
            reallocs: vec![None; capacity(plan.extracted.reallocs)],
            post_returns: vec![None; capacity(plan.extracted.post_returns)],
        }
    }

    /// Marks the instance as entered, or fails if it must not be.
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

    pub(crate) fn core(&self, id: CoreInstanceId) -> Option<InstanceId> {
        self.cores.get(id.index()).copied()
    }
}

/// A store with an entered instance, until this is dropped. A trapped instance cannot be
/// re-entered; a trap is assumed until [`leave`](Self::leave) is called, because the embedder's
/// code may panic.
pub(crate) struct Entered<'a, T: 'static, E: Engine> {
    pub(crate) store: &'a mut StoreInner<T, E>,
    index: usize,
    reusable: bool,
}

impl<'a, T: 'static, E: Engine> Entered<'a, T, E> {
    pub(crate) fn new(
        store: &'a mut StoreInner<T, E>,
        index: usize,
        serial: u64,
    ) -> anyhow::Result<Self> {
        store.own(index, serial)?.begin()?;
        Ok(Self {
            store,
            index,
            reusable: false,
        })
    }

    /// Leaves the instance, and records whether it may be entered again.
    pub(crate) fn leave(mut self, reusable: bool) {
        self.reusable = reusable;
    }
}

impl<T: 'static, E: Engine> Drop for Entered<'_, T, E> {
    fn drop(&mut self) {
        if let Some(instance) = self.store.instances.get_mut(self.index) {
            instance.state = if self.reusable {
                State::Idle
            } else {
                State::Poisoned
            };
        }
    }
}

fn poisoned() -> Trap {
    Trap::new(
        TrapCode::Poisoned,
        "the instance trapped before and cannot be entered again",
    )
}
