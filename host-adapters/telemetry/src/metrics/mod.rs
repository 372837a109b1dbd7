//! Instruments and observables of a provider.

use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::dropped::Dropped;
use crate::limits::Limits;

/// What all instances of a provider share.
#[derive(Debug)]
pub(crate) struct Registry {}

impl Registry {
    pub(crate) fn new(_provider: Option<&SdkMeterProvider>, _limits: &Limits, _dropped: &Dropped) -> Self {
        Self {}
    }
}
