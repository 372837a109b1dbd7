//! The interface `meter`, recording.

use super::recorded::{Attributes, RecordedMeasurement, RecordedNumber, RecordedScope, set_all};
use super::scopes::Scopes;
use crate::types::{
    Handle, InstrumentDescriptor, InstrumentHandle, InstrumentKind, InstrumentationScope, KeyValue,
    MeterHandle, Notice, Number, Observation, ObserverHandle, SeriesHandle,
};

#[derive(Default)]
pub(crate) struct Metrics {
    /// The number of the next collection.
    pub(crate) collection: u32,
    pub(crate) measurements: Vec<RecordedMeasurement>,
    /// The reports of observers, with the observer and its round.
    observed: Vec<(u64, u64, RecordedMeasurement)>,
    /// The number of rounds that each observer has completed.
    observers: Vec<u64>,
    instruments: Vec<Instrument>,
    series: Vec<(InstrumentHandle, Attributes)>,
}

#[derive(Clone, PartialEq)]
struct Instrument {
    scope: RecordedScope,
    name: String,
    kind: InstrumentKind,
    unit: Option<String>,
    description: Option<String>,
    boundaries: Option<Vec<f64>>,
}

impl Metrics {
    /// Returns the current reports of observers.
    pub(crate) fn observed(&self) -> Vec<RecordedMeasurement> {
        let observed = self.observed.iter();
        observed.map(|(_, _, recorded)| recorded.clone()).collect()
    }

    /// Adds the reports of an observer's round.
    fn observe(&mut self, observer: u64, round: u64, recorded: RecordedMeasurement) {
        let same = |(by, _, other): &(u64, u64, RecordedMeasurement)| {
            *by == observer
                && (&other.scope, &other.instrument, &other.attributes)
                    == (&recorded.scope, &recorded.instrument, &recorded.attributes)
        };
        match self.observed.iter().position(same) {
            Some(at) => self.observed[at] = (observer, round, recorded),
            None => self.observed.push((observer, round, recorded)),
        }
    }

    #[track_caller]
    fn record(
        &mut self,
        instrument: InstrumentHandle,
        value: Number,
        attributes: Attributes,
        bound: bool,
    ) {
        let instrument = self
            .instruments
            .get((instrument.raw() as usize).wrapping_sub(1))
            .expect("a handle of this recorder")
            .clone();
        self.measurements.push(RecordedMeasurement {
            scope: instrument.scope,
            instrument: instrument.name,
            kind: instrument.kind.into(),
            unit: instrument.unit,
            description: instrument.description,
            boundaries: instrument.boundaries,
            value: match value {
                Number::Unsigned(value) => RecordedNumber::U64(value),
                Number::Signed(value) => RecordedNumber::I64(value),
                Number::Float(value) => RecordedNumber::F64(value),
            },
            attributes,
            bound,
        });
    }
}

/// The functions of the interface.
pub(crate) struct MeterFunctions<'a> {
    pub(super) notice: Notice,
    pub(super) scopes: &'a mut Scopes,
    pub(super) metrics: &'a mut Metrics,
}

impl MeterFunctions<'_> {
    pub(crate) fn get(self, scope: InstrumentationScope<'_>) -> MeterHandle {
        self.scopes.handle(scope)
    }

    pub(crate) fn create(
        self,
        meter: MeterHandle,
        descriptor: InstrumentDescriptor<'_>,
    ) -> InstrumentHandle {
        let instrument = Instrument {
            scope: self.scopes.get(meter),
            name: descriptor.name.into(),
            kind: descriptor.kind,
            unit: descriptor.unit.map(Into::into),
            description: descriptor.description.map(Into::into),
            boundaries: descriptor.boundaries.map(Into::into),
        };
        let instruments = &mut self.metrics.instruments;
        let index = match instruments.iter().position(|other| *other == instrument) {
            Some(index) => index,
            None => {
                instruments.push(instrument);
                instruments.len() - 1
            }
        };
        Handle::from_raw(index as u64 + 1)
    }

    pub(crate) fn measure(
        self,
        instrument: InstrumentHandle,
        value: Number,
        attributes: &[KeyValue<'_>],
    ) -> Notice {
        let mut recorded = Attributes::new();
        set_all(&mut recorded, attributes);
        self.metrics.record(instrument, value, recorded, false);
        self.notice
    }

    pub(crate) fn bind(
        self,
        instrument: InstrumentHandle,
        attributes: &[KeyValue<'_>],
    ) -> SeriesHandle {
        let mut recorded = Attributes::new();
        set_all(&mut recorded, attributes);
        self.metrics.series.push((instrument, recorded));
        Handle::from_raw(self.metrics.series.len() as u64)
    }

    pub(crate) fn measure_series(self, series: SeriesHandle, value: Number) -> Notice {
        let (instrument, attributes) = self
            .metrics
            .series
            .get((series.raw() as usize).wrapping_sub(1))
            .expect("a handle of this recorder")
            .clone();
        self.metrics.record(instrument, value, attributes, true);
        self.notice
    }

    pub(crate) fn create_observer(self) -> ObserverHandle {
        let observers = &mut self.metrics.observers;
        observers.push(0);
        Handle::from_raw(observers.len() as u64)
    }

    #[track_caller]
    pub(crate) fn observe(
        self,
        observer: ObserverHandle,
        observations: &[Observation<'_>],
        complete: bool,
    ) -> Notice {
        let metrics = self.metrics;
        let at = (observer.raw() as usize).wrapping_sub(1);
        let round = *metrics
            .observers
            .get(at)
            .expect("an observer of this recorder");
        for observation in observations {
            let mut attributes = Attributes::new();
            set_all(&mut attributes, observation.attributes);
            metrics.record(observation.instrument, observation.value, attributes, false);
            if let Some(recorded) = metrics.measurements.last().cloned() {
                metrics.observe(observer.raw(), round, recorded);
            }
        }
        if complete {
            metrics
                .observed
                .retain(|(by, in_round, _)| *by != observer.raw() || *in_round == round);
            metrics.observers[at] += 1;
        }
        self.notice
    }
}
