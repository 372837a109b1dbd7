//! The resource limiter, which also measures the memory that it allows.

use wasmtime::{Error, ResourceLimiter, ResourceLimiterAsync, Result};

wasmscope_telemetry::limiter! {
    /// `L` is a [`ResourceLimiter`], a [`ResourceLimiterAsync`] or both.
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
}

impl<L> Limiter<L> {
    /// Reverts a growth that was allowed but failed.
    fn failed(&mut self, error: &Error) {
        // A size beyond the memory's type fails before the limiter is called. The last growth is
        // valid then.
        if error.to_string() != REFUSED_BY_TYPE {
            self.meter.growth_failed();
        }
    }
}

/// Wasmtime's message for a growth that it refuses without calling the limiter. It has no type.
const REFUSED_BY_TYPE: &str = "memory growth exceeds memory type's limits";

impl<L: ResourceLimiter> ResourceLimiter for Limiter<L> {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let answer = self.inner.memory_growing(current, desired, maximum);
        // An error also refuses the growth, and ends the guest.
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
        // An error also refuses the growth, and ends the guest.
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

impl ResourceLimiter for Unlimited {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}
