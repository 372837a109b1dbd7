//! An OTLP collector inside the test process.
//!
//! It listens on two ports of 127.0.0.1, one for OTLP/HTTP (protobuf and JSON) and one for OTLP/gRPC, so that a client that
//! speaks the wrong protocol is found out. It runs on a runtime of its own and can be used from synchronous and asynchronous tests alike.

mod grpc;
mod http;
mod json;
mod listener;
mod request;
mod script;
mod state;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use self::listener::{Listener, Transport};
pub use self::request::{Payload, Protocol, Request, Signal, Violation};
pub use self::script::Reply;
use self::state::Shared;
use crate::tls::Tls;
use crate::views::{self, LogView, MetricView, SpanView};
use crate::{Value, normalise};

/// How often a waiting test looks again when nothing has arrived: its condition may depend on something else.
const RECHECK: Duration = Duration::from_millis(20);

/// An OTLP collector. Everything ends when it is dropped: the ports close and open connections are cut.
#[derive(Debug)]
pub struct Collector {
    shared: Arc<Shared>,
    http: Listener,
    grpc: Listener,
    tls: Option<Tls>,
    runtime: Option<Runtime>,
}

impl Collector {
    /// Starts a collector that accepts everything.
    ///
    /// # Panics
    /// When no port or thread can be had.
    #[must_use]
    pub fn start() -> Self {
        let collector = Self::bind(None);
        collector.accept_connections();
        collector
    }

    /// Starts a collector whose endpoints are `https`, with the server certificate of `tls`, and which asks clients for
    /// certificates where `tls` says so.
    ///
    /// # Panics
    /// When no port or thread can be had.
    #[must_use]
    pub fn start_tls(tls: Tls) -> Self {
        let collector = Self::bind(Some(tls));
        collector.accept_connections();
        collector
    }

    /// Reserves the ports without listening: connections are refused until [`Collector::accept_connections`].
    ///
    /// # Panics
    /// When no port or thread can be had.
    #[must_use]
    pub fn refusing() -> Self {
        Self::bind(None)
    }

    fn bind(tls: Option<Tls>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp-collector")
            .enable_all()
            .build()
            .expect("a runtime for the collector");
        let acceptor = |protocols: &[&str]| tls.as_ref().map(|tls| tls.acceptor(protocols));
        Self {
            http: Listener::bind(Transport::Http, acceptor(&["http/1.1", "h2"])),
            grpc: Listener::bind(Transport::Grpc, acceptor(&["h2"])),
            shared: Arc::new(Shared::default()),
            tls,
            runtime: Some(runtime),
        }
    }

    fn runtime(&self) -> &Runtime {
        self.runtime
            .as_ref()
            .expect("the runtime lives until the drop")
    }

    /// Listens again after [`Collector::refusing`] or [`Collector::refuse_connections`], at the same endpoints. Does nothing when it
    /// already listens.
    ///
    /// # Panics
    /// When the system does not let it listen.
    pub fn accept_connections(&self) {
        let _context = self.runtime().enter();
        self.http.listen(&self.shared);
        self.grpc.listen(&self.shared);
    }

    /// Cuts all connections and refuses new ones, at once; the ports stay reserved. What arrived is kept.
    ///
    /// # Panics
    /// When the port cannot be reserved again.
    pub fn refuse_connections(&self) {
        self.http.close();
        self.grpc.close();
    }

    /// Gives the endpoint for OTLP/HTTP, without a path: `http://127.0.0.1:PORT`, or `https://…` under TLS.
    #[must_use]
    pub fn endpoint_http(&self) -> String {
        self.endpoint(self.http.address())
    }

    /// Gives the endpoint for OTLP/gRPC: `http://127.0.0.1:PORT`, or `https://…` under TLS.
    #[must_use]
    pub fn endpoint_grpc(&self) -> String {
        self.endpoint(self.grpc.address())
    }

    fn endpoint(&self, address: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// Gives the certificates, where the collector was started with some.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Answers the next requests, of whatever signal, as `replies` say, one each; after them as before. Replaces what
    /// was left of an earlier script.
    pub fn respond_with(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared
            .with(|state| state.script = replies.into_iter().collect());
    }

    /// Answers the next requests of one signal as `replies` say, one each. Goes before [`Collector::respond_with`].
    pub fn respond_to(&self, signal: Signal, replies: impl IntoIterator<Item = Reply>) {
        self.shared
            .with(|state| state.scripts[signal as usize] = replies.into_iter().collect());
    }

    /// Answers every request for which no script says otherwise with `reply`.
    pub fn respond_always(&self, reply: Reply) {
        self.shared.with(|state| state.usually = reply);
    }

    /// Refuses requests of more bytes, decompressed, before any script: as an OpenTelemetry
    /// Collector does, with status 400 over HTTP and `RESOURCE_EXHAUSTED` over gRPC, and its words.
    pub fn refuse_above(&self, bytes: usize) {
        self.shared.with(|state| state.largest = Some(bytes));
    }

    /// Lists every export request that could be decoded, in the order in which they arrived, whatever the answer was.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.shared.with(|state| state.requests.clone())
    }

    /// Counts the export requests that could be decoded, whatever the answer was.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.shared.with(|state| state.requests.len())
    }

    /// Counts those of one signal.
    #[must_use]
    pub fn attempts_for(&self, signal: Signal) -> usize {
        self.shared.with(|state| {
            state
                .requests
                .iter()
                .filter(|request| request.signal() == signal)
                .count()
        })
    }

    /// Counts the connections that were made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.with(|state| state.connections)
    }

    /// Lists what broke the protocol: wrong paths and content types, bodies that do not decode, failed TLS handshakes.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.with(|state| state.violations.clone())
    }

    /// Lists the spans of all accepted requests, in the order of acceptance.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanView> {
        self.accepted(|payload| match payload {
            Payload::Traces(request) => views::spans_of(request),
            Payload::Metrics(_) | Payload::Logs(_) => Vec::new(),
        })
    }

    /// Lists the metrics of all accepted requests, in the order of acceptance. A metric is there once for each collection;
    /// [`normalise::merge_metrics`] makes one of them.
    #[must_use]
    pub fn metrics(&self) -> Vec<MetricView> {
        self.accepted(|payload| match payload {
            Payload::Metrics(request) => views::metrics_of(request),
            Payload::Traces(_) | Payload::Logs(_) => Vec::new(),
        })
    }

    /// Lists the log records of all accepted requests, in the order of acceptance.
    #[must_use]
    pub fn logs(&self) -> Vec<LogView> {
        self.accepted(|payload| match payload {
            Payload::Logs(request) => views::logs_of(request),
            Payload::Traces(_) | Payload::Metrics(_) => Vec::new(),
        })
    }

    fn accepted<T>(&self, items: impl Fn(&Payload) -> Vec<T>) -> Vec<T> {
        let accepted = self.shared.with(|state| state.accepted.clone());
        accepted
            .iter()
            .flat_map(|request| items(&request.payload))
            .collect()
    }

    /// Gives the one span of that name.
    ///
    /// # Panics
    /// When there is none, or more than one, with a listing of what arrived.
    #[must_use]
    #[track_caller]
    pub fn span(&self, name: &str) -> SpanView {
        let found = self
            .spans()
            .into_iter()
            .filter(|span| span.name == name)
            .collect();
        self.only(found, "span", name)
    }

    /// Gives the one metric of that name, all collections of it merged into one as by [`normalise::merge_metrics`].
    ///
    /// # Panics
    /// When there is none, or several under different resources or scopes, with a listing of what arrived.
    #[must_use]
    #[track_caller]
    pub fn metric(&self, name: &str) -> MetricView {
        let found: Vec<_> = self
            .metrics()
            .into_iter()
            .filter(|metric| metric.name == name)
            .collect();
        self.only(normalise::merge_metrics(&found), "metric", name)
    }

    /// Gives the one log record whose body is `body`.
    ///
    /// # Panics
    /// When there is none, or more than one, with a listing of what arrived.
    #[must_use]
    #[track_caller]
    pub fn log(&self, body: &str) -> LogView {
        let wanted = Some(Value::from(body));
        let found = self
            .logs()
            .into_iter()
            .filter(|log| log.body_value() == wanted)
            .collect();
        self.only(found, "log record", body)
    }

    #[track_caller]
    fn only<T>(&self, mut found: Vec<T>, what: &str, name: &str) -> T {
        let count = found.len();
        match found.pop() {
            Some(item) if count == 1 => item,
            _ => panic!(
                "expected one {what} `{name}`, found {count}\n{}",
                self.dump()
            ),
        }
    }

    /// Waits until `condition` holds, looking whenever something arrives.
    ///
    /// # Panics
    /// When it does not hold within `timeout`, with a listing of what arrived.
    #[track_caller]
    pub fn wait_for(&self, mut condition: impl FnMut(&Self) -> bool, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        loop {
            let seen = self.shared.generation();
            if condition(self) {
                return;
            }
            let now = Instant::now();
            assert!(
                now < deadline,
                "the condition did not hold within {timeout:?}\n{}",
                self.dump()
            );
            self.shared
                .wait_for_change(seen, RECHECK.min(deadline - now));
        }
    }

    /// Lists what arrived as text, for the messages of failing tests: requests with their answers, violations, and the
    /// accepted items in their normalised form.
    #[must_use]
    pub fn dump(&self) -> String {
        let requests = self.requests();
        let mut text = format!(
            "the collector got {} connections, {} requests\n",
            self.connections(),
            requests.len()
        );
        for request in &requests {
            let _ = writeln!(text, "  {request}");
        }
        for violation in self.violations() {
            let _ = writeln!(text, "  violation: {violation}");
        }
        text + &normalise(self)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not by waiting, which is forbidden in a test that is itself asynchronous.
            runtime.shutdown_background();
        }
    }
}
