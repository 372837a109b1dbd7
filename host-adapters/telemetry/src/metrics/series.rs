//! Synchronous instruments: the SDK's, and their series.
//!
//! The registry decides which attribute sets an instrument has, and binds each to the SDK's instrument once. So a measurement
//! costs one lookup here and none in the SDK, sums can be kept exactly ([`super::total`]), and what all series of
//! a provider take is bounded in bytes. Beyond a limit measurements share the series `otel.metric.overflow`, as the
//! specification wants it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use opentelemetry::metrics::{
    BoundCounter, BoundGauge, BoundHistogram, BoundUpDownCounter, Counter, Gauge, Histogram, Meter,
    UpDownCounter,
};

use super::Readers;
use super::attributes::AttributeSet;
use super::bytes::ByteBudget;
use super::descriptor::Descriptor;
use super::total::{MAX_UNSIGNED, Total};
use crate::dropped::Reason;
use crate::limits::EXPONENTIAL_BUCKETS;
use crate::metrics::HistogramAggregation;
use crate::model::{InstrumentKind, Number};

/// What a series takes beside its attributes and buckets, about.
const SERIES_BYTES: usize = 256;

/// The number of the SDK's default boundaries (opentelemetry_sdk 0.33.1, `default_aggregation_selector`).
const DEFAULT_BOUNDARIES: usize = 15;

/// The SDK's instrument.
enum Sink {
    CounterU64(Counter<u64>),
    CounterF64(Counter<f64>),
    UpDownCounterS64(UpDownCounter<i64>),
    UpDownCounterF64(UpDownCounter<f64>),
    HistogramU64(Histogram<u64>),
    HistogramF64(Histogram<f64>),
    GaugeU64(Gauge<u64>),
    GaugeS64(Gauge<i64>),
    GaugeF64(Gauge<f64>),
}

/// A synchronous instrument of a provider.
pub(crate) struct SyncInstrument {
    name: Arc<str>,
    sink: Arc<Sink>,
    series: RwLock<Places>,
    overflow: OnceLock<Arc<Series>>,
    /// The sum of a `u64` histogram over all series that the SDK may merge: its sum must not overflow even then. A few large
    /// numbers leave the others no room for good, so no more series are in it than must be.
    merged: Arc<Total>,
    /// Whether the embedder's views may merge any series.
    views_merge: bool,
    /// What the buckets of a series take.
    bucket_bytes: usize,
    max_series: usize,
    budget: Arc<ByteBudget>,
    /// The count of collections, where the SDK forgets with each what was not measured since the last.
    forgets: Option<Arc<AtomicU64>>,
}

/// The attribute sets of an instrument.
#[derive(Default)]
struct Places {
    by_set: HashMap<AttributeSet, Arc<Series>, foldhash::fast::RandomState>,
    /// How many were let go at the last sweep, which the SDK may not have forgotten yet.
    leaving: usize,
    /// The count of collections at the last sweep.
    swept: Option<u64>,
}

impl fmt::Debug for SyncInstrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncInstrument").finish_non_exhaustive()
    }
}

impl SyncInstrument {
    /// Makes one; `None` where the kind is observable.
    pub(crate) fn new(
        meter: &Meter,
        descriptor: Descriptor,
        max_series: usize,
        readers: Readers,
        budget: Arc<ByteBudget>,
        forgets: Option<Arc<AtomicU64>>,
    ) -> Option<Self> {
        let Descriptor {
            name,
            kind,
            unit,
            description,
            boundaries,
        } = descriptor;
        let label = Arc::from(name.as_str());
        let bounds = boundaries.as_ref().map_or(DEFAULT_BOUNDARIES, Vec::len);
        let bucket_bytes = buckets(kind, bounds, readers.histograms) * size_of::<u64>();
        macro_rules! build {
            ($builder:expr) => {{
                let mut builder = $builder;
                if let Some(unit) = unit {
                    builder = builder.with_unit(unit);
                }
                if let Some(description) = description {
                    builder = builder.with_description(description);
                }
                builder
            }};
        }
        macro_rules! histogram {
            ($builder:expr) => {{
                let mut builder = build!($builder);
                if let Some(boundaries) = boundaries {
                    builder = builder.with_boundaries(boundaries);
                }
                builder.build()
            }};
        }
        let sink = match kind {
            InstrumentKind::CounterU64 => Sink::CounterU64(build!(meter.u64_counter(name)).build()),
            InstrumentKind::CounterF64 => Sink::CounterF64(build!(meter.f64_counter(name)).build()),
            InstrumentKind::UpDownCounterS64 => {
                Sink::UpDownCounterS64(build!(meter.i64_up_down_counter(name)).build())
            }
            InstrumentKind::UpDownCounterF64 => {
                Sink::UpDownCounterF64(build!(meter.f64_up_down_counter(name)).build())
            }
            InstrumentKind::HistogramU64 => {
                Sink::HistogramU64(histogram!(meter.u64_histogram(name)))
            }
            InstrumentKind::HistogramF64 => {
                Sink::HistogramF64(histogram!(meter.f64_histogram(name)))
            }
            InstrumentKind::GaugeU64 => Sink::GaugeU64(build!(meter.u64_gauge(name)).build()),
            InstrumentKind::GaugeS64 => Sink::GaugeS64(build!(meter.i64_gauge(name)).build()),
            InstrumentKind::GaugeF64 => Sink::GaugeF64(build!(meter.f64_gauge(name)).build()),
            InstrumentKind::ObservableCounterU64
            | InstrumentKind::ObservableCounterF64
            | InstrumentKind::ObservableUpDownCounterS64
            | InstrumentKind::ObservableUpDownCounterF64
            | InstrumentKind::ObservableGaugeU64
            | InstrumentKind::ObservableGaugeS64
            | InstrumentKind::ObservableGaugeF64 => return None,
        };
        Some(Self {
            name: label,
            sink: Arc::new(sink),
            series: RwLock::default(),
            overflow: OnceLock::new(),
            merged: Arc::default(),
            views_merge: !readers.series_stay_apart,
            bucket_bytes,
            max_series,
            budget,
            forgets,
        })
    }

    /// Returns the series of an attribute set, and where it is the one for what is too many, which
    /// limit was exceeded.
    pub(crate) fn series(&self, attributes: AttributeSet) -> (Arc<Series>, Option<Reason>) {
        if let Some(series) = self
            .series
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .by_set
            .get(&attributes)
        {
            return (Arc::clone(series), None);
        }
        let mut places = self.series.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = places.by_set.get(&attributes) {
            return (Arc::clone(series), None);
        }
        if !self.has_room(&places, &attributes) {
            self.sweep(&mut places);
        }
        if self.has_room(&places, &attributes) && self.budget.take(self.bytes(&attributes)) {
            let series = self.make(attributes.clone());
            places.by_set.insert(attributes, Arc::clone(&series));
            return (series, None);
        }
        let exceeded = if places.by_set.len() + places.leaving < self.max_series {
            Reason::MetricBytes
        } else {
            Reason::Cardinality
        };
        drop(places);
        let overflow = || self.make(AttributeSet::overflow());
        let series = self.overflow.get_or_init(overflow);
        (Arc::clone(series), Some(exceeded))
    }

    /// Returns the instrument's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn has_room(&self, places: &Places, attributes: &AttributeSet) -> bool {
        places.by_set.len() + places.leaving < self.max_series
            && self.budget.has(self.bytes(attributes))
    }

    /// Estimates what a series takes. Its set is kept twice here, and in the SDK.
    fn bytes(&self, attributes: &AttributeSet) -> usize {
        SERIES_BYTES + self.bucket_bytes + attributes.bytes().saturating_mul(3)
    }

    /// Lets go of the series that the SDK forgets: those that nobody holds and nobody has measured since the last sweep, two
    /// collections ago or more. Their places are free at the next: until then the SDK may not have forgotten them.
    fn sweep(&self, places: &mut Places) {
        let Some(collections) = &self.forgets else {
            return;
        };
        let now = collections.load(Ordering::Relaxed);
        if places
            .swept
            .is_some_and(|swept| now < swept.saturating_add(2))
        {
            return;
        }
        let before = places.by_set.len();
        places.by_set.retain(|attributes, series| {
            let kept = series.used.swap(false, Ordering::Relaxed) || Arc::strong_count(series) > 1;
            if !kept {
                self.budget.give_back(self.bytes(attributes));
            }
            kept
        });
        places.leaving = before - places.by_set.len();
        places.swept = Some(now);
    }

    fn make(&self, attributes: AttributeSet) -> Arc<Series> {
        let may_merge = self.views_merge || attributes.has_float_zero();
        Arc::new(Series {
            instrument: Arc::clone(&self.name),
            sink: Arc::clone(&self.sink),
            attributes,
            bound: OnceLock::new(),
            total: Total::default(),
            merged: may_merge.then(|| Arc::clone(&self.merged)),
            used: AtomicBool::new(false),
        })
    }
}

impl Sink {
    fn bind(&self, attributes: &AttributeSet) -> Bound {
        let attributes = attributes.as_slice();
        match self {
            Self::CounterU64(counter) => Bound::CounterU64(counter.bind(attributes)),
            Self::CounterF64(counter) => Bound::CounterF64(counter.bind(attributes)),
            Self::UpDownCounterS64(counter) => Bound::UpDownCounterS64(counter.bind(attributes)),
            Self::UpDownCounterF64(counter) => Bound::UpDownCounterF64(counter.bind(attributes)),
            Self::HistogramU64(histogram) => Bound::HistogramU64(histogram.bind(attributes)),
            Self::HistogramF64(histogram) => Bound::HistogramF64(histogram.bind(attributes)),
            Self::GaugeU64(gauge) => Bound::GaugeU64(gauge.bind(attributes)),
            Self::GaugeS64(gauge) => Bound::GaugeS64(gauge.bind(attributes)),
            Self::GaugeF64(gauge) => Bound::GaugeF64(gauge.bind(attributes)),
        }
    }
}

/// The most buckets for which a series of an instrument has memory.
fn buckets(kind: InstrumentKind, boundaries: usize, aggregation: HistogramAggregation) -> usize {
    // Those of exponential histograms are in vectors that grow as needed, and then to twice the size.
    let exponential = EXPONENTIAL_BUCKETS * 2;
    match (kind, aggregation) {
        (
            InstrumentKind::HistogramU64 | InstrumentKind::HistogramF64,
            HistogramAggregation::ExplicitBuckets,
        ) => boundaries + 1,
        (InstrumentKind::HistogramU64, HistogramAggregation::Base2Exponential) => exponential,
        // One for either side of zero.
        (InstrumentKind::HistogramF64, HistogramAggregation::Base2Exponential) => exponential * 2,
        _ => 0,
    }
}

/// The SDK's instrument, bound to an attribute set.
enum Bound {
    CounterU64(BoundCounter<u64>),
    CounterF64(BoundCounter<f64>),
    UpDownCounterS64(BoundUpDownCounter<i64>),
    UpDownCounterF64(BoundUpDownCounter<f64>),
    HistogramU64(BoundHistogram<u64>),
    HistogramF64(BoundHistogram<f64>),
    GaugeU64(BoundGauge<u64>),
    GaugeS64(BoundGauge<i64>),
    GaugeF64(BoundGauge<f64>),
}

impl Bound {
    /// Hands on a number that was admitted, which is of the right type.
    fn record(&self, number: Number) {
        match (self, number) {
            (Self::CounterU64(counter), Number::Unsigned(value)) => counter.add(value),
            (Self::CounterF64(counter), Number::Float(value)) => counter.add(value),
            (Self::UpDownCounterS64(counter), Number::Signed(value)) => counter.add(value),
            (Self::UpDownCounterF64(counter), Number::Float(value)) => counter.add(value),
            (Self::HistogramU64(histogram), Number::Unsigned(value)) => histogram.record(value),
            (Self::HistogramF64(histogram), Number::Float(value)) => {
                histogram.record(normal(value))
            }
            (Self::GaugeU64(gauge), Number::Unsigned(value)) => gauge.record(value),
            (Self::GaugeS64(gauge), Number::Signed(value)) => gauge.record(value),
            (Self::GaugeF64(gauge), Number::Float(value)) => gauge.record(value),
            (_, Number::Unsigned(_) | Number::Signed(_) | Number::Float(_)) => {}
        }
    }
}

/// Replaces a subnormal number by the smallest normal one of its sign, less than 2.3e-308 away.
///
/// An exponential histogram puts numbers into buckets 2^20 to the power of two at first, and counts these in an `i32`, which the
/// subnormal numbers and the large ones do not fit into together: it overflows, and in a release build would then take
/// gigabytes (opentelemetry_sdk 0.33.1, `exponential_histogram::scale_change`). Which aggregation there is, the
/// embedder's views say.
fn normal(value: f64) -> f64 {
    if value.is_subnormal() {
        f64::MIN_POSITIVE.copysign(value)
    } else {
        value
    }
}

/// A synchronous instrument with one attribute set.
pub(crate) struct Series {
    /// The instrument's name.
    instrument: Arc<str>,
    sink: Arc<Sink>,
    attributes: AttributeSet,
    /// Bound with the first measurement: the SDK exports what is bound, measured or not, with a zero that nobody has said.
    bound: OnceLock<Bound>,
    total: Total,
    merged: Option<Arc<Total>>,
    /// Whether it was measured since the last sweep.
    used: AtomicBool,
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series")
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

impl Series {
    /// Returns the instrument's name.
    pub(crate) fn instrument(&self) -> &str {
        &self.instrument
    }

    /// Takes a measurement.
    ///
    /// # Errors
    ///
    /// A number of the wrong type, or out of range, which leaves no trace.
    pub(crate) fn measure(&self, number: Number) -> Result<(), Reason> {
        self.admit(number)?;
        self.used.store(true, Ordering::Relaxed);
        self.bound
            .get_or_init(|| self.sink.bind(&self.attributes))
            .record(number);
        Ok(())
    }

    fn admit(&self, number: Number) -> Result<(), Reason> {
        let in_range = match (&*self.sink, number) {
            (Sink::CounterU64(_), Number::Unsigned(value)) => self.total.admit_u64(value),
            (Sink::CounterF64(_), Number::Float(value)) => {
                value >= 0.0 && self.total.admit_f64(value)
            }
            (Sink::UpDownCounterS64(_), Number::Signed(value)) => self.total.admit_i64(value),
            (Sink::UpDownCounterF64(_) | Sink::HistogramF64(_), Number::Float(value)) => {
                self.total.admit_f64(value)
            }
            (Sink::HistogramU64(_), Number::Unsigned(value)) => self.admit_to_histogram(value),
            (Sink::GaugeU64(_), Number::Unsigned(value)) => value <= MAX_UNSIGNED,
            (Sink::GaugeS64(_), Number::Signed(_)) => true,
            (Sink::GaugeF64(_), Number::Float(value)) => value.is_finite(),
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

    fn admit_to_histogram(&self, value: u64) -> bool {
        let fits = self.total.admit_u64(value);
        if let Some(merged) = self.merged.as_ref().filter(|_| fits)
            && !merged.admit_u64_up_to(value, u64::MAX)
        {
            self.total.retract_u64(value);
            return false;
        }
        fits
    }
}
