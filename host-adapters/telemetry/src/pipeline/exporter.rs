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

use super::io::{Io, Stopped};
use super::ledger::Ledger;
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
    /// Whether to try again ourselves when a connection was cut.
    retry_cuts: bool,
}

/// How the gRPC exporter words a connection that was cut under a request: it takes it for a status `UNKNOWN` of the
/// collector's, which OTLP does not let it retry.
const CUT: &str = "gRPC code: Unknown: transport error";

/// The wait before a request is sent again whose connection was cut.
const AFTER_CUT: Duration = Duration::from_millis(100);

/// How often that is done for one batch, as often as the exporter itself tries again.
const RETRIES_AFTER_CUT: u32 = 3;

impl<E> Accounted<E> {
    pub(super) fn new(inner: E, ledger: Arc<Ledger>) -> Self {
        Self {
            inner,
            ledger,
            io: None,
            limit: Duration::MAX,
            line: Line::new(Arc::<Peer>::default()),
            retry_cuts: false,
        }
    }

    /// Sends a request again when its connection was cut, as the HTTP exporter does by itself.
    pub(super) fn retrying_cuts(mut self) -> Self {
        self.retry_cuts = true;
        self
    }

    pub(super) fn over(mut self, io: Arc<Io>, limit: Duration, line: Arc<Line>) -> Self {
        self.io = Some(io);
        self.limit = limit;
        self.line = line;
        self
    }

    /// Waits for an export on the thread that asks for it, which is a processor's own.
    fn run<F: Future<Output = OTelSdkResult>>(
        &self,
        io: &Io,
        mut export: impl FnMut() -> F,
    ) -> OTelSdkResult {
        let Some(attempt) = self.line.begin(io) else {
            return Err(OTelSdkError::InternalFailure(String::from(
                "given up, as an earlier request got no answer",
            )));
        };
        let exported = async {
            for _ in 0..RETRIES_AFTER_CUT {
                match export().await {
                    Err(error) if self.retry_cuts && text(&error).contains(CUT) => {
                        tokio::time::sleep(AFTER_CUT).await;
                    }
                    result => return result,
                }
            }
            export().await
        };
        let hopeful = async {
            tokio::select! {
                biased;
                result = exported => result,
                () = attempt.hopeless(io) => Err(OTelSdkError::InternalFailure(String::from(
                    "no connection",
                ))),
            }
        };
        match io.wait(self.limit, hopeful) {
            Ok(result) => {
                attempt.ended();
                result.map_err(|error| {
                    let cause = self.line.take_cause();
                    OTelSdkError::InternalFailure(cause.unwrap_or_else(|| text(&error)))
                })
            }
            Err(Stopped::Late) => {
                attempt.late(io);
                let late = format!("no answer within {:?}", self.limit);
                // What a retry was waiting to get over says more than that it took too long.
                let message = self
                    .line
                    .take_cause()
                    .map_or_else(|| late.clone(), |cause| format!("{cause}; {late}"));
                Err(OTelSdkError::InternalFailure(message))
            }
            Err(Stopped::GivenUp) => Err(OTelSdkError::InternalFailure(String::from(
                "given up at the deadline",
            ))),
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
                let mut batch = batch;
                self.run(io, || {
                    let again = if self.retry_cuts {
                        batch.clone()
                    } else {
                        std::mem::take(&mut batch)
                    };
                    self.inner.export(again)
                })
            }
            None => {
                self.ledger.begin_unqueued(items);
                self.inner.export(batch).await
            }
        };
        match &result {
            Ok(()) => self.ledger.delivered(items),
            Err(error) => self.ledger.lost(items, &text(error)),
        }
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
                self.run(io, || self.inner.export(LogBatch::new(&records)))
            }
            None => {
                self.ledger.begin_unqueued(items);
                self.inner.export(batch).await
            }
        };
        match &result {
            Ok(()) => self.ledger.delivered(items),
            Err(error) => self.ledger.lost(items, &text(error)),
        }
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
        let items = data_points(metrics);
        self.ledger.begin_unqueued(items);
        let result = match &self.io {
            Some(io) => self.run(io, || self.inner.export(metrics)),
            None => self.inner.export(metrics).await,
        };
        match &result {
            Ok(()) => self.ledger.delivered(items),
            // Totals since the start are all in the next export again.
            Err(error) if self.temporality() == Temporality::Cumulative => {
                self.ledger.put_off(items, &text(error))
            }
            Err(error) => self.ledger.lost(items, &text(error)),
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
