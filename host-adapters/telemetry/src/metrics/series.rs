//! Synchronous instruments: the SDK's, and their series.
//!
//! The registry decides which attribute sets an instrument has, and binds each to the SDK's
//! instrument once. So a measurement costs one lookup here and none in the SDK, sums can be kept
//! exactly ([`super::total`]), and what all series of a provider take is bounded in bytes. Beyond a
//! limit measurements share the series `otel.metric.overflow`, as the specification wants it.

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
use crate::model::{InstrumentKind, InstrumentRole, Number, NumberType};

/// What a series takes beside its attributes and buckets, about.
const SERIES_BYTES: usize = 256;

/// The number of the SDK's default boundaries (opentelemetry_sdk 0.33.1,
/// `default_aggregation_selector`).
const DEFAULT_BOUNDARIES: usize = 15;

/// Defines the SDK's instruments by kind: the types with and without attributes, the method that
/// builds one, the case of [`Number`] and the method that records it.
macro_rules! sync_instruments {
    ($($kind:ident: $instrument:ident $bound:ident<$number:ty>, $build:ident $builder:ident, $case:ident $record:ident $($adjust:ident)?;)+) => {
        /// The SDK's instrument.
        enum Sink {
            $($kind($instrument<$number>),)+
        }

        /// The SDK's instrument, bound to an attribute set.
        enum Bound {
            $($kind($bound<$number>),)+
        }

        impl Sink {
            /// Builds an instrument; `None` if the kind is observable.
            fn new(meter: &Meter, descriptor: Descriptor) -> Option<Self> {
                let name = descriptor.name;
                let options = (descriptor.unit, descriptor.description, descriptor.boundaries);
                match descriptor.kind {
                    $(InstrumentKind::$kind => {
                        Some(Self::$kind(sync_instruments!(@$build meter.$builder(name), options)))
                    })+
                    _ => None,
                }
            }

            fn bind(&self, attributes: &AttributeSet) -> Bound {
                match self {
                    $(Self::$kind(instrument) => Bound::$kind(instrument.bind(attributes.as_slice())),)+
                }
            }
        }

        impl Bound {
            /// Records a number that was admitted, which is of the right type.
            fn record(&self, number: Number) {
                match (self, number) {
                    $((Self::$kind(bound), Number::$case(value)) => bound.$record($($adjust)?(value)),)+
                    (_, Number::Unsigned(_) | Number::Signed(_) | Number::Float(_)) => {}
                }
            }
        }
    };
    (@plain $builder:expr, $options:ident) => {
        sync_instruments!(@options $builder, $options).build()
    };
    (@histogram $builder:expr, $options:ident) => {{
        let mut builder = sync_instruments!(@options $builder, $options);
        if let Some(boundaries) = $options.2 {
            builder = builder.with_boundaries(boundaries);
        }
        builder.build()
    }};
    (@options $builder:expr, $options:ident) => {{
        let mut builder = $builder;
        if let Some(unit) = $options.0 {
            builder = builder.with_unit(unit);
        }
        if let Some(description) = $options.1 {
            builder = builder.with_description(description);
        }
        builder
    }};
}

sync_instruments! {
    CounterU64: Counter BoundCounter<u64>, plain u64_counter, Unsigned add;
    CounterF64: Counter BoundCounter<f64>, plain f64_counter, Float add;
    UpDownCounterS64: UpDownCounter BoundUpDownCounter<i64>, plain i64_up_down_counter, Signed add;
    UpDownCounterF64: UpDownCounter BoundUpDownCounter<f64>, plain f64_up_down_counter, Float add;
    HistogramU64: Histogram BoundHistogram<u64>, histogram u64_histogram, Unsigned record;
    HistogramF64: Histogram BoundHistogram<f64>, histogram f64_histogram, Float record normal;
    GaugeU64: Gauge BoundGauge<u64>, plain u64_gauge, Unsigned record;
    GaugeS64: Gauge BoundGauge<i64>, plain i64_gauge, Signed record;
    GaugeF64: Gauge BoundGauge<f64>, plain f64_gauge, Float record;
}

/// A synchronous instrument of a provider.
pub(crate) struct SyncInstrument {
    name: Arc<str>,
    sink: Arc<Sink>,
    series: RwLock<SeriesMap>,
    overflow: OnceLock<Arc<Series>>,
    /// The sum of a `u64` histogram over all series that the SDK may merge: its sum must not
    /// overflow even then. A few large numbers leave the others no room for good, so no more
    /// series are in it than must be.
    merged: Arc<Total>,
    /// Whether the embedder's views may merge any series.
    views_merge: bool,
    /// What the buckets of a series take.
    bucket_bytes: usize,
    max_series: usize,
    budget: Arc<ByteBudget>,
    /// The count of collections, where the SDK forgets with each what was not measured since the
    /// last.
    forgets: Option<Arc<AtomicU64>>,
}

/// The attribute sets of an instrument.
#[derive(Default)]
struct SeriesMap {
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
        let label = Arc::from(descriptor.name.as_str());
        let bounds = descriptor.boundaries.as_ref();
        let bounds = bounds.map_or(DEFAULT_BOUNDARIES, Vec::len);
        let buckets = buckets(descriptor.kind, bounds, readers.histograms);
        let sink = Sink::new(meter, descriptor)?;
        Some(Self {
            name: label,
            sink: Arc::new(sink),
            series: RwLock::default(),
            overflow: OnceLock::new(),
            merged: Arc::default(),
            views_merge: !readers.series_stay_apart,
            bucket_bytes: buckets * size_of::<u64>(),
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
        let mut map = self.series.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = map.by_set.get(&attributes) {
            return (Arc::clone(series), None);
        }
        if !self.has_room(&map, &attributes) {
            self.sweep(&mut map);
        }
        if self.has_room(&map, &attributes) && self.budget.take(self.bytes(&attributes)) {
            let series = self.make(attributes.clone());
            map.by_set.insert(attributes, Arc::clone(&series));
            return (series, None);
        }
        let exceeded = if map.by_set.len() + map.leaving < self.max_series {
            Reason::MetricBytes
        } else {
            Reason::Cardinality
        };
        drop(map);
        let overflow = || self.make(AttributeSet::overflow());
        let series = self.overflow.get_or_init(overflow);
        (Arc::clone(series), Some(exceeded))
    }

    /// Returns the instrument's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn has_room(&self, map: &SeriesMap, attributes: &AttributeSet) -> bool {
        map.by_set.len() + map.leaving < self.max_series && self.budget.has(self.bytes(attributes))
    }

    /// Estimates what a series takes. Its set is kept twice here, and in the SDK.
    fn bytes(&self, attributes: &AttributeSet) -> usize {
        SERIES_BYTES + self.bucket_bytes + attributes.bytes().saturating_mul(3)
    }

    /// Removes the series that the SDK forgets: those that are not bound and were not measured
    /// since the last sweep, which was at least two collections ago. Their places are free at the
    /// next sweep, because the SDK may not have forgotten them until then.
    fn sweep(&self, map: &mut SeriesMap) {
        let Some(collections) = &self.forgets else {
            return;
        };
        let now = collections.load(Ordering::Relaxed);
        if map.swept.is_some_and(|swept| now < swept.saturating_add(2)) {
            return;
        }
        let before = map.by_set.len();
        map.by_set.retain(|attributes, series| {
            let kept = series.used.swap(false, Ordering::Relaxed) || Arc::strong_count(series) > 1;
            if !kept {
                self.budget.give_back(self.bytes(attributes));
            }
            kept
        });
        map.leaving = before - map.by_set.len();
        map.swept = Some(now);
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

/// The most buckets for which a series of an instrument has memory.
fn buckets(kind: InstrumentKind, boundaries: usize, aggregation: HistogramAggregation) -> usize {
    // Those of exponential histograms are in vectors that grow as needed, and then to twice the
    // size.
    let exponential = EXPONENTIAL_BUCKETS * 2;
    match (kind.role(), aggregation) {
        (InstrumentRole::Histogram, HistogramAggregation::ExplicitBuckets) => boundaries + 1,
        (InstrumentRole::Histogram, HistogramAggregation::Base2Exponential) => {
            // Floating point numbers have buckets on either side of zero.
            let is_float = kind.number() == NumberType::Float;
            exponential * if is_float { 2 } else { 1 }
        }
        _ => 0,
    }
}

/// Replaces a subnormal number by the smallest normal one of its sign, less than 2.3e-308 away.
///
/// An exponential histogram puts numbers into buckets 2^20 to the power of two at first, and counts
/// these in an `i32`, which the subnormal numbers and the large ones do not fit into together: it
/// overflows, and in a release build would then take gigabytes (opentelemetry_sdk 0.33.1,
/// `exponential_histogram::scale_change`). Which aggregation there is, the embedder's views say.
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
    /// Bound with the first measurement. The SDK exports each bound series, even if it was never
    /// measured, and would export a zero.
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
