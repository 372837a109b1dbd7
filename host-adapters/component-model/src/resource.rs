//! Resources that the host defines: their types, and a table for their values.

use std::any::{Any, TypeId};
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::HostError;
use crate::ids::{Rep, ResourceId};

/// The identity of a resource type, to compare an import with the type of a host function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResourceType(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Host(TypeId),
    Guest {
        instance: u64,
        resource: ResourceId,
    },
    /// Imported, but used by no function.
    Unknown,
}

impl ResourceType {
    /// A resource type of the host, identified by a Rust type.
    pub fn host<T: 'static>() -> Self {
        Self(Kind::Host(TypeId::of::<T>()))
    }

    pub(crate) fn guest(instance: u64, resource: ResourceId) -> Self {
        Self(Kind::Guest { instance, resource })
    }

    pub(crate) const UNKNOWN: Self = Self(Kind::Unknown);
}

/// A handle of a resource that the host defines, identified by the Rust type `T`.
///
/// `T` is only a marker; no value of it needs to exist. The host defines the meaning of the number:
/// with [`ResourceTable`] it is a key.
///
/// An owned resource can be given to a guest once: a handle that was passed as `own` is refused
/// afterwards, as `own` and as `borrow`.
pub struct Resource<T> {
    rep: u32,
    owned: bool,
    /// True if it was given to a guest. Atomic because lowering takes it by reference, and handles
    /// may be shared between threads.
    given: AtomicBool,
    ty: PhantomData<fn() -> T>,
}

impl<T> Resource<T> {
    /// Makes an owning handle for `rep`. Passing it to a guest transfers the ownership.
    pub fn new_own(rep: u32) -> Self {
        Self::new(rep, true)
    }

    /// Makes a borrowing handle for `rep`.
    pub fn new_borrow(rep: u32) -> Self {
        Self::new(rep, false)
    }

    fn new(rep: u32, owned: bool) -> Self {
        Self {
            rep,
            owned,
            given: AtomicBool::new(false),
            ty: PhantomData,
        }
    }

    /// Returns the number.
    pub fn rep(&self) -> u32 {
        self.rep
    }

    /// Returns whether this is owned, not borrowed.
    pub fn owned(&self) -> bool {
        self.owned
    }

    pub(crate) fn lifted(rep: Rep, owned: bool) -> Self {
        Self::new(rep.0, owned)
    }

    /// Returns whether it was given to a guest.
    pub(crate) fn is_given(&self) -> bool {
        self.given.load(Ordering::Relaxed)
    }

    /// Marks it as given to a guest.
    pub(crate) fn give(&self) {
        self.given.store(true, Ordering::Relaxed);
    }
}

impl<T> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("rep", &self.rep)
            .field("owned", &self.owned)
            .field("given", &self.given)
            .finish()
    }
}

/// The default capacity of a [`ResourceTable`].
pub const DEFAULT_TABLE_CAPACITY: usize = 1_000_000;

/// A table of values of any types for the host's resources.
#[derive(Debug)]
pub struct ResourceTable {
    entries: Vec<Option<Box<dyn Any + Send>>>,
    free: Vec<u32>,
    capacity: usize,
}

impl Default for ResourceTable {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_TABLE_CAPACITY)
    }
}

impl ResourceTable {
    /// Makes an empty table for at most [`DEFAULT_TABLE_CAPACITY`] resources.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty table for at most `capacity` resources.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            capacity,
        }
    }

    /// Adds a value, and returns an owning handle.
    ///
    /// # Errors
    ///
    /// An error if the table is full.
    pub fn push<T: Send + 'static>(&mut self, value: T) -> Result<Resource<T>, HostError> {
        let boxed: Option<Box<dyn Any + Send>> = Some(Box::new(value));
        if let Some(free) = self.free.pop() {
            if let Some(slot) = usize::try_from(free)
                .ok()
                .and_then(|at| self.entries.get_mut(at))
            {
                *slot = boxed;
            }
            return Ok(Resource::new_own(free));
        }
        let rep = u32::try_from(self.entries.len()).ok();
        let rep = rep.filter(|_| self.entries.len() < self.capacity);
        let rep = rep.ok_or_else(|| HostError::new("the table of resources is full"))?;
        self.entries.push(boxed);
        Ok(Resource::new_own(rep))
    }

    fn slot(&mut self, rep: u32) -> Option<&mut Option<Box<dyn Any + Send>>> {
        self.entries.get_mut(usize::try_from(rep).ok()?)
    }

    /// Returns the value of a handle.
    ///
    /// # Errors
    ///
    /// An error if there is none, or it is of another type.
    pub fn get<T: 'static>(&self, resource: &Resource<T>) -> Result<&T, HostError> {
        let entry = usize::try_from(resource.rep)
            .ok()
            .and_then(|at| self.entries.get(at)?.as_ref());
        entry
            .and_then(|entry| entry.downcast_ref())
            .ok_or_else(absent)
    }

    /// Returns the value of a handle mutably.
    ///
    /// # Errors
    ///
    /// An error if there is none, or it is of another type.
    pub fn get_mut<T: 'static>(&mut self, resource: &Resource<T>) -> Result<&mut T, HostError> {
        let entry = self.slot(resource.rep).and_then(Option::as_mut);
        entry
            .and_then(|entry| entry.downcast_mut())
            .ok_or_else(absent)
    }

    /// Removes a value from the table and returns it.
    ///
    /// # Errors
    ///
    /// An error if there is none, or it is of another type.
    pub fn delete<T: 'static>(&mut self, resource: Resource<T>) -> Result<T, HostError> {
        let slot = self.slot(resource.rep).ok_or_else(absent)?;
        let value = slot.take().ok_or_else(absent)?;
        match value.downcast() {
            Ok(value) => {
                self.free.push(resource.rep);
                Ok(*value)
            }
            Err(other) => {
                if let Some(slot) = self.slot(resource.rep) {
                    *slot = Some(other);
                }
                Err(absent())
            }
        }
    }
}

fn absent() -> HostError {
    HostError::new("the resource table has no value of this type under this handle")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushed_values_are_found_until_deleted() {
        let mut table = ResourceTable::with_capacity(2);
        let a = table.push("a").unwrap();
        let b = table.push(7u8).unwrap();
        assert!(table.push(0).is_err(), "it is full");
        assert_eq!(table.get(&a), Ok(&"a"));
        *table.get_mut(&b).unwrap() += 1;
        assert!(table.get(&Resource::<u16>::new_borrow(b.rep())).is_err());
        assert!(table.delete(Resource::<u16>::new_own(b.rep())).is_err());
        let stale = Resource::<u8>::new_own(b.rep());
        assert_eq!(table.delete(b), Ok(8));
        assert!(table.delete(stale).is_err());
        assert_eq!(table.push('c').unwrap().rep(), 1);
    }
}
