//! Observable instruments: keeps the last reports of observers until the SDK collects them.
//!
//! The SDK collects on its own thread, where it cannot call a guest. So guests report while they
//! run (`meter.observe`), and the SDK's callback reads the stored reports: for counters and up-down
//! counters the sum over all observers, for gauges the last report. An observer is a component of
//! an instance.
//!
//! A series that an observer leaves out of a round has ended (ADR 10). When an instance ends, a
//! counter keeps its total. The last reports of the other kinds are collected once more, then
//! forgotten (ADR 2).

mod observed;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::metrics::{AsyncInstrument, Meter};
use opentelemetry_sdk::metrics::Temporality;

use self::observed::{Observed, Report, Sum};
use super::attributes::AttributeSet;
use super::descriptor::Descriptor;
use super::shared_byte_budget::SharedByteBudget;
use super::total::MAX_UNSIGNED;
use crate::dropped::Reason;
use crate::model::{InstrumentKind, InstrumentRole, Number, NumberType};

/// The approximate bytes of a series without its attributes.
const SERIES_BYTES: usize = 256;

/// How the reports of several observers make one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Counter,
    UpDownCounter,
    Gauge,
}

/// Returns the role of an observable kind; `None` if it is synchronous.
fn role(kind: InstrumentKind) -> Option<Role> {
    match kind.role() {
        _ if !kind.is_observable() => None,
        InstrumentRole::Counter => Some(Role::Counter),
        InstrumentRole::UpDownCounter => Some(Role::UpDownCounter),
        InstrumentRole::Gauge => Some(Role::Gauge),
        InstrumentRole::Histogram => None,
    }
}

struct State {
    series: HashMap<Arc<AttributeSet>, Observed, foldhash::fast::RandomState>,
    last_sequence: u64,
}

/// An observable instrument of a provider.
pub(crate) struct Observable {
    name: String,
    role: Role,
    number: NumberType,
    max_series: usize,
    budget: Arc<SharedByteBudget>,
    /// Counts the reports of live instances, and limits them.
    reports: Arc<Reports>,
    /// Whether the SDK exports differences.
    differences: bool,
    state: Mutex<State>,
}

impl fmt::Debug for Observable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observable")
            .field("role", &self.role)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Counts the reports of live instances that a provider holds.
#[derive(Debug)]
pub(crate) struct Reports {
    held: AtomicUsize,
    max: usize,
}

impl Reports {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            max,
        }
    }

    /// Returns the number of reports.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn take(&self) -> bool {
        let more = |held: usize| (held < self.max).then_some(held + 1);
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    fn release(&self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Distinguishes an observer's first report of a series from later ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReportKind {
    /// The report replaces an earlier one.
    Replaced,
    /// The first report of a series. The observer has to pass this set to
    /// [`Observable::complete`] and [`Observable::end`].
    First(Arc<AttributeSet>),
}

impl Observable {
    /// Makes an instrument and registers it with the SDK for the provider's lifetime. `None` if the
    /// kind is synchronous.
    ///
    /// The callback owns a reference, so reports are collected even after the last instance has
    /// ended.
    pub(crate) fn new(
        meter: &Meter,
        descriptor: Descriptor,
        max_series: usize,
        budget: Arc<SharedByteBudget>,
        reports: Arc<Reports>,
        temporality: Temporality,
    ) -> Option<Arc<Self>> {
        let Descriptor {
            name,
            kind,
            unit,
            description,
            boundaries: _,
        } = descriptor;
        let (role, number) = (role(kind)?, kind.number());
        let observable = Arc::new(Self {
            name: name.clone(),
            role,
            number,
            max_series,
            budget,
            reports,
            differences: role == Role::Counter && temporality == Temporality::Delta,
            state: Mutex::new(State {
                series: HashMap::default(),
                last_sequence: 0,
            }),
        });
        // The provider keeps the callback, so the SDK's instrument is not needed.
        macro_rules! register {
            ($builder:expr, $observe:ident) => {{
                let observed = Arc::clone(&observable);
                let mut builder =
                    $builder.with_callback(move |observer| observed.$observe(observer));
                if let Some(unit) = unit {
                    builder = builder.with_unit(unit);
                }
                if let Some(description) = description {
                    builder = builder.with_description(description);
                }
                let _ = builder.build();
            }};
        }
        match (role, number) {
            (Role::Counter, NumberType::Float) => {
                register!(meter.f64_observable_counter(name), collect_floats)
            }
            (Role::Counter, NumberType::Unsigned | NumberType::Signed) => {
                register!(meter.u64_observable_counter(name), collect_unsigned);
            }
            (Role::UpDownCounter, NumberType::Float) => {
                register!(meter.f64_observable_up_down_counter(name), collect_floats);
            }
            (Role::UpDownCounter, NumberType::Unsigned | NumberType::Signed) => {
                register!(meter.i64_observable_up_down_counter(name), collect_signed);
            }
            (Role::Gauge, NumberType::Unsigned) => {
                register!(meter.u64_observable_gauge(name), collect_unsigned)
            }
            (Role::Gauge, NumberType::Signed) => {
                register!(meter.i64_observable_gauge(name), collect_signed)
            }
            (Role::Gauge, NumberType::Float) => {
                register!(meter.f64_observable_gauge(name), collect_floats)
            }
        }
        Some(observable)
    }

    /// Returns its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Stores an observer's report in a round. `has_capacity` tells whether its instance may hold
    /// one more report.
    ///
    /// # Errors
    ///
    /// Returns an error if the number has the wrong type or is out of range, if a counter falls, if
    /// the sum would be out of range, or if a limit is exceeded. Then the observer's report of the
    /// last round applies in this round too.
    pub(crate) fn report(
        &self,
        (observer, round): (u64, u64),
        attributes: AttributeSet,
        value: Number,
        has_capacity: bool,
    ) -> Result<ReportKind, Reason> {
        let mut state = self.lock();
        let State {
            series,
            last_sequence,
        } = &mut *state;
        *last_sequence = last_sequence.wrapping_add(1);
        let report = Report::new(value, *last_sequence, round);
        let known = series
            .get_key_value(&attributes)
            .map(|(key, _)| Arc::clone(key));
        if let Some(key) = known
            && let Some(observed) = series.get_mut(&key)
        {
            if observed.is_held_by(observer) {
                let taken = self
                    .check(value)
                    .and_then(|()| observed.report(self.role, observer, report));
                if taken.is_err() {
                    observed.keep(observer, round);
                }
                return taken.map(|()| ReportKind::Replaced);
            }
            self.check(value)?;
            self.reserve(has_capacity)?;
            return match observed.report(self.role, observer, report) {
                Ok(()) => Ok(ReportKind::First(key)),
                Err(reason) => {
                    self.reports.release();
                    Err(reason)
                }
            };
        }
        self.check(value)?;
        self.reserve(has_capacity)?;
        let bytes = series_bytes(&attributes);
        let exceeded = if series.len() >= self.max_series {
            Some(Reason::Cardinality)
        } else {
            (!self.budget.take(bytes)).then_some(Reason::MetricBytes)
        };
        if let Some(exceeded) = exceeded {
            self.reports.release();
            return Err(exceeded);
        }
        let key = Arc::new(attributes);
        // A single number is always in range.
        let observed = series.entry(Arc::clone(&key)).or_default();
        observed
            .report(self.role, observer, report)
            .map(|()| ReportKind::First(key))
    }

    /// Completes an observer's round for a series that it has reported. Returns whether its report
    /// is still stored.
    pub(crate) fn complete(
        &self,
        (observer, round): (u64, u64),
        attributes: &Arc<AttributeSet>,
    ) -> bool {
        let mut state = self.lock();
        let Some(observed) = state.series.get_mut(attributes) else {
            return false;
        };
        if observed.complete(self.role, observer, round) {
            return true;
        }
        self.reports.release();
        if observed.is_empty(self.role) {
            state.series.remove(attributes);
            self.budget.release(series_bytes(attributes));
        }
        false
    }

    /// Ends an observer's reports of a series, because its instance has ended.
    pub(crate) fn end(&self, observer: u64, attributes: &Arc<AttributeSet>) {
        if let Some(observed) = self.lock().series.get_mut(attributes)
            && observed.end(self.role, observer)
        {
            self.reports.release();
        }
    }

    fn reserve(&self, has_capacity: bool) -> Result<(), Reason> {
        if !has_capacity {
            Err(Reason::Observations)
        } else if !self.reports.take() {
            Err(Reason::ObservationsPerProvider)
        } else {
            Ok(())
        }
    }

    fn check(&self, value: Number) -> Result<(), Reason> {
        let in_range = match (self.number, value) {
            (NumberType::Unsigned, Number::Unsigned(value)) => value <= MAX_UNSIGNED,
            (NumberType::Signed, Number::Signed(_)) => true,
            (NumberType::Float, Number::Float(value)) => {
                value.is_finite() && (value >= 0.0 || self.role != Role::Counter)
            }
            (_, Number::Unsigned(_) | Number::Signed(_) | Number::Float(_)) => {
                return Err(Reason::NumberType);
            }
        };
        if in_range {
            Ok(())
        } else {
            Err(Reason::NumberRange)
        }
    }

    fn collect_unsigned(&self, observer: &dyn AsyncInstrument<u64>) {
        self.collect(|value, attributes| {
            observer.observe(
                u64::try_from(value.integer).unwrap_or(0),
                attributes.as_slice(),
            );
        });
    }

    fn collect_signed(&self, observer: &dyn AsyncInstrument<i64>) {
        self.collect(|value, attributes| {
            observer.observe(
                i64::try_from(value.integer).unwrap_or(0),
                attributes.as_slice(),
            );
        });
    }

    fn collect_floats(&self, observer: &dyn AsyncInstrument<f64>) {
        self.collect(|value, attributes| observer.observe(value.float, attributes.as_slice()));
    }

    /// Passes the value of each series to the SDK, and forgets reports that were collected for the
    /// last time.
    fn collect(&self, mut observe: impl FnMut(Sum, &AttributeSet)) {
        // Guests wait for this lock, so the SDK is called after it is released.
        let mut values = Vec::new();
        self.lock().series.retain(|attributes, observed| {
            if let Some(value) = observed.collect(self.role, self.differences) {
                values.push((value, Arc::clone(attributes)));
            }
            let kept = observed.forget(self.role);
            if !kept {
                self.budget.release(series_bytes(attributes));
            }
            kept
        });
        for (value, attributes) in values {
            observe(value, &attributes);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Estimates the bytes of a series. The set is stored here and in the SDK.
fn series_bytes(attributes: &AttributeSet) -> usize {
    SERIES_BYTES + attributes.bytes().saturating_mul(2)
}
