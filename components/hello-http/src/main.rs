//! The smallest HTTP service, which the README shows.

use std::time::Instant;

use tracing::{info, instrument};
use wasmscope::prelude::*;
use wstd::http::{Body, Error, Request, Response, StatusCode};

static METER: Meter = wasmscope::meter!();
static REQUESTS: Counter<u64> = Counter::new(&METER, "hello.requests").with_unit("{request}");
static MEMORY: Gauge<u64> = Gauge::new(&METER, "wasm.memory.usage").with_unit("By");
static DURATION: Histogram<f64> = Histogram::new(&METER, "hello.duration").with_unit("s");

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let _telemetry = wasmscope::init();
    let started = Instant::now();
    let response = match request.uri().path() {
        "/api/hello" => {
            wasmscope::route("/api/hello");
            handle_hello()
        }
        _ => respond(StatusCode::NOT_FOUND, r#"{"error":"not found"}"#.to_owned()),
    };
    REQUESTS.add(1, &[]);
    DURATION.record(started.elapsed().as_secs_f64(), &[]);
    MEMORY.record(memory(), &[]);
    response
}

/// Returns the bytes of linear memory.
#[cfg(target_arch = "wasm32")]
fn memory() -> u64 {
    core::arch::wasm32::memory_size(0) as u64 * 65_536
}

/// For checks on other targets.
#[cfg(not(target_arch = "wasm32"))]
fn memory() -> u64 {
    0
}

#[instrument]
fn handle_hello() -> Result<Response<Body>, Error> {
    let runtime = std::env::var("WASMSCOPE_RUNTIME").unwrap_or_else(|_| "unknown".to_owned());
    info!(runtime, "someone is greeted");
    let greeting = "Hello from WebAssembly!";
    respond(
        StatusCode::OK,
        format!(r#"{{"message":"{greeting}","runtime":"{runtime}"}}"#),
    )
}

fn respond(status: StatusCode, json: String) -> Result<Response<Body>, Error> {
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    Ok(response.body(json.into())?)
}
