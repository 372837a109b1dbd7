//! Stores, which hold instances and the embedder's data.

use std::fmt;

use crate::abi::CoreVal;
use crate::engine::{CoreStore, Engine, Host};
use crate::error::{HostError, Trap, TrapCode};
use crate::runtime::call::internal;
use crate::runtime::growth::{MAX_TABLE_ELEMENTS, ResourceLimiter};
use crate::runtime::instance_data::{HostFunction, InstanceData};
use crate::runtime::interruption::{InterruptHandle, Interrupted, Interruption, interrupted};

/// Instances, and the embedder's data for its host functions.
///
/// Instances live as long as their store. A store is used by one thread at a time, and may move
/// between threads.
///
/// # Stack
///
/// Guests run on the stack of the thread that calls them, and so do the host functions that they
/// call. Guests use at most about 5 MiB of it, compiled or not; then they are stopped with
/// [`TrapCode::StackOverflow`]. Guests that a host function enters, or that are entered to destroy
/// a resource, continue the count of the outer ones.
///
/// A thread that runs guests should therefore have a stack of 8 MiB, which leaves some for host
/// functions and their callers. The main thread of a program usually has that. Threads that Rust
/// starts have 2 MiB by default: see [`std::thread::Builder::stack_size`]. With less, a hostile
/// guest can end the process.
pub struct Store<T: 'static, E: Engine> {
    inner: Box<StoreInner<T, E>>,
}

type Limiter<T> = Box<dyn (Fn(&mut T) -> &mut dyn ResourceLimiter) + Send>;

pub(crate) struct StoreInner<T: 'static, E: Engine> {
    pub(crate) data: T,
    pub(crate) core: E::CoreStore<Self>,
    pub(crate) engine: E,
    pub(crate) instances: Vec<InstanceData<T, E>>,
    /// The innermost running instance.
    pub(crate) running: Option<usize>,
    limiter: Option<Limiter<T>>,
    /// The error of the last host function that failed, until the caller of the guest takes it.
    failure: Option<anyhow::Error>,
    cost_limit: Option<u64>,
    interruption: Interruption,
    /// The number of elements of all tables, including those of instances that failed.
    table_elements: u64,
    pub(crate) core_instances: usize,
    /// True if the last growth of a memory was allowed, until its result is known.
    pub(crate) memory_grows: bool,
}

impl<T: 'static, E: Engine> Store<T, E> {
    /// Makes an empty store.
    ///
    /// # Errors
    ///
    /// An error if the engine is out of memory.
    pub fn new(engine: &E, data: T) -> Result<Self, HostError> {
        Ok(Self {
            inner: Box::new(StoreInner {
                data,
                core: engine.create_store()?,
                engine: engine.clone(),
                instances: Vec::new(),
                running: None,
                limiter: None,
                failure: None,
                cost_limit: None,
                interruption: Interruption::default(),
                table_elements: 0,
                core_instances: 0,
                memory_grows: false,
            }),
        })
    }

    /// Returns the embedder's data.
    pub fn data(&self) -> &T {
        &self.inner.data
    }

    /// Returns the embedder's data mutably.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.inner.data
    }

    /// Drops the store and returns the embedder's data.
    pub fn into_data(self) -> T {
        let StoreInner { data, .. } = *self.inner;
        data
    }

    /// Returns the engine that the store was made for.
    pub fn engine(&self) -> &E {
        &self.inner.engine
    }

    /// Sets the limiter of memories and tables, which is part of the embedder's data.
    pub fn limiter(
        &mut self,
        limiter: impl (Fn(&mut T) -> &mut dyn ResourceLimiter) + Send + 'static,
    ) {
        self.inner.limiter = Some(Box::new(limiter));
    }

    /// Sets the total cost after which guests are stopped with [`TrapCode::OutOfFuel`]. Each
    /// instruction costs one.
    ///
    /// # Errors
    ///
    /// An error unless the engine counts costs.
    pub fn set_cost_limit(&mut self, limit: u64) -> Result<(), HostError> {
        self.inner.core.set_cost_limit(limit)?;
        self.inner.cost_limit = Some(limit);
        Ok(())
    }

    /// Returns the cost of the instructions that guests have executed so far.
    ///
    /// # Errors
    ///
    /// An error unless the engine counts costs.
    pub fn cost(&mut self) -> Result<u64, HostError> {
        let cost = self.inner.core.cost()?;
        // The instruction that exceeded the limit was counted, but not executed.
        Ok(self.inner.cost_limit.map_or(cost, |limit| cost.min(limit)))
    }

    /// Returns a handle that interrupts the store's guests from another thread.
    ///
    /// # Errors
    ///
    /// An error if the engine cannot start the thread that it may need for this, once for each
    /// store.
    pub fn interrupt_handle(&mut self) -> Result<InterruptHandle, HostError> {
        self.as_context_mut().interrupt_handle()
    }

    /// Ends an interruption. Guests that have not trapped can be called again.
    pub fn clear_interruption(&mut self) {
        let StoreInner {
            core, interruption, ..
        } = &mut *self.inner;
        interruption.clear(|| core.clear_interruption());
    }
}

impl<T: fmt::Debug, E: Engine> fmt::Debug for Store<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("data", &self.inner.data)
            .field("instances", &self.inner.instances.len())
            .finish_non_exhaustive()
    }
}

/// A borrowed store, as host functions receive it.
pub struct StoreContextMut<'a, T: 'static, E: Engine>(pub(crate) &'a mut StoreInner<T, E>);

impl<T: 'static, E: Engine> StoreContextMut<'_, T, E> {
    /// Returns the embedder's data.
    pub fn data(&self) -> &T {
        &self.0.data
    }

    /// Returns the embedder's data mutably.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.0.data
    }

    /// Returns a handle that interrupts the store's guests. A waiting host function can also wait
    /// for an interruption.
    ///
    /// # Errors
    ///
    /// As [`Store::interrupt_handle`]. Also fails in a host function that a running guest has
    /// called, unless the store had a handle before.
    pub fn interrupt_handle(&mut self) -> Result<InterruptHandle, HostError> {
        let engine = self.0.core.interrupt_handle()?;
        Ok(InterruptHandle::new(engine, &self.0.interruption))
    }

    /// Waits until the store is interrupted, as [`InterruptHandle::interrupted`] does. Needs no
    /// thread.
    pub fn interrupted(&self) -> Interrupted {
        Interrupted::new(&self.0.interruption)
    }
}

impl<T: fmt::Debug, E: Engine> fmt::Debug for StoreContextMut<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreContextMut")
            .field(&self.0.data)
            .finish()
    }
}

/// A type from which a store can be borrowed.
pub trait AsContextMut {
    /// The embedder's data.
    type Data: 'static;

    /// The engine of the store.
    type Engine: Engine;

    /// Borrows the store.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data, Self::Engine>;
}

impl<T: 'static, E: Engine> AsContextMut for Store<T, E> {
    type Data = T;
    type Engine = E;

    fn as_context_mut(&mut self) -> StoreContextMut<'_, T, E> {
        StoreContextMut(&mut self.inner)
    }
}

impl<T: 'static, E: Engine> AsContextMut for StoreContextMut<'_, T, E> {
    type Data = T;
    type Engine = E;

    fn as_context_mut(&mut self) -> StoreContextMut<'_, T, E> {
        StoreContextMut(self.0)
    }
}

impl<C: AsContextMut> AsContextMut for &mut C {
    type Data = C::Data;
    type Engine = C::Engine;

    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data, C::Engine> {
        C::as_context_mut(self)
    }
}

impl<T: 'static, E: Engine> StoreInner<T, E> {
    pub(crate) fn limiter(&mut self) -> Option<&mut dyn ResourceLimiter> {
        let limiter = self.limiter.as_ref()?;
        Some(limiter(&mut self.data))
    }

    /// Counts elements of tables. Returns `false` if the store would have too many, because a table
    /// takes all of its memory at once.
    pub(crate) fn take_table_elements(&mut self, elements: u64) -> bool {
        let total = self.table_elements.saturating_add(elements);
        let fits = total <= u64::from(MAX_TABLE_ELEMENTS);
        if fits {
            self.table_elements = total;
        }
        fits
    }

    /// Records the error of a host function that failed. The first one is kept.
    #[cold]
    pub(crate) fn fail(&mut self, error: anyhow::Error) {
        self.failure.get_or_insert(error);
    }

    pub(crate) fn take_failure(&mut self) -> anyhow::Error {
        self.failure.take().unwrap_or_else(|| {
            Trap::new(TrapCode::Host, "a host function failed without an error").into()
        })
    }

    pub(crate) fn interruption(&self) -> &Interruption {
        &self.interruption
    }

    pub(crate) fn instance(&mut self, index: usize) -> anyhow::Result<&mut InstanceData<T, E>> {
        let found = self.instances.get_mut(index);
        found.ok_or_else(|| internal("there is no such instance"))
    }

    /// Finds an instance, and checks that it is one of this store.
    pub(crate) fn own(
        &mut self,
        index: usize,
        serial: u64,
    ) -> Result<&mut InstanceData<T, E>, HostError> {
        let found = self.instances.get_mut(index);
        found
            .filter(|instance| instance.serial == serial)
            .ok_or_else(|| HostError::new("the instance or function belongs to another store"))
    }
}

impl<T: 'static, E: Engine> Host for StoreInner<T, E> {
    type Engine = E;
    type Callee = HostFunction<T, E>;

    fn core(&mut self) -> &mut E::CoreStore<Self> {
        &mut self.core
    }

    fn host_call(
        &mut self,
        callee: &HostFunction<T, E>,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> bool {
        match self.run_host_function(callee, params, results) {
            // The interruption may have stopped a guest that this host function called, instead of
            // the guest that called it.
            Ok(()) if self.interruption.is_set() => {
                self.fail(interrupted().into());
                false
            }
            Ok(()) => true,
            Err(error) => {
                self.fail(error);
                false
            }
        }
    }

    fn panicked(&mut self, message: String) {
        let message = format!("a host function panicked: {message}");
        self.fail(Trap::new(TrapCode::Host, message).into());
    }
}
