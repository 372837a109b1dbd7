//! One attribute set of an observable instrument: the reports of its observers, and their sum.

use std::collections::HashMap;

use super::Role;
use crate::dropped::Reason;
use crate::model::Number;

/// A sum of numbers of one type; the other field stays zero. No sum of `u64`s or `i64`s leaves an
/// `i128`.
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
    /// The number of the report among all of the instrument.
    pub(super) turn: u64,
    /// The observer's round in which it was reported.
    pub(super) round: u64,
    /// Whether the observer's last round was without it. Only a counter keeps such reports: they
    /// remain in its sum, which must not fall, but they alone do not make it be exported.
    is_silent: bool,
}

impl Report {
    pub(super) const fn new(value: Number, turn: u64, round: u64) -> Self {
        Self {
            value,
            turn,
            round,
            is_silent: false,
        }
    }
}

/// One attribute set of an instrument.
#[derive(Debug, Default)]
pub(super) struct Observed {
    reports: HashMap<u64, Report, foldhash::fast::RandomState>,
    /// The totals of ended instances and restarted counters: kept for good for a counter, and
    /// until the next collection for an up-down counter.
    left: Sum,
    /// Whether an instance that reported it has ended: at any time for a counter, since the last
    /// collection for an up-down counter.
    is_left: bool,
    /// For a gauge, the value of the last instance that ended, until it is collected.
    left_gauge: Option<Report>,
    /// The sum of all that is to be added up, of floating point numbers that of their magnitudes.
    total: Sum,
    /// Of a counter over floating point numbers, the highest value that was collected: added up in
    /// another order, the same numbers may come to a little less, and a counter must not fall.
    highest: f64,
    /// What was collected last.
    collected: Sum,
    /// How much of a counter's sum the SDK was given and has forgotten since. It exports
    /// differences to what it was given at the last collection, which is zero where it was given
    /// nothing.
    forgotten: Sum,
}

impl Observed {
    pub(super) fn is_held_by(&self, observer: u64) -> bool {
        self.reports.contains_key(&observer)
    }

    /// Takes a report. A counter's lower total is refused, unless the observer's last round was
    /// without it: then it has restarted, and its total is added to the sum.
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
                self.left = self.left.plus(old);
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

    /// Notes that an observer's report in a round was refused: its report before that holds.
    pub(super) fn keep(&mut self, observer: u64, round: u64) {
        if let Some(report) = self.reports.get_mut(&observer) {
            report.round = round;
        }
    }

    /// Completes an observer's round. If the round was without this series, its report ends.
    /// Returns whether the observer still holds a report.
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

    /// Notes that an observer's instance has ended. Returns whether it held a report.
    pub(super) fn end(&mut self, role: Role, observer: u64) -> bool {
        let Some(report) = self.reports.remove(&observer) else {
            return false;
        };
        match role {
            Role::Counter | Role::UpDownCounter => {
                self.left = self.left.plus(Sum::of(report.value));
                self.is_left |= !report.is_silent;
            }
            Role::Gauge => {
                if self.left_gauge.is_none_or(|left| left.turn < report.turn) {
                    self.left_gauge = Some(report);
                }
            }
        }
        true
    }

    /// Returns the value to collect, or `None` if no observer reports it. `differences`: whether
    /// the SDK exports differences.
    pub(super) fn collect(&mut self, role: Role, differences: bool) -> Option<Sum> {
        let is_reported = self.is_left || self.reports.values().any(|report| !report.is_silent);
        match role {
            Role::Gauge => self
                .reports
                .values()
                .chain(&self.left_gauge)
                .max_by_key(|report| report.turn)
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
                let mut sum = reports.fold(self.left, Sum::plus);
                if role == Role::Counter {
                    self.highest = self.highest.max(sum.float);
                    sum.float = self.highest;
                }
                self.collected = sum;
                sum.in_range().then(|| sum.minus(self.forgotten))
            }
        }
    }

    /// Forgets the collected totals of ended instances, except for counters. Returns whether
    /// anything remains.
    pub(super) fn forget(&mut self, role: Role) -> bool {
        if role == Role::Counter {
            return true;
        }
        self.total = self.total.minus(self.left.magnitude());
        self.left = Sum::default();
        self.is_left = false;
        self.left_gauge = None;
        !self.is_empty(role)
    }

    /// Returns whether it may be forgotten. A counter's sum is never: it would fall.
    pub(super) fn is_empty(&self, role: Role) -> bool {
        role != Role::Counter
            && self.reports.is_empty()
            && !self.is_left
            && self.left_gauge.is_none()
    }
}
