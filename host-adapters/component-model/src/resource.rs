//! Resources that the host defines: their types, and handles.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

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
/// `T` is only a marker; no value of it needs to exist. The host defines the meaning of the number,
/// for example as a key of Wasmtime's `ResourceTable`, as `component-wasi` does.
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
