//! Exporters around those of the SDK: each export ends in time, and its outcome is accounted for.

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

use super::diagnosis::Diagnosis;
use super::io::{Io, Stopped};
use super::ledger::{Ledger, Rejected};
use super::peer::{Line, Peer};

/// An exporter that keeps a limit of time, with its retries, and an account.
///
/// The exporters of `opentelemetry-otlp` begin no retry after their timeout, but let one that has begun run on; and the
/// SDK's processors leave all timeouts to them. Here the whole of an export is bounded, and ends at once when the
/// pipeline gives up.
pub(super) struct Accounted<E> {
    inner: E,
    ledger: Arc<Ledger>,
    /// `None` for what stays in memory and needs no bound.
    io: Option<Arc<Io>>,
    limit: Duration,
    line: Arc<Line>,
    /// `None` as above.
    diagnosis: Option<Diagnosis>,
}

impl<E> Accounted<E> {
    pub(super) fn new(inner: E, ledger: Arc<Ledger>) -> Self {
        Self {
            inner,
            ledger,
            io: None,
            limit: Duration::MAX,
            line: Line::new(Arc::<Peer>::default()),
            diagnosis: None,
        }
    }

    pub(super) fn over(
        mut self,
        io: Arc<Io>,
        limit: Duration,
        line: Arc<Line>,
        diagnosis: Diagnosis,
    ) -> Self {
        self.io = Some(io);
        self.limit = limit;
        self.line = line;
        self.diagnosis = Some(diagnosis);
        self
    }

    /// Waits for an export on the thread that asks for it, which is a processor's own.
    fn run(&self, io: &Io, export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
        let Some(attempt) = self.line.begin(io) else {
            return Err(OTelSdkError::InternalFailure(String::from(
                "given up, as an earlier request got no answer",
            )));
        };
        let hopeful = async {
            tokio::select! {
                biased;
                result = export => result,
                () = attempt.hopeless(io) => {
                    let cause = self.line.take_cause();
                    let cause = cause.unwrap_or_else(|| String::from("no connection"));
                    Err(OTelSdkError::InternalFailure(cause))
                }
            }
        };
        match io.wait(self.limit, hopeful) {
            Ok(result) => {
                attempt.ended();
                result
            }
            Err(Stopped::Late) => {
                attempt.late(io);
                let late = format!("no answer within {:?}", self.limit);
                let message = match (self.line.take_cause(), &self.diagnosis) {
                    // What a retry was waiting to get over says more than that it took too long.
                    (Some(cause), _) => format!("{late}, and before: {cause}"),
                    (None, Some(diagnosis)) if !self.line.has_answered() => {
                        format!("{late}; {}", diagnosis.of_silence())
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

impl<E> Accounted<E> {
    /// Accounts for what the exporter has not accounted for itself, request by request.
    fn account(&self, items: u64, result: &OTelSdkResult) {
        match result {
            Ok(()) => {
                if self.io.is_none() {
                    self.ledger.delivered(items, Rejected::default());
                }
                self.ledger.succeeded();
            }
            Err(error) => self.ledger.lost(items, &text(error)),
        }
    }
}

/// The error without the SDK's preamble.
fn text(error: &OTelSdkError) -> String {
    match error {
        OTelSdkError::InternalFailure(message) => message.clone(),
        OTelSdkError::AlreadyShutdown | OTelSdkError::Timeout(_) => error.to_string(),
    }
}

impl<E> fmt::Debug for Accounted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounted")
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

impl<E: SpanExporter> SpanExporter for Accounted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let items = batch.len() as u64;
        let result = match &self.io {
            Some(io) => {
                self.ledger.begin(items);
                self.run(io, self.inner.export(batch))
            }
            None => {
                self.ledger.begin_unqueued(items);
                self.inner.export(batch).await
            }
        };
        self.account(items, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let result = self.inner.shutdown_with_timeout(timeout);
        self.ledger.finish();
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Accounted<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let items = batch.iter().count() as u64;
        let result = match &self.io {
            Some(io) => {
                self.ledger.begin(items);
                let records: Vec<_> = batch.iter().collect();
                self.run(io, self.inner.export(LogBatch::new(&records)))
            }
            None => {
                self.ledger.begin_unqueued(items);
                self.inner.export(batch).await
            }
        };
        self.account(items, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let result = self.inner.shutdown_with_timeout(timeout);
        self.ledger.finish();
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Accounted<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.ledger.tell_warnings();
        let items = data_points(metrics);
        self.ledger.begin_unqueued(items);
        let result = match &self.io {
            Some(io) => self.run(io, self.inner.export(metrics)),
            None => self.inner.export(metrics).await,
        };
        match &result {
            // Totals since the start are all in the next export again.
            Err(error) if self.temporality() == Temporality::Cumulative => {
                self.ledger.put_off(items, &text(error))
            }
            _ => self.account(items, &result),
        }
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let result = self.inner.shutdown_with_timeout(timeout);
        self.ledger.finish();
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
