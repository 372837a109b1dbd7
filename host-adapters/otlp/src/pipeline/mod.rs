//! From what guests record to where it is sent: providers, processors, exporters and the account of it all.
//!
//! A [`Pipeline`] is built from a [`Config`], stands alone, and makes nothing global: a process may have one for each of
//! its tenants. Guests' threads do no more than put what is finished into a bounded queue. One thread for each
//! signal, the SDK's own, takes batches from it; connections live on one more thread, whatever runtime the embedder has or
//! has not.
//!
//! What never blocks for long: building, since connections are made when there is something to send; recording; [`Pipeline::flush`] and
//! [`Pipeline::shutdown`], which keep the deadline that they are given; and dropping, which shuts down within
//! [`DROP_DEADLINE`].
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

#[cfg(feature = "grpc")]
mod connector;
mod diagnosis;
mod divide;
mod encoded;
mod exporter;
#[cfg(feature = "grpc")]
mod grpc;
mod http;
mod io;
mod ledger;
mod otlp;
mod parts;
mod peer;
mod processor;
mod providers;
mod reason;
mod report;
#[cfg(test)]
mod tests;
mod tls;

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

use self::io::Io;
use self::ledger::{Alarm, Ledger};
use self::reason::Secrets;
pub use self::report::{Flushed, Report, SignalReport};

/// How long dropping a [`Pipeline`] that was not shut down may take: what is not sent by then is lost.
pub const DROP_DEADLINE: Duration = Duration::from_secs(1);

/// How long a flush waits before it asks a processor again that could not take the question.
const ASK_AGAIN: Duration = Duration::from_millis(10);

/// Providers of our own, and the [`Telemetry`] on them.
///
/// Recording goes on working after a shutdown, into nothing.
#[derive(Debug)]
pub struct Pipeline {
    telemetry: Telemetry,
    providers: Providers,
    ledgers: PerSignal<Arc<Ledger>>,
    alarm: Arc<Alarm>,
    io: Option<Arc<Io>>,
    /// Once it has been shut down.
    report: Mutex<Option<Report>>,
}

/// Exports the size and capacity of a signal's queue, once there was an instance of a component.
fn export_queue(telemetry: &Telemetry, ledger: &Arc<Ledger>, capacity: usize) {
    let (kind, [size_of, capacity_of]) = match ledger.signal() {
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
    let waiting = Arc::clone(ledger);
    telemetry.export_state(size_of, kind(), move || {
        usize::try_from(waiting.waiting()).unwrap_or(usize::MAX)
    });
    telemetry.export_state(capacity_of, kind(), move || capacity);
}

impl Pipeline {
    /// Builds one, and tells the configuration's warnings. No connection is made before there is
    /// something to send.
    ///
    /// # Errors
    ///
    /// When certificates and keys do not go together, when no authority can be trusted for an `https://` endpoint, or when a
    /// thread cannot be started.
    pub fn build(config: Config) -> Result<Self, ConfigError> {
        let dropped = Dropped::default();
        let alarm = Alarm::new(config.on_warning.clone());
        let ledgers = PerSignal::new(|signal| {
            let (destination, secrets) = match config.targets.get(signal) {
                Target::Otlp(otlp) => (otlp.url.to_string(), Secrets::of(otlp)),
                Target::Console | Target::None => (String::from("the console"), Secrets::default()),
            };
            Ledger::new(
                signal,
                destination,
                secrets,
                dropped.clone(),
                Arc::clone(&alarm),
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
        let (providers, host) = providers::build(&config, io.as_ref(), &ledgers, &sampler)?;
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
            .span_limits(span_limits)
            .metrics_temporality(temporality)
            .histogram_aggregation(config.histograms.into())
            .series_stay_apart()
            .log_levels(config.log_levels)
            .dropped(dropped)
            .warnings(alarm.warnings().clone());
        if let Some(host) = host {
            telemetry = telemetry.host_tracer_provider(host);
        }
        if let Some(runtime) = config.runtime {
            telemetry = telemetry.runtime(runtime);
        }
        let telemetry = telemetry.build();
        for (signal, capacity) in queues.into_iter().flatten() {
            export_queue(&telemetry, ledgers.get(signal), capacity);
        }
        Ok(Self {
            telemetry,
            providers,
            ledgers,
            alarm,
            io,
            report: Mutex::new(None),
        })
    }

    /// Gives what instances are made from.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Says how things stand, without sending or waiting for anything. What waits is in none of the counts.
    #[must_use]
    pub fn status(&self) -> Report {
        let complete = Signal::ALL
            .iter()
            .all(|&signal| self.ledgers.get(signal).unsettled() == 0);
        self.report_now(complete)
    }

    /// Sends what waits, and waits for it no longer than `deadline`.
    ///
    /// It may be called on any thread, and inside of an asynchronous runtime, which it blocks.
    pub fn flush(&self, deadline: Duration) -> Flushed {
        let failures = |ledgers: &PerSignal<Arc<Ledger>>| {
            ledgers.iter().map(|ledger| ledger.failures()).sum::<u64>()
        };
        let before = failures(&self.ledgers);
        let done = self.on_all(deadline, |provider, ledger, until| {
            provider.flush(ledger, until)
        });
        if !done {
            Flushed::TimedOut
        } else if failures(&self.ledgers) > before {
            Flushed::Failed
        } else {
            Flushed::Delivered
        }
    }

    /// Sends what waits, ends the pipeline's threads, and reports what became of everything, no later than `deadline`.
    ///
    /// What has not been delivered by then is given up and counted as lost, and sooner what there is no hope for: where no
    /// connection can be made it is not tried again, and where a request got no answer in its time no other is sent. A second call gives the report of the first, and waits
    /// where that is still under way. It may be
    /// called on any thread, and inside of an asynchronous runtime, which it blocks.
    pub fn shutdown(&self, deadline: Duration) -> Report {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = &*report {
            return report.clone();
        }
        self.alarm.tell_warnings();
        if let Some(io) = &self.io {
            io.close();
        }
        let complete = self.on_all(deadline, |provider, ledger, until| {
            provider.shut_down(ledger, until)
        });
        // First the account, so that what is given up now is not taken for an export that failed.
        for signal in Signal::ALL {
            self.ledgers.get(signal).settle();
        }
        if let Some(io) = &self.io {
            // The threads that are left behind end by this, and do not go on to retry for nobody.
            io.give_up();
        }
        report.insert(self.report_now(complete)).clone()
    }

    /// Gives up what has not been delivered, and counts it as lost. Returns at once, also while
    /// another thread is in [`Pipeline::shutdown`], which then ends soon. Metrics that were not
    /// collected yet are in none of the counts.
    pub fn give_up(&self) -> Report {
        for signal in Signal::ALL {
            self.ledgers.get(signal).settle();
        }
        if let Some(io) = &self.io {
            io.close();
            io.give_up();
        }
        self.report_now(false)
    }

    /// Does something to each provider on a thread of its own, and says whether all were done before `deadline`.
    ///
    /// The SDK waits for 5 s whatever it is told, or for ever; a thread that is left behind does not hold up the caller.
    fn on_all(&self, deadline: Duration, work: fn(&Provider, &Ledger, Instant)) -> bool {
        let now = Instant::now();
        let until = now.checked_add(deadline).unwrap_or(now);
        let (done, all_done) = mpsc::channel::<()>();
        let mut started = true;
        for (provider, signal) in Provider::all(&self.providers) {
            let ledger = Arc::clone(self.ledgers.get(signal));
            let done = done.clone();
            let spawned = thread::Builder::new()
                .name(String::from("wasmscope-flush"))
                .spawn(move || {
                    work(&provider, &ledger, until);
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
            traces: self.ledgers.get(Signal::Traces).report(),
            metrics: self.ledgers.get(Signal::Metrics).report(),
            logs: self.ledgers.get(Signal::Logs).report(),
            complete,
            first_error: self.alarm.first(),
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

    /// Flushes until everything that was let in before has been settled: the SDK's own flush gives up after 5 s.
    fn flush(&self, ledger: &Ledger, until: Instant) {
        let target = ledger.settled().saturating_add(ledger.unsettled());
        loop {
            let asked = Instant::now();
            let result = self.force_flush();
            let metrics = matches!(self, Self::Meter(_));
            if metrics || ledger.settled() >= target || Instant::now() >= until {
                return;
            }
            if result.is_err() && asked.elapsed() < ASK_AGAIN {
                thread::park_timeout(ASK_AGAIN);
            }
        }
    }

    fn shut_down(&self, ledger: &Ledger, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        // What it says is in the ledger already, and more exactly.
        let _ = match self {
            Self::Tracer(tracer) => tracer.shutdown_with_timeout(left),
            Self::Meter(meter) => meter.shutdown_with_timeout(left),
            Self::Logger(logger) => logger.shutdown_with_timeout(left),
        };
        // For metrics the SDK waits for 5 s, whatever it is told.
        ledger.wait_finished(until);
    }
}
