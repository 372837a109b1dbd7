//! Calls into a guest, and the values passed between it and the host.

use crate::abi::{
    Budget, CoreVal, FlatType, LiftContext, LowerContext, Memory, OutOfBounds, Realloc,
};
use crate::engine::{CoreStore, Engine, FuncId, MemId, Stop};
use crate::error::{CallError, HostError, Trap, TrapCode};
use crate::handles::ResourceTables;
use crate::ids::*;
use crate::plan::{CanonicalOptions, MAX_STACK_UNITS, MAY_LEAVE};
use crate::runtime::instance_data::Flags;
use crate::runtime::store::StoreInner;

/// The [stack units](crate::plan::MAX_STACK_UNITS) that count for a call from a guest through the
/// host into a guest: 64 KiB.
pub const HOST_UNITS: u32 = 4096;

/// The instance and the canonical options for lifting and lowering values.
#[derive(Clone, Copy)]
pub(crate) struct CanonContext<'a> {
    pub(crate) instance: usize,
    pub(crate) options: &'a CanonicalOptions,
}

impl<T: 'static, E: Engine> StoreInner<T, E> {
    /// Runs `enter`, which enters an instance. Its stack units continue from those of the guests
    /// that already run in this store, because all of them share the stack.
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
            "guests give back the units that they use"
        );
        // Even after a trap, no frames of the entered guest remain.
        self.core.set_global(counter, before);
        result
    }

    /// Calls a core function of a guest.
    pub(crate) fn enter(
        &mut self,
        index: usize,
        function: FuncId,
        params: &[CoreVal],
        results: &[FlatType],
    ) -> anyhow::Result<Vec<CoreVal>> {
        self.interruption().check()?;
        self.within(index, |store| {
            let result = E::CoreStore::call(store, function, params, results);
            result.map_err(|stop| store.stopped(stop))
        })
    }

    /// Finds the memory of canonical options.
    pub(crate) fn memory_at(&mut self, at: CanonContext<'_>) -> anyhow::Result<Option<MemId>> {
        let instance = self.instance(at.instance)?;
        Ok(at.options.memory.and_then(|memory| instance.memory(memory)))
    }

    /// Runs lifting with its memory, handles and budget.
    pub(crate) fn lifting<R>(
        &mut self,
        at: CanonContext<'_>,
        lift: impl FnOnce(&mut LiftContext<'_>) -> Result<R, Trap>,
    ) -> anyhow::Result<R> {
        let mut budget = Budget::new(self.engine.limits().call_budget);
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

    /// Runs lowering with its memory, allocator and handles. The handles are taken out of the
    /// instance during lowering, and put back while the guest's allocator runs, because it may use
    /// `resource.rep`.
    pub(crate) fn lowering<R>(
        &mut self,
        at: CanonContext<'_>,
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

    /// Traps unless a component instance may call out.
    pub(crate) fn check_leave(
        &self,
        index: usize,
        instance: ComponentInstanceId,
    ) -> Result<(), Trap> {
        match self.flags(index, instance) {
            Some(flags) if flags & MAY_LEAVE != 0 => Ok(()),
            _ => Err(cannot_leave()),
        }
    }

    /// Returns the error for a guest that was stopped.
    pub(crate) fn stopped(&mut self, stop: Stop) -> anyhow::Error {
        match stop {
            Stop::Host => self.take_failure(),
            Stop::Engine(trap) => trap.into(),
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

    /// Calls a function that must not call out of its component instance: the allocator or
    /// `post-return`.
    pub(crate) fn enter_without_leave(
        &mut self,
        at: CanonContext<'_>,
        function: FuncId,
        params: &[CoreVal],
        results: &[FlatType],
    ) -> anyhow::Result<Vec<CoreVal>> {
        let instance = at.options.instance;
        let before = self.flags(at.instance, instance).unwrap_or(MAY_LEAVE);
        self.set_flags(at.instance, instance, before & !MAY_LEAVE)?;
        let result = self.enter(at.instance, function, params, results);
        self.set_flags(at.instance, instance, before)?;
        result
    }

    pub(crate) fn tables(&mut self, index: usize) -> anyhow::Result<&mut ResourceTables> {
        let tables = self.instance(index)?.tables.as_mut();
        Ok(tables.ok_or_else(cannot_leave)?)
    }
}

/// The reason why lowering failed.
#[derive(Debug)]
pub(crate) enum NotLowered {
    /// The embedder's values have another type. The guest's allocator may have run, but did not
    /// fail.
    Host(HostError),
    /// The guest violated the ABI, or was stopped in its allocator.
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

pub(crate) fn i32_of(value: Option<&CoreVal>) -> anyhow::Result<u32> {
    match value {
        Some(CoreVal::I32(bits)) => Ok(*bits),
        _ => Err(internal(
            "a host function was called with values of other types than its parameters",
        )),
    }
}

/// Makes the error for a state that no valid component and no embedder can cause.
#[cold]
pub(crate) fn internal(message: &str) -> anyhow::Error {
    Trap::new(TrapCode::Signature, message).into()
}

#[cold]
pub(crate) fn stack_overflow() -> anyhow::Error {
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

/// A guest's memory and allocator.
struct Guest<'a, T: 'static, E: Engine> {
    store: &'a mut StoreInner<T, E>,
    at: CanonContext<'a>,
    memory: MemId,
    realloc: Option<FuncId>,
    /// The reason why the allocator failed. The trap alone would lose the error of a host
    /// function.
    failure: &'a mut Option<anyhow::Error>,
}

impl<T: 'static, E: Engine> Memory for Guest<'_, T, E> {
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

impl<T: 'static, E: Engine> Guest<'_, T, E> {
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

impl<T: 'static, E: Engine> Realloc for Guest<'_, T, E> {
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
                "the canonical options have no realloc",
            ));
        };
        let params = [old_pointer, old_size, align, new_size].map(CoreVal::I32);
        let results = [FlatType::I32];
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
