//! Tracks which collectors are reachable, so that exports do not wait for one that is down.
//!
//! The exporters of `opentelemetry-otlp` retry each batch separately. Without this, a program that
//! ends with several queued batches would wait for all their retries, although the first refused
//! connection already shows that the collector is down.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::Uri;
use tokio::sync::watch;

use crate::config::{Config, PerSignal};

use super::io::Io;

/// A collector, shared by all signals that are sent to the same scheme, host and port.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// The last export failed because no connection could be made.
    unreachable: AtomicBool,
    /// During shutdown, an export timed out without an answer, and no other export got one
    /// meanwhile.
    silent: AtomicBool,
    /// How many exports got an answer, including a refusal.
    answers: AtomicU64,
}

impl Collector {
    /// Makes one collector for each distinct origin, and returns that of each signal.
    pub(super) fn of_signals(config: &Config) -> PerSignal<Arc<Self>> {
        let mut known: Vec<(String, Arc<Self>)> = Vec::new();
        PerSignal::new(|signal| {
            let origin = config.url(signal).map(origin).unwrap_or_default();
            if let Some((_, collector)) = known.iter().find(|(other, _)| *other == origin) {
                return Arc::clone(collector);
            }
            let collector = Arc::default();
            known.push((origin, Arc::clone(&collector)));
            collector
        })
    }

    fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.silent.store(false, Ordering::Relaxed);
        self.unreachable.store(false, Ordering::Relaxed);
    }
}

/// Returns the scheme, host and port of a URL, with the scheme's default port if it names none.
fn origin(url: &str) -> String {
    let Ok(uri) = url.parse::<Uri>() else {
        return String::from(url);
    };
    let scheme = uri.scheme_str().unwrap_or_default();
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    let port = uri
        .port_u16()
        .unwrap_or(if scheme == "https" { 443 } else { 80 });
    format!("{scheme}://{host}:{port}")
}

/// The connection state of one signal's endpoint. The transport fills in details that the
/// exporters' own errors leave out.
///
/// A signal has one export at a time.
#[derive(Debug)]
pub(super) struct SignalEndpoint {
    collector: Arc<Collector>,
    /// Why the last attempt failed.
    cause: Mutex<Option<String>>,
    /// Whether it failed because no connection could be made.
    refused: watch::Sender<bool>,
    /// Like [`Collector::silent`], for a collector that still answers the other signals.
    silent: AtomicBool,
    /// Whether the collector has ever answered a request of this signal, which shows that it
    /// speaks the protocol.
    answered: AtomicBool,
}

impl SignalEndpoint {
    pub(super) fn new(collector: Arc<Collector>) -> Arc<Self> {
        Arc::new(Self {
            collector,
            cause: Mutex::default(),
            refused: watch::Sender::default(),
            silent: AtomicBool::new(false),
            answered: AtomicBool::new(false),
        })
    }

    /// Called by the transport: the collector answered, with success or a refusal.
    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Called by the transport: an attempt failed, with or without a connection.
    #[cfg(feature = "grpc")]
    pub(super) fn failed(&self, cause: String) {
        self.set_cause(Some(cause));
    }

    /// Called by the transport: no connection could be made.
    pub(super) fn refused(&self, cause: String) {
        // Set the cause first: tasks that see `refused` read it.
        self.set_cause(Some(cause));
        self.refused.send_replace(true);
    }

    /// Called by the transport: a connection was made or reused. `cause` says why the attempt
    /// failed after that, if it did.
    pub(super) fn connected(&self, cause: Option<String>) {
        self.refused.send_replace(false);
        self.set_cause(cause);
    }

    pub(super) fn take_cause(&self) -> Option<String> {
        self.cause
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn set_cause(&self, cause: Option<String>) {
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }

    /// Begins an export. Returns `None` if the collector is known not to answer and the pipeline
    /// shuts down.
    pub(super) fn begin(&self, io: &Io) -> Option<Attempt<'_>> {
        let silent =
            self.silent.load(Ordering::Relaxed) || self.collector.silent.load(Ordering::Relaxed);
        if silent && io.is_closing() {
            return None;
        }
        self.connected(None);
        Some(Attempt {
            endpoint: self,
            was_unreachable: self.collector.unreachable.load(Ordering::Relaxed),
            answers: self.collector.answers.load(Ordering::Relaxed),
        })
    }
}

/// A running export.
pub(super) struct Attempt<'a> {
    endpoint: &'a SignalEndpoint,
    /// No connection could be made for the previous export.
    was_unreachable: bool,
    /// [`Collector::answers`] when this export began.
    answers: u64,
}

impl Attempt<'_> {
    /// Waits until a retry is pointless: no connection can be made, and either the previous export
    /// could not connect or the pipeline is shutting down.
    pub(super) async fn until_unreachable(&self, io: &Io) {
        let mut refused = self.endpoint.refused.subscribe();
        if !self.was_unreachable {
            io.closing().await;
        }
        // This cannot fail: `self` keeps the sender alive.
        let _ = refused.wait_for(|refused| *refused).await;
    }

    /// The export finished, or the collector is unreachable.
    pub(super) fn finished(&self) {
        if *self.endpoint.refused.borrow() {
            self.endpoint
                .collector
                .unreachable
                .store(true, Ordering::Relaxed);
        } else {
            self.endpoint.collector.answered();
        }
    }

    /// The export timed out.
    pub(super) fn timed_out(&self, io: &Io) {
        let SignalEndpoint {
            collector, silent, ..
        } = self.endpoint;
        if *self.endpoint.refused.borrow() {
            collector.unreachable.store(true, Ordering::Relaxed);
        } else if io.is_closing() {
            silent.store(true, Ordering::Relaxed);
            if collector.answers.load(Ordering::Relaxed) == self.answers {
                collector.silent.store(true, Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, OtlpOptions, Protocol};
    use wasmscope_telemetry::Signal;

    #[test]
    fn signals_share_a_collector_if_scheme_host_and_port_match() {
        let collectors = |logs: &str| {
            let options = OtlpOptions {
                endpoint: Some(logs.parse().unwrap()),
                ..OtlpOptions::default()
            };
            let config = Config::builder()
                .endpoint("http://c.example".parse().unwrap())
                .protocol(Protocol::HttpProtobuf)
                .otlp(Signal::Logs, options);
            Collector::of_signals(&config.build().unwrap())
        };
        for (logs, shared) in [
            ("http://C.example:80/elsewhere", true),
            ("https://c.example/v1/logs", false),
            ("http://c.example:4318/v1/logs", false),
            ("http://d.example/v1/logs", false),
        ] {
            let collectors = collectors(logs);
            let [traces, metrics, logs_collector] =
                Signal::ALL.map(|signal| collectors.get(signal));
            assert!(Arc::ptr_eq(traces, metrics));
            assert_eq!(Arc::ptr_eq(traces, logs_collector), shared, "{logs}");
        }
    }

    #[test]
    fn collector_that_answers_one_signal_is_not_silent_for_others() {
        let io = Io::start().unwrap();
        let collector = Arc::<Collector>::default();
        let (one, other) = (
            SignalEndpoint::new(Arc::clone(&collector)),
            SignalEndpoint::new(collector),
        );
        io.close();
        let slow = one.begin(&io).unwrap();
        other.begin(&io).unwrap().finished();
        slow.timed_out(&io);
        assert!(one.begin(&io).is_none());
        // The other signal stops as well once its own request gets no answer.
        let slow = other.begin(&io).unwrap();
        slow.timed_out(&io);
        assert!(other.begin(&io).is_none());
    }

    #[test]
    fn timeout_does_not_stop_exports_before_shutdown() {
        let io = Io::start().unwrap();
        let endpoint = SignalEndpoint::new(Arc::default());
        endpoint.begin(&io).unwrap().timed_out(&io);
        assert!(endpoint.begin(&io).is_some());
        io.close();
        assert!(endpoint.begin(&io).is_some());
    }
}
