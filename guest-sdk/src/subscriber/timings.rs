//! Measures the time during which spans are entered.

use crate::trace::pending;
use crate::types::{KeyValue, SpanHandle};

/// The times during which a span was entered and not entered, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timings {
    idle: i64,
    busy: i64,
    last: i64,
    entered: u32,
}

/// The functions that measure. Pointers, so that a component without timings contains no code for
/// them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tracking {
    /// Returns nanoseconds since an arbitrary moment.
    pub(super) clock: fn() -> i64,
    pub(super) step: fn(&mut Timings, i64, bool),
    pub(super) report: fn(&Timings, SpanHandle),
}

impl Timings {
    pub(super) const fn new(now: i64) -> Self {
        Self {
            idle: 0,
            busy: 0,
            last: now,
            entered: 0,
        }
    }

    /// Counts an entry (`enter`) or an exit of the span.
    pub(super) fn step(&mut self, now: i64, enter: bool) {
        if self.entered == 0 {
            self.idle = self.idle.saturating_add(self.lap(now));
        } else if self.entered == 1 && !enter {
            self.busy = self.busy.saturating_add(self.lap(now));
        }
        self.entered = match enter {
            true => self.entered.saturating_add(1),
            false => self.entered.saturating_sub(1),
        };
    }

    /// Sets the attributes of the span.
    pub(super) fn report(&self, span: SpanHandle) {
        pending::set_attribute(span, &KeyValue::new("busy_ns", self.busy));
        pending::set_attribute(span, &KeyValue::new("idle_ns", self.idle));
    }

    /// Returns the nanoseconds since the last lap.
    fn lap(&mut self, now: i64) -> i64 {
        let lap = now.saturating_sub(self.last);
        self.last = now;
        lap
    }
}
