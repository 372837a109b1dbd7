//! The host's thresholds.

use crate::backend::{Slot, logger};
use crate::notice;
use crate::types::{LOGS_DISABLED, LogThreshold, LoggerHandle, Severity};

/// The host's threshold for one logger. The lowest byte is the number of the lowest severity. The
/// next 22 bits are the lowest bits of the generation. Above them is a count of suppressed records.
///
/// It is valid until the program learns of another generation. Suppressed records make no call that
/// could bring one, so it is also invalid after 1,023 of them.
#[derive(Debug)]
pub(crate) struct Threshold(Slot<u64>);

/// The kept bits of the generation, above the severity.
const GENERATION: u64 = ((1 << 22) - 1) << 8;
/// One suppressed record. The count has 10 bits and begins at 1. When it overflows to 0, the host
/// is asked.
const SUPPRESSED: u64 = 1 << 30;
/// All bits: a native slot has no more.
const HELD: u64 = (1 << 40) - 1;

impl Threshold {
    pub(crate) const fn new() -> Self {
        Self(Slot::new())
    }

    /// Returns true if the host accepts records of a severity. `handle` returns the logger's
    /// handle, and is called only if the host must be asked. A record without severity passes every
    /// threshold.
    pub(crate) fn accepts(
        &self,
        severity: Option<Severity>,
        handle: impl FnOnce() -> LoggerHandle,
    ) -> bool {
        let mut held = self.0.get();
        let known = u64::from(notice::generation()) << 8;
        if held < SUPPRESSED || (held ^ known) & GENERATION != 0 {
            let LogThreshold { lowest, generation } = logger::threshold(handle());
            notice::set_generation(generation);
            held = SUPPRESSED | u64::from(generation) << 8 & GENERATION | u64::from(lowest);
            self.0.set(held);
        }
        let lowest = held as u8;
        let admitted = match severity {
            Some(severity) => severity.number() >= lowest,
            None => lowest != LOGS_DISABLED,
        };
        if !admitted {
            self.0.set((held + SUPPRESSED) & HELD);
        }
        admitted
    }
}
