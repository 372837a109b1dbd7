//! Stores: what instances live in, with the embedder's own data.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use wasmedge_sys::Statistics;

use crate::abi::CoreVal;
use crate::engine::Engine;
use crate::error::{HostError, Trap, TrapCode};
use crate::ffi::{Core, Host, Interrupter};
use crate::growth::MAX_TABLE_ELEMENTS;
use crate::instance::{HostFunction, InstanceData};
use crate::limits::ResourceLimiter;

/// A place for instances, and for data of the embedder's that its host functions reach.
///
/// What is instantiated in a store lives as long as the store. A store is used by one thread at a time, and may move between threads.
///
/// # Stack
///
/// Guests run on the stack of the thread that calls them, and so do the host functions that they call. Guests take some 5 MiB of it at
/// most, compiled or not, before they are stopped as having called one another too deeply: [`TrapCode::StackOverflow`]. Guests that are
/// entered from a host function, or to destroy a resource that another drops, go on from where the outer ones are.
///
/// So a thread that runs guests should have 8 MiB, which leaves some for host functions and their callers. A program's first thread has
/// them, as a rule; threads that Rust starts have 2 MiB unless told otherwise, by [`std::thread::Builder::stack_size`] or a setting of
/// an asynchronous runtime. With less, a hostile guest can end the process.
pub struct Store<T: 'static> {
    inner: Box<StoreInner<T>>,
}

type Limiter<T> = Box<dyn (Fn(&mut T) -> &mut dyn ResourceLimiter) + Send>;

pub(crate) struct StoreInner<T: 'static> {
    pub(crate) data: T,
    pub(crate) core: Core<Self>,
    pub(crate) engine: Engine,
    pub(crate) instances: Vec<InstanceData<T>>,
    /// The innermost instance whose guests run.
    pub(crate) running: Option<usize>,
    limiter: Option<Limiter<T>>,
    /// Why the last host function failed, until whoever entered the guest takes it.
    failure: Option<anyhow::Error>,
    cost_limit: Option<u64>,
    interruption: Interruption,
    /// Elements of all tables, those of instances that failed among them.
    table_elements: u64,
    pub(crate) core_instances: usize,
    /// Whether the last growth of a memory was allowed, until it is known what came of it.
    pub(crate) memory_grows: bool,
}

impl<T: 'static> Store<T> {
    /// Makes an empty store.
    ///
    /// # Errors
    ///
    /// An error if WasmEdge is out of memory.
    pub fn new(engine: &Engine, data: T) -> Result<Self, HostError> {
        let failed = |error: &dyn fmt::Display| HostError::new(error.to_string());
        let statistics = engine.config().measure_cost.then(Statistics::create);
        let statistics = statistics.transpose().map_err(|error| failed(&error))?;
        let core = Core::new(engine.raw(), statistics).map_err(|error| failed(&error))?;
        Ok(Self {
            inner: Box::new(StoreInner {
                data,
                core,
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

    /// Returns the embedder's data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.inner.data
    }

    /// Drops the store and returns the embedder's data.
    pub fn into_data(self) -> T {
        let StoreInner { data, .. } = *self.inner;
        data
    }

    /// Returns the engine that the store was made for.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// Has memories and tables grow only as far as a limiter allows that is found in the embedder's data.
    pub fn limiter(
        &mut self,
        limiter: impl (Fn(&mut T) -> &mut dyn ResourceLimiter) + Send + 'static,
    ) {
        self.inner.limiter = Some(Box::new(limiter));
    }

    /// Stops guests whose costs reach so much in all, one for each instruction: [`TrapCode::OutOfFuel`].
    ///
    /// # Errors
    ///
    /// An error unless the engine counts costs: [`Config::measure_cost`](crate::Config::measure_cost).
    pub fn set_cost_limit(&mut self, limit: u64) -> Result<(), HostError> {
        let statistics = self.inner.core.statistics();
        statistics.ok_or_else(not_counted)?.set_cost_limit(limit);
        self.inner.cost_limit = Some(limit);
        Ok(())
    }

    /// Returns what guests have cost so far.
    ///
    /// # Errors
    ///
    /// An error unless the engine counts costs.
    pub fn cost(&mut self) -> Result<u64, HostError> {
        let cost = self
            .inner
            .core
            .statistics()
            .map(|statistics| statistics.cost_in_total());
        let cost = cost.ok_or_else(not_counted)?;
        // The instruction that exceeded the limit has been added, but was not executed.
        Ok(self.inner.cost_limit.map_or(cost, |limit| cost.min(limit)))
    }

    /// Returns what interrupts the store's guests from another thread.
    ///
    /// # Errors
    ///
    /// An error if the thread cannot be started that is needed for it, once for each store.
    pub fn interrupt_handle(&mut self) -> Result<InterruptHandle, HostError> {
        self.as_context_mut().interrupt_handle()
    }

    /// Ends an interruption: guests that have not trapped can be called again.
    pub fn clear_interruption(&mut self) {
        let StoreInner {
            core, interruption, ..
        } = &mut *self.inner;
        let _state = interruption.state();
        if interruption.0.interrupted.swap(false, Ordering::AcqRel) {
            core.clear_interruption();
        }
    }
}

fn not_counted() -> HostError {
    HostError::new("costs are not counted: see Config::measure_cost")
}

impl<T: fmt::Debug> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("data", &self.inner.data)
            .field("instances", &self.inner.instances.len())
            .finish_non_exhaustive()
    }
}

/// A store, borrowed: what host functions get.
pub struct StoreContextMut<'a, T: 'static>(pub(crate) &'a mut StoreInner<T>);

impl<T: 'static> StoreContextMut<'_, T> {
    /// Returns the embedder's data.
    pub fn data(&self) -> &T {
        &self.0.data
    }

    /// Returns the embedder's data, to be changed.
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.0.data
    }

    /// Returns what interrupts the store's guests; a host function that waits can wait for that too.
    ///
    /// # Errors
    ///
    /// As [`Store::interrupt_handle`]; and in a host function, which a running guest has called, unless the store had a handle before.
    pub fn interrupt_handle(&mut self) -> Result<InterruptHandle, HostError> {
        let interrupter = self.0.core.interrupter();
        Ok(InterruptHandle {
            interrupter: interrupter.map_err(|error| HostError::new(error.to_string()))?,
            interruption: self.0.interruption.clone(),
        })
    }

    /// Waits until the store is interrupted, as [`InterruptHandle::interrupted`] does; costs no thread.
    pub fn interrupted(&self) -> Interrupted {
        Interrupted::new(&self.0.interruption)
    }
}

impl<T: fmt::Debug> fmt::Debug for StoreContextMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreContextMut")
            .field(&self.0.data)
            .finish()
    }
}

/// What a store can be borrowed from.
pub trait AsContextMut {
    /// The embedder's data.
    type Data: 'static;

    /// Borrows the store.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

impl<T: 'static> AsContextMut for Store<T> {
    type Data = T;

    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(&mut self.inner)
    }
}

impl<T: 'static> AsContextMut for StoreContextMut<'_, T> {
    type Data = T;

    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut(self.0)
    }
}

impl<C: AsContextMut> AsContextMut for &mut C {
    type Data = C::Data;

    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        C::as_context_mut(self)
    }
}

impl<T: 'static> StoreInner<T> {
    pub(crate) fn limiter(&mut self) -> Option<&mut dyn ResourceLimiter> {
        let limiter = self.limiter.as_ref()?;
        Some(limiter(&mut self.data))
    }

    /// Counts elements of tables, unless the store would have too many: a table takes its memory at once.
    pub(crate) fn take_table_elements(&mut self, elements: u64) -> bool {
        let total = self.table_elements.saturating_add(elements);
        let fits = total <= u64::from(MAX_TABLE_ELEMENTS);
        if fits {
            self.table_elements = total;
        }
        fits
    }

    /// Keeps why a host function failed; what came first is what matters.
    #[cold]
    pub(crate) fn fail(&mut self, error: anyhow::Error) {
        self.failure.get_or_insert(error);
    }

    pub(crate) fn take_failure(&mut self) -> anyhow::Error {
        self.failure.take().unwrap_or_else(|| {
            Trap::new(TrapCode::Host, "a host function failed without a reason").into()
        })
    }

    pub(crate) fn interrupted(&self) -> bool {
        self.interruption.is_set()
    }

    /// Returns what traps once the store is interrupted, for long work that borrows a part of the
    /// store.
    pub(crate) fn unless_interrupted(&self) -> impl FnMut() -> Result<(), Trap> + use<T> {
        let interruption = self.interruption.clone();
        move || match interruption.is_set() {
            false => Ok(()),
            true => Err(crate::host::interrupted()),
        }
    }
}

impl<T: 'static> Host for StoreInner<T> {
    fn core(&mut self) -> &mut Core<Self> {
        &mut self.core
    }

    type Callee = HostFunction<T>;

    fn host_call(
        &mut self,
        callee: &HostFunction<T>,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> bool {
        match self.run_host_function(callee, params, results) {
            // A guest further in may have noticed the interruption in this one's place, and the host function gone on.
            Ok(()) if self.interrupted() => {
                self.fail(crate::host::interrupted().into());
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

/// Interrupts the guests of a store, from any thread.
#[derive(Debug, Clone)]
pub struct InterruptHandle {
    interrupter: Interrupter,
    interruption: Interruption,
}

impl InterruptHandle {
    /// Stops what runs in the store, at the next branch or call: [`TrapCode::Interrupt`]. Host functions that wait are told, and should
    /// fail. Whatever is called after that is stopped as well, until [`Store::clear_interruption`].
    pub fn interrupt(&self) {
        let wakers = {
            let mut state = self.interruption.state();
            self.interruption
                .0
                .interrupted
                .store(true, Ordering::Release);
            // Before somebody can clear it.
            self.interrupter.interrupt();
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Tells whether the store is interrupted.
    pub fn is_interrupted(&self) -> bool {
        self.interruption.is_set()
    }

    /// Waits until the store is interrupted: for host functions that wait for something else at the same time.
    pub fn interrupted(&self) -> Interrupted {
        Interrupted::new(&self.interruption)
    }
}

/// Waits until a store is interrupted.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Interrupted {
    interruption: Interruption,
    /// Under which number its waker is kept.
    place: Option<u64>,
}

impl Interrupted {
    fn new(interruption: &Interruption) -> Self {
        Self {
            interruption: interruption.clone(),
            place: None,
        }
    }
}

impl Future for Interrupted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.interruption.state();
        if self.interruption.is_set() {
            return Poll::Ready(());
        }
        let place = state.wait(self.place, cx.waker());
        drop(state);
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Interrupted {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let mut state = self.interruption.state();
            state.wakers.retain(|(waiting, _)| *waiting != place);
        }
    }
}

/// Whether a store is interrupted, and who waits for that.
#[derive(Debug, Clone, Default)]
struct Interruption(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Changed under the lock, and looked at after each call of a host function without it.
    interrupted: AtomicBool,
    state: Mutex<InterruptionState>,
}

#[derive(Debug, Default)]
struct InterruptionState {
    /// By the number that each is given when it is first polled.
    wakers: Vec<(u64, Waker)>,
    next: u64,
}

impl InterruptionState {
    /// Keeps a waker in its place, or in a new one.
    fn wait(&mut self, place: Option<u64>, waker: &Waker) -> u64 {
        let mut kept = self.wakers.iter_mut();
        if let Some((place, kept)) = kept.find(|(at, _)| Some(*at) == place) {
            kept.clone_from(waker);
            return *place;
        }
        let place = self.next;
        self.next = self.next.wrapping_add(1);
        self.wakers.push((place, waker.clone()));
        place
    }
}

impl Interruption {
    fn state(&self) -> std::sync::MutexGuard<'_, InterruptionState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_set(&self) -> bool {
        self.0.interrupted.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_an_interruption_is_woken_and_leaves_nothing_behind() {
        let interruption = Interruption::default();
        let mut cx = Context::from_waker(Waker::noop());
        let mut first = Interrupted::new(&interruption);
        let mut second = Interrupted::new(&interruption);
        for _ in 0..3 {
            assert!(Pin::new(&mut first).poll(&mut cx).is_pending());
            assert!(Pin::new(&mut second).poll(&mut cx).is_pending());
            assert_eq!(interruption.state().wakers.len(), 2);
        }
        drop(first);
        assert_eq!(interruption.state().wakers.len(), 1);
        interruption.0.interrupted.store(true, Ordering::Release);
        assert!(Pin::new(&mut second).poll(&mut cx).is_ready());
        drop(second);
        assert!(interruption.state().wakers.is_empty());
    }
}
