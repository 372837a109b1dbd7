//! The host's thresholds.

use crate::backend::{Slot, logger};
use crate::notice;
use crate::types::{LOGS_DISABLED, LogThreshold, LoggerHandle, Severity};

/// The host's threshold for one logger: in the lowest byte the number of the lowest severity, above
/// it the lowest 22 bits of the generation, above those a count of suppressed records.
///
/// It is valid until the program learns of another generation. Suppressed records make no call that
/// could bring one, so it is valid for at most 1,023 of them.
#[derive(Debug)]
pub(crate) struct Threshold(Slot<u64>);

/// The bits of the generation that are kept, above the severity.
const GENERATION: u64 = ((1 << 22) - 1) << 8;
/// One suppressed record. The count of 10 bits begins at 1; at 0 the threshold is asked for.
const SUPPRESSED: u64 = 1 << 30;
/// All bits: a slot has no more natively.
const HELD: u64 = (1 << 40) - 1;

impl Threshold {
    pub(crate) const fn new() -> Self {
        Self(Slot::new())
    }

    /// Returns true if the host takes records of a severity. `handle` returns the logger's handle,
    /// if the host has to be asked. A record without severity passes every threshold.
    pub(crate) fn admits(
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
