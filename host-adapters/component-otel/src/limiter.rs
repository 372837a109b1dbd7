//! The resource limiter, which also measures the memory that it allows.

use component_model::ResourceLimiter;

wasmscope_telemetry::limiter! {
    /// `L` is a [`ResourceLimiter`].
}

impl<L: ResourceLimiter> ResourceLimiter for Limiter<L> {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> anyhow::Result<bool> {
        let answer = self.inner.memory_growing(current, desired, maximum);
        // An error also refuses the growth, and ends the guest.
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
    fn failed_growth_is_not_counted() {
        let telemetry = Telemetry::builder(Providers::default()).build();
        let mut limiter = Limiter::unlimited(&telemetry);
        limiter.memory_growing(0, 65_536, None).unwrap();
        limiter.memory_growing(65_536, 131_072, None).unwrap();
        limiter.memory_grow_failed();
        assert_eq!(limiter.memory(), 65_536);
    }
}
