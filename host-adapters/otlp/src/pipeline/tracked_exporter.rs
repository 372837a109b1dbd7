//! Wraps exporters: each export ends in time, and its outcome is counted.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::collector::{Collector, SignalEndpoint};
use super::diagnosis::Diagnosis;
use super::export_stats::{ExportStats, PartialSuccess};
use super::io::{Io, Stopped};

/// An exporter that enforces a time limit and counts outcomes.
///
/// The exporters of `opentelemetry-otlp` start no retry after their timeout, but do not stop one
/// that is running. The SDK's processors leave all timeouts to them. Here the limit covers the
/// whole export with its retries, and the export ends at once when the pipeline gives up.
pub(super) struct TrackedExporter<E> {
    inner: E,
    stats: Arc<ExportStats>,
    /// `None` for exporters into memory, which need no time limit.
    io: Option<Arc<Io>>,
    limit: Duration,
    endpoint: Arc<SignalEndpoint>,
    /// `None` for exporters into memory.
    diagnosis: Option<Diagnosis>,
}

impl<E> TrackedExporter<E> {
    pub(super) fn new(inner: E, stats: Arc<ExportStats>) -> Self {
        Self {
            inner,
            stats,
            io: None,
            limit: Duration::MAX,
            endpoint: SignalEndpoint::new(Arc::<Collector>::default()),
            diagnosis: None,
        }
    }

    pub(super) fn over(
        mut self,
        io: Arc<Io>,
        limit: Duration,
        endpoint: Arc<SignalEndpoint>,
        diagnosis: Diagnosis,
    ) -> Self {
        self.io = Some(io);
        self.limit = limit;
        self.endpoint = endpoint;
        self.diagnosis = Some(diagnosis);
        self
    }

    /// Runs an export to its end on the calling thread, which belongs to a processor.
    fn run(&self, io: &Io, export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
        let Some(attempt) = self.endpoint.begin(io) else {
            return Err(OTelSdkError::InternalFailure(String::from(
                "given up, as an earlier request got no answer",
            )));
        };
        let retrying = async {
            tokio::select! {
                biased;
                result = export => result,
                () = attempt.until_unreachable(io) => {
                    let cause = self.endpoint.take_cause();
                    let cause = cause.unwrap_or_else(|| String::from("no connection"));
                    Err(OTelSdkError::InternalFailure(cause))
                }
            }
        };
        match io.wait(self.limit, retrying) {
            Ok(result) => {
                attempt.finished();
                result
            }
            Err(Stopped::Late) => {
                attempt.timed_out(io);
                let late = format!("no answer within {:?}", self.limit);
                let message = match (self.endpoint.take_cause(), &self.diagnosis) {
                    // The cause of the retries says more than the timeout alone.
                    (Some(cause), _) => format!("{late}; before that: {cause}"),
                    (None, Some(diagnosis)) if !self.endpoint.has_answered() => {
                        format!("{late}; {}", diagnosis.of_missing_answer())
                    }
                    (None, _) => late,
                };
                Err(OTelSdkError::InternalFailure(message))
            }
            Err(Stopped::GivenUp) => Err(OTelSdkError::InternalFailure(String::from(
                "given up at the deadline",
            ))),
        }
    }
}

impl<E> TrackedExporter<E> {
    /// Counts the items that the exporter has not already counted request by request.
    fn count_outcome(&self, items: u64, result: &OTelSdkResult) {
        match result {
            Ok(()) => {
                if self.io.is_none() {
                    self.stats.delivered(items, PartialSuccess::default());
                }
                self.stats.succeeded();
            }
            Err(error) => self.stats.lost(items, &text(error)),
        }
    }
}

/// Returns the error without the SDK's preamble.
fn text(error: &OTelSdkError) -> String {
    match error {
        OTelSdkError::InternalFailure(message) => message.clone(),
        OTelSdkError::AlreadyShutdown | OTelSdkError::Timeout(_) => error.to_string(),
    }
}

impl<E> fmt::Debug for TrackedExporter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackedExporter")
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl<E: SpanExporter> SpanExporter for TrackedExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let items = batch.len() as u64;
        let result = match &self.io {
            Some(io) => {
                self.stats.begin(items);
                self.run(io, self.inner.export(batch))
            }
            None => {
                self.stats.begin_unqueued(items);
                self.inner.export(batch).await
            }
        };
        self.count_outcome(items, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let result = self.inner.shutdown_with_timeout(timeout);
        self.stats.finish();
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for TrackedExporter<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let items = batch.iter().count() as u64;
        let result = match &self.io {
            Some(io) => {
                self.stats.begin(items);
                let records: Vec<_> = batch.iter().collect();
                self.run(io, self.inner.export(LogBatch::new(&records)))
            }
            None => {
                self.stats.begin_unqueued(items);
                self.inner.export(batch).await
            }
        };
        self.count_outcome(items, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let result = self.inner.shutdown_with_timeout(timeout);
        self.stats.finish();
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for TrackedExporter<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.stats.report_warnings();
        let items = data_points(metrics);
        self.stats.begin_unqueued(items);
        let result = match &self.io {
            Some(io) => self.run(io, self.inner.export(metrics)),
            None => self.inner.export(metrics).await,
        };
        match &result {
            // The next export repeats cumulative totals.
            Err(error) if self.temporality() == Temporality::Cumulative => {
                self.stats.deferred(items, &text(error))
            }
            _ => self.count_outcome(items, &result),
        }
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let result = self.inner.shutdown_with_timeout(timeout);
        self.stats.finish();
        result
    }

    fn temporality(&self) -> Temporality {
        self.inner.temporality()
    }
}

fn data_points(metrics: &ResourceMetrics) -> u64 {
    fn count<T>(data: &MetricData<T>) -> usize {
        match data {
            MetricData::Gauge(gauge) => gauge.data_points().count(),
            MetricData::Sum(sum) => sum.data_points().count(),
            MetricData::Histogram(histogram) => histogram.data_points().count(),
            MetricData::ExponentialHistogram(histogram) => histogram.data_points().count(),
        }
    }
    let points = metrics
        .scope_metrics()
        .flat_map(|scope| scope.metrics())
        .map(|metric| match metric.data() {
            AggregatedMetrics::F64(data) => count(data),
            AggregatedMetrics::U64(data) => count(data),
            AggregatedMetrics::I64(data) => count(data),
        });
    points.sum::<usize>() as u64
}
