//! Providers, processors and exporters that send guests' telemetry and count delivered items.
//!
//! A [`Pipeline`] is built from a [`Config`]. It sets nothing global, so a process may have one for
//! each tenant. Guests' threads only put finished items into a bounded queue. One SDK thread for
//! each signal exports batches from it. Connections live on one more thread, independent of any
//! runtime of the embedder.
//!
//! These never block for long: building, because connections are made when there is something to
//! send; recording; [`Pipeline::flush`] and [`Pipeline::shutdown`], which keep the given deadline;
//! and dropping, which shuts down within [`DROP_DEADLINE`].
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use wasmscope_telemetry::Signal;
//! use wasmscope_otlp::config::{Config, Exporter};
//! use wasmscope_otlp::memory::MemoryExporter;
//! use wasmscope_otlp::Pipeline;
//!
//! let console = MemoryExporter::default();
//! let config = Config::builder().without_endpoint(Exporter::Console).console(console.clone()).build()?;
//! let pipeline = Pipeline::build(config)?;
//! let _instance = pipeline.telemetry().instance("shop");
//! let report = pipeline.shutdown(Duration::from_secs(2));
//! assert_eq!(report.lost(), 0);
//! # Ok::<(), wasmscope_otlp::config::ConfigError>(())
//! ```

mod collector;
#[cfg(feature = "grpc")]
mod connector;
mod diagnosis;
mod divide;
mod encoding_exporter;
mod export_stats;
#[cfg(feature = "grpc")]
mod grpc;
mod http;
mod io;
mod otlp;
mod processor;
mod providers;
mod reason;
mod report;
mod splitter;
#[cfg(test)]
mod tests;
mod tls;
mod tracked_exporter;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::Sampler;
use wasmscope_telemetry::dropped::{Dropped, Signal};
use wasmscope_telemetry::emitted::{attribute, metric};
use wasmscope_telemetry::sampler::EarlySampler;
use wasmscope_telemetry::{Providers, Telemetry};

use crate::config::{Config, ConfigError, PerSignal, Target, WarningHook};

use self::export_stats::{ExportStats, FailureHook};
use self::io::Io;
use self::reason::Secrets;
pub use self::report::{Flushed, Report, SignalReport};

/// The deadline for dropping a [`Pipeline`] that was not shut down. Items that are unsent by then
/// are lost.
pub const DROP_DEADLINE: Duration = Duration::from_secs(1);

/// The delay before a flush is repeated, if a processor could not take the request.
const FLUSH_RETRY_DELAY: Duration = Duration::from_millis(10);

/// OpenTelemetry providers, and the [`Telemetry`] on top of them.
///
/// Recording keeps working after a shutdown, but nothing is exported.
#[derive(Debug)]
pub struct Pipeline {
    telemetry: Telemetry,
    providers: Providers,
    stats: PerSignal<Arc<ExportStats>>,
    failure_hook: Arc<FailureHook>,
    io: Option<Arc<Io>>,
    /// Set by the first shutdown.
    report: Mutex<Option<Report>>,
}

/// Exports the size and capacity of a signal's queue as metrics. They appear with the first
/// instance of a component.
fn export_queue(telemetry: &Telemetry, stats: &Arc<ExportStats>, capacity: usize) {
    let (kind, [size_of, capacity_of]) = match stats.signal() {
        Signal::Traces => (
            "batching_span_processor",
            [&metric::SPAN_QUEUE, &metric::SPAN_QUEUE_CAPACITY],
        ),
        Signal::Logs => (
            "batching_log_processor",
            [&metric::LOG_QUEUE, &metric::LOG_QUEUE_CAPACITY],
        ),
        Signal::Metrics => return,
    };
    let kind = || vec![KeyValue::new(attribute::COMPONENT_TYPE.key, kind)];
    let waiting = Arc::clone(stats);
    telemetry.export_state(size_of, kind(), move || {
        usize::try_from(waiting.waiting()).unwrap_or(usize::MAX)
    });
    telemetry.export_state(capacity_of, kind(), move || capacity);
}

impl Pipeline {
    /// Builds a pipeline, and passes the configuration's warnings to its hook. Connections are made
    /// when there is something to send.
    ///
    /// # Errors
    ///
    /// Returns an error if a certificate and key do not match, if no authority is trusted for an
    /// `https://` endpoint, or if a thread cannot be started.
    pub fn build(config: Config) -> Result<Self, ConfigError> {
        let dropped = Dropped::default();
        let failure_hook = FailureHook::new(config.on_warning.clone());
        let stats = PerSignal::new(|signal| {
            let (destination, secrets) = match config.targets.get(signal) {
                Target::Otlp(otlp) => (otlp.url.to_string(), Secrets::of(otlp)),
                Target::Console | Target::None => (String::from("the console"), Secrets::default()),
            };
            ExportStats::new(
                signal,
                destination,
                secrets,
                dropped.clone(),
                Arc::clone(&failure_hook),
            )
        });
        let sends = Signal::ALL
            .iter()
            .any(|&signal| config.url(signal).is_some());
        let io = if sends {
            let io = Io::start().map_err(|error| {
                ConfigError::without_value(
                    "OTLP exporter",
                    format!("a thread that can be started ({error})"),
                )
            })?;
            Some(io)
        } else {
            None
        };
        let span_limits = providers::span_limits(&config.limits);
        let temporality = providers::temporality(&config);
        let sampler = EarlySampler::new(Sampler::from(config.sampler));
        let (providers, host) = providers::build(&config, io.as_ref(), &stats, &sampler)?;
        if let Some(WarningHook(hook)) = &config.on_warning {
            for warning in &config.warnings {
                hook(&warning.to_string());
            }
        }
        let queues = [
            (Signal::Traces, config.spans.queue_size),
            (Signal::Logs, config.logs.queue_size),
        ]
        .map(|(signal, size)| config.url(signal).is_some().then_some((signal, size)));
        let mut telemetry = Telemetry::builder(providers.clone())
            .sampler(sampler)
            .limits(config.limits)
            .http_known_methods(config.http_known_methods)
            .span_limits(span_limits)
            .metrics_temporality(temporality)
            .histogram_aggregation(config.histograms.into())
            .no_merging_views()
            .log_levels(config.log_levels)
            .dropped(dropped)
            .warnings(failure_hook.warnings().clone());
        if let Some(host) = host {
            telemetry = telemetry.host_tracer_provider(host);
        }
        if let Some(runtime) = config.runtime {
            telemetry = telemetry.runtime(runtime);
        }
        let telemetry = telemetry.build();
        for (signal, capacity) in queues.into_iter().flatten() {
            export_queue(&telemetry, stats.get(signal), capacity);
        }
        Ok(Self {
            telemetry,
            providers,
            stats,
            failure_hook,
            io,
            report: Mutex::new(None),
        })
    }

    /// Returns the telemetry that instances are made from.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Returns the current counts without sending or waiting. Queued items are in none of them.
    #[must_use]
    pub fn status(&self) -> Report {
        let complete = Signal::ALL
            .iter()
            .all(|&signal| self.stats.get(signal).unsettled() == 0);
        self.report_now(complete)
    }

    /// Sends all queued items, and waits until `deadline` at most.
    ///
    /// May be called on any thread. Inside an asynchronous runtime it blocks.
    pub fn flush(&self, deadline: Duration) -> Flushed {
        let failures = |stats: &PerSignal<Arc<ExportStats>>| {
            stats.iter().map(|stats| stats.failures()).sum::<u64>()
        };
        let before = failures(&self.stats);
        let done = self.on_all(deadline, |provider, stats, until| {
            provider.flush(stats, until)
        });
        if !done {
            Flushed::TimedOut
        } else if failures(&self.stats) > before {
            Flushed::Failed
        } else {
            Flushed::Delivered
        }
    }

    /// Sends all queued items, ends the pipeline's threads, and reports the outcome within
    /// `deadline`.
    ///
    /// Anything undelivered at the deadline is counted as lost. Endpoints known to be down are
    /// given up at once: if no connection can be made there is no retry, and after a request
    /// without an answer no other is sent. A second call waits for the first and returns the same
    /// report.
    ///
    /// May be called on any thread. Inside an asynchronous runtime it blocks.
    pub fn shutdown(&self, deadline: Duration) -> Report {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = &*report {
            return report.clone();
        }
        self.failure_hook.report_warnings();
        if let Some(io) = &self.io {
            io.close();
        }
        let complete = self.on_all(deadline, |provider, stats, until| {
            provider.shut_down(stats, until)
        });
        // Count first, so that exports that are given up now do not count as failed.
        for signal in Signal::ALL {
            self.stats.get(signal).abandon_rest();
        }
        if let Some(io) = &self.io {
            // This ends exports that are still running, so that they stop retrying.
            io.give_up();
        }
        report.insert(self.report_now(complete)).clone()
    }

    /// Counts everything undelivered as lost. Returns at once, even while another thread is in
    /// [`Pipeline::shutdown`], which then ends soon. Metrics that were not collected yet are in
    /// none of the counts.
    pub fn give_up(&self) -> Report {
        for signal in Signal::ALL {
            self.stats.get(signal).abandon_rest();
        }
        if let Some(io) = &self.io {
            io.close();
            io.give_up();
        }
        self.report_now(false)
    }

    /// Calls `work` for each provider on its own thread. Returns whether all finished before
    /// `deadline`.
    ///
    /// The SDK may wait 5 s or longer, with any deadline. Such a thread is left behind and does not
    /// hold up the caller.
    fn on_all(&self, deadline: Duration, work: fn(&Provider, &ExportStats, Instant)) -> bool {
        let now = Instant::now();
        let until = now.checked_add(deadline).unwrap_or(now);
        let (done, all_done) = mpsc::channel::<()>();
        let mut started = true;
        for (provider, signal) in Provider::all(&self.providers) {
            let stats = Arc::clone(self.stats.get(signal));
            let done = done.clone();
            let spawned = thread::Builder::new()
                .name(String::from("wasmscope-flush"))
                .spawn(move || {
                    work(&provider, &stats, until);
                    drop(done);
                });
            started &= spawned.is_ok();
        }
        drop(done);
        // The channel closes with the last thread.
        let left = until.saturating_duration_since(Instant::now());
        started && all_done.recv_timeout(left) == Err(RecvTimeoutError::Disconnected)
    }

    fn report_now(&self, complete: bool) -> Report {
        Report {
            traces: self.stats.get(Signal::Traces).report(),
            metrics: self.stats.get(Signal::Metrics).report(),
            logs: self.stats.get(Signal::Logs).report(),
            complete,
            first_error: self.failure_hook.first(),
            dropped: self.telemetry.dropped().snapshot(),
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.shutdown(DROP_DEADLINE);
    }
}

/// One of the three providers.
enum Provider {
    Tracer(opentelemetry_sdk::trace::SdkTracerProvider),
    Meter(SdkMeterProvider),
    Logger(opentelemetry_sdk::logs::SdkLoggerProvider),
}

impl Provider {
    fn all(providers: &Providers) -> impl Iterator<Item = (Self, Signal)> {
        let tracer = providers
            .tracer
            .clone()
            .map(|tracer| (Self::Tracer(tracer), Signal::Traces));
        let meter = providers
            .meter
            .clone()
            .map(|meter| (Self::Meter(meter), Signal::Metrics));
        let logger = providers
            .logger
            .clone()
            .map(|logger| (Self::Logger(logger), Signal::Logs));
        [tracer, meter, logger].into_iter().flatten()
    }

    fn force_flush(&self) -> OTelSdkResult {
        match self {
            Self::Tracer(tracer) => tracer.force_flush(),
            Self::Meter(meter) => meter.force_flush(),
            Self::Logger(logger) => logger.force_flush(),
        }
    }

    /// Flushes until every item accepted before the call is delivered or lost. The SDK's own flush
    /// gives up after 5 s.
    fn flush(&self, stats: &ExportStats, until: Instant) {
        let target = stats.settled().saturating_add(stats.unsettled());
        loop {
            let asked = Instant::now();
            let result = self.force_flush();
            let metrics = matches!(self, Self::Meter(_));
            if metrics || stats.settled() >= target || Instant::now() >= until {
                return;
            }
            if result.is_err() && asked.elapsed() < FLUSH_RETRY_DELAY {
                thread::park_timeout(FLUSH_RETRY_DELAY);
            }
        }
    }

    fn shut_down(&self, stats: &ExportStats, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        // The stats already have the result, in more detail.
        let _ = match self {
            Self::Tracer(tracer) => tracer.shutdown_with_timeout(left),
            Self::Meter(meter) => meter.shutdown_with_timeout(left),
            Self::Logger(logger) => logger.shutdown_with_timeout(left),
        };
        // For metrics the SDK returns after 5 s at the latest, with any timeout.
        stats.wait_finished(until);
    }
}
