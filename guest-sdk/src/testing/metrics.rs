//! The interface `meter`, recording.

use super::recorded::{Attributes, set_all};
use super::recorder::State;
use super::{MeasurementKind, RecordedMeasurement, RecordedNumber, RecordedScope};
use crate::metrics::types::{InstrumentDescriptor, InstrumentKind, Number, Observation};
use crate::{InstrumentationScope, KeyValue};

#[derive(Default)]
pub(crate) struct Metrics {
    /// The number of the collection that comes next.
    pub(super) collection: u32,
    pub(super) measurements: Vec<RecordedMeasurement>,
    /// The reports of observers, with the observer and its round.
    observed: Vec<(u64, u64, RecordedMeasurement)>,
    /// How many rounds each observer has completed.
    observers: Vec<u64>,
    instruments: Vec<Instrument>,
    series: Vec<(u64, Attributes)>,
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
    /// Returns what observers report at present.
    pub(super) fn observed(&self) -> Vec<RecordedMeasurement> {
        let observed = self.observed.iter();
        observed.map(|(_, _, recorded)| recorded.clone()).collect()
    }

    /// Takes the reports of an observer's round.
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
    fn record(&mut self, instrument: u64, value: Number, attributes: Attributes, bound: bool) {
        let instrument = self
            .instruments
            .get((instrument as usize).wrapping_sub(1))
            .expect("a handle of this recorder")
            .clone();
        self.measurements.push(RecordedMeasurement {
            scope: instrument.scope,
            instrument: instrument.name,
            kind: kind(instrument.kind),
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

fn kind(kind: InstrumentKind) -> MeasurementKind {
    use InstrumentKind as Kind;
    match kind {
        Kind::CounterU64 | Kind::CounterF64 => MeasurementKind::Counter,
        Kind::UpDownCounterS64 | Kind::UpDownCounterF64 => MeasurementKind::UpDownCounter,
        Kind::HistogramU64 | Kind::HistogramF64 => MeasurementKind::Histogram,
        Kind::GaugeU64 | Kind::GaugeS64 | Kind::GaugeF64 => MeasurementKind::Gauge,
        Kind::ObservableCounterU64 | Kind::ObservableCounterF64 => {
            MeasurementKind::ObservableCounter
        }
        Kind::ObservableUpDownCounterS64 | Kind::ObservableUpDownCounterF64 => {
            MeasurementKind::ObservableUpDownCounter
        }
        Kind::ObservableGaugeU64 | Kind::ObservableGaugeS64 | Kind::ObservableGaugeF64 => {
            MeasurementKind::ObservableGauge
        }
    }
}

/// The functions of the interface.
pub(crate) struct Meter<'a>(&'a mut State);

impl State {
    pub(crate) fn meter(&mut self) -> Meter<'_> {
        Meter(self)
    }
}

impl Meter<'_> {
    pub(crate) fn get(self, scope: InstrumentationScope<'_>) -> u64 {
        self.0.scope(scope)
    }

    pub(crate) fn create(self, meter: u64, descriptor: InstrumentDescriptor<'_>) -> u64 {
        let instrument = Instrument {
            scope: self.0.scope_of(meter),
            name: descriptor.name.into(),
            kind: descriptor.kind,
            unit: descriptor.unit.map(Into::into),
            description: descriptor.description.map(Into::into),
            boundaries: descriptor.boundaries.map(Into::into),
        };
        let instruments = &mut self.0.metrics.instruments;
        let index = match instruments.iter().position(|other| *other == instrument) {
            Some(index) => index,
            None => {
                instruments.push(instrument);
                instruments.len() - 1
            }
        };
        index as u64 + 1
    }

    pub(crate) fn measure(
        self,
        instrument: u64,
        value: Number,
        attributes: &[KeyValue<'_>],
    ) -> u64 {
        let mut recorded = Attributes::new();
        set_all(&mut recorded, attributes);
        self.0.metrics.record(instrument, value, recorded, false);
        self.0.notice()
    }

    pub(crate) fn bind(self, instrument: u64, attributes: &[KeyValue<'_>]) -> u64 {
        let mut recorded = Attributes::new();
        set_all(&mut recorded, attributes);
        self.0.metrics.series.push((instrument, recorded));
        self.0.metrics.series.len() as u64
    }

    pub(crate) fn measure_series(self, series: u64, value: Number) -> u64 {
        let (instrument, attributes) = self
            .0
            .metrics
            .series
            .get((series as usize).wrapping_sub(1))
            .expect("a handle of this recorder")
            .clone();
        self.0.metrics.record(instrument, value, attributes, true);
        self.0.notice()
    }

    pub(crate) fn create_observer(self) -> u64 {
        let observers = &mut self.0.metrics.observers;
        observers.push(0);
        observers.len() as u64
    }

    #[track_caller]
    pub(crate) fn observe(
        self,
        observer: u64,
        observations: &[Observation<'_>],
        complete: bool,
    ) -> u64 {
        let metrics = &mut self.0.metrics;
        let at = (observer as usize).wrapping_sub(1);
        let round = *metrics
            .observers
            .get(at)
            .expect("an observer of this recorder");
        for observation in observations {
            let mut attributes = Attributes::new();
            set_all(&mut attributes, observation.attributes);
            metrics.record(observation.instrument, observation.value, attributes, false);
            if let Some(recorded) = metrics.measurements.last().cloned() {
                metrics.observe(observer, round, recorded);
            }
        }
        if complete {
            metrics
                .observed
                .retain(|(by, in_round, _)| *by != observer || *in_round == round);
            metrics.observers[at] += 1;
        }
        self.0.notice()
    }
}
