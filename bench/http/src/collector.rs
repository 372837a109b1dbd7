//! A collector that counts what it receives by OTLP over HTTP, and keeps none of it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use prost::Message as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// The number of connections that may wait to be accepted.
const BACKLOG: u32 = 128;

/// How a collector treats requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It accepts them.
    Up,
    /// It does not listen, and has closed its connections.
    Away,
    /// It reads requests, and does not answer.
    Silent,
    /// It answers with status 503.
    Refusing,
}

/// The telemetry that was accepted. A request counts if it was answered with status 200.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Received {
    /// The number of spans.
    pub spans: u64,
    /// The number of log records.
    pub logs: u64,
    /// The latest value of each series, by the name of the metric and the attributes' values. For a
    /// histogram, it is the number of measurements.
    pub metrics: BTreeMap<(String, Vec<String>), f64>,
}

impl Received {
    /// Returns the sum of the latest values of a metric with an attribute value. With an empty one,
    /// returns the sum of all.
    #[must_use]
    pub fn metric(&self, name: &str, attribute: &str) -> f64 {
        let series = self.metrics.iter().filter(|((known, attributes), _)| {
            let has = || attributes.iter().any(|value| value == attribute);
            known == name && (attribute.is_empty() || has())
        });
        series.fold(0.0, |sum, (_, value)| sum + value)
    }
}

/// A collector on a port of 127.0.0.1, with a thread of its own.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    received: Arc<Mutex<Received>>,
    runtime: Option<Runtime>,
}

impl Collector {
    /// Starts a collector that accepts everything.
    ///
    /// # Errors
    ///
    /// If the system gives no port or thread.
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("collector")
            .enable_all()
            .build()?;
        let (mode, changes) = watch::channel(Mode::Up);
        let received = Arc::default();
        let entered = runtime.enter();
        let listener = reserve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.listen(BACKLOG)?;
        drop(entered);
        let address = listener.local_addr()?;
        runtime.spawn(run(listener, address, changes, Arc::clone(&received)));
        Ok(Self {
            address,
            mode,
            received,
            runtime: Some(runtime),
        })
    }

    /// Returns the value of `OTEL_EXPORTER_OTLP_ENDPOINT` for it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes how it treats requests, also those that it has not answered yet.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Returns what it has accepted so far.
    #[must_use]
    pub fn received(&self) -> Received {
        lock(&self.received).clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // It may be dropped in another runtime.
            runtime.shutdown_background();
        }
    }
}

fn lock(received: &Mutex<Received>) -> MutexGuard<'_, Received> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Binds a socket that does not listen: the system refuses connections.
fn reserve(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Earlier connections may still be in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts connections, except while it is away.
async fn run(
    mut listener: TcpListener,
    address: SocketAddr,
    mut changes: watch::Receiver<Mode>,
    received: Arc<Mutex<Received>>,
) -> Result<()> {
    loop {
        while *changes.borrow_and_update() != Mode::Away {
            tokio::select! {
                accepted = accept(&listener) => {
                    tokio::spawn(serve(accepted, changes.clone(), Arc::clone(&received)));
                }
                changed = changes.changed() => changed?,
            }
        }
        drop(listener);
        let reserved = reserve(address)?;
        changes.wait_for(|mode| *mode != Mode::Away).await?;
        listener = reserved.listen(BACKLOG)?;
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        // A client may close a connection before it is accepted.
        if let Ok((stream, _)) = listener.accept().await {
            return stream;
        }
    }
}

/// Serves a connection until the collector goes away. Answers that were begun are sent then.
async fn serve(
    stream: TcpStream,
    mut changes: watch::Receiver<Mode>,
    received: Arc<Mutex<Received>>,
) {
    let _ = stream.set_nodelay(true);
    let modes = changes.clone();
    let service = service_fn(move |request| {
        let (received, modes) = (Arc::clone(&received), modes.clone());
        async move { answer(request, modes, &received).await }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        _ = changes.wait_for(|mode| *mode == Mode::Away) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Closes the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the collector does not answer")]
struct Unanswered;

async fn answer(
    request: Request<Incoming>,
    mut modes: watch::Receiver<Mode>,
    received: &Mutex<Received>,
) -> Result<Response<Full<Bytes>>, Unanswered> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await;
    let body = body.map_err(|_gone| Unanswered)?.to_bytes();
    let status = loop {
        let mode = *modes.borrow_and_update();
        match mode {
            // Nothing is awaited between this and the answer, so what counts is answered.
            Mode::Up => match count(&path, body, &mut lock(received)) {
                Ok(()) => break StatusCode::OK,
                Err(_) => break StatusCode::BAD_REQUEST,
            },
            Mode::Away => return Err(Unanswered),
            Mode::Refusing => break StatusCode::SERVICE_UNAVAILABLE,
            Mode::Silent => modes.changed().await.map_err(|_ended| Unanswered)?,
        }
    };
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    Ok(answer)
}

/// A request with spans or log records. Both have the same shape, and an item is not read.
#[derive(Clone, PartialEq, prost::Message)]
struct Items {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<OfResource>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OfResource {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<OfScope>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OfScope {
    #[prost(bytes = "bytes", repeated, tag = "2")]
    items: Vec<Bytes>,
}

fn count(path: &str, body: Bytes, received: &mut Received) -> Result<()> {
    let items = |body| -> Result<u64> {
        let resources = Items::decode(body)?.resources;
        let scopes = resources.iter().flat_map(|resource| &resource.scopes);
        Ok(scopes.map(|scope| scope.items.len() as u64).sum())
    };
    match path {
        "/v1/traces" => received.spans += items(body)?,
        "/v1/logs" => received.logs += items(body)?,
        "/v1/metrics" => {
            let request = ExportMetricsServiceRequest::decode(body)?;
            add_metrics(request, &mut received.metrics);
        }
        _ => anyhow::bail!("no signal has the path {path}"),
    }
    Ok(())
}

fn add_metrics(
    request: ExportMetricsServiceRequest,
    metrics: &mut BTreeMap<(String, Vec<String>), f64>,
) {
    let resources = request.resource_metrics.into_iter();
    let scopes = resources.flat_map(|resource| resource.scope_metrics);
    for metric in scopes.flat_map(|scope| scope.metrics) {
        for (attributes, value) in points(metric.data) {
            metrics.insert((metric.name.clone(), attributes), value);
        }
    }
}

/// Returns the attributes' values and the value of each data point.
fn points(data: Option<metric::Data>) -> Vec<(Vec<String>, f64)> {
    let numbers = match data {
        Some(metric::Data::Sum(sum)) => sum.data_points,
        Some(metric::Data::Gauge(gauge)) => gauge.data_points,
        Some(metric::Data::Histogram(histogram)) => {
            let points = histogram.data_points.iter();
            let counts = points.map(|point| (texts(&point.attributes), point.count as f64));
            return counts.collect();
        }
        Some(metric::Data::ExponentialHistogram(_) | metric::Data::Summary(_)) | None => {
            return Vec::new();
        }
    };
    let values = numbers.iter().map(|point| {
        let value = match point.value {
            Some(number_data_point::Value::AsDouble(value)) => value,
            Some(number_data_point::Value::AsInt(value)) => value as f64,
            None => 0.0,
        };
        (texts(&point.attributes), value)
    });
    values.collect()
}

/// Returns the values of attributes, sorted, because exporters have no order.
fn texts(attributes: &[KeyValue]) -> Vec<String> {
    let values = attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref();
        let value = value.and_then(|value| value.value.as_ref());
        if let Some(any_value::Value::StringValue(text)) = value {
            text.clone()
        } else {
            format!("{value:?}")
        }
    });
    let mut texts: Vec<_> = values.collect();
    texts.sort();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::common::v1::AnyValue;
    use opentelemetry_proto::tonic::metrics::v1::{
        Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    };
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::Duration;

    fn items(number: usize) -> Vec<u8> {
        let items = vec![Bytes::from_static(b"\x0a\x01a"); number];
        let scopes = vec![OfScope { items }];
        let resources = vec![OfResource { scopes }];
        Items { resources }.encode_to_vec()
    }

    /// Sends a request, and returns the status. `None` without an answer.
    fn send(collector: &Collector, path: &str, body: &[u8]) -> Option<String> {
        let mut stream = TcpStream::connect(collector.address).ok()?;
        let timeout = Some(Duration::from_millis(200));
        stream.set_read_timeout(timeout).expect("a timeout");
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer);
        Some(answer.trim_start_matches("HTTP/1.1 ").to_owned())
    }

    #[test]
    fn only_what_is_answered_is_counted() {
        let collector = Collector::start().expect("it starts");
        let ok = Some("200".to_owned());
        assert_eq!(send(&collector, "/v1/traces", &items(3)), ok);
        assert_eq!(send(&collector, "/v1/logs", &items(2)), ok);
        collector.set(Mode::Refusing);
        let refused = Some("503".to_owned());
        assert_eq!(send(&collector, "/v1/traces", &items(3)), refused);
        for mode in [Mode::Silent, Mode::Away] {
            collector.set(mode);
            // It may have accepted a connection just before.
            assert_eq!(send(&collector, "/v1/traces", &items(3)), None, "{mode:?}");
        }
        collector.set(Mode::Up);
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while send(&collector, "/v1/traces", &items(1)) != ok {
            assert!(std::time::Instant::now() < deadline, "it does not listen");
        }
        let received = collector.received();
        assert_eq!((received.spans, received.logs), (4, 2));
        let unknown = send(&collector, "/v1/profiles", &items(1));
        assert_eq!(unknown, Some("400".to_owned()));
    }

    #[test]
    fn the_latest_value_of_a_series_counts() {
        let point = |reason: &str, value| NumberDataPoint {
            attributes: vec![KeyValue {
                key: "reason".to_owned(),
                value: Some(AnyValue {
                    value: Some(any_value::Value::StringValue(reason.to_owned())),
                }),
                ..KeyValue::default()
            }],
            value: Some(number_data_point::Value::AsInt(value)),
            ..NumberDataPoint::default()
        };
        let mut received = Received::default();
        for (full, failed) in [(1, 10), (5, 20)] {
            let metric = Metric {
                name: "dropped".to_owned(),
                data: Some(metric::Data::Sum(Sum {
                    data_points: vec![point("full", full), point("failed", failed)],
                    ..Sum::default()
                })),
                ..Metric::default()
            };
            let request = ExportMetricsServiceRequest {
                resource_metrics: vec![ResourceMetrics {
                    scope_metrics: vec![ScopeMetrics {
                        metrics: vec![metric],
                        ..ScopeMetrics::default()
                    }],
                    ..ResourceMetrics::default()
                }],
            };
            let body = Bytes::from(request.encode_to_vec());
            count("/v1/metrics", body, &mut received).expect("a request");
        }
        assert_eq!(received.metric("dropped", "full"), 5.0);
        assert_eq!(received.metric("dropped", ""), 25.0);
        assert_eq!(received.metric("other", ""), 0.0);
    }
}
