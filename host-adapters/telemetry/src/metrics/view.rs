//! The view that a meter provider needs for the limit on attribute sets to hold as set.

use opentelemetry_sdk::metrics::{Aggregation, Instrument, InstrumentKind, Stream};

use super::HistogramAggregation;
use crate::limits::{EXPONENTIAL_BUCKETS, Limits, MAX_CARDINALITY};

/// The parameters that the specification gives for exponential histograms.
const EXPONENTIAL: Aggregation = Aggregation::Base2ExponentialHistogram {
    max_size: EXPONENTIAL_BUCKETS as u32,
    max_scale: 20,
    record_min_max: true,
};

/// Makes the view that lets each instrument have as many attribute sets as [`Limits::cardinality`]
/// says, and aggregates histograms.
///
/// Give it to `MeterProviderBuilder::with_view`. No other view may match the same instruments: two
/// views would make two streams of each instrument.
///
/// The core itself keeps to the limit, and puts further attribute sets together under
/// `otel.metric.overflow`. The SDK has a limit of its own, by default 2,000. A provider without
/// this view puts attribute sets together beyond that.
pub fn metrics_view(
    limits: &Limits,
    histograms: HistogramAggregation,
) -> impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static + use<> {
    // One more than ours, for the set of what is too many.
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
