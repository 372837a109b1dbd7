//! The metrics of HTTP requests, on the scope `wasmscope`.

use opentelemetry::metrics::{Histogram, Meter, MeterProvider, UpDownCounter};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::route::KnownRoutes;
use crate::emitted::{MetricInfo, metric};
use crate::telemetry::host_scope;

/// The upper bounds of the buckets of durations, in seconds, that the conventions recommend.
const DURATION_BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The instruments. They export nothing before the first request.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    pub(super) server_duration: Histogram<f64>,
    pub(super) server_active: UpDownCounter<i64>,
    pub(super) server_request_size: Histogram<u64>,
    pub(super) server_response_size: Histogram<u64>,
    pub(super) client_duration: Histogram<f64>,
    pub(super) routes: KnownRoutes,
}

impl HttpMetrics {
    pub(crate) fn new(provider: &SdkMeterProvider) -> Self {
        let meter = provider.meter_with_scope(host_scope());
        let duration = |info| duration(&meter, info);
        let size = |info| size(&meter, info);
        Self {
            server_duration: duration(metric::HTTP_SERVER_DURATION),
            server_active: meter
                .i64_up_down_counter(metric::HTTP_SERVER_ACTIVE.name)
                .with_unit(metric::HTTP_SERVER_ACTIVE.unit)
                .with_description(metric::HTTP_SERVER_ACTIVE.description)
                .build(),
            server_request_size: size(metric::HTTP_SERVER_REQUEST_SIZE),
            server_response_size: size(metric::HTTP_SERVER_RESPONSE_SIZE),
            client_duration: duration(metric::HTTP_CLIENT_DURATION),
            routes: KnownRoutes::default(),
        }
    }
}

fn duration(meter: &Meter, info: MetricInfo) -> Histogram<f64> {
    meter
        .f64_histogram(info.name)
        .with_unit(info.unit)
        .with_description(info.description)
        .with_boundaries(DURATION_BOUNDS.to_vec())
        .build()
}

fn size(meter: &Meter, info: MetricInfo) -> Histogram<u64> {
    meter
        .u64_histogram(info.name)
        .with_unit(info.unit)
        .with_description(info.description)
        .build()
}
