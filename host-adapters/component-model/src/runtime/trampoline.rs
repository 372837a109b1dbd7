//! Selects and runs the host function for a call from a guest.

use crate::abi::CoreVal;
use crate::engine::{CoreStore, Engine};
use crate::error::Trap;
use crate::ids::*;
use crate::plan::{TrampolineKind, adapter_trap};
use crate::runtime::call::{CanonContext, i32_of, internal, stack_overflow, three};
use crate::runtime::component::Component;
use crate::runtime::host_func::HostCall;
use crate::runtime::instance_data::{Action, HostFunction, ResourceDefinition};
use crate::runtime::store::{StoreContextMut, StoreInner};

impl<T: 'static, E: Engine> StoreInner<T, E> {
    /// Runs the host function that a core module calls.
    pub(crate) fn run_host_function(
        &mut self,
        callee: &HostFunction<T, E>,
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
                        at: CanonContext {
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

    /// Runs a host function that the component itself asks for.
    fn run_trampoline(
        &mut self,
        index: usize,
        component: &Component<E>,
        id: TrampolineId,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> anyhow::Result<()> {
        let plan = component.plan();
        let trampoline = plan.trampolines.get(id.index());
        let trampoline = trampoline.ok_or_else(|| internal("there is no such trampoline"))?;
        match &trampoline.kind {
            TrampolineKind::LowerImport { .. } => Err(internal("an import is not linked")),
            TrampolineKind::Transcoder { op, from, to } => {
                let mut arguments = Vec::new();
                for value in params {
                    arguments.push(i32_of(Some(value))?);
                }
                let interruption = self.interruption().clone();
                let instance = self.instance(index)?;
                let memories = instance.memory(*from).zip(instance.memory(*to));
                let pair = memories.and_then(|(from, to)| self.core.memory_pair(from, to));
                let (from, mut to) =
                    pair.ok_or_else(|| internal("a transcoder's memory does not exist"))?;
                let written =
                    op.run_while(&from, &mut to, &arguments, &mut || interruption.check())?;
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
            TrampolineKind::ResourceRep { table } => {
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

    /// Runs the destructor of a resource that its owner has dropped.
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
}

fn transfer(params: &[CoreVal]) -> anyhow::Result<(Handle, ResourceTableId, ResourceTableId)> {
    let [handle, from, to] = three(params)?;
    Ok((Handle(handle), ResourceTableId(from), ResourceTableId(to)))
}
