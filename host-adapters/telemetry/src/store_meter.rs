//! What the metrics of the runtime say of one store: that it is there, and how much linear memory
//! it has.

use crate::refusals::{Kind, Metered, Refusals};
use crate::telemetry::Telemetry;

/// Counts as one instance, with the memory that it is told of, for as long as it is there.
///
/// It belongs into what an engine asks before memories grow. It decides nothing.
#[derive(Debug)]
#[must_use = "dropped at once, the store is gone"]
pub struct StoreMeter {
    telemetry: Telemetry,
    /// The bytes that are reported as in use.
    memory: i64,
    /// What the last growth added, until it is known to have succeeded.
    pending: i64,
    refusals: Refusals,
}

impl StoreMeter {
    /// Makes one for a store that has no memory yet.
    ///
    /// Given the [`Instance`](crate::Instance) of the same store, refused memory is an event on the
    /// call's span too.
    pub fn new(metered: &impl Metered) -> Self {
        let telemetry = metered.telemetry();
        telemetry.runtime_metrics().instances(1);
        Self {
            telemetry: telemetry.clone(),
            memory: 0,
            pending: 0,
            refusals: metered.refusals(),
        }
    }

    /// Returns the linear memory of the store, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.memory.unsigned_abs()
    }

    /// Notes the answer to a request for memory, all sizes in bytes; `maximum` is what the memory's
    /// type allows.
    pub fn growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        allowed: bool,
    ) {
        self.asked(Kind::Memory, current, desired, maximum, allowed);
        // Beyond its maximum a memory does not grow, whatever a limiter says.
        let grows = allowed && maximum.is_none_or(|maximum| desired <= maximum);
        let bytes = if grows {
            desired.saturating_sub(current)
        } else {
            0
        };
        // A 64-bit memory may ask for more than there is: then no more is noted than can be taken
        // back.
        self.pending = i64::try_from(bytes)
            .unwrap_or(i64::MAX)
            .min(i64::MAX - self.memory);
        self.change(self.pending);
    }

    /// Notes the answer to a request for more elements of a table; `maximum` is what the table's
    /// type allows.
    pub fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        allowed: bool,
    ) {
        self.asked(Kind::Table, current, desired, maximum, allowed);
    }

    /// Notes a refusal. What the type excludes is no refusal by a limiter.
    fn asked(
        &self,
        kind: Kind,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        allowed: bool,
    ) {
        if !allowed && maximum.is_none_or(|maximum| desired <= maximum) {
            self.telemetry.runtime_metrics().memory_refused();
            self.refusals.add(kind, current, desired);
        }
    }

    /// Takes back what the last growth, which was allowed, has not added after all.
    pub fn growth_failed(&mut self) {
        let taken_back = std::mem::take(&mut self.pending);
        self.change(-taken_back);
    }

    fn change(&mut self, delta: i64) {
        if delta != 0 {
            self.memory = self.memory.saturating_add(delta);
            self.telemetry.runtime_metrics().memory(delta);
        }
    }
}

impl Drop for StoreMeter {
    fn drop(&mut self) {
        self.change(-self.memory);
        self.telemetry.runtime_metrics().instances(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Providers;

    #[test]
    fn growth_beyond_all_numbers_that_fails_leaves_memory_as_it_was() {
        let telemetry = Telemetry::builder(Providers::default()).build();
        let mut meter = StoreMeter::new(&telemetry);
        meter.growing(0, 65_536, None, true);
        // What a 64-bit memory asks for that grows by as many pages as can be said.
        let most = 0usize.wrapping_sub(65_536);
        for _ in 0..2 {
            meter.growing(65_536, most, None, true);
            meter.growth_failed();
            assert_eq!(meter.memory(), 65_536);
        }
        meter.growing(65_536, 131_072, Some(65_536), true);
        meter.growing(65_536, 131_072, None, false);
        assert_eq!(meter.memory(), 65_536, "neither grows");
    }
}
