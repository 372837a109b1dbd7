//! Logs: loggers that know the host's thresholds, and records with nested values.

pub(crate) mod arena;
mod owned;
mod record;
#[cfg(feature = "serde")]
mod serialize;
pub(crate) mod types;
mod value;

pub use owned::OwnedValue;
pub use record::{LogBuilder, Record};
#[cfg(feature = "serde")]
pub use serialize::SerializeError;
pub(crate) use value::scalar;
pub use value::{AnyValue, Items, Owned, Wide};

use crate::backend::{self, Slot};
use crate::{Scope, notice};
use types::{LogThreshold, NOBODY_LISTENS, Severity};

/// Emits log records that carry one instrumentation scope; keep it in a `static`.
///
/// It caches the host's threshold, so a disabled record costs a comparison and no call. It learns
/// of a new threshold with the program's next call of another kind: a span, a measurement, or an
/// enabled record. A program that only logs below the threshold does not learn of a new one.
#[derive(Debug)]
pub struct Logger {
    scope: Scope,
    slot: Slot,
    threshold: Threshold,
}

impl Logger {
    /// Makes the logger of a scope.
    #[must_use]
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            slot: Slot::new(),
            threshold: Threshold::new(),
        }
    }

    /// Whether records of this severity are listened to. Use it to skip what is costly to compute.
    #[must_use]
    pub fn enabled(&self, severity: Severity) -> bool {
        self.threshold.admits(Some(severity), || self.handle())
    }

    /// Whether events of this severity and name are listened to: exact, and where the severity alone does not already
    /// rule them out, a call.
    #[must_use]
    pub fn event_enabled(&self, severity: Severity, event_name: &str) -> bool {
        self.enabled(severity)
            && backend::logger::enabled(self.handle(), Some(severity), Some(event_name))
    }

    /// Starts building a record.
    pub fn record<'a>(&'a self, severity: Severity) -> LogBuilder<'a> {
        LogBuilder::new(self, severity)
    }

    /// Emits a text.
    pub fn log(&self, severity: Severity, text: &str) {
        self.record(severity).body(text).emit();
    }

    /// Emits several records in one call, those that nobody listens to left out.
    pub fn emit(&self, records: &[Record<'_>]) {
        let admitted: Vec<_> = records
            .iter()
            .filter(|record| self.threshold.admits(record.severity, || self.handle()))
            .map(Record::parts)
            .collect();
        if !admitted.is_empty() {
            arena::emit_all(self.handle(), &admitted);
        }
    }

    pub(crate) fn handle(&self) -> u64 {
        self.slot
            .get_or(|| backend::logger::get(self.scope.as_contract()))
    }
}

/// The host's threshold for one logger: in the lowest byte the lowest severity's number, above it
/// the lowest 22 bits of the generation, above those a count of suppressed records.
///
/// It holds for as long as its generation is the one last heard of. Suppressed records make no call
/// that could bring a notice, so it holds for no more than 1,023 of them.
#[derive(Debug)]
pub(crate) struct Threshold(Slot);

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

    /// Whether records of this severity are listened to; `logger` gives the handle to ask with. A record
    /// without severity passes every threshold.
    pub(crate) fn admits(&self, severity: Option<Severity>, logger: impl FnOnce() -> u64) -> bool {
        let mut held = self.0.get();
        let heard = u64::from(notice::generation()) << 8;
        if held < SUPPRESSED || (held ^ heard) & GENERATION != 0 {
            let LogThreshold { lowest, generation } = backend::logger::threshold(logger());
            notice::set_generation(generation);
            held = SUPPRESSED | u64::from(generation) << 8 & GENERATION | u64::from(lowest);
            self.0.set(held);
        }
        let lowest = held as u8;
        let admitted = match severity {
            Some(severity) => severity.number() >= lowest,
            None => lowest != NOBODY_LISTENS,
        };
        if !admitted {
            self.0.set((held + SUPPRESSED) & HELD);
        }
        admitted
    }
}
