//! The view that makes a meter provider apply [`Limits::cardinality`].

use opentelemetry_sdk::metrics::{Aggregation, Instrument, InstrumentKind, Stream};

use crate::limits::{EXPONENTIAL_BUCKETS, Limits, MAX_CARDINALITY};

/// How a meter provider's views aggregate histograms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HistogramAggregation {
    /// By fixed boundaries.
    #[default]
    ExplicitBuckets,
    /// By boundaries that grow exponentially and adapt. Boundaries of guests have no effect.
    Base2Exponential,
}

/// The default parameters of exponential histograms in the specification.
const EXPONENTIAL: Aggregation = Aggregation::Base2ExponentialHistogram {
    max_size: EXPONENTIAL_BUCKETS as u32,
    max_scale: 20,
    record_min_max: true,
};

/// Makes a view that sets the cardinality limit of each instrument to [`Limits::cardinality`], and
/// sets the aggregation of histograms.
///
/// Pass it to `MeterProviderBuilder::with_view`. No other view may match the same instruments,
/// because two views would make two streams of each instrument.
///
/// The core itself applies the limit, and adds measurements with further attribute sets to
/// `otel.metric.overflow`. Without this view, the SDK applies its default limit of 2,000 as well.
pub fn metrics_view(
    limits: &Limits,
    histograms: HistogramAggregation,
) -> impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static + use<> {
    // One more than our limit, for the overflow set.
    let limit = limits.cardinality.min(MAX_CARDINALITY) + 1;
    move |instrument| {
        let stream = Stream::builder().with_cardinality_limit(limit);
        let exponential = histograms == HistogramAggregation::Base2Exponential;
        let stream = if exponential && instrument.kind() == InstrumentKind::Histogram {
            stream.with_aggregation(EXPONENTIAL)
        } else {
            stream
        };
        stream.build().ok()
    }
}
