//! A resource limiter that measures what it lets through.

use wasmscope_telemetry::{Metered, StoreMeter};
use wasmtime::{Error, ResourceLimiter, ResourceLimiterAsync, Result};

/// Wraps an embedder's resource limiter, and reports the store's memory and its life to the runtime's metrics.
///
/// It decides nothing itself: what the limiter inside allows or refuses stands. It lives in the store's data, and counts as
/// one instance and its memory until it is dropped with that. `L` may be a [`ResourceLimiter`], a [`ResourceLimiterAsync`]
/// or both; [`Limiter::unlimited`] is for stores without limits.
///
/// # Examples
///
/// ```
/// use wasmscope_telemetry::{Providers, Telemetry};
/// use wasmscope_wasmtime::Limiter;
/// use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder};
///
/// struct State {
///     limiter: Limiter<StoreLimits>,
/// }
///
/// let telemetry = Telemetry::builder(Providers::default()).build();
/// let limits = StoreLimitsBuilder::new().memory_size(64 << 20).build();
/// let state = State { limiter: Limiter::new(&telemetry, limits) };
/// let mut store = Store::new(&Engine::default(), state);
/// store.limiter(|state| &mut state.limiter);
/// ```
#[derive(Debug)]
#[must_use = "it limits nothing until it is given to `Store::limiter`"]
pub struct Limiter<L> {
    inner: L,
    meter: StoreMeter,
}

impl Limiter<Unlimited> {
    /// Makes one that refuses nothing but what Wasmtime refuses.
    pub fn unlimited(metered: &impl Metered) -> Self {
        Self::new(metered, Unlimited)
    }
}

impl<L> Limiter<L> {
    /// Makes one around the embedder's own.
    ///
    /// Given the [`Instance`](wasmscope_telemetry::Instance) of the same store rather than its
    /// [`Telemetry`](wasmscope_telemetry::Telemetry), memory that is refused during a call is an
    /// event on that call's span, and not only counted.
    pub fn new(metered: &impl Metered, inner: L) -> Self {
        Self {
            inner,
            meter: StoreMeter::new(metered),
        }
    }

    /// Gives the limiter inside.
    pub fn inner(&self) -> &L {
        &self.inner
    }

    /// Gives the limiter inside, to be changed.
    pub fn inner_mut(&mut self) -> &mut L {
        &mut self.inner
    }

    /// Gives the linear memory of the store, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.meter.memory()
    }

    /// Takes back what a growth that was allowed has not added after all.
    fn failed(&mut self, error: &Error) {
        // A size that the memory's type excludes fails without having been asked for: then the last growth stands.
        if error.to_string() != NEVER_ASKED {
            self.meter.growth_failed();
        }
    }
}

/// What Wasmtime says of a growth that it refuses before it asks the limiter.
const NEVER_ASKED: &str = "memory growth exceeds memory type's limits";

impl<L: ResourceLimiter> ResourceLimiter for Limiter<L> {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let answer = self.inner.memory_growing(current, desired, maximum);
        // An error refuses too, and ends the guest.
        let allowed = matches!(answer, Ok(true));
        self.meter.growing(current, desired, maximum, allowed);
        answer
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed(&error);
        self.inner.memory_grow_failed(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let answer = self.inner.table_growing(current, desired, maximum);
        let allowed = matches!(answer, Ok(true));
        self.meter.table_growing(current, desired, maximum, allowed);
        answer
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.inner.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.inner.instances()
    }

    fn tables(&self) -> usize {
        self.inner.tables()
    }

    fn memories(&self) -> usize {
        self.inner.memories()
    }
}

#[async_trait::async_trait]
impl<L: ResourceLimiterAsync> ResourceLimiterAsync for Limiter<L> {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let answer = self.inner.memory_growing(current, desired, maximum).await;
        // An error refuses too, and ends the guest.
        let allowed = matches!(answer, Ok(true));
        self.meter.growing(current, desired, maximum, allowed);
        answer
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed(&error);
        self.inner.memory_grow_failed(error)
    }

    async fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let answer = self.inner.table_growing(current, desired, maximum).await;
        let allowed = matches!(answer, Ok(true));
        self.meter.table_growing(current, desired, maximum, allowed);
        answer
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.inner.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.inner.instances()
    }

    fn tables(&self) -> usize {
        self.inner.tables()
    }

    fn memories(&self) -> usize {
        self.inner.memories()
    }
}

/// Refuses nothing; see [`Limiter::unlimited`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl ResourceLimiter for Unlimited {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}
