//! Host functions: how a guest's call arrives, and what becomes of it.

use crate::abi::call::{FuncAbi, Passed};
use crate::abi::{
    Budget, CoreVal, LiftContext, LowerContext, Memory, OutOfBounds, Realloc, StringEncoding,
};
use crate::component::Component;
use crate::error::{CallError, HostError, Trap, TrapCode};
use crate::ffi::{self, FuncId, MemId};
use crate::handles::ResourceTables;
use crate::ids::*;
use crate::instance::{Action, Flags, HostFunction, ResourceDefinition, stopped};
use crate::plan::{CanonicalOptions, MAX_STACK_UNITS, MAY_LEAVE, TrampolineKind, adapter_trap};
use crate::store::{StoreContextMut, StoreInner};
use crate::typed::{InstanceTypes, LiftList, LowerList, TypeList, TypeMismatch};
use crate::types::FuncType;
use crate::val::Val;

/// The [stack units](crate::plan::MAX_STACK_UNITS) that a guest's way through the host and back into a guest counts for: 64 KiB.
pub const HOST_UNITS: u32 = 4096;

type Call<T> = Box<dyn Fn(HostCall<'_, T>) -> anyhow::Result<()> + Send + Sync>;

type Typecheck =
    Box<dyn Fn(&FuncType, &InstanceTypes<'_>) -> Result<(), TypeMismatch> + Send + Sync>;

/// A function that an embedder has defined.
pub(crate) struct HostFunc<T: 'static> {
    typecheck: Typecheck,
    /// Whether handles can be lent to a call: raw ones cannot look any up.
    lends: bool,
    call: Call<T>,
}

/// The arguments of a call, as the guest passes them: for [`LinkerInstance::func_raw`](crate::LinkerInstance::func_raw).
///
/// All of it is the guest's and to be mistrusted: pointers and lengths among the arguments may point anywhere.
#[derive(Debug, Clone, Copy)]
pub struct RawCall<'a> {
    /// The guest's memory, which nobody changes meanwhile; empty if the call needs none.
    pub memory: &'a [u8],
    /// How strings are encoded there.
    pub encoding: StringEncoding,
    /// The arguments.
    pub params: Passed<'a>,
}

impl<T: 'static> HostFunc<T> {
    pub(crate) fn wrap<P, R, F>(function: F) -> Self
    where
        P: LiftList + 'static,
        R: LowerList + 'static,
        F: Fn(StoreContextMut<'_, T>, P) -> anyhow::Result<R> + Send + Sync + 'static,
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
                give(store, at, abi, &returned, pointer, results)
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
                let (params, pointer) = abi.passed_params(memory, params)?;
                let call = RawCall {
                    memory,
                    encoding: at.options.string_encoding,
                    params,
                };
                let returned = function(&mut store.data, call)?;
                give(store, at, abi, &returned, pointer, results)
            }),
        }
    }

    pub(crate) fn dynamic<F>(function: F) -> Self
    where
        F: Fn(StoreContextMut<'_, T>, &FuncType, &[Val], &mut [Val]) -> anyhow::Result<()>
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
                let places = result.get_mut(..count).unwrap_or_default();
                function(StoreContextMut(store), abi.ty(), &arguments, places)?;
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

/// Gives a guest what a function has returned. Nothing is lowered for one that returns nothing.
fn give<T: 'static, R: LowerList>(
    store: &mut StoreInner<T>,
    at: Place<'_>,
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
    // One core value, and none is a pointer: it takes neither memory nor allocator.
    let tables = store.tables(at.instance)?;
    let lowered = lower(&mut LowerContext {
        guest: None,
        encoding: at.options.string_encoding,
        resources: tables,
    });
    Ok(lowered.map_err(NotLowered::from)?)
}

/// A call of a guest's that arrives at a host function.
pub(crate) struct HostCall<'a, T: 'static> {
    store: &'a mut StoreInner<T>,
    at: Place<'a>,
    abi: &'a FuncAbi,
    params: &'a [CoreVal],
    results: &'a mut Vec<CoreVal>,
}

/// Where values are lifted from or lowered to: an instance, as certain canonical options see it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) instance: usize,
    pub(crate) options: &'a CanonicalOptions,
}

impl<T: 'static> StoreInner<T> {
    /// Runs what a core module has called.
    pub(crate) fn run_host_function(
        &mut self,
        callee: &HostFunction<T>,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> anyhow::Result<()> {
        let index = callee.instance;
        match &callee.action {
            Action::Import {
                component,
                trampoline,
                function,
            } => {
                let plan = component.plan();
                let trampoline = plan.trampolines.get(trampoline.index());
                let Some(TrampolineKind::LowerImport { abi, options, .. }) =
                    trampoline.map(|trampoline| &trampoline.kind)
                else {
                    return Err(internal("there is no such import"));
                };
                let options = plan.options.get(options.index());
                let options = options.ok_or_else(|| internal("there are no such options"))?;
                self.check_leave(index, options.instance)?;
                let mut call = |store: &mut Self| {
                    (function.call)(HostCall {
                        store,
                        at: Place {
                            instance: index,
                            options,
                        },
                        abi,
                        params,
                        results,
                    })
                };
                if !function.lends {
                    return call(self);
                }
                self.tables(index)?.enter_call();
                let called = call(self);
                let left = self.tables(index)?.exit_call();
                called?;
                Ok(left?)
            }
            Action::Trampoline(component, id) => {
                self.run_trampoline(index, component, *id, params, results)
            }
            Action::MemoryGrowing => self.memory_growing(params, results),
            Action::MemoryGrown => self.memory_grown(params, results),
            Action::TableGrowing => self.table_growing(params, results),
            Action::StackOverflow => Err(stack_overflow()),
        }
    }

    fn run_trampoline(
        &mut self,
        index: usize,
        component: &Component,
        id: TrampolineId,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> anyhow::Result<()> {
        let plan = component.plan();
        let trampoline = plan.trampolines.get(id.index());
        let trampoline = trampoline.ok_or_else(|| internal("there is no such trampoline"))?;
        match &trampoline.kind {
            TrampolineKind::LowerImport { .. } => Err(internal("nothing is linked to an import")),
            TrampolineKind::Transcoder { op, from, to } => {
                let mut arguments = Vec::new();
                for value in params {
                    arguments.push(i32_of(Some(value))?);
                }
                let mut proceed = self.unless_interrupted();
                let instance = self.instance(index)?;
                let memories = instance.memory(*from).zip(instance.memory(*to));
                let pair = memories.and_then(|(from, to)| self.core.memory_pair(from, to));
                let (from, mut to) =
                    pair.ok_or_else(|| internal("a transcoder's memory is not there"))?;
                let written = op.run_while(&from, &mut to, &arguments, &mut proceed)?;
                results.extend(written.into_iter().map(CoreVal::I32));
                Ok(())
            }
            TrampolineKind::ResourceNew { instance, table } => {
                self.check_leave(index, *instance)?;
                let rep = Rep(i32_of(params.first())?);
                let handle = self.tables(index)?.lower_own(*table, rep)?;
                results.push(CoreVal::I32(handle.0));
                Ok(())
            }
            // Unlike the other built-ins, this one may be called by `realloc` and `post-return`.
            TrampolineKind::ResourceRep { table, .. } => {
                let handle = Handle(i32_of(params.first())?);
                let rep = self.tables(index)?.rep(*table, handle)?;
                results.push(CoreVal::I32(rep.0));
                Ok(())
            }
            TrampolineKind::ResourceDrop { instance, table } => {
                self.check_leave(index, *instance)?;
                let handle = Handle(i32_of(params.first())?);
                let tables = self.tables(index)?;
                let resource = tables.resource(*table)?;
                match tables.drop_handle(*table, handle)? {
                    Some(rep) => self.destroy(index, resource, rep),
                    None => Ok(()),
                }
            }
            TrampolineKind::ResourceTransferOwn => {
                let (handle, from, to) = transfer(params)?;
                let moved = self.tables(index)?.transfer_own(from, to, handle)?;
                results.push(CoreVal::I32(moved.0));
                Ok(())
            }
            TrampolineKind::ResourceTransferBorrow => {
                let (handle, from, to) = transfer(params)?;
                let lent = self.tables(index)?.transfer_borrow(from, to, handle)?;
                results.push(CoreVal::I32(lent));
                Ok(())
            }
            TrampolineKind::Trap => {
                let (code, message) = adapter_trap(i32_of(params.first())?);
                Err(Trap::new(code, message).into())
            }
            TrampolineKind::EnterSyncCall => {
                self.tables(index)?.enter_call();
                Ok(())
            }
            TrampolineKind::ExitSyncCall => Ok(self.tables(index)?.exit_call()?),
        }
    }

    /// Runs the destructor of a resource whose owner has dropped it.
    pub(crate) fn destroy(
        &mut self,
        index: usize,
        resource: ResourceId,
        rep: Rep,
    ) -> anyhow::Result<()> {
        let instance = self.instance(index)?;
        match instance.resources.get(resource.index()).cloned().flatten() {
            Some(ResourceDefinition::Host(destructor)) => destructor(StoreContextMut(self), rep.0),
            Some(ResourceDefinition::Guest(Some(function))) => {
                self.enter(index, function, &[CoreVal::I32(rep.0)], &[])?;
                Ok(())
            }
            Some(ResourceDefinition::Guest(None)) => Ok(()),
            None => Err(internal("a resource without a definition was dropped")),
        }
    }

    /// Runs what enters an instance's guests. Their stack units go on from those of the guests that run already in this store, and have
    /// come back to the host, for all of them use the same stack.
    pub(crate) fn within<R>(
        &mut self,
        index: usize,
        enter: impl FnOnce(&mut Self) -> anyhow::Result<R>,
    ) -> anyhow::Result<R> {
        let missing = || internal("an instance has no stack units");
        let counter = self.instance(index)?.stack_units.ok_or_else(missing)?;
        let before = self.core.global(counter).ok_or_else(missing)?;
        let used = match self.running {
            Some(outer) => {
                let outer = self.instance(outer)?;
                let uncounted = outer.linked.uncounted_units(&outer.component);
                let counted = outer.stack_units.ok_or_else(missing)?;
                let counted = self.core.global(counted).ok_or_else(missing)?;
                let counted = counted.cast_unsigned().saturating_add(uncounted);
                counted.saturating_add(HOST_UNITS)
            }
            None => 0,
        };
        if used > MAX_STACK_UNITS {
            return Err(stack_overflow());
        }
        self.core.set_global(counter, used.cast_signed());
        let outer = self.running.replace(index);
        let result = enter(self);
        self.running = outer;
        debug_assert!(
            result.is_err() || self.core.global(counter) == Some(used.cast_signed()),
            "guests give back what they use"
        );
        // Even after a trap, there are no frames left of what was entered here.
        self.core.set_global(counter, before);
        result
    }

    /// Calls a core function of a guest's.
    pub(crate) fn enter(
        &mut self,
        index: usize,
        function: FuncId,
        params: &[CoreVal],
        results: &[crate::abi::FlatType],
    ) -> anyhow::Result<Vec<CoreVal>> {
        if self.interrupted() {
            return Err(interrupted().into());
        }
        self.within(index, |store| {
            let result = ffi::invoke(store, function, params, results);
            result.map_err(|stop| stopped(store, stop))
        })
    }

    /// Finds the memory that canonical options name.
    fn memory_at(&mut self, at: Place<'_>) -> anyhow::Result<Option<MemId>> {
        let instance = self.instance(at.instance)?;
        Ok(at.options.memory.and_then(|memory| instance.memory(memory)))
    }

    /// Runs lifting with what it draws on.
    pub(crate) fn lifting<R>(
        &mut self,
        at: Place<'_>,
        lift: impl FnOnce(&mut LiftContext<'_>) -> Result<R, Trap>,
    ) -> anyhow::Result<R> {
        let mut budget = Budget::new(self.engine.config().call_budget);
        let instance = self.instances.get_mut(at.instance);
        let instance = instance.ok_or_else(|| internal("there is no such instance"))?;
        let memory = at.options.memory.and_then(|memory| instance.memory(memory));
        let resources = instance.tables.as_mut().ok_or_else(cannot_leave)?;
        Ok(lift(&mut LiftContext {
            memory: memory.map(|memory| self.core.bytes(memory)),
            encoding: at.options.string_encoding,
            resources,
            budget: &mut budget,
        })?)
    }

    /// Runs lowering with what it draws on. Meanwhile the handles are taken out of the instance;
    /// they are put back while the guest's allocator runs, for `resource.rep`.
    pub(crate) fn lowering<R>(
        &mut self,
        at: Place<'_>,
        lower: impl FnOnce(&mut LowerContext<'_>) -> Result<R, CallError>,
    ) -> Result<R, NotLowered> {
        let instance = self.instance(at.instance)?;
        let memory = at.options.memory.and_then(|memory| instance.memory(memory));
        let realloc = at
            .options
            .realloc
            .and_then(|realloc| instance.realloc(realloc));
        let mut resources = instance
            .tables
            .take()
            .ok_or_else(|| anyhow::Error::from(cannot_leave()))?;
        let mut failure = None;
        let mut guest = memory.map(|memory| Guest {
            store: self,
            at,
            memory,
            realloc,
            failure: &mut failure,
        });
        let lowered = lower(&mut LowerContext {
            guest: guest.as_mut().map(|guest| {
                let guest: &mut dyn Realloc = guest;
                guest
            }),
            encoding: at.options.string_encoding,
            resources: &mut resources,
        });
        self.instance(at.instance)?.tables = Some(resources);
        match (lowered, failure) {
            (_, Some(failure)) => Err(failure.into()),
            (Ok(lowered), None) => Ok(lowered),
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Traps unless a component instance may call out of itself.
    fn check_leave(&self, index: usize, instance: ComponentInstanceId) -> Result<(), Trap> {
        match self.flags(index, instance) {
            Some(flags) if flags & MAY_LEAVE != 0 => Ok(()),
            _ => Err(cannot_leave()),
        }
    }

    fn flags(&self, index: usize, instance: ComponentInstanceId) -> Option<i32> {
        let flags = &self.instances.get(index)?.flags;
        match *flags.get(instance.index())? {
            Flags::Shared(flags) => self.core.global(flags),
            Flags::Own(flags) => Some(flags),
        }
    }

    fn set_flags(
        &mut self,
        index: usize,
        instance: ComponentInstanceId,
        new: i32,
    ) -> anyhow::Result<()> {
        let flags = self.instance(index)?.flags.get_mut(instance.index());
        match flags.ok_or_else(|| internal("a component instance has no flags"))? {
            Flags::Own(flags) => *flags = new,
            Flags::Shared(flags) => {
                let flags = *flags;
                self.core.set_global(flags, new);
            }
        }
        Ok(())
    }

    /// Calls a function of a component instance that must not call out of it meanwhile: its allocator or its `post-return`.
    pub(crate) fn enter_without_leave(
        &mut self,
        at: Place<'_>,
        function: FuncId,
        params: &[CoreVal],
        results: &[crate::abi::FlatType],
    ) -> anyhow::Result<Vec<CoreVal>> {
        let instance = at.options.instance;
        let before = self.flags(at.instance, instance).unwrap_or(MAY_LEAVE);
        self.set_flags(at.instance, instance, before & !MAY_LEAVE)?;
        let result = self.enter(at.instance, function, params, results);
        self.set_flags(at.instance, instance, before)?;
        result
    }

    fn tables(&mut self, index: usize) -> anyhow::Result<&mut ResourceTables> {
        let tables = self.instance(index)?.tables.as_mut();
        Ok(tables.ok_or_else(cannot_leave)?)
    }
}

/// Why values could not be lowered.
#[derive(Debug)]
pub(crate) enum NotLowered {
    /// The embedder's values are not what is wanted. The guest's allocator may have run before, but has not failed.
    Host(HostError),
    /// The guest is to blame, or was stopped in its allocator.
    Guest(anyhow::Error),
}

impl From<anyhow::Error> for NotLowered {
    fn from(error: anyhow::Error) -> Self {
        Self::Guest(error)
    }
}

impl From<CallError> for NotLowered {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Trap(trap) => Self::Guest(trap.into()),
            CallError::Host(error) => Self::Host(error),
        }
    }
}

impl From<NotLowered> for anyhow::Error {
    fn from(error: NotLowered) -> Self {
        match error {
            NotLowered::Host(error) => error.into(),
            NotLowered::Guest(error) => error,
        }
    }
}

pub(crate) fn three(params: &[CoreVal]) -> anyhow::Result<[u32; 3]> {
    Ok([
        i32_of(params.first())?,
        i32_of(params.get(1))?,
        i32_of(params.get(2))?,
    ])
}

fn transfer(params: &[CoreVal]) -> anyhow::Result<(Handle, ResourceTableId, ResourceTableId)> {
    let [handle, from, to] = three(params)?;
    Ok((Handle(handle), ResourceTableId(from), ResourceTableId(to)))
}

pub(crate) fn i32_of(value: Option<&CoreVal>) -> anyhow::Result<u32> {
    match value {
        Some(CoreVal::I32(bits)) => Ok(*bits),
        _ => Err(internal(
            "a host function was called with other values than it has",
        )),
    }
}

/// What no valid component brings about, nor any embedder.
#[cold]
pub(crate) fn internal(message: &str) -> anyhow::Error {
    Trap::new(TrapCode::Signature, message).into()
}

#[cold]
fn stack_overflow() -> anyhow::Error {
    Trap::new(
        TrapCode::StackOverflow,
        "call stack exhausted: the guest calls itself too deeply",
    )
    .into()
}

#[cold]
fn cannot_leave() -> Trap {
    Trap::new(TrapCode::CannotLeave, "cannot leave component instance")
}

#[cold]
pub(crate) fn interrupted() -> Trap {
    Trap::new(TrapCode::Interrupt, "interrupt")
}

/// A guest's memory and allocator.
struct Guest<'a, T: 'static> {
    store: &'a mut StoreInner<T>,
    at: Place<'a>,
    memory: MemId,
    realloc: Option<FuncId>,
    /// Why the allocator failed, where that was more than a trap.
    failure: &'a mut Option<anyhow::Error>,
}

impl<T: 'static> Memory for Guest<'_, T> {
    fn length(&self) -> u64 {
        self.store.core.bytes(self.memory).length()
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        self.store.core.bytes(self.memory).read(offset, bytes)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.store.core.bytes_mut(self.memory).write(offset, bytes)
    }
}

impl<T: 'static> Guest<'_, T> {
    /// Runs the guest's allocator while the handles are back in the instance.
    fn with_tables<R>(
        &mut self,
        resources: &mut ResourceTables,
        run: impl FnOnce(&mut Self) -> R,
    ) -> R {
        if let Some(instance) = self.store.instances.get_mut(self.at.instance) {
            instance.tables = Some(std::mem::take(resources));
        }
        let result = run(self);
        if let Some(instance) = self.store.instances.get_mut(self.at.instance) {
            *resources = instance.tables.take().unwrap_or_default();
        }
        result
    }
}

impl<T: 'static> Realloc for Guest<'_, T> {
    fn realloc(
        &mut self,
        resources: &mut ResourceTables,
        old_pointer: u32,
        old_size: u32,
        align: u32,
        new_size: u32,
    ) -> Result<u32, Trap> {
        let Some(realloc) = self.realloc else {
            return Err(Trap::new(
                TrapCode::Signature,
                "the canonical options name no realloc",
            ));
        };
        let params = [old_pointer, old_size, align, new_size].map(CoreVal::I32);
        let results = [crate::abi::FlatType::I32];
        let called = self.with_tables(resources, |guest| {
            let store = &mut guest.store;
            store.enter_without_leave(guest.at, realloc, &params, &results)
        });
        match called {
            Ok(results) => i32_of(results.first())
                .map_err(|error| Trap::new(TrapCode::Signature, error.to_string())),
            Err(error) => {
                let trap = match error.downcast_ref::<Trap>() {
                    Some(trap) => trap.clone(),
                    None => Trap::new(TrapCode::Host, error.to_string()),
                };
                self.failure.get_or_insert(error);
                Err(trap)
            }
        }
    }
}

impl<T: 'static> StoreInner<T> {
    pub(crate) fn instance(
        &mut self,
        index: usize,
    ) -> anyhow::Result<&mut crate::instance::InstanceData<T>> {
        self.instances
            .get_mut(index)
            .ok_or_else(|| internal("there is no such instance"))
    }

    /// Finds the instance that an embedder means, and no other store's in its place.
    pub(crate) fn own(
        &mut self,
        index: usize,
        serial: u64,
    ) -> Result<&mut crate::instance::InstanceData<T>, HostError> {
        let found = self.instances.get_mut(index);
        found
            .filter(|instance| instance.serial == serial)
            .ok_or_else(|| HostError::new("the instance or function is of another store"))
    }
}
