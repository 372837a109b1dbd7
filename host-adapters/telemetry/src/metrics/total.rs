//! The running sums of synchronous instruments, which keep the SDK's from overflowing.
//!
//! Read in opentelemetry_sdk 0.33.1: its integer sums wrap around, a `u64` above `i64::MAX` is
//! exported as 0, and the sum of a `u64` histogram panics in a dev build. So each series keeps the
//! sum that the SDK keeps, and what would take it out of range never gets there. Series are exact
//! because the registry, not the SDK, decides which attribute sets share one (see
//! [`super::series`]).
//!
//! The sums count from the beginning, also where the exporter wants differences: what fits them
//! fits the differences.

use std::sync::atomic::{AtomicU64, Ordering};

/// The highest unsigned number that OTLP can carry.
pub(crate) const MAX_UNSIGNED: u64 = i64::MAX as u64;

/// A sum of one kind of number, in the bits that fit it.
#[derive(Debug, Default)]
pub(crate) struct Total(AtomicU64);

impl Total {
    /// Adds `value` where the sum stays within what OTLP can carry; tells whether it did.
    pub(crate) fn admit_u64(&self, value: u64) -> bool {
        self.admit_u64_up_to(value, MAX_UNSIGNED)
    }

    /// Adds `value` where the sum stays within `max`; tells whether it did.
    pub(crate) fn admit_u64_up_to(&self, value: u64, max: u64) -> bool {
        self.update(|sum| sum.checked_add(value).filter(|sum| *sum <= max))
    }

    /// Takes back what was admitted.
    pub(crate) fn retract_u64(&self, value: u64) {
        self.update(|sum| Some(sum.saturating_sub(value)));
    }

    /// Adds `value` where the sum stays in range; tells whether it did.
    pub(crate) fn admit_i64(&self, value: i64) -> bool {
        self.update(|sum| Some(sum.cast_signed().checked_add(value)?.cast_unsigned()))
    }

    /// Adds the magnitude of `value` where the sum stays finite; tells whether it did. Of floating
    /// point numbers the magnitudes are added up, so that no order of additions on several
    /// threads can overflow.
    pub(crate) fn admit_f64(&self, value: f64) -> bool {
        self.update(|sum| {
            let sum = f64::from_bits(sum) + value.abs();
            sum.is_finite().then_some(sum.to_bits())
        })
    }

    fn update(&self, change: impl FnMut(u64) -> Option<u64>) -> bool {
        // Nothing else is ordered by a sum.
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_sums_end_at_what_otlp_can_carry() {
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
    fn signed_sums_may_come_back_from_either_end() {
        let total = Total::default();
        assert!(total.admit_i64(i64::MIN));
        assert!(!total.admit_i64(-1));
        assert!(total.admit_i64(i64::MAX));
        assert!(total.admit_i64(1));
        assert!(total.admit_i64(i64::MAX));
        assert!(!total.admit_i64(1));
        // However much has come and gone.
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
