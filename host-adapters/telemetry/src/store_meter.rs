//! Reports one store to the runtime metrics: its existence and its linear memory.

use crate::refusals::{Kind, Metered, Refusals};
use crate::telemetry::Telemetry;

/// Counts a store as one instance, with its linear memory, until it is dropped.
///
/// Keep it in the engine's resource limiter, which the engine calls before a memory grows. It makes
/// no decisions.
#[derive(Debug)]
#[must_use = "dropped at once, the store is gone"]
pub struct StoreMeter {
    telemetry: Telemetry,
    /// The reported bytes.
    memory: i64,
    /// The bytes of the last growth. [`growth_failed`](Self::growth_failed) subtracts them again.
    pending: i64,
    refusals: Refusals,
}

impl StoreMeter {
    /// Makes a meter for a store that has no memory yet.
    ///
    /// Given the [`Instance`](crate::Instance) of the same store, refused memory is also an event
    /// on the span of the current call.
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

    /// Records the answer to a request for memory. All sizes are in bytes; `maximum` is the maximum
    /// of the memory's type.
    pub fn growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        allowed: bool,
    ) {
        self.record_refusal(Kind::Memory, current, desired, maximum, allowed);
        // A memory does not grow beyond its maximum, even if a limiter allows it.
        let grows = allowed && maximum.is_none_or(|maximum| desired <= maximum);
        let bytes = if grows {
            desired.saturating_sub(current)
        } else {
            0
        };
        // A 64-bit memory can request any number of bytes. The reported sum must not overflow, so
        // that a failed growth can be subtracted again.
        self.pending = i64::try_from(bytes)
            .unwrap_or(i64::MAX)
            .min(i64::MAX - self.memory);
        self.change(self.pending);
    }

    /// Records the answer to a request for elements of a table. `maximum` is the maximum of the
    /// table's type.
    pub fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        allowed: bool,
    ) {
        self.record_refusal(Kind::Table, current, desired, maximum, allowed);
    }

    /// Records a limiter's refusal. Ignores a request beyond the type's maximum, which fails
    /// anyway.
    fn record_refusal(
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

    /// Subtracts the last growth, which was allowed but failed.
    pub fn growth_failed(&mut self) {
        let failed_growth = std::mem::take(&mut self.pending);
        self.change(-failed_growth);
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
    fn failed_growth_by_a_huge_number_leaves_memory_unchanged() {
        let telemetry = Telemetry::builder(Providers::default()).build();
        let mut meter = StoreMeter::new(&telemetry);
        meter.growing(0, 65_536, None, true);
        // The largest size, in whole pages, that a 64-bit memory can request.
        let largest = 0usize.wrapping_sub(65_536);
        for _ in 0..2 {
            meter.growing(65_536, largest, None, true);
            meter.growth_failed();
            assert_eq!(meter.memory(), 65_536);
        }
        meter.growing(65_536, 131_072, Some(65_536), true);
        meter.growing(65_536, 131_072, None, false);
        assert_eq!(meter.memory(), 65_536, "failed growths are not counted");
    }
}
