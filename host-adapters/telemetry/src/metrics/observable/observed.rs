//! One series of an observable instrument: the reports of its observers, and their sum.

use std::collections::HashMap;

use super::Role;
use crate::dropped::Reason;
use crate::model::Number;

/// A sum of numbers of one type. The field of the other type stays zero. An `i128` cannot overflow
/// by adding `u64`s or `i64`s.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) integer: i128,
    pub(super) float: f64,
}

impl Sum {
    fn of(number: Number) -> Self {
        match number {
            Number::Unsigned(value) => Self {
                integer: i128::from(value),
                float: 0.0,
            },
            Number::Signed(value) => Self {
                integer: i128::from(value),
                float: 0.0,
            },
            Number::Float(value) => Self {
                integer: 0,
                float: value,
            },
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            integer: self.integer.saturating_add(other.integer),
            float: self.float + other.float,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            integer: self.integer.saturating_sub(other.integer),
            float: self.float - other.float,
        }
    }

    fn magnitude(self) -> Self {
        Self {
            integer: self.integer,
            float: self.float.abs(),
        }
    }

    /// Returns whether the exporter can carry it.
    fn in_range(self) -> bool {
        i64::try_from(self.integer).is_ok() && self.float.is_finite()
    }
}

/// An observer's last report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    pub(super) value: Number,
    /// The position of the report among all reports of the instrument.
    pub(super) sequence: u64,
    /// The observer's round in which it was reported.
    pub(super) round: u64,
    /// True if the observer's last round left it out. Only a counter keeps such reports: its sum
    /// must not fall. A series with only silent reports is not exported.
    is_silent: bool,
}

impl Report {
    pub(super) const fn new(value: Number, sequence: u64, round: u64) -> Self {
        Self {
            value,
            sequence,
            round,
            is_silent: false,
        }
    }
}

/// One series of an instrument.
#[derive(Debug, Default)]
pub(super) struct Observed {
    reports: HashMap<u64, Report, foldhash::fast::RandomState>,
    /// The sum over ended instances and restarted counters. A counter never removes it. An up-down
    /// counter removes it after the next collection.
    ended_sum: Sum,
    /// Whether an instance that reported it has ended: at any time for a counter, or since the last
    /// collection for an up-down counter.
    has_ended_reports: bool,
    /// For a gauge, the value of the last instance that ended, until it is collected.
    ended_gauge: Option<Report>,
    /// The sum of all reports, to check the range. For floating-point numbers, the sum of their
    /// magnitudes.
    total: Sum,
    /// For a floating-point counter, the highest collected value. Adding the same numbers in
    /// another order may give a smaller sum, and a counter must not fall.
    highest: f64,
    /// The last collected value.
    collected: Sum,
    /// The part of a counter's sum that is subtracted, because the SDK has exported and forgotten
    /// it. With delta temporality, the SDK exports the difference to the value at the last
    /// collection, or to zero if that collection had no value.
    forgotten: Sum,
}

impl Observed {
    pub(super) fn is_held_by(&self, observer: u64) -> bool {
        self.reports.contains_key(&observer)
    }

    /// Stores a report. A counter must not fall, unless the observer's last round left it out. Then
    /// it has restarted, and its new total is added to the sum.
    pub(super) fn report(
        &mut self,
        role: Role,
        observer: u64,
        report: Report,
    ) -> Result<(), Reason> {
        let before = self.reports.get(&observer);
        let (old, was_silent) = before.map_or((Sum::default(), false), |before| {
            (Sum::of(before.value), before.is_silent)
        });
        let new = Sum::of(report.value);
        let falls = new.integer < old.integer || new.float < old.float;
        match role {
            Role::Gauge => {}
            // The SDK's differences would overflow.
            Role::Counter if falls && !was_silent => return Err(Reason::NumberRange),
            Role::Counter if falls => {
                let total = self.total.plus(new);
                if !total.in_range() {
                    return Err(Reason::NumberRange);
                }
                self.total = total;
                self.ended_sum = self.ended_sum.plus(old);
            }
            Role::Counter | Role::UpDownCounter => {
                let total = self.total.minus(old.magnitude()).plus(new.magnitude());
                if !total.in_range() {
                    return Err(Reason::NumberRange);
                }
                self.total = total;
            }
        }
        self.reports.insert(observer, report);
        Ok(())
    }

    /// Keeps an observer's earlier report in a round, because its new report was refused.
    pub(super) fn keep(&mut self, observer: u64, round: u64) {
        if let Some(report) = self.reports.get_mut(&observer) {
            report.round = round;
        }
    }

    /// Completes an observer's round. If the round left out this series, the report ends. Returns
    /// whether the observer's report is still stored.
    pub(super) fn complete(&mut self, role: Role, observer: u64, round: u64) -> bool {
        let Some(report) = self.reports.get_mut(&observer) else {
            return false;
        };
        if report.round == round {
            return true;
        }
        if role == Role::Counter {
            report.is_silent = true;
            return true;
        }
        if role == Role::UpDownCounter {
            self.total = self.total.minus(Sum::of(report.value).magnitude());
        }
        self.reports.remove(&observer);
        false
    }

    /// Ends the report of an observer whose instance has ended. Returns whether it had one.
    pub(super) fn end(&mut self, role: Role, observer: u64) -> bool {
        let Some(report) = self.reports.remove(&observer) else {
            return false;
        };
        match role {
            Role::Counter | Role::UpDownCounter => {
                self.ended_sum = self.ended_sum.plus(Sum::of(report.value));
                self.has_ended_reports |= !report.is_silent;
            }
            Role::Gauge => {
                if self
                    .ended_gauge
                    .is_none_or(|ended| ended.sequence < report.sequence)
                {
                    self.ended_gauge = Some(report);
                }
            }
        }
        true
    }

    /// Returns the value to collect, or `None` if no observer reports it. `differences` is true for
    /// delta temporality.
    pub(super) fn collect(&mut self, role: Role, differences: bool) -> Option<Sum> {
        let is_reported =
            self.has_ended_reports || self.reports.values().any(|report| !report.is_silent);
        match role {
            Role::Gauge => self
                .reports
                .values()
                .chain(&self.ended_gauge)
                .max_by_key(|report| report.sequence)
                .map(|report| Sum::of(report.value)),
            Role::Counter if !is_reported => {
                if differences {
                    self.forgotten = self.collected;
                }
                None
            }
            Role::UpDownCounter if !is_reported => None,
            Role::Counter | Role::UpDownCounter => {
                let reports = self.reports.values().map(|report| Sum::of(report.value));
                let mut sum = reports.fold(self.ended_sum, Sum::plus);
                if role == Role::Counter {
                    self.highest = self.highest.max(sum.float);
                    sum.float = self.highest;
                }
                self.collected = sum;
                sum.in_range().then(|| sum.minus(self.forgotten))
            }
        }
    }

    /// Forgets the collected reports of ended instances, except for counters. Returns whether any
    /// report remains.
    pub(super) fn forget(&mut self, role: Role) -> bool {
        if role == Role::Counter {
            return true;
        }
        self.total = self.total.minus(self.ended_sum.magnitude());
        self.ended_sum = Sum::default();
        self.has_ended_reports = false;
        self.ended_gauge = None;
        !self.is_empty(role)
    }

    /// Returns whether it can be removed. A counter cannot, because its sum must not fall.
    pub(super) fn is_empty(&self, role: Role) -> bool {
        role != Role::Counter
            && self.reports.is_empty()
            && !self.has_ended_reports
            && self.ended_gauge.is_none()
    }
}
