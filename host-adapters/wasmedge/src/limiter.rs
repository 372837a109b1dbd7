//! A resource limiter that measures what it lets through.

use wasmedge_component::ResourceLimiter;
use wasmscope_telemetry::{Metered, StoreMeter};

/// Wraps an embedder's resource limiter, and reports the store's memory and its life to the runtime's metrics.
///
/// It decides nothing itself: what the limiter inside allows or refuses stands. It lives in the store's data, and counts as
/// one instance and its memory until it is dropped with that. [`Limiter::unlimited`] is for stores without limits.
#[derive(Debug)]
#[must_use = "it limits nothing until it is given to `Store::limiter`"]
pub struct Limiter<L> {
    inner: L,
    meter: StoreMeter,
}

impl Limiter<Unlimited> {
    /// Makes one that refuses nothing but what is refused anyway.
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
}

impl<L: ResourceLimiter> ResourceLimiter for Limiter<L> {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> anyhow::Result<bool> {
        let answer = self.inner.memory_growing(current, desired, maximum);
        // An error refuses too, and ends the guest.
        let allowed = matches!(answer, Ok(true));
        self.meter.growing(current, desired, maximum, allowed);
        answer
    }

    fn memory_grow_failed(&mut self) {
        self.meter.growth_failed();
        self.inner.memory_grow_failed();
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> anyhow::Result<bool> {
        let answer = self.inner.table_growing(current, desired, maximum);
        let allowed = matches!(answer, Ok(true));
        self.meter.table_growing(current, desired, maximum, allowed);
        answer
    }
}

/// Refuses nothing; see [`Limiter::unlimited`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl ResourceLimiter for Unlimited {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> anyhow::Result<bool> {
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> anyhow::Result<bool> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmscope_telemetry::{Providers, Telemetry};

    #[test]
    fn a_growth_that_failed_is_no_memory() {
        let telemetry = Telemetry::builder(Providers::default()).build();
        let mut limiter = Limiter::unlimited(&telemetry);
        limiter.memory_growing(0, 65_536, None).unwrap();
        limiter.memory_growing(65_536, 131_072, None).unwrap();
        limiter.memory_grow_failed();
        assert_eq!(limiter.memory(), 65_536);
    }
}
