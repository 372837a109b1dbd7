//! The running sums of synchronous instruments. They prevent overflows in the SDK.
//!
//! In opentelemetry_sdk 0.33.1, integer sums wrap around, a `u64` above `i64::MAX` is exported as
//! 0, and the sum of a `u64` histogram panics in a dev build. So each series keeps the same sum as
//! the SDK, and rejects numbers that would take it out of range. The sums are exact because the
//! registry, not the SDK, decides which attribute sets share a series (see [`super::series`]).
//!
//! The sums are cumulative even if the exporter wants differences: if the sum is in range, so is
//! each difference.

use std::sync::atomic::{AtomicU64, Ordering};

/// The highest unsigned number that OTLP can carry.
pub(crate) const MAX_UNSIGNED: u64 = i64::MAX as u64;

/// A sum of one type of number, stored as its bits.
#[derive(Debug, Default)]
pub(crate) struct Total(AtomicU64);

impl Total {
    /// Adds `value` if the sum stays in OTLP's range. Returns whether it was added.
    pub(crate) fn admit_u64(&self, value: u64) -> bool {
        self.admit_u64_up_to(value, MAX_UNSIGNED)
    }

    /// Adds `value` if the sum is at most `max`. Returns whether it was added.
    pub(crate) fn admit_u64_up_to(&self, value: u64, max: u64) -> bool {
        self.update(|sum| sum.checked_add(value).filter(|sum| *sum <= max))
    }

    /// Subtracts an admitted value.
    pub(crate) fn retract_u64(&self, value: u64) {
        self.update(|sum| Some(sum.saturating_sub(value)));
    }

    /// Adds `value` if the sum stays in range. Returns whether it was added.
    pub(crate) fn admit_i64(&self, value: i64) -> bool {
        self.update(|sum| Some(sum.cast_signed().checked_add(value)?.cast_unsigned()))
    }

    /// Adds the magnitude of `value` if the sum stays finite. Returns whether it was added. With
    /// magnitudes, the SDK's sum cannot overflow in any order of additions on several threads.
    pub(crate) fn admit_f64(&self, value: f64) -> bool {
        self.update(|sum| {
            let sum = f64::from_bits(sum) + value.abs();
            sum.is_finite().then_some(sum.to_bits())
        })
    }

    fn update(&self, change: impl FnMut(u64) -> Option<u64>) -> bool {
        // No other memory access depends on the sum.
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_sums_end_at_the_limit_of_otlp() {
        let total = Total::default();
        assert!(!total.admit_u64(u64::MAX));
        assert!(!total.admit_u64(MAX_UNSIGNED + 1));
        assert!(total.admit_u64(MAX_UNSIGNED - 1));
        assert!(total.admit_u64(1));
        assert!(!total.admit_u64(1));
        assert!(total.admit_u64(0));
        total.retract_u64(5);
        assert!(total.admit_u64(5));
        assert!(!total.admit_u64(1));
    }

    #[test]
    fn signed_sums_can_return_from_either_limit() {
        let total = Total::default();
        assert!(total.admit_i64(i64::MIN));
        assert!(!total.admit_i64(-1));
        assert!(total.admit_i64(i64::MAX));
        assert!(total.admit_i64(1));
        assert!(total.admit_i64(i64::MAX));
        assert!(!total.admit_i64(1));
        // The history of the sum does not matter.
        for _ in 0..10 {
            assert!(total.admit_i64(-i64::MAX));
            assert!(total.admit_i64(i64::MAX));
        }
    }

    #[test]
    fn float_sums_stay_finite() {
        let total = Total::default();
        assert!(total.admit_f64(f64::MAX));
        assert!(!total.admit_f64(f64::MAX));
        assert!(!total.admit_f64(f64::INFINITY));
        assert!(!total.admit_f64(f64::NAN));
        assert!(total.admit_f64(-1.0));
    }
}
