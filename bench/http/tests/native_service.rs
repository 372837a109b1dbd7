//! The native service answers like the component, and its telemetry arrives.

use std::process::Command;
use std::sync::Arc;

use wasmscope_bench_http::{Collector, Progress, Server, load};

const REQUESTS: u64 = 20;

fn ask(server: &Server) -> u64 {
    let progress = Arc::new(Progress::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let load = load(server.address(), 2, &progress, |done| done < REQUESTS);
    let measured = runtime.block_on(load).expect("no task panics");
    progress.check().expect("no request fails");
    assert_eq!(measured.requests, progress.answered());
    progress.answered()
}

#[test]
fn native_telemetry_is_that_of_hello_http() {
    let collector = Collector::start().expect("a collector");
    let mut command = Command::new(env!("CARGO_BIN_EXE_native-service"));
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
    let server = Server::start(&mut command).expect("it listens");
    let requests = ask(&server);
    let (status, printed) = server.stop().expect("it ends");
    assert!(status.success(), "{printed}");
    let received = collector.received();
    assert_eq!(received.spans, 2 * requests);
    assert_eq!(received.logs, requests);
    for name in ["hello.requests", "http.server.request.duration"] {
        assert_eq!(received.metric(name, ""), requests as f64, "{name}");
    }
    assert_eq!(received.metric("http.server.active_requests", ""), 0.0);
}

#[test]
fn it_can_have_no_telemetry() {
    let collector = Collector::start().expect("a collector");
    let mut command = Command::new(env!("CARGO_BIN_EXE_native-service"));
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
    let server = Server::start(command.arg("--without-telemetry")).expect("it listens");
    assert!(ask(&server) >= REQUESTS);
    let (status, printed) = server.stop().expect("it ends");
    assert!(status.success(), "{printed}");
    assert_eq!(
        collector.received(),
        wasmscope_bench_http::Received::default()
    );
}
