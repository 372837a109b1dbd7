//! An OTLP collector inside the test process.
//!
//! It listens on two ports of 127.0.0.1: one for OTLP/HTTP (protobuf and JSON) and one for
//! OTLP/gRPC. So a client with the wrong protocol is detected. It has its own runtime and works in
//! synchronous and asynchronous tests.

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

/// How often a wait checks its condition if nothing arrives. The condition may depend on other
/// state.
const RECHECK: Duration = Duration::from_millis(20);

/// An OTLP collector. On drop, its ports close and open connections are cut.
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
    /// If the system gives no port or thread.
    #[must_use]
    pub fn start() -> Self {
        let collector = Self::bind(None);
        collector.accept_connections();
        collector
    }

    /// Starts a collector with `https` endpoints and the server certificate of `tls`. It requires
    /// client certificates if `tls` does.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    #[must_use]
    pub fn start_tls(tls: Tls) -> Self {
        let collector = Self::bind(Some(tls));
        collector.accept_connections();
        collector
    }

    /// Reserves the ports without listening. Connections are refused until
    /// [`Collector::accept_connections`].
    ///
    /// # Panics
    /// If the system gives no port or thread.
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

    /// Listens on the same endpoints, after [`Collector::refusing`] or
    /// [`Collector::refuse_connections`]. Does nothing if it already listens.
    ///
    /// # Panics
    /// If the system does not let it listen.
    pub fn accept_connections(&self) {
        let _context = self.runtime().enter();
        self.http.listen(&self.shared);
        self.grpc.listen(&self.shared);
    }

    /// Cuts all connections and refuses new ones. The ports stay reserved. Received items are kept.
    ///
    /// # Panics
    /// If a port cannot be reserved again.
    pub fn refuse_connections(&self) {
        self.http.close();
        self.grpc.close();
    }

    /// Returns the endpoint for OTLP/HTTP, without a path: `http://127.0.0.1:PORT`, or `https://…`
    /// with TLS.
    #[must_use]
    pub fn endpoint_http(&self) -> String {
        self.endpoint(self.http.address())
    }

    /// Returns the endpoint for OTLP/gRPC: `http://127.0.0.1:PORT`, or `https://…` with TLS.
    #[must_use]
    pub fn endpoint_grpc(&self) -> String {
        self.endpoint(self.grpc.address())
    }

    fn endpoint(&self, address: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// Returns the certificates, or `None` without TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Answers the next requests, of any signal, with one of `replies` each. Later requests get the
    /// default reply. Replaces the rest of an earlier script.
    pub fn respond_with(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared
            .with(|state| state.script = replies.into_iter().collect());
    }

    /// Answers the next requests of one signal with one of `replies` each. Takes precedence over
    /// [`Collector::respond_with`].
    pub fn respond_to(&self, signal: Signal, replies: impl IntoIterator<Item = Reply>) {
        self.shared
            .with(|state| state.scripts[signal as usize] = replies.into_iter().collect());
    }

    /// Sets the default reply, for requests without a scripted one.
    pub fn respond_always(&self, reply: Reply) {
        self.shared.with(|state| state.default_reply = reply);
    }

    /// Refuses larger requests (in decompressed bytes) before any script. Answers like an
    /// OpenTelemetry Collector, with its messages: status 400 over HTTP, and `RESOURCE_EXHAUSTED`
    /// over gRPC.
    pub fn refuse_above(&self, bytes: usize) {
        self.shared.with(|state| state.largest = Some(bytes));
    }

    /// Lists all export requests that could be decoded, in the order of arrival, with any answer.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.shared.with(|state| state.requests.clone())
    }

    /// Counts the export requests that could be decoded, with any answer.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.shared.with(|state| state.requests.len())
    }

    /// Counts the export requests of one signal.
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

    /// Counts the connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.with(|state| state.connections)
    }

    /// Lists protocol violations: wrong paths and content types, bodies that do not decode, failed
    /// TLS handshakes.
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

    /// Lists the metrics of all accepted requests, in the order of acceptance. Each collection of a
    /// metric is an item; [`normalise::merge_metrics`] merges them.
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

    /// Returns the only span with that name.
    ///
    /// # Panics
    /// If there is none, or more than one. The message lists the received items.
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

    /// Returns the only metric with that name. Its collections are merged by
    /// [`normalise::merge_metrics`].
    ///
    /// # Panics
    /// If there is none, or if there are several with different resources or scopes. The message
    /// lists the received items.
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

    /// Returns the only log record with that body.
    ///
    /// # Panics
    /// If there is none, or more than one. The message lists the received items.
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

    /// Waits until `condition` is true. Checks it each time something arrives.
    ///
    /// # Panics
    /// If it is not true within `timeout`. The message lists the received items.
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

    /// Lists everything received as text, for failure messages: requests with their answers,
    /// violations, and the accepted items in normalised form.
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
            // A blocking shutdown would panic in an asynchronous test.
            runtime.shutdown_background();
        }
    }
}
