//! Synchronous instruments and their series.
//!
//! The registry decides which attribute sets an instrument has, and binds each one to the SDK's
//! instrument once. So a measurement needs one lookup here and none in the SDK, sums are exact
//! ([`super::total`]), and the bytes of all series of a provider are bounded. Measurements beyond a
//! limit share the series `otel.metric.overflow`, as the specification says.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use opentelemetry::metrics::{
    BoundCounter, BoundGauge, BoundHistogram, BoundUpDownCounter, Counter, Gauge, Histogram, Meter,
    UpDownCounter,
};

use super::ReaderConfig;
use super::attributes::AttributeSet;
use super::descriptor::Descriptor;
use super::shared_byte_budget::SharedByteBudget;
use super::total::{MAX_UNSIGNED, Total};
use crate::dropped::Reason;
use crate::limits::EXPONENTIAL_BUCKETS;
use crate::metrics::HistogramAggregation;
use crate::model::{InstrumentKind, InstrumentRole, Number, NumberType};

/// The approximate bytes of a series without its attributes and buckets.
const SERIES_BYTES: usize = 256;

/// The number of the SDK's default boundaries (opentelemetry_sdk 0.33.1,
/// `default_aggregation_selector`).
const DEFAULT_BOUNDARIES: usize = 15;

/// Defines the SDK's instruments by kind: the types with and without attributes, the method that
/// builds one, the case of [`Number`] and the method that records it.
macro_rules! sync_instruments {
    ($($kind:ident: $instrument:ident $bound:ident<$number:ty>, $build:ident $builder:ident, $case:ident $record:ident $($adjust:ident)?;)+) => {
        /// The SDK's instrument.
        enum SdkInstrument {
            $($kind($instrument<$number>),)+
        }

        /// The SDK's instrument, bound to an attribute set.
        enum BoundInstrument {
            $($kind($bound<$number>),)+
        }

        impl SdkInstrument {
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

            fn bind(&self, attributes: &AttributeSet) -> BoundInstrument {
                match self {
                    $(Self::$kind(instrument) => BoundInstrument::$kind(instrument.bind(attributes.as_slice())),)+
                }
            }
        }

        impl BoundInstrument {
            /// Records an admitted number. Its type is right.
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
    sdk: Arc<SdkInstrument>,
    series: RwLock<SeriesMap>,
    overflow: OnceLock<Arc<Series>>,
    /// The sum of a `u64` histogram over all series that the SDK may merge. The merged sum must not
    /// overflow either. A few large numbers can use up the range permanently, so the sum covers as
    /// few series as possible.
    merged: Arc<Total>,
    /// Whether the embedder's views may merge any series.
    views_merge: bool,
    /// The bytes of a series' buckets.
    bucket_bytes: usize,
    max_series: usize,
    budget: Arc<SharedByteBudget>,
    /// The number of collections. Set if the SDK drops a series that had no measurement between two
    /// collections.
    collections: Option<Arc<AtomicU64>>,
}

/// The attribute sets of an instrument.
#[derive(Default)]
struct SeriesMap {
    by_set: HashMap<AttributeSet, Arc<Series>, foldhash::fast::RandomState>,
    /// The number of series that the last sweep removed. The SDK may not have forgotten them yet.
    removed: usize,
    /// The number of collections at the last sweep.
    swept: Option<u64>,
}

impl fmt::Debug for SyncInstrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncInstrument").finish_non_exhaustive()
    }
}

impl SyncInstrument {
    /// Makes an instrument. `None` if the kind is observable.
    pub(crate) fn new(
        meter: &Meter,
        descriptor: Descriptor,
        max_series: usize,
        readers: ReaderConfig,
        budget: Arc<SharedByteBudget>,
        collections: Option<Arc<AtomicU64>>,
    ) -> Option<Self> {
        let label = Arc::from(descriptor.name.as_str());
        let bounds = descriptor.boundaries.as_ref();
        let bounds = bounds.map_or(DEFAULT_BOUNDARIES, Vec::len);
        let buckets = buckets(descriptor.kind, bounds, readers.histograms);
        let sdk = SdkInstrument::new(meter, descriptor)?;
        Some(Self {
            name: label,
            sdk: Arc::new(sdk),
            series: RwLock::default(),
            overflow: OnceLock::new(),
            merged: Arc::default(),
            views_merge: !readers.no_merging_views,
            bucket_bytes: buckets * size_of::<u64>(),
            max_series,
            budget,
            collections,
        })
    }

    /// Returns the series of an attribute set. If this is the overflow series, also returns the
    /// exceeded limit.
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
        if !self.has_capacity(&map, &attributes) {
            self.sweep(&mut map);
        }
        if self.has_capacity(&map, &attributes) && self.budget.take(self.bytes(&attributes)) {
            let series = self.make(attributes.clone());
            map.by_set.insert(attributes, Arc::clone(&series));
            return (series, None);
        }
        let exceeded = if map.by_set.len() + map.removed < self.max_series {
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

    fn has_capacity(&self, map: &SeriesMap, attributes: &AttributeSet) -> bool {
        map.by_set.len() + map.removed < self.max_series && self.budget.has(self.bytes(attributes))
    }

    /// Estimates the bytes of a series. The set is stored twice here and once in the SDK.
    fn bytes(&self, attributes: &AttributeSet) -> usize {
        SERIES_BYTES + self.bucket_bytes + attributes.bytes().saturating_mul(3)
    }

    /// Removes the series that the SDK forgets: those that are not bound, and were not measured
    /// since the last sweep at least two collections ago. They count against the limit until the
    /// next sweep, because the SDK may not forget them earlier.
    fn sweep(&self, map: &mut SeriesMap) {
        let Some(collections) = &self.collections else {
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
                self.budget.release(self.bytes(attributes));
            }
            kept
        });
        map.removed = before - map.by_set.len();
        map.swept = Some(now);
    }

    fn make(&self, attributes: AttributeSet) -> Arc<Series> {
        let may_merge = self.views_merge || attributes.has_float_zero();
        Arc::new(Series {
            instrument: Arc::clone(&self.name),
            sdk: Arc::clone(&self.sdk),
            attributes,
            bound: OnceLock::new(),
            total: Total::default(),
            merged: may_merge.then(|| Arc::clone(&self.merged)),
            used: AtomicBool::new(false),
        })
    }
}

/// Returns the largest number of buckets that a series of an instrument allocates.
fn buckets(kind: InstrumentKind, boundaries: usize, aggregation: HistogramAggregation) -> usize {
    // Exponential histograms keep buckets in vectors, which double their capacity as they grow.
    let exponential = EXPONENTIAL_BUCKETS * 2;
    match (kind.role(), aggregation) {
        (InstrumentRole::Histogram, HistogramAggregation::ExplicitBuckets) => boundaries + 1,
        (InstrumentRole::Histogram, HistogramAggregation::Base2Exponential) => {
            // Floating-point numbers have buckets on either side of zero.
            let is_float = kind.number() == NumberType::Float;
            exponential * if is_float { 2 } else { 1 }
        }
        _ => 0,
    }
}

/// Replaces a subnormal number with the smallest normal number of its sign, less than 2.3e-308
/// away.
///
/// An exponential histogram starts with 2^20 buckets per power of two, and numbers them with an
/// `i32`. The range from subnormal to large numbers overflows it. A release build would then
/// allocate gigabytes (opentelemetry_sdk 0.33.1, `exponential_histogram::scale_change`). This
/// applies to all histograms, because only the embedder's views know the aggregation.
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
    sdk: Arc<SdkInstrument>,
    attributes: AttributeSet,
    /// Bound with the first measurement. The SDK exports each bound series, so a series that was
    /// never measured would be exported as zero.
    bound: OnceLock<BoundInstrument>,
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

    /// Records a measurement.
    ///
    /// # Errors
    ///
    /// Returns an error, and records nothing, if the number has the wrong type or is out of range.
    pub(crate) fn measure(&self, number: Number) -> Result<(), Reason> {
        self.admit(number)?;
        self.used.store(true, Ordering::Relaxed);
        self.bound
            .get_or_init(|| self.sdk.bind(&self.attributes))
            .record(number);
        Ok(())
    }

    fn admit(&self, number: Number) -> Result<(), Reason> {
        let in_range = match (&*self.sdk, number) {
            (SdkInstrument::CounterU64(_), Number::Unsigned(value)) => self.total.admit_u64(value),
            (SdkInstrument::CounterF64(_), Number::Float(value)) => {
                value >= 0.0 && self.total.admit_f64(value)
            }
            (SdkInstrument::UpDownCounterS64(_), Number::Signed(value)) => {
                self.total.admit_i64(value)
            }
            (
                SdkInstrument::UpDownCounterF64(_) | SdkInstrument::HistogramF64(_),
                Number::Float(value),
            ) => self.total.admit_f64(value),
            (SdkInstrument::HistogramU64(_), Number::Unsigned(value)) => {
                self.admit_to_histogram(value)
            }
            (SdkInstrument::GaugeU64(_), Number::Unsigned(value)) => value <= MAX_UNSIGNED,
            (SdkInstrument::GaugeS64(_), Number::Signed(_)) => true,
            (SdkInstrument::GaugeF64(_), Number::Float(value)) => value.is_finite(),
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
