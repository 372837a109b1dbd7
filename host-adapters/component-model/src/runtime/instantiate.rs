//! Executes the steps of a plan, which create an instance.

use std::sync::Arc;

use crate::abi::FlatType;
use crate::abi::call::CoreSignature;
use crate::engine::{CoreStore, Engine, FuncId, LinkageId, PAGE_BYTES};
use crate::error::{HostError, Trap, TrapCode};
use crate::ids::*;
use crate::plan::{
    CoreDef, CoreExport, CoreModule, MAY_LEAVE, MEMORY_GROWING, MEMORY_GROWN, POLL, POLL_STEPS,
    STACK_OVERFLOW, STACK_UNITS, STEPS_LEFT, Step, TABLE_GROWING, TrampolineKind,
};
use crate::runtime::call::internal;
use crate::runtime::component::Component;
use crate::runtime::instance_data::{Action, Flags, HostFunction, Linked, ResourceDefinition};
use crate::runtime::store::StoreInner;

/// Defines the host items that guests import: trampolines, flags, and the hooks of hardened
/// modules.
pub(crate) fn define_host_items<T: 'static, E: Engine>(
    store: &mut StoreInner<T, E>,
    linkage: LinkageId,
    component: &Component<E>,
) -> anyhow::Result<()> {
    let plan = component.plan();
    let instance = linkage.index();
    let mut flags = Vec::new();
    for (id, is_shared) in (0..).zip(&plan.shared_flags) {
        flags.push(if *is_shared {
            let (_, name) = CoreDef::InstanceFlags(ComponentInstanceId(id)).import_name();
            Flags::Shared(store.core.define_global(linkage, &name, MAY_LEAVE)?)
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
            .define_function(linkage, &name, callee, &trampoline.signature)?;
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
        store
            .core
            .define_function(linkage, name, callee, signature)?;
    }
    let stack_units = store.core.define_global(linkage, STACK_UNITS, 0)?;
    store.core.define_poll(linkage, POLL)?;
    store
        .core
        .define_global(linkage, STEPS_LEFT, POLL_STEPS.cast_signed())?;
    store.core.register_host_module(linkage)?;
    let instance = store.instance(linkage.index())?;
    instance.flags = flags;
    instance.stack_units = Some(stack_units);
    Ok(())
}

/// Finds the embedder's function for the import that a trampoline calls. Returns `None` for a
/// trampoline of another kind.
fn import_of<T: 'static, E: Engine>(
    component: &Component<E>,
    linked: &Linked<T, E>,
    trampoline: TrampolineId,
) -> Option<Action<T, E>> {
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

/// Executes one step.
pub(crate) fn execute<T: 'static, E: Engine>(
    store: &mut StoreInner<T, E>,
    linkage: LinkageId,
    component: &Component<E>,
    step: &Step,
) -> anyhow::Result<()> {
    let index = linkage.index();
    let missing = || internal("a step refers to an item that does not exist");
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
            let found = find_function(store, linkage, def)?;
            *slot_of(&mut store.instance(index)?.reallocs, id.index())? = Some(found);
        }
        Step::ExtractPostReturn(id, def) => {
            let found = find_function(store, linkage, def)?;
            *slot_of(&mut store.instance(index)?.post_returns, id.index())? = Some(found);
        }
        Step::DefineResource {
            resource,
            destructor,
            ..
        } => {
            let found = match destructor {
                Some(def) => Some(find_function(store, linkage, def)?),
                None => None,
            };
            *slot_of(&mut store.instance(index)?.resources, resource.index())? =
                Some(ResourceDefinition::Guest(found));
        }
    }
    Ok(())
}

/// Instantiates a core module.
fn instantiate<T: 'static, E: Engine>(
    store: &mut StoreInner<T, E>,
    linkage: LinkageId,
    described: &CoreModule,
    module: &Arc<E::Module>,
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
    check_initial_sizes(store, described)?;
    let name = format!("i{}", instance.0);
    store.interruption().check()?;
    let made = store.within(index, |store| {
        let made = E::CoreStore::instantiate(store, linkage, module, &name);
        made.map_err(|stop| store.stopped(stop))
    })?;
    store.instance(index)?.cores.push(made);
    Ok(())
}

fn slot_of<V>(list: &mut [V], index: usize) -> anyhow::Result<&mut V> {
    list.get_mut(index)
        .ok_or_else(|| internal("a step refers to an item that does not exist"))
}

pub(crate) fn find_function<T: 'static, E: Engine>(
    store: &mut StoreInner<T, E>,
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
            store.core.host_function(linkage, &name)
        }
        CoreDef::InstanceFlags(_) => None,
    };
    found.ok_or_else(|| internal("a core function does not exist"))
}

/// Asks the limiter about the minimum sizes of a module's memories and tables.
fn check_initial_sizes<T: 'static, E: Engine>(
    store: &mut StoreInner<T, E>,
    module: &CoreModule,
) -> anyhow::Result<()> {
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    for table in &module.tables {
        if !store.take_table_elements(table.minimum) {
            return Err(tables_too_large(table.minimum).into());
        }
    }
    let mut reserved = Vec::new();
    for memory in &module.memories {
        let bytes = |pages: u64| size(pages.saturating_mul(PAGE_BYTES));
        let (minimum, maximum) = (bytes(memory.minimum), memory.maximum.map(bytes));
        let allowed = match store.limiter() {
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
        let Some(reservation) = store.engine.reserve_memory(memory.minimum) else {
            if let Some(limiter) = store.limiter() {
                limiter.memory_grow_failed();
            }
            return Err(HostError::new(
                "a memory cannot be reserved: the process has no address space left, or too many mappings",
            )
            .into());
        };
        // Keeps all reservations, because all memories exist at the same time.
        reserved.push(reservation);
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

/// The most core instances in a store, as in Wasmtime. Each takes address space of the process,
/// even without a memory.
pub const MAX_CORE_INSTANCES: usize = 10_000;
