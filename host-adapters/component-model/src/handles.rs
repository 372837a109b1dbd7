//! Handle tables: the owner of each resource, its loans, and the calls to which it is lent.
//!
//! Source: [Canonical
//! ABI](https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md),
//! sections Resource State, Lifting and Lowering of `own` and `borrow`, and the `resource.*`
//! built-ins.

mod slots;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{HostError, Trap, TrapCode};
use crate::ids::{ComponentInstanceId, Handle, Rep, ResourceId, ResourceTableId};

use slots::{Held, Removed, Slots};

/// The default limit on the handles and loans of one component instance tree at once. Wasmtime
/// allows a store as many handles.
pub const DEFAULT_HANDLE_LIMIT: usize = 100_000;

/// A resource type as one component instance sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceTable {
    /// The resource.
    pub resource: ResourceId,
    /// The component instance that has these handles.
    pub instance: ComponentInstanceId,
    /// The component instance that defines the resource, or `None` if it is imported from the
    /// host.
    pub definer: Option<ComponentInstanceId>,
}

/// A resource of any type that the host holds.
///
/// It is a key into the tables of the instance that it came from. Using a copy is an error after
/// the resource was given away or dropped, or after the call ended for which it was lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResourceAny {
    key: u32,
    serial: u64,
    resource: ResourceId,
    owned: bool,
}

impl ResourceAny {
    /// Returns the resource's type.
    pub(crate) fn ty(&self) -> ResourceId {
        self.resource
    }

    /// Returns whether this is owned, not borrowed.
    pub fn owned(&self) -> bool {
        self.owned
    }
}

/// All handles of one instantiated component, including the host's, and the calls that borrows
/// belong to.
///
/// Calls nest: [`enter_call`](Self::enter_call) opens a scope for loans and borrows,
/// [`exit_call`](Self::exit_call) closes it.
///
/// The default value has no tables and takes no memory.
#[derive(Debug, Default)]
pub struct ResourceTables {
    types: Box<[ResourceTable]>,
    guests: Vec<Slots>,
    host: Slots,
    scopes: Vec<Scope>,
    live: HandleCount,
}

/// Assigns serial numbers, which distinguish the host's handles of one instance from those of any
/// other, and from earlier handles with the same index.
static NEXT_SERIAL: AtomicU64 = AtomicU64::new(0);

#[derive(Debug, Default)]
struct Scope {
    /// The loans to this call, which end with it.
    lenders: Vec<Lender>,
    /// Borrowed handles that the callee has not dropped yet.
    borrows: u32,
    /// Borrowed handles of the host, which are removed when the call ends.
    host_borrows: Vec<u32>,
    /// Handles that were lowered for this call.
    lowered: Vec<(ResourceTableId, Handle)>,
}

#[derive(Debug)]
enum Lender {
    Guest(ComponentInstanceId, u32),
    Host(u32),
}

/// Counts handles and loans against the limit.
#[derive(Debug, Default)]
struct HandleCount {
    count: usize,
    limit: usize,
}

impl HandleCount {
    fn add(&mut self) -> Result<(), Trap> {
        if self.count >= self.limit {
            return Err(Trap::new(
                TrapCode::TooManyHandles,
                format!("more than {} handles and loans at once", self.limit),
            ));
        }
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    fn remove(&mut self) {
        self.count = self.count.saturating_sub(1);
    }
}

impl ResourceTables {
    /// Makes empty tables for a component with these resource tables and this many component
    /// instances.
    pub fn new(
        types: impl Into<Box<[ResourceTable]>>,
        component_instances: u32,
        limit: usize,
    ) -> Self {
        Self {
            types: types.into(),
            guests: (0..component_instances).map(|_| Slots::default()).collect(),
            host: Slots::default(),
            scopes: Vec::new(),
            live: HandleCount { count: 0, limit },
        }
    }

    /// Returns the number of handles and loans.
    pub fn live(&self) -> usize {
        self.live.count
    }

    /// Opens the scope of a call.
    pub fn enter_call(&mut self) {
        self.scopes.push(Scope::default());
    }

    /// Closes the scope of the innermost call, and ends its loans.
    ///
    /// # Errors
    ///
    /// A trap if the callee still has handles that it borrowed for the call.
    pub fn exit_call(&mut self) -> Result<(), Trap> {
        let Some(scope) = self.scopes.pop() else {
            return Err(Trap::new(
                TrapCode::BorrowLeaked,
                "a call was left that was never entered",
            ));
        };
        for key in scope.host_borrows {
            if self.host.remove(key).is_some() {
                self.live.remove();
            }
        }
        for lender in scope.lenders {
            let slot = match lender {
                Lender::Guest(instance, handle) => self
                    .guest_slots(instance)
                    .and_then(|slots| slots.find_mut(handle)),
                Lender::Host(key) => self.host.find_mut(key),
            };
            if let Some(slot) = slot {
                slot.give_back();
                self.live.remove();
            }
        }
        match scope.borrows {
            0 => Ok(()),
            left => Err(Trap::new(
                TrapCode::BorrowLeaked,
                format!("{left} borrowed handles remain at the end of their call"),
            )),
        }
    }

    /// Closes the scope of a call that was not made because not all of its arguments could be
    /// lowered. Returns the owned resources among those that were lowered: they have no owner any
    /// more, and their destructors must run.
    ///
    /// # Errors
    ///
    /// A trap if there is no call, or if the lowered handles have changed. That should not happen,
    /// because the guest never received them.
    pub fn abandon_call(&mut self) -> Result<Vec<(ResourceId, Rep)>, Trap> {
        let scope = self.scopes.last_mut().ok_or_else(no_call)?;
        let lowered = std::mem::take(&mut scope.lowered).into_iter();
        let dropped = lowered.map(|(table, handle)| {
            let resource = self.resource(table)?;
            Ok(self.drop_handle(table, handle)?.map(|rep| (resource, rep)))
        });
        let dropped: Result<Vec<_>, Trap> = dropped.collect();
        self.exit_call()?;
        Ok(dropped?.into_iter().flatten().collect())
    }

    /// Inserts an owned handle for the innermost call: the lowering of `own`.
    ///
    /// # Errors
    ///
    /// A trap if there are too many handles.
    pub fn give_own(&mut self, table: ResourceTableId, rep: Rep) -> Result<Handle, Trap> {
        let handle = self.lower_own(table, rep)?;
        if let Some(scope) = self.scopes.last_mut() {
            scope.lowered.push((table, handle));
        }
        Ok(handle)
    }

    /// Inserts an owned handle: `resource.new`.
    ///
    /// # Errors
    ///
    /// A trap if there are too many handles.
    pub fn lower_own(&mut self, table: ResourceTableId, rep: Rep) -> Result<Handle, Trap> {
        let ty = self.table(table)?;
        self.insert_guest(ty, Held::own(table, rep))
    }

    /// Removes an owned handle: the lifting of `own`.
    ///
    /// # Errors
    ///
    /// A trap if the handle is unknown, or is of a resource of another type, borrowed, or lent.
    pub fn lift_own(&mut self, table: ResourceTableId, handle: Handle) -> Result<Rep, Trap> {
        let ty = self.table(table)?;
        let slot = self.find(ty, table, handle)?;
        match slot.removal() {
            Removed::Own(rep) => {
                self.remove_guest(ty, handle);
                Ok(rep)
            }
            Removed::Lent => Err(lent(handle)),
            Removed::Borrow { .. } => Err(Trap::new(
                TrapCode::InvalidHandle,
                format!("handle {} is borrowed, expected an owned one", handle.0),
            )),
        }
    }

    /// Lends the resource to the innermost call: the lifting of `borrow`.
    ///
    /// # Errors
    ///
    /// A trap if the handle is unknown or of a resource of another type, or is lent too often.
    pub fn lift_borrow(&mut self, table: ResourceTableId, handle: Handle) -> Result<Rep, Trap> {
        let ty = self.table(table)?;
        let rep = self.find(ty, table, handle)?.rep();
        if self.scopes.is_empty() {
            return Err(no_call());
        }
        self.live.add()?;
        let lends = self.find(ty, table, handle)?.lend();
        match (lends, self.scopes.last_mut()) {
            (Some(true), Some(scope)) => scope.lenders.push(Lender::Guest(ty.instance, handle.0)),
            // A borrowed handle may be lent again: its own call outlives the call that it is lent
            // to.
            (Some(false), Some(_)) => self.live.remove(),
            (None, _) => {
                return Err(Trap::new(
                    TrapCode::TooManyHandles,
                    format!("handle {} is lent too often", handle.0),
                ));
            }
            (_, None) => return Err(no_call()),
        }
        Ok(rep)
    }

    /// Passes a borrowed resource to a guest for the innermost call: the lowering of `borrow`.
    ///
    /// The instance that defines the resource gets its representation instead of a handle, as the
    /// specification requires.
    ///
    /// # Errors
    ///
    /// A trap if there are too many handles.
    pub fn lower_borrow(&mut self, table: ResourceTableId, rep: Rep) -> Result<u32, Trap> {
        let ty = self.table(table)?;
        if ty.definer == Some(ty.instance) {
            return Ok(rep.0);
        }
        let index = self.scopes.len().checked_sub(1).ok_or_else(no_call)?;
        let handle = self.insert_guest(ty, Held::borrow(table, rep, index))?;
        if let Some(scope) = self.scopes.get_mut(index) {
            scope.borrows = scope.borrows.saturating_add(1);
            scope.lowered.push((table, handle));
        }
        Ok(handle.0)
    }

    /// Moves an owned handle from one component instance to another, as fused adapters do.
    ///
    /// # Errors
    ///
    /// As [`lift_own`](Self::lift_own) and [`lower_own`](Self::lower_own).
    pub fn transfer_own(
        &mut self,
        from: ResourceTableId,
        to: ResourceTableId,
        handle: Handle,
    ) -> Result<Handle, Trap> {
        let rep = self.lift_own(from, handle)?;
        self.lower_own(to, rep)
    }

    /// Lends a handle of one component instance to another for the innermost call, as fused
    /// adapters do.
    ///
    /// # Errors
    ///
    /// As [`lift_borrow`](Self::lift_borrow) and [`lower_borrow`](Self::lower_borrow).
    pub fn transfer_borrow(
        &mut self,
        from: ResourceTableId,
        to: ResourceTableId,
        handle: Handle,
    ) -> Result<u32, Trap> {
        let rep = self.lift_borrow(from, handle)?;
        self.lower_borrow(to, rep)
    }

    /// Returns a resource's representation: `resource.rep`.
    ///
    /// # Errors
    ///
    /// A trap if the handle is unknown or of a resource of another type.
    pub fn rep(&mut self, table: ResourceTableId, handle: Handle) -> Result<Rep, Trap> {
        let ty = self.table(table)?;
        Ok(self.find(ty, table, handle)?.rep())
    }

    /// Drops a handle: `resource.drop`. Returns the representation if the destructor must run.
    ///
    /// # Errors
    ///
    /// A trap if the handle is unknown, or is of a resource of another type, or lent.
    pub fn drop_handle(
        &mut self,
        table: ResourceTableId,
        handle: Handle,
    ) -> Result<Option<Rep>, Trap> {
        let ty = self.table(table)?;
        let removal = self.find(ty, table, handle)?.removal();
        match removal {
            Removed::Lent => Err(lent(handle)),
            Removed::Own(rep) => {
                self.remove_guest(ty, handle);
                Ok(Some(rep))
            }
            Removed::Borrow { scope } => {
                self.remove_guest(ty, handle);
                if let Some(scope) = self.scopes.get_mut(scope) {
                    scope.borrows = scope.borrows.saturating_sub(1);
                }
                Ok(None)
            }
        }
    }

    /// Returns the resource to which the handles of a table refer.
    ///
    /// # Errors
    ///
    /// A trap if there is no such table, which a valid component cannot cause.
    pub fn resource(&self, table: ResourceTableId) -> Result<ResourceId, Trap> {
        Ok(self.table(table)?.resource)
    }

    /// Adds an owned resource to the host's table.
    ///
    /// # Errors
    ///
    /// A trap if there are too many handles.
    pub fn host_own(&mut self, resource: ResourceId, rep: Rep) -> Result<ResourceAny, Trap> {
        self.insert_host(resource, Held::own(ResourceTableId(resource.0), rep), true)
    }

    /// Adds a borrowed resource to the host's table, for the innermost call.
    ///
    /// # Errors
    ///
    /// A trap if there are too many handles.
    pub fn host_borrow(&mut self, resource: ResourceId, rep: Rep) -> Result<ResourceAny, Trap> {
        let index = self.scopes.len().checked_sub(1).ok_or_else(no_call)?;
        let held = Held::borrow(ResourceTableId(resource.0), rep, index);
        let any = self.insert_host(resource, held, false)?;
        if let Some(scope) = self.scopes.get_mut(index) {
            scope.host_borrows.push(any.key);
        }
        Ok(any)
    }

    /// Returns the representation of a resource that the host holds.
    ///
    /// # Errors
    ///
    /// An error if the host no longer holds it.
    pub fn host_rep(&mut self, any: &ResourceAny) -> Result<Rep, HostError> {
        Ok(self.find_host(any)?.rep())
    }

    /// Removes an owned resource from the host's table, to transfer or to drop it.
    ///
    /// # Errors
    ///
    /// An error if the host no longer holds it, has only borrowed it, or has lent it.
    pub fn host_take(&mut self, any: &ResourceAny) -> Result<Rep, HostError> {
        match self.find_host(any)?.removal() {
            Removed::Own(rep) => {
                self.host.remove(any.key);
                self.live.remove();
                Ok(rep)
            }
            Removed::Lent => Err(HostError::new(
                "the resource is lent to a call that has not ended",
            )),
            Removed::Borrow { .. } => Err(HostError::new(
                "the resource is borrowed, expected an owned one",
            )),
        }
    }

    /// Lends a resource that the host holds to the innermost call.
    ///
    /// # Errors
    ///
    /// An error if the host no longer holds it, or there are too many loans.
    pub fn host_lend(&mut self, any: &ResourceAny) -> Result<Rep, HostError> {
        if self.scopes.is_empty() {
            return Err(HostError::new(no_call().message()));
        }
        let rep = self.find_host(any)?.rep();
        self.live
            .add()
            .map_err(|trap| HostError::new(trap.message()))?;
        match (self.find_host(any)?.lend(), self.scopes.last_mut()) {
            (Some(true), Some(scope)) => scope.lenders.push(Lender::Host(any.key)),
            (Some(false), _) => self.live.remove(),
            _ => return Err(HostError::new("the resource is lent too often")),
        }
        Ok(rep)
    }

    fn table(&self, id: ResourceTableId) -> Result<ResourceTable, Trap> {
        let table = self.types.get(id.index());
        table.copied().ok_or_else(|| {
            Trap::new(
                TrapCode::Signature,
                format!("there is no resource table {}", id.0),
            )
        })
    }

    fn guest_slots(&mut self, instance: ComponentInstanceId) -> Option<&mut Slots> {
        self.guests.get_mut(instance.index())
    }

    fn find(
        &mut self,
        ty: ResourceTable,
        table: ResourceTableId,
        handle: Handle,
    ) -> Result<&mut Held, Trap> {
        let found = self
            .guest_slots(ty.instance)
            .and_then(|slots| slots.find_mut(handle.0));
        match found {
            None => Err(Trap::new(
                TrapCode::InvalidHandle,
                format!("unknown handle index {}", handle.0),
            )),
            Some(held) if held.table() != table => Err(Trap::new(
                TrapCode::InvalidHandle,
                format!(
                    "handle index {} refers to a resource of another type",
                    handle.0
                ),
            )),
            Some(held) => Ok(held),
        }
    }

    fn insert_guest(&mut self, ty: ResourceTable, held: Held) -> Result<Handle, Trap> {
        self.live.add()?;
        let inserted = self
            .guest_slots(ty.instance)
            .and_then(|slots| slots.insert(held));
        inserted.map(Handle).ok_or_else(|| {
            self.live.remove();
            Trap::new(TrapCode::TooManyHandles, "no handle index is left")
        })
    }

    fn remove_guest(&mut self, ty: ResourceTable, handle: Handle) {
        if self
            .guest_slots(ty.instance)
            .and_then(|slots| slots.remove(handle.0))
            .is_some()
        {
            self.live.remove();
        }
    }

    fn insert_host(
        &mut self,
        resource: ResourceId,
        held: Held,
        owned: bool,
    ) -> Result<ResourceAny, Trap> {
        self.live.add()?;
        let serial = NEXT_SERIAL.fetch_add(1, Ordering::Relaxed);
        let Some(key) = self.host.insert(held.with_serial(serial)) else {
            self.live.remove();
            return Err(Trap::new(
                TrapCode::TooManyHandles,
                "no handle index is left",
            ));
        };
        Ok(ResourceAny {
            key,
            serial,
            resource,
            owned,
        })
    }

    fn find_host(&mut self, any: &ResourceAny) -> Result<&mut Held, HostError> {
        let held = self
            .host
            .find_mut(any.key)
            .filter(|held| held.serial() == any.serial);
        held.ok_or_else(|| {
            HostError::new("the resource was given away or dropped, or its call has ended")
        })
    }
}

fn lent(handle: Handle) -> Trap {
    Trap::new(
        TrapCode::HandleLent,
        format!("handle {} is lent to a call that has not ended", handle.0),
    )
}

fn no_call() -> Trap {
    Trap::new(
        TrapCode::BorrowLeaked,
        "a resource can only be lent during a call",
    )
}

#[cfg(test)]
mod tests;
