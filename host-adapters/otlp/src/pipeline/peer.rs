//! What is known of the collectors, so that nobody waits in vain for one that is not there.
//!
//! The exporters of `opentelemetry-otlp` retry each batch by itself. A program that ends with several batches in its queues
//! would wait for all these retries in sequence, where the first refused connection has said it all.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::Uri;
use tokio::sync::watch;

use crate::config::{Config, PerSignal};

use super::io::Io;

/// A collector, which all signals share that are sent to the same scheme, host and port.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// The last export failed since no connection could be made.
    unreachable: AtomicBool,
    /// An export found no answer in its time while the pipeline shut down, nor did any other meanwhile.
    silent: AtomicBool,
    /// How many exports were answered, with whatever it was.
    answers: AtomicU64,
}

impl Peer {
    /// Gives each signal that of its endpoint.
    pub(super) fn of_signals(config: &Config) -> PerSignal<Arc<Self>> {
        let mut known: Vec<(String, Arc<Self>)> = Vec::new();
        PerSignal::new(|signal| {
            let origin = config.url(signal).map(origin).unwrap_or_default();
            if let Some((_, peer)) = known.iter().find(|(other, _)| *other == origin) {
                return Arc::clone(peer);
            }
            let peer = Arc::default();
            known.push((origin, Arc::clone(&peer)));
            peer
        })
    }

    fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.silent.store(false, Ordering::Relaxed);
        self.unreachable.store(false, Ordering::Relaxed);
    }
}

/// Gives the part of a URL that says whither to connect, with the port that the scheme implies.
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

/// One signal's way to its collector: what the transport found there, which the exporters' own errors leave out.
///
/// A signal has one export at a time.
#[derive(Debug)]
pub(super) struct Line {
    peer: Arc<Peer>,
    /// What was wrong with the last attempt.
    cause: Mutex<Option<String>>,
    /// Whether it was that no connection could be made.
    refused: watch::Sender<bool>,
    /// As [`Peer::silent`], for a collector that answers the other signals.
    silent: AtomicBool,
    /// Whether the collector has ever answered a request of this signal: then it speaks the
    /// protocol.
    answered: AtomicBool,
}

impl Line {
    pub(super) fn new(peer: Arc<Peer>) -> Arc<Self> {
        Arc::new(Self {
            peer,
            cause: Mutex::default(),
            refused: watch::Sender::default(),
            silent: AtomicBool::new(false),
            answered: AtomicBool::new(false),
        })
    }

    /// For the transport: the collector answered, whatever it was.
    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// For the transport: an attempt failed by `cause`, whether a connection could be made or not.
    #[cfg(feature = "grpc")]
    pub(super) fn failed(&self, cause: String) {
        self.set_cause(Some(cause));
    }

    /// For the transport: an attempt found no one to connect to.
    pub(super) fn refused(&self, cause: String) {
        // The cause first, as whoever sees the other asks for it.
        self.set_cause(Some(cause));
        self.refused.send_replace(true);
    }

    /// For the transport: a connection was made, or used again, and then an attempt may have failed by `cause`.
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

    /// Begins an export; `None` where it would wait for an answer in vain.
    pub(super) fn begin(&self, io: &Io) -> Option<Attempt<'_>> {
        let silent =
            self.silent.load(Ordering::Relaxed) || self.peer.silent.load(Ordering::Relaxed);
        if silent && io.is_closing() {
            return None;
        }
        self.connected(None);
        Some(Attempt {
            line: self,
            once: self.peer.unreachable.load(Ordering::Relaxed),
            answers: self.peer.answers.load(Ordering::Relaxed),
        })
    }
}

/// An export under way.
pub(super) struct Attempt<'a> {
    line: &'a Line,
    /// No connection could be made for the one before either.
    once: bool,
    /// [`Peer::answers`] when it began.
    answers: u64,
}

impl Attempt<'_> {
    /// Waits until it is no use to try again: no connection can be made, as before, or while the pipeline shuts down.
    pub(super) async fn hopeless(&self, io: &Io) {
        let mut refused = self.line.refused.subscribe();
        if !self.once {
            io.closing().await;
        }
        // The sender is in the line, which is there.
        let _ = refused.wait_for(|refused| *refused).await;
    }

    /// It ended by itself, or without hope.
    pub(super) fn ended(&self) {
        if *self.line.refused.borrow() {
            self.line.peer.unreachable.store(true, Ordering::Relaxed);
        } else {
            self.line.peer.answered();
        }
    }

    /// It took too long.
    pub(super) fn late(&self, io: &Io) {
        let Line { peer, silent, .. } = self.line;
        if *self.line.refused.borrow() {
            peer.unreachable.store(true, Ordering::Relaxed);
        } else if io.is_closing() {
            silent.store(true, Ordering::Relaxed);
            if peer.answers.load(Ordering::Relaxed) == self.answers {
                peer.silent.store(true, Ordering::Relaxed);
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
    fn signals_share_what_is_known_of_the_same_scheme_host_and_port_only() {
        let peers = |logs: &str| {
            let options = OtlpOptions {
                endpoint: Some(logs.parse().unwrap()),
                ..OtlpOptions::default()
            };
            let config = Config::builder()
                .endpoint("http://c.example".parse().unwrap())
                .protocol(Protocol::HttpProtobuf)
                .otlp(Signal::Logs, options);
            Peer::of_signals(&config.build().unwrap())
        };
        for (logs, shared) in [
            ("http://C.example:80/elsewhere", true),
            ("https://c.example/v1/logs", false),
            ("http://c.example:4318/v1/logs", false),
            ("http://d.example/v1/logs", false),
        ] {
            let peers = peers(logs);
            let [traces, metrics, logs_peer] = Signal::ALL.map(|signal| peers.get(signal));
            assert!(Arc::ptr_eq(traces, metrics));
            assert_eq!(Arc::ptr_eq(traces, logs_peer), shared, "{logs}");
        }
    }

    #[test]
    fn collector_that_answers_one_signal_is_not_silent_for_the_others() {
        let io = Io::start().unwrap();
        let peer = Arc::<Peer>::default();
        let (one, other) = (Line::new(Arc::clone(&peer)), Line::new(peer));
        io.close();
        let slow = one.begin(&io).unwrap();
        other.begin(&io).unwrap().ended();
        slow.late(&io);
        assert!(one.begin(&io).is_none());
        // Nor do the others wait once nobody is answered.
        let slow = other.begin(&io).unwrap();
        slow.late(&io);
        assert!(other.begin(&io).is_none());
    }

    #[test]
    fn late_answer_is_no_reason_to_stop_while_running() {
        let io = Io::start().unwrap();
        let line = Line::new(Arc::default());
        line.begin(&io).unwrap().late(&io);
        assert!(line.begin(&io).is_some());
        io.close();
        assert!(line.begin(&io).is_some());
    }
}
