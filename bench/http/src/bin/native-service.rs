//! The native peer of `components/hello-http`: the same answer by hyper, and the same telemetry by
//! the crates that a user would choose there: `tracing` with `tracing-opentelemetry` and
//! `opentelemetry-appender-tracing`, metrics by `opentelemetry`, and export by
//! `opentelemetry-otlp`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Instant;

use anyhow::Result;
use bytes::Bytes;
use clap::Parser;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry::metrics::{Counter, Gauge, Histogram, UpDownCounter};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{Instrument as _, Span, field, info, info_span, instrument};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Answers like `components/hello-http`. Exports telemetry as the variables `OTEL_*` say.
#[derive(Debug, Parser)]
struct Args {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:0")]
    addr: SocketAddr,
    /// Emits no telemetry.
    #[arg(long)]
    without_telemetry: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    // Made before there is a Tokio runtime, in which a blocking client of HTTP cannot be made.
    let providers = if args.without_telemetry {
        None
    } else {
        Some(Providers::install()?)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(args.addr))?;
    if let Some(providers) = providers {
        providers.shutdown()?;
    }
    Ok(())
}

/// Answers requests until SIGTERM.
async fn serve(address: SocketAddr) -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(address).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, client) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = terminated.recv() => return Ok(()),
        };
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(move |request| observed(request, client));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client may close its connection at any time.
            let _ = connection.await;
        });
    }
}

/// Instruments a request as a server of HTTP: a span, and metrics.
async fn observed(
    request: Request<Incoming>,
    client: SocketAddr,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let started = Instant::now();
    let method = KeyValue::new("http.request.method", "GET");
    let scheme = KeyValue::new("url.scheme", "http");
    let active = [method.clone(), scheme.clone()];
    METRICS.active.add(1, &active);
    let span = server_span(&request, client);
    let answer = hello(&request).instrument(span.clone()).await;
    let status = i64::from(answer.status().as_u16());
    span.record("http.response.status_code", status);
    METRICS.active.add(-1, &active);
    let attributes = [
        method,
        scheme,
        KeyValue::new("http.response.status_code", status),
        KeyValue::new("network.protocol.version", "1.1"),
    ];
    let elapsed = started.elapsed().as_secs_f64();
    METRICS.server_duration.record(elapsed, &attributes);
    Ok(answer)
}

fn server_span(request: &Request<Incoming>, client: SocketAddr) -> Span {
    let agent = request.headers().get(USER_AGENT);
    let span = info_span!(
        "GET",
        otel.kind = "server",
        http.request.method = "GET",
        url.scheme = "http",
        url.path = request.uri().path(),
        client.address = %client.ip(),
        network.protocol.version = "1.1",
        user_agent.original = agent.and_then(|agent| agent.to_str().ok()),
        http.response.status_code = field::Empty,
    );
    let caller = global::get_text_map_propagator(|propagator| {
        propagator.extract(&HeaderExtractor(request.headers()))
    });
    // Without a telemetry, there is nothing to continue.
    let _ = span.set_parent(caller);
    span
}

async fn hello(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let started = Instant::now();
    let answer = match request.uri().path() {
        "/api/hello" => handle_hello(),
        _ => respond(StatusCode::NOT_FOUND, r#"{"error":"not found"}"#.to_owned()),
    };
    METRICS.requests.add(1, &[]);
    METRICS
        .duration
        .record(started.elapsed().as_secs_f64(), &[]);
    METRICS.memory.record(65_536, &[]);
    answer
}

#[instrument]
fn handle_hello() -> Response<Full<Bytes>> {
    let runtime = std::env::var("WASMSCOPE_RUNTIME").unwrap_or_else(|_| "unknown".to_owned());
    info!(runtime, "someone is greeted");
    let greeting = "Hello from WebAssembly!";
    respond(
        StatusCode::OK,
        format!(r#"{{"message":"{greeting}","runtime":"{runtime}"}}"#),
    )
}

fn respond(status: StatusCode, json: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(json));
    *answer.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}

/// Those of `components/hello-http`, and the main ones of a server.
struct Metrics {
    requests: Counter<u64>,
    duration: Histogram<f64>,
    memory: Gauge<u64>,
    active: UpDownCounter<i64>,
    server_duration: Histogram<f64>,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let meter = global::meter("hello-http");
    let server = global::meter("server");
    Metrics {
        requests: meter.u64_counter("hello.requests").build(),
        duration: meter.f64_histogram("hello.duration").with_unit("s").build(),
        memory: meter.u64_gauge("wasm.memory.usage").with_unit("By").build(),
        active: server
            .i64_up_down_counter("http.server.active_requests")
            .build(),
        server_duration: server
            .f64_histogram("http.server.request.duration")
            .with_unit("s")
            .build(),
    }
});

/// The providers of the telemetry.
struct Providers {
    tracer: SdkTracerProvider,
    meter: SdkMeterProvider,
    logger: SdkLoggerProvider,
}

impl Providers {
    /// Makes the providers, and installs them for the whole program.
    fn install() -> Result<Self> {
        // The client of HTTP asks for one even without TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let spans = SpanExporter::builder().with_http().build()?;
        let logs = LogExporter::builder().with_http().build()?;
        let metrics = MetricExporter::builder().with_http().build()?;
        let tracer = SdkTracerProvider::builder()
            .with_batch_exporter(spans)
            .build();
        let logger = SdkLoggerProvider::builder()
            .with_batch_exporter(logs)
            .build();
        let meter = SdkMeterProvider::builder()
            .with_periodic_exporter(metrics)
            .build();
        global::set_text_map_propagator(TraceContextPropagator::new());
        global::set_meter_provider(meter.clone());
        tracing_subscriber::registry()
            .with(LevelFilter::INFO)
            .with(tracing_opentelemetry::layer().with_tracer(tracer.tracer("hello-http")))
            .with(OpenTelemetryTracingBridge::new(&logger))
            .init();
        Ok(Self {
            tracer,
            meter,
            logger,
        })
    }

    /// Exports the rest.
    fn shutdown(self) -> Result<()> {
        self.tracer.shutdown()?;
        self.logger.shutdown()?;
        self.meter.shutdown()?;
        Ok(())
    }
}
