//! The metrics of an instance.

mod observers;
mod series_cache;

use std::convert::Infallible;
use std::sync::Arc;

use opentelemetry::KeyValue;

use self::observers::Observers;
use self::series_cache::SeriesCache;
use super::Instance;
use super::table::HandleTable;
use crate::attributes::{Pending, Rules};
use crate::dropped::{Reason, Signal};
use crate::handle::Mixer;
use crate::limits::DROPPED_NAMES;
use crate::metrics::{
    AttributeSet, Descriptor, Instrument, InstrumentKey, Registration, ScopeKey, Series,
};
use crate::model::{
    InstrumentDescriptor, InstrumentHandle, MeterHandle, Notice, Number, Observation,
    ObserverHandle, Scope, SeriesHandle,
};
use crate::scope;
use crate::telemetry::Shared;

/// The meters, instruments and series of an instance.
#[derive(Debug)]
pub(super) struct Metrics {
    /// Each with its exported scope and its number.
    meters: HandleTable<MeterHandle, ScopeKey, (ScopeKey, usize)>,
    instruments: HandleTable<InstrumentHandle, (usize, InstrumentKey), OwnInstrument>,
    /// The series by their addresses. `None` without a provider.
    series: HandleTable<SeriesHandle, usize, Option<Arc<Series>>>,
    cache: SeriesCache,
    observers: Observers,
}

/// An instrument of an instance. Both fields are `None` without a provider.
#[derive(Debug)]
struct OwnInstrument {
    instrument: Option<Instrument>,
    /// Compares it with later descriptors.
    registration: Option<Arc<Registration>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mixer = Mixer::default();
        Self {
            meters: HandleTable::new(&mixer),
            instruments: HandleTable::new(&mixer),
            series: HandleTable::new(&mixer),
            cache: SeriesCache::default(),
            observers: Observers::new(&mixer),
        }
    }
}

impl Metrics {
    /// Returns the name of an instrument.
    fn name_of(&self, instrument: InstrumentHandle) -> Option<&str> {
        let own = self.instruments.find(instrument).ok()?;
        own.instrument.as_ref().map(Instrument::name)
    }

    fn instrument(
        &mut self,
        meter: MeterHandle,
        given: InstrumentDescriptor,
        shared: &Shared,
    ) -> Result<InstrumentHandle, Reason> {
        let (scope, meter) = self.meters.find(meter)?;
        let (rules, left_out) = (rules(shared), Pending::default());
        let descriptor = Descriptor::new(given, &rules.pending(&left_out))?;
        let key = (*meter, descriptor.key());
        if let Some(known) = self.instruments.get(&key)
            && let Some(registration) = &known.registration
        {
            shared.metrics.compare(scope, registration, &descriptor);
        }
        let limit = (shared.limits.instruments, Reason::Instruments);
        let made = self.instruments.get_or_insert(key, limit, |(_, key)| {
            let made = shared.metrics.instrument(scope, key, descriptor)?;
            let (instrument, registration) = made.unzip();
            Ok(OwnInstrument {
                instrument,
                registration,
            })
        })?;
        left_out.count(rules);
        Ok(made)
    }

    /// Finds the series of a measurement. `None` without a provider. Adds the series to the cache
    /// under `cache_key`, if the rules do not change its attributes.
    #[inline(never)]
    fn resolve(
        &mut self,
        handle: InstrumentHandle,
        attributes: Vec<KeyValue>,
        cache_key: Option<&[u8]>,
        rules: &Rules<'_>,
    ) -> Result<Option<Resolved>, Reason> {
        let instrument = match &self.instruments.find(handle)?.instrument {
            None => return Ok(None),
            Some(Instrument::Observable(_)) => return Err(Reason::NumberType),
            Some(Instrument::Sync(instrument)) => instrument,
        };
        let left_out = Pending::default();
        let (attributes, is_changed) = AttributeSet::checked(attributes, &rules.pending(&left_out));
        let (series, exceeded) = instrument.series(attributes);
        if let Some(key) = cache_key.filter(|_| !is_changed && exceeded.is_none()) {
            self.cache.insert(key, &series);
        }
        Ok(Some(Resolved {
            series,
            left_out,
            exceeded,
        }))
    }

    fn bind(
        &mut self,
        handle: InstrumentHandle,
        attributes: Vec<KeyValue>,
        rules: &Rules<'_>,
    ) -> Result<SeriesHandle, Reason> {
        let resolved = self.resolve(handle, attributes, None, rules)?;
        let series = resolved.map(|resolved| resolved.count(rules));
        let identity = series
            .as_ref()
            .map_or(0, |series| Arc::as_ptr(series).addr());
        let limit = (rules.limits.series, Reason::Series);
        self.series.get_or_insert(identity, limit, |_| Ok(series))
    }

    fn observe(
        &mut self,
        observer: ObserverHandle,
        given: Observation,
        shared: &Shared,
        rules: &Rules<'_>,
    ) -> Result<(), Reason> {
        match &self.instruments.find(given.instrument)?.instrument {
            None => Ok(()),
            Some(Instrument::Sync(_)) => Err(Reason::NumberType),
            Some(Instrument::Observable(observable)) => {
                let left_out = Pending::default();
                let attributes = AttributeSet::new(given.attributes, &rules.pending(&left_out));
                self.observers
                    .report(observer, observable, attributes, given.value, shared)?;
                left_out.count(*rules);
                Ok(())
            }
        }
    }
}

/// The series of a measurement, with counts to apply if the measurement is kept.
struct Resolved {
    series: Arc<Series>,
    /// Attributes that were dropped or shortened.
    left_out: Pending,
    /// The exceeded limit, if the series is the overflow series.
    exceeded: Option<Reason>,
}

impl Resolved {
    /// Applies the counts. In the overflow series all attributes are lost, so only the limit
    /// counts.
    fn count(self, rules: &Rules<'_>) -> Arc<Series> {
        match self.exceeded {
            Some(limit) => rules.count_named(limit, self.series.instrument()),
            None => self.left_out.count(*rules),
        }
        self.series
    }
}

fn rules(shared: &Shared) -> Rules<'_> {
    Rules {
        limits: &shared.limits,
        dropped: &shared.dropped,
        signal: Signal::Metrics,
        value_chars: None,
        pending: None,
    }
}

/// Counts a dropped measurement. `instrument` is the name, if it is known.
#[cold]
fn count_error(reason: Reason, instrument: Option<&str>, shared: &Shared) {
    let name = instrument.unwrap_or_default();
    shared.dropped.add_named(Signal::Metrics, reason, name);
}

impl Instance {
    /// Returns the meter of a scope (`meter.get`). Equal scopes have the same meter.
    ///
    /// Instruments of a meter beyond [`crate::Limits::scopes`] drop and count their measurements.
    pub fn meter(&mut self, scope: Scope) -> MeterHandle {
        let shared = &*self.telemetry.0;
        let (rules, shortened) = (rules(shared), Pending::default());
        let exported = scope::exported(
            &scope,
            &self.component,
            &self.texts,
            rules.pending(&shortened),
        );
        let name = exported.name().to_owned();
        let meters = &mut self.metrics.meters;
        let (number, limit) = (meters.iter().count(), shared.limits.scopes);
        let make = |scope: &ScopeKey| Ok((scope.clone(), number));
        match meters.get_or_insert(ScopeKey(exported), (limit, Reason::Scopes), make) {
            Ok(meter) => {
                shortened.count(rules);
                meter
            }
            // Each of its measurements is counted.
            Err(reason) => {
                shared.dropped.note_name(Signal::Metrics, reason, &name);
                meters.refused(reason)
            }
        }
    }

    /// Makes an instrument, or returns an existing one with an equal descriptor (`meter.create`).
    ///
    /// If the meter or the name is invalid, or a limit is exceeded, the instrument drops and counts
    /// its measurements.
    pub fn create_instrument(
        &mut self,
        meter: MeterHandle,
        descriptor: InstrumentDescriptor,
    ) -> InstrumentHandle {
        let shared = &*self.telemetry.0;
        let name = descriptor.name.clone();
        match self.metrics.instrument(meter, descriptor, shared) {
            Ok(instrument) => instrument,
            Err(reason) => {
                shared.dropped.note_name(Signal::Metrics, reason, &name);
                self.metrics.instruments.refused(reason)
            }
        }
    }

    /// Records a measurement with a synchronous instrument (`meter.measure`).
    pub fn measure(
        &mut self,
        instrument: InstrumentHandle,
        value: Number,
        attributes: Vec<KeyValue>,
    ) -> Notice {
        let Ok(notice) =
            self.measure_with::<Infallible>(instrument, value, None, || Ok(attributes));
        notice
    }

    /// Records a measurement. Calls `attributes` only if the series is not in the cache.
    ///
    /// `cache_key` identifies the instrument and the attributes. `None` bypasses the cache.
    ///
    /// # Errors
    ///
    /// Returns the error of `attributes`. Then nothing was recorded.
    #[inline]
    pub fn measure_with<E>(
        &mut self,
        instrument: InstrumentHandle,
        value: Number,
        cache_key: Option<&[u8]>,
        attributes: impl FnOnce() -> Result<Vec<KeyValue>, E>,
    ) -> Result<Notice, E> {
        if let Some(series) = cache_key.and_then(|key| self.metrics.cache.find(key)) {
            self.measure_in(&series, value);
        } else {
            let attributes = attributes()?;
            self.measure_in_any(instrument, value, attributes, cache_key);
        }
        Ok(self.notice())
    }

    #[inline(never)]
    fn measure_in_any(
        &mut self,
        instrument: InstrumentHandle,
        value: Number,
        attributes: Vec<KeyValue>,
        cache_key: Option<&[u8]>,
    ) {
        let is_open = self.still_open();
        let rules = rules(&self.telemetry.0);
        let resolved = is_open.and_then(|()| {
            self.metrics
                .resolve(instrument, attributes, cache_key, &rules)
        });
        match resolved {
            Ok(Some(resolved)) => {
                if self.measure_in(&resolved.series, value) {
                    resolved.count(&rules);
                }
            }
            Ok(None) => {}
            Err(reason) => {
                let name = self.metrics.name_of(instrument);
                count_error(reason, name, &self.telemetry.0);
            }
        }
    }

    /// Records a measurement in a series. Returns false, and counts a drop, if it is refused.
    #[inline]
    fn measure_in(&self, series: &Series, value: Number) -> bool {
        let taken = self.still_open().and_then(|()| series.measure(value));
        if let Err(reason) = taken {
            count_error(reason, Some(series.instrument()), &self.telemetry.0);
        }
        taken.is_ok()
    }

    /// Binds an instrument to attributes, so that measurements pass only a number (`meter.bind`).
    /// Equal attributes have the same series.
    ///
    /// A series beyond [`crate::Limits::series`] drops and counts its measurements.
    pub fn bind(
        &mut self,
        instrument: InstrumentHandle,
        attributes: Vec<KeyValue>,
    ) -> SeriesHandle {
        let shared = &*self.telemetry.0;
        match self.metrics.bind(instrument, attributes, &rules(shared)) {
            Ok(series) => series,
            Err(reason) => {
                if let Some(name) = self.metrics.name_of(instrument) {
                    shared.dropped.note_name(Signal::Metrics, reason, name);
                }
                self.metrics.series.refused(reason)
            }
        }
    }

    /// Records a measurement with a bound instrument (`meter.measure-series`).
    pub fn measure_series(&mut self, series: SeriesHandle, value: Number) -> Notice {
        match self.metrics.series.find(series) {
            Ok(Some(series)) => drop(self.measure_in(series, value)),
            Ok(None) => {}
            Err(reason) => count_error(reason, None, &self.telemetry.0),
        }
        self.notice()
    }

    /// Makes an observer for the reports of one component (`meter.create-observer`).
    ///
    /// An observer beyond [`crate::Limits::observers`] drops and counts its reports.
    pub fn create_observer(&mut self) -> ObserverHandle {
        self.metrics.observers.make(&self.telemetry.0)
    }

    /// Records an observer's values of observable instruments. If `complete` is true, completes its
    /// round (`meter.observe`).
    pub fn observe(
        &mut self,
        observer: ObserverHandle,
        observations: Vec<Observation>,
        complete: bool,
    ) -> Notice {
        let shared = &*self.telemetry.0;
        let rules = rules(shared);
        let known = self.metrics.observers.check(observer);
        if let Err(reason) = known.and_then(|()| self.still_open()) {
            // Without observations, only the end of a round is lost.
            rules.count(reason, observations.len().max(complete.into()) as u64);
            for observation in observations.iter().take(DROPPED_NAMES) {
                if let Some(name) = self.metrics.name_of(observation.instrument) {
                    shared.dropped.note_name(Signal::Metrics, reason, name);
                }
            }
            return self.notice();
        }
        for observation in observations {
            let instrument = observation.instrument;
            let taken = (self.metrics).observe(observer, observation, shared, &rules);
            if let Err(reason) = taken {
                count_error(reason, self.metrics.name_of(instrument), shared);
            }
        }
        if complete {
            self.metrics.observers.complete(observer);
        }
        self.notice()
    }
}

#[cfg(test)]
mod tests;
