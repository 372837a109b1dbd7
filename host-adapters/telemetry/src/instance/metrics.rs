//! Metrics of an instance.

mod recent;

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry::KeyValue;

use self::recent::Recent;
use super::Instance;
use super::table::Table;
use crate::attributes::Rules;
use crate::dropped::{Reason, Signal};
use crate::handle::{HandleKind, Mixer};
use crate::metrics::{
    AttributeSet, Descriptor, Instrument, InstrumentKey, Observable, Registry, ScopeKey, Series,
    Taken,
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
    /// `None` where there is no provider.
    series: Table<Option<Arc<Series>>>,
    /// By address.
    series_by_identity: HashMap<usize, u32>,
    recent: Recent,
    reported: Reported,
}

impl Default for Metrics {
    fn default() -> Self {
        let mixer = Mixer::default();
        Self {
            meters: Table::new(mixer.tag(HandleKind::Meter)),
            meters_by_scope: HashMap::new(),
            instruments: Table::new(mixer.tag(HandleKind::Instrument)),
            instruments_by_key: HashMap::new(),
            series: Table::new(mixer.tag(HandleKind::Series)),
            series_by_identity: HashMap::new(),
            recent: Recent::default(),
            reported: Reported::default(),
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

    fn instrument(
        &mut self,
        meter: u64,
        given: InstrumentDescriptor,
        shared: &Shared,
    ) -> Result<u64, Reason> {
        let (meter, scope) = self.meters.find(meter)?;
        let descriptor = Descriptor::new(given, &rules(shared))?;
        let key = descriptor.key();
        let known = (meter, key);
        if let Some(index) = self.instruments_by_key.get(&known) {
            return Ok(self.instruments.handle(*index));
        }
        if self.instruments.is_full(shared.limits.instruments) {
            return Err(Reason::Instruments);
        }
        let instrument = shared.metrics.instrument(scope, &known.1, descriptor)?;
        let index = self
            .instruments
            .push(instrument, shared.limits.instruments)
            .ok_or(Reason::Instruments)?;
        self.instruments_by_key.insert(known, index);
        Ok(self.instruments.handle(index))
    }

    fn measure(
        &mut self,
        handle: u64,
        value: Number,
        attributes: Vec<KeyValue>,
        passed: Option<&[u8]>,
        rules: &Rules<'_>,
    ) -> Result<(), Reason> {
        match self.instruments.find(handle)?.1 {
            None => Ok(()),
            Some(Instrument::Observable(_)) => Err(Reason::NumberType),
            Some(Instrument::Sync(instrument)) => {
                let passed = passed.filter(|_| AttributeSet::is_set(&attributes, rules));
                let (series, overflows) = instrument.series(AttributeSet::new(attributes, rules));
                if overflows {
                    // The measurement counts, its attributes are lost.
                    rules.count(Reason::Cardinality, 1);
                } else if let Some(passed) = passed {
                    self.recent.remember(passed, &series);
                }
                series.measure(value)
            }
        }
    }

    fn bind(
        &mut self,
        handle: u64,
        attributes: Vec<KeyValue>,
        rules: &Rules<'_>,
    ) -> Result<u64, Reason> {
        let series = match self.instruments.find(handle)?.1 {
            None => None,
            Some(Instrument::Observable(_)) => return Err(Reason::NumberType),
            Some(Instrument::Sync(instrument)) => {
                let (series, overflows) = instrument.series(AttributeSet::new(attributes, rules));
                if overflows {
                    rules.count(Reason::Cardinality, 1);
                }
                Some(series)
            }
        };
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
        given: Observation,
        shared: &Shared,
        rules: &Rules<'_>,
    ) -> Result<(), Reason> {
        match self.instruments.find(given.instrument)?.1 {
            None => Ok(()),
            Some(Instrument::Sync(_)) => Err(Reason::NumberType),
            Some(Instrument::Observable(observable)) => {
                let attributes = AttributeSet::new(given.attributes, rules);
                self.reported
                    .report(observable, attributes, given.value, shared)
            }
        }
    }
}

/// What an instance has reported of observable instruments, which ends with it.
#[derive(Debug, Default)]
struct Reported {
    instance: Option<u64>,
    series: Vec<(Arc<Observable>, Arc<AttributeSet>)>,
}

impl Reported {
    fn report(
        &mut self,
        observable: &Arc<Observable>,
        attributes: AttributeSet,
        value: Number,
        shared: &Shared,
    ) -> Result<(), Reason> {
        let registry: &Registry = &shared.metrics;
        let instance = *self
            .instance
            .get_or_insert_with(|| registry.next_instance());
        let room = self.series.len() < shared.limits.observations;
        if let Taken::First(attributes) = observable.report(instance, attributes, value, room)? {
            self.series.push((Arc::clone(observable), attributes));
        }
        Ok(())
    }
}

impl Drop for Reported {
    fn drop(&mut self) {
        if let Some(instance) = self.instance {
            for (observable, attributes) in &self.series {
                observable.end(instance, attributes);
            }
        }
    }
}

fn rules(shared: &Shared) -> Rules<'_> {
    Rules {
        limits: &shared.limits,
        dropped: &shared.dropped,
        signal: Signal::Metrics,
        value_chars: None,
    }
}

fn count_error(result: Result<(), Reason>, shared: &Shared) {
    if let Err(reason) = result {
        shared.dropped.add(Signal::Metrics, reason, 1);
    }
}

impl Instance {
    /// How many bytes an instrument and its attributes may be passed in to be remembered by [`measure_first`](Self::measure_first).
    pub const RECENT_BYTES: usize = 512;

    /// Gives the meter of a scope, the same for equal scopes (`meter.get`).
    ///
    /// Beyond [`crate::Limits::scopes`] it is one whose instruments drop and count what they measure.
    pub fn meter(&mut self, scope: Scope) -> u64 {
        let shared = &*self.telemetry.0;
        let exported = scope::exported(&scope, &self.component, rules(shared));
        self.metrics.meter(ScopeKey(exported), shared.limits.scopes)
    }

    /// Makes an instrument, or gives the one with an equal descriptor (`meter.create`).
    ///
    /// Where it cannot be made, for a wrong meter, an invalid name or a limit, it is one that drops and counts what it measures.
    pub fn create_instrument(&mut self, meter: u64, descriptor: InstrumentDescriptor) -> u64 {
        let shared = &*self.telemetry.0;
        match self.metrics.instrument(meter, descriptor, shared) {
            Ok(instrument) => instrument,
            Err(reason) => self.metrics.instruments.nowhere(reason),
        }
    }

    /// Takes a measurement with a synchronous instrument (`meter.measure`).
    pub fn measure(&mut self, instrument: u64, value: Number, attributes: Vec<KeyValue>) -> Notice {
        self.measure_as(instrument, value, attributes, None)
    }

    /// Takes a measurement as [`measure`](Self::measure) does, and remembers the attributes by what they were passed as: bytes that
    /// are the same for no other instrument and attributes. The next time [`measure_recent`](Self::measure_recent) will do.
    pub fn measure_first(
        &mut self,
        instrument: u64,
        value: Number,
        attributes: Vec<KeyValue>,
        passed: &[u8],
    ) -> Notice {
        self.measure_as(instrument, value, attributes, Some(passed))
    }

    fn measure_as(
        &mut self,
        instrument: u64,
        value: Number,
        attributes: Vec<KeyValue>,
        passed: Option<&[u8]>,
    ) -> Notice {
        let shared = &*self.telemetry.0;
        let rules = rules(shared);
        let taken = (self.metrics).measure(instrument, value, attributes, passed, &rules);
        count_error(taken, shared);
        self.notice()
    }

    /// Takes a measurement with attributes that are remembered; `None` where they are not, and nothing was taken.
    pub fn measure_recent(&mut self, value: Number, passed: &[u8]) -> Option<Notice> {
        let series = self.metrics.recent.find(passed)?;
        count_error(series.measure(value), &self.telemetry.0);
        Some(self.notice())
    }

    /// Fixes a set of attributes for measurements that pass a number only, the same for equal ones (`meter.bind`).
    ///
    /// Beyond [`crate::Limits::series`] it is a series that drops and counts what it measures.
    pub fn bind(&mut self, instrument: u64, attributes: Vec<KeyValue>) -> u64 {
        let shared = &*self.telemetry.0;
        match self.metrics.bind(instrument, attributes, &rules(shared)) {
            Ok(series) => series,
            Err(reason) => self.metrics.series.nowhere(reason),
        }
    }

    /// Takes a measurement with a bound instrument (`meter.measure-series`).
    pub fn measure_series(&mut self, series: u64, value: Number) -> Notice {
        let shared = &*self.telemetry.0;
        let result = self
            .metrics
            .series
            .find(series)
            .and_then(|(_, series)| match series {
                Some(series) => series.measure(value),
                None => Ok(()),
            });
        count_error(result, shared);
        self.notice()
    }

    /// Takes the values of observable instruments (`meter.observe`).
    pub fn observe(&mut self, observations: Vec<Observation>) -> Notice {
        let shared = &*self.telemetry.0;
        let rules = rules(shared);
        for observation in observations {
            count_error(self.metrics.observe(observation, shared, &rules), shared);
        }
        self.notice()
    }
}

#[cfg(test)]
mod tests;
