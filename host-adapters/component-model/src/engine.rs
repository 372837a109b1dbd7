//! The interface to a core WebAssembly engine: everything that this crate needs of one.
//!
//! An engine implements four traits. [`Engine`] loads core modules, [`CoreStore`] links and runs
//! them, [`Interrupt`] stops them from another thread, and [`Compiler`], if the engine has one,
//! compiles them ahead of time. This crate implements the opposite side, [`Host`]: the engine calls
//! it when a guest calls a host function.
//!
//! Everything that a [`CoreStore`] creates lives as long as the store. Callers refer to it by
//! indices ([`FuncId`], [`MemId`], and so on) and not by pointers, so that nothing can outlive it.

use std::fmt::Debug;
use std::sync::Arc;

use compiled_code::{Key, Trusted};
use component_size::Limits as SizeLimits;

use crate::abi::Budget;
use crate::error::{HostError, LoadError, Trap};
use crate::handles::DEFAULT_HANDLE_LIMIT;

#[doc(no_inline)]
pub use crate::abi::CoreVal;
pub use crate::abi::call::CoreSignature;
pub use crate::abi::{FlatType, Memory, OutOfBounds};
pub use crate::plan::{CoreModule, add_polls};

/// The most parameters or results of a core function between host and guest. The canonical ABI
/// needs 17.
pub const MAX_VALUES: usize = 32;

/// The bytes in a page of linear memory.
pub const PAGE_BYTES: u64 = 65_536;

/// The limits on components that an engine enforces through this crate.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// The size limits of a component, checked before anything else is done with it.
    pub size: SizeLimits,
    /// The bytes that one call may copy from a guest into the host's memory; see [`Budget`].
    pub call_budget: usize,
    /// The handles and loans that one instance may have at once.
    pub handles: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size: SizeLimits::default(),
            call_budget: Budget::DEFAULT,
            handles: DEFAULT_HANDLE_LIMIT,
        }
    }
}

/// A core WebAssembly engine. Clones are the same engine.
pub trait Engine: Clone + Debug + Send + Sync + 'static {
    /// A core module, parsed and validated.
    type Module: Debug + Send + Sync + 'static;

    /// The engine's part of a store.
    type CoreStore<H: Host<Engine = Self>>: CoreStore<H>;

    /// Reserved address space for a memory, released when this is dropped.
    type Reservation;

    /// Returns the limits on components.
    fn limits(&self) -> &Limits;

    /// Returns whether two handles refer to the same engine.
    fn same(&self, other: &Self) -> bool;

    /// Parses and validates a core module. Must not load native code in it, because the guest could
    /// have supplied it.
    ///
    /// # Errors
    ///
    /// [`LoadError::Engine`] if the engine rejects the module.
    fn load(&self, module: &[u8]) -> Result<Self::Module, LoadError>;

    /// Creates the engine's part of a store.
    ///
    /// # Errors
    ///
    /// An error if there is no memory left for it.
    fn create_store<H: Host<Engine = Self>>(&self) -> Result<Self::CoreStore<H>, HostError>;

    /// Reserves address space for a memory of this many pages, to find out whether it is available.
    /// Returns `None` if it is not.
    fn reserve_memory(&self, pages: u64) -> Option<Self::Reservation>;
}

/// An engine that compiles core modules ahead of time.
pub trait Compiler: Engine {
    /// Returns whether a module can be compiled. Other modules are interpreted.
    fn can_compile(&self, module: &CoreModule) -> bool;

    /// Returns the cache key of a module's code. It covers everything that the code depends on: the
    /// module, the versions of engine and compiler, the settings and the processor.
    fn code_key(&self, module: &CoreModule) -> Key;

    /// Compiles a module.
    ///
    /// # Errors
    ///
    /// [`LoadError::Compiler`] if the module cannot be compiled.
    fn compile(&self, module: &CoreModule) -> Result<Trusted, LoadError>;

    /// Loads compiled code.
    ///
    /// # Errors
    ///
    /// [`LoadError::Compiler`] if the engine rejects the code.
    fn load_compiled(&self, code: &Trusted) -> Result<Self::Module, LoadError>;
}

/// The host side of an engine.
pub trait Host: Sized + 'static {
    /// The engine.
    type Engine: Engine;

    /// A host function, with the data that it needs to run.
    type Callee: Send + 'static;

    /// Returns the engine's part of the store.
    fn core(&mut self) -> &mut <Self::Engine as Engine>::CoreStore<Self>;

    /// Runs a host function, which adds its results to the empty `results`. Returns whether it
    /// succeeded: after an error the engine stops the guest with [`Stop::Host`].
    fn host_call(
        &mut self,
        callee: &Self::Callee,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> bool;

    /// Stores the message of a panic in [`host_call`](Self::host_call). The engine must catch the
    /// panic, and stop the guest as it does after an error.
    fn panicked(&mut self, message: String);
}

/// The reason why a guest was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// A host function failed. The host has stored its error.
    Host,
    /// The engine stopped the guest.
    Engine(Trap),
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// Makes the index of the next element of a list.
            #[must_use]
            pub fn next<T>(list: &[T]) -> Self {
                Self(u32::try_from(list.len()).unwrap_or(u32::MAX))
            }

            /// Returns the index into a list.
            #[must_use]
            pub fn index(self) -> usize {
                usize::try_from(self.0).unwrap_or(usize::MAX)
            }
        }
    )*};
}

ids! {
    /// A namespace in which core instances are linked. They are numbered from 0.
    LinkageId;
    /// A core instance.
    InstanceId;
    /// A core function.
    FuncId;
    /// A linear memory.
    MemId;
    /// A mutable global of type `i32`.
    GlobalId;
}

/// An engine's part of a store: everything that is linked and runs in it.
///
/// Errors mean that the engine is out of memory, or that an index is unknown.
#[expect(
    clippy::missing_errors_doc,
    reason = "the errors of all methods are described once, above"
)]
pub trait CoreStore<H: Host>: Send {
    /// A memory to copy from and to.
    type Memory<'a>: Memory
    where
        Self: 'a;

    /// Creates a namespace, with a module of this name for the host's items.
    fn create_linkage(&mut self, host_module: &str) -> Result<LinkageId, HostError>;

    /// Adds a function to the host's module, which calls [`Host::host_call`].
    fn define_function(
        &mut self,
        linkage: LinkageId,
        name: &str,
        callee: H::Callee,
        signature: &CoreSignature,
    ) -> Result<(), HostError>;

    /// Adds a function to the host's module that does nothing. When a guest calls it, the engine
    /// checks whether the guest was interrupted.
    fn define_poll(&mut self, linkage: LinkageId, name: &str) -> Result<(), HostError>;

    /// Adds a mutable global of type `i32` to the host's module.
    fn define_global(
        &mut self,
        linkage: LinkageId,
        name: &str,
        value: i32,
    ) -> Result<GlobalId, HostError>;

    /// Registers the host's module, which is complete now, so that guests of a namespace can import
    /// from it.
    fn register_host_module(&mut self, linkage: LinkageId) -> Result<(), HostError>;

    /// Finds a function of the host's module. Returns the same index each time.
    fn host_function(&mut self, linkage: LinkageId, name: &str) -> Option<FuncId>;

    /// Finds a function that an instance exports. Returns the same index each time.
    fn function(&mut self, instance: InstanceId, export: &str) -> Option<FuncId>;

    /// Finds a memory that an instance exports.
    fn memory(&mut self, instance: InstanceId, export: &str) -> Option<MemId>;

    /// Reads a global.
    fn global(&self, global: GlobalId) -> Option<i32>;

    /// Writes a global.
    fn set_global(&mut self, global: GlobalId, value: i32);

    /// Returns the bytes of a memory.
    fn bytes(&self, memory: MemId) -> &[u8];

    /// Returns the bytes of a memory mutably.
    fn bytes_mut(&mut self, memory: MemId) -> &mut [u8];

    /// Notes that a memory is about to grow: cached addresses of memories are no longer valid.
    fn memory_grows(&mut self);

    /// Returns two memories, which may be the same one, to copy between.
    fn memory_pair(&mut self, a: MemId, b: MemId) -> Option<(Self::Memory<'_>, Self::Memory<'_>)>;

    /// Returns a handle that interrupts guests of this store from another thread. The first one
    /// may have to be made while no guest runs.
    fn interrupt_handle(&mut self) -> Result<Arc<dyn Interrupt>, HostError>;

    /// Forgets an interruption that no guest has noticed.
    fn clear_interruption(&mut self);

    /// Sets the total cost after which guests are stopped. Each instruction costs one.
    fn set_cost_limit(&mut self, limit: u64) -> Result<(), HostError>;

    /// Returns the cost of the instructions that guests have executed.
    fn cost(&mut self) -> Result<u64, HostError>;

    /// Instantiates a module under a name, and runs its start function.
    fn instantiate(
        host: &mut H,
        linkage: LinkageId,
        module: &Arc<<H::Engine as Engine>::Module>,
        name: &str,
    ) -> Result<InstanceId, Stop>;

    /// Calls a function with results of these types.
    fn call(
        host: &mut H,
        function: FuncId,
        params: &[CoreVal],
        results: &[FlatType],
    ) -> Result<Vec<CoreVal>, Stop>;
}

/// Interrupts the guests of a store from another thread.
pub trait Interrupt: Debug + Send + Sync {
    /// Stops the running guest, or the next one that is called.
    fn interrupt(&self);
}
