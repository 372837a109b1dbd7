//! The view that a meter provider needs for the limit on attribute sets to hold as set.

use opentelemetry_sdk::metrics::{Instrument, Stream};

use crate::limits::Limits;

/// The highest limit on the attribute sets of an instrument: the SDK reserves room for as many with each one.
pub(crate) const MAX_CARDINALITY: usize = 100_000;

/// Makes the view that lets each instrument have as many attribute sets as [`Limits::cardinality`] says.
///
/// The core itself sees to it that there are no more, and puts further ones together under `otel.metric.overflow`. The SDK has a
/// limit of its own, by default 2,000: a provider without this view is fine up to that, and beyond it
/// would put them together sooner. Give it to `MeterProviderBuilder::with_view`.
pub fn cardinality_view(
    limits: &Limits,
) -> impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static {
    let limit = sdk_cardinality(limits);
    move |_| Stream::builder().with_cardinality_limit(limit).build().ok()
}

/// Gives the limit on attribute sets that a view sets: one more than ours, for the set of what is too many.
pub(crate) fn sdk_cardinality(limits: &Limits) -> usize {
    limits.cardinality.min(MAX_CARDINALITY) + 1
}
