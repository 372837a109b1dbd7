//! A resource limiter that measures what it lets through.

use wasmscope_telemetry::Telemetry;
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
    telemetry: Telemetry,
    /// The bytes that are reported as in use.
    memory: i64,
    /// What the last growth added, until it is known to have succeeded.
    pending: i64,
}

impl Limiter<Unlimited> {
    /// Makes one that refuses nothing but what Wasmtime refuses.
    pub fn unlimited(telemetry: &Telemetry) -> Self {
        Self::new(telemetry, Unlimited)
    }
}

impl<L> Limiter<L> {
    /// Makes one around the embedder's own.
    pub fn new(telemetry: &Telemetry, inner: L) -> Self {
        telemetry.runtime_metrics().instances(1);
        Self {
            inner,
            telemetry: telemetry.clone(),
            memory: 0,
            pending: 0,
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
        self.memory.unsigned_abs()
    }

    /// Notes the answer to a request for memory.
    fn note(&mut self, current: usize, desired: usize, maximum: Option<usize>, allowed: bool) {
        // Beyond its maximum a memory does not grow, whatever a limiter says.
        let grows = allowed && maximum.is_none_or(|maximum| desired <= maximum);
        let bytes = if grows {
            desired.saturating_sub(current)
        } else {
            0
        };
        // A 64-bit memory may ask for more than there is: then no more is noted than can be taken back.
        self.pending = i64::try_from(bytes)
            .unwrap_or(i64::MAX)
            .min(i64::MAX - self.memory);
        self.change(self.pending);
    }

    /// Takes back what a growth that was allowed has not added after all.
    fn failed(&mut self, error: &Error) {
        // A size that the memory's type excludes fails without having been asked for: then the last growth stands.
        if error.to_string() != NEVER_ASKED {
            let taken_back = std::mem::take(&mut self.pending);
            self.change(-taken_back);
        }
    }

    fn change(&mut self, delta: i64) {
        if delta != 0 {
            self.memory = self.memory.saturating_add(delta);
            self.telemetry.runtime_metrics().memory(delta);
        }
    }
}

/// What Wasmtime says of a growth that it refuses before it asks the limiter.
const NEVER_ASKED: &str = "memory growth exceeds memory type's limits";

impl<L> Drop for Limiter<L> {
    fn drop(&mut self) {
        self.change(-self.memory);
        self.telemetry.runtime_metrics().instances(-1);
    }
}

impl<L: ResourceLimiter> ResourceLimiter for Limiter<L> {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let allowed = self.inner.memory_growing(current, desired, maximum)?;
        self.note(current, desired, maximum, allowed);
        Ok(allowed)
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
        self.inner.table_growing(current, desired, maximum)
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
        let allowed = self.inner.memory_growing(current, desired, maximum).await?;
        self.note(current, desired, maximum, allowed);
        Ok(allowed)
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
        self.inner.table_growing(current, desired, maximum).await
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

#[cfg(test)]
mod tests {
    use super::*;
    use wasmscope_telemetry::Providers;

    #[test]
    fn growth_beyond_all_numbers_that_fails_leaves_memory_as_it_was() -> Result<()> {
        let telemetry = Telemetry::builder(Providers::default()).build();
        let mut limiter = Limiter::unlimited(&telemetry);
        assert!(ResourceLimiter::memory_growing(
            &mut limiter,
            0,
            65_536,
            None
        )?);
        // What a 64-bit memory asks for that grows by as many pages as can be said.
        let most = 0usize.wrapping_sub(65_536);
        for _ in 0..2 {
            assert!(ResourceLimiter::memory_growing(
                &mut limiter,
                65_536,
                most,
                None
            )?);
            ResourceLimiter::memory_grow_failed(&mut limiter, Error::msg("no memory"))?;
            assert_eq!(limiter.memory(), 65_536);
        }
        Ok(())
    }
}
