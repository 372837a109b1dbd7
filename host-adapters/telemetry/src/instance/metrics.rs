//! Metrics of an instance.

mod observers;
mod series_cache;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use opentelemetry::KeyValue;

use self::observers::Observers;
use self::series_cache::SeriesCache;
use super::Instance;
use super::table::Table;
use crate::attributes::{Pending, Rules};
use crate::dropped::{Reason, Signal};
use crate::handle::{HandleKind, Mixer};
use crate::limits::DROPPED_NAMES;
use crate::metrics::{
    AttributeSet, Descriptor, Instrument, InstrumentKey, Place, ScopeKey, Series,
};
use crate::model::{InstrumentDescriptor, Notice, Number, Observation, Scope};
use crate::scope;
use crate::telemetry::Shared;

/// The meters, instruments and series of an instance.
#[derive(Debug)]
pub(super) struct Metrics {
    meters: Table<ScopeKey>,
    meters_by_scope: HashMap<ScopeKey, u32>,
    /// `None` where there is no provider.
    instruments: Table<Option<Instrument>>,
    instruments_by_key: HashMap<(u32, InstrumentKey), u32>,
    /// Where the instruments are among those of the provider; `None` where there is none.
    places: Vec<Option<Arc<Place>>>,
    /// `None` where there is no provider.
    series: Table<Option<Arc<Series>>>,
    /// By address.
    series_by_identity: HashMap<usize, u32>,
    cache: SeriesCache,
    observers: Observers,
}

impl Default for Metrics {
    fn default() -> Self {
        let mixer = Mixer::default();
        Self {
            meters: Table::new(mixer.tag(HandleKind::Meter)),
            meters_by_scope: HashMap::new(),
            instruments: Table::new(mixer.tag(HandleKind::Instrument)),
            instruments_by_key: HashMap::new(),
            places: Vec::new(),
            series: Table::new(mixer.tag(HandleKind::Series)),
            series_by_identity: HashMap::new(),
            cache: SeriesCache::default(),
            observers: Observers::new(&mixer),
        }
    }
}

impl Metrics {
    fn meter(&mut self, scope: ScopeKey, limit: usize) -> u64 {
        if let Some(index) = self.meters_by_scope.get(&scope) {
            return self.meters.handle(*index);
        }
        match self.meters.push(scope.clone(), limit) {
            Some(index) => {
                self.meters_by_scope.insert(scope, index);
                self.meters.handle(index)
            }
            None => self.meters.nowhere(Reason::Scopes),
        }
    }

    /// Returns the name of the instrument that a handle stands for.
    fn name_of(&self, instrument: u64) -> Option<&str> {
        let (_, instrument) = self.instruments.find(instrument).ok()?;
        instrument.as_ref().map(Instrument::name)
    }

    fn instrument(
        &mut self,
        meter: u64,
        given: InstrumentDescriptor,
        shared: &Shared,
    ) -> Result<u64, Reason> {
        let (meter, scope) = self.meters.find(meter)?;
        let (rules, left_out) = (rules(shared), Pending::default());
        let descriptor = Descriptor::new(given, &rules.pending(&left_out))?;
        let key = descriptor.key();
        let known = (meter, key);
        if let Some(index) = self.instruments_by_key.get(&known) {
            if let Some(Some(place)) = self.places.get(*index as usize) {
                shared.metrics.compare(scope, place, &descriptor);
            }
            left_out.count(rules);
            return Ok(self.instruments.handle(*index));
        }
        if self.instruments.is_full(shared.limits.instruments) {
            return Err(Reason::Instruments);
        }
        let made = shared.metrics.instrument(scope, &known.1, descriptor)?;
        let (instrument, place) = made.unzip();
        let index = self
            .instruments
            .push(instrument, shared.limits.instruments)
            .ok_or(Reason::Instruments)?;
        left_out.count(rules);
        self.places.push(place);
        self.instruments_by_key.insert(known, index);
        Ok(self.instruments.handle(index))
    }

    /// Finds the series of a measurement; `None` without a provider. If the rules leave its
    /// attributes as they are, the cache finds the series by `cache_key` from then on.
    #[inline(never)]
    fn resolve(
        &mut self,
        handle: u64,
        attributes: Vec<KeyValue>,
        cache_key: Option<&[u8]>,
        rules: &Rules<'_>,
    ) -> Result<Option<Resolved>, Reason> {
        let instrument = match self.instruments.find(handle)?.1 {
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
        handle: u64,
        attributes: Vec<KeyValue>,
        rules: &Rules<'_>,
    ) -> Result<u64, Reason> {
        let resolved = self.resolve(handle, attributes, None, rules)?;
        let series = resolved.map(|resolved| resolved.count(rules));
        let identity = series
            .as_ref()
            .map_or(0, |series| Arc::as_ptr(series).addr());
        if let Some(index) = self.series_by_identity.get(&identity) {
            return Ok(self.series.handle(*index));
        }
        let index = self
            .series
            .push(series, rules.limits.series)
            .ok_or(Reason::Series)?;
        self.series_by_identity.insert(identity, index);
        Ok(self.series.handle(index))
    }

    fn observe(
        &mut self,
        observer: u64,
        given: Observation,
        shared: &Shared,
        rules: &Rules<'_>,
    ) -> Result<(), Reason> {
        match self.instruments.find(given.instrument)?.1 {
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

/// The series of a measurement, and what to count once the measurement is taken.
struct Resolved {
    series: Arc<Series>,
    /// Attributes that were dropped or shortened.
    left_out: Pending,
    /// The limit for which the series is that of all further attribute sets.
    exceeded: Option<Reason>,
}

impl Resolved {
    /// Counts what was left out. If all attributes are lost, only that is counted.
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

/// Counts a measurement that was not taken. `instrument`: its name, if it is known.
#[cold]
fn count_error(reason: Reason, instrument: Option<&str>, shared: &Shared) {
    let name = instrument.unwrap_or_default();
    shared.dropped.add_named(Signal::Metrics, reason, name);
}

impl Instance {
    /// Gives the meter of a scope, the same for equal scopes (`meter.get`).
    ///
    /// Beyond [`crate::Limits::scopes`] it is one whose instruments drop and count what they measure.
    pub fn meter(&mut self, scope: Scope) -> u64 {
        let shared = &*self.telemetry.0;
        let (rules, shortened) = (rules(shared), Pending::default());
        let exported = scope::exported(
            &scope,
            &self.component,
            &self.texts,
            rules.pending(&shortened),
        );
        let name = exported.name().to_owned();
        let meter = self.metrics.meter(ScopeKey(exported), shared.limits.scopes);
        match self.metrics.meters.find(meter) {
            Ok(_) => shortened.count(rules),
            Err(reason) => shared.dropped.note_name(Signal::Metrics, reason, &name),
        }
        meter
    }

    /// Makes an instrument, or gives the one with an equal descriptor (`meter.create`).
    ///
    /// Where it cannot be made, for a wrong meter, an invalid name or a limit, it is one that drops and counts what it measures.
    pub fn create_instrument(&mut self, meter: u64, descriptor: InstrumentDescriptor) -> u64 {
        let shared = &*self.telemetry.0;
        let name = descriptor.name.clone();
        match self.metrics.instrument(meter, descriptor, shared) {
            Ok(instrument) => instrument,
            Err(reason) => {
                shared.dropped.note_name(Signal::Metrics, reason, &name);
                self.metrics.instruments.nowhere(reason)
            }
        }
    }

    /// Takes a measurement with a synchronous instrument (`meter.measure`).
    pub fn measure(&mut self, instrument: u64, value: Number, attributes: Vec<KeyValue>) -> Notice {
        let Ok(notice) =
            self.measure_with::<Infallible>(instrument, value, None, || Ok(attributes));
        notice
    }

    /// Takes a measurement whose attributes are read only if they have not come before.
    ///
    /// `cache_key` are bytes that only this instrument with these attributes has; `None` if there
    /// are none.
    ///
    /// # Errors
    ///
    /// Returns the error of `attributes`. Then nothing was measured.
    #[inline]
    pub fn measure_with<E>(
        &mut self,
        instrument: u64,
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
        instrument: u64,
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

    /// Takes a measurement in a series. Returns false if it was not taken, which is counted.
    #[inline]
    fn measure_in(&self, series: &Series, value: Number) -> bool {
        let taken = self.still_open().and_then(|()| series.measure(value));
        if let Err(reason) = taken {
            count_error(reason, Some(series.instrument()), &self.telemetry.0);
        }
        taken.is_ok()
    }

    /// Fixes a set of attributes for measurements that pass a number only, the same for equal ones (`meter.bind`).
    ///
    /// Beyond [`crate::Limits::series`] it is a series that drops and counts what it measures.
    pub fn bind(&mut self, instrument: u64, attributes: Vec<KeyValue>) -> u64 {
        let shared = &*self.telemetry.0;
        match self.metrics.bind(instrument, attributes, &rules(shared)) {
            Ok(series) => series,
            Err(reason) => {
                if let Some(name) = self.metrics.name_of(instrument) {
                    shared.dropped.note_name(Signal::Metrics, reason, name);
                }
                self.metrics.series.nowhere(reason)
            }
        }
    }

    /// Takes a measurement with a bound instrument (`meter.measure-series`).
    pub fn measure_series(&mut self, series: u64, value: Number) -> Notice {
        match self.metrics.series.find(series) {
            Ok((_, Some(series))) => drop(self.measure_in(series, value)),
            Ok((_, None)) => {}
            Err(reason) => count_error(reason, None, &self.telemetry.0),
        }
        self.notice()
    }

    /// Makes an observer, for the reports of one component (`meter.create-observer`).
    ///
    /// Beyond [`crate::Limits::observers`] it is one that drops and counts what it reports.
    pub fn create_observer(&mut self) -> u64 {
        self.metrics.observers.make(&self.telemetry.0)
    }

    /// Takes the values of observable instruments that an observer reports, and completes its round
    /// if it says so (`meter.observe`).
    pub fn observe(
        &mut self,
        observer: u64,
        observations: Vec<Observation>,
        complete: bool,
    ) -> Notice {
        let shared = &*self.telemetry.0;
        let rules = rules(shared);
        let known = self.metrics.observers.check(observer);
        if let Err(reason) = known.and_then(|()| self.still_open()) {
            // Where it reports nothing, nothing is lost but the end of a round.
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
