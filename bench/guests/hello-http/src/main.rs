//! `components/hello-http` without telemetry.

use wstd::http::{Body, Error, Request, Response, StatusCode};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    match request.uri().path() {
        "/api/hello" => handle_hello(),
        _ => respond(StatusCode::NOT_FOUND, r#"{"error":"not found"}"#.to_owned()),
    }
}

fn handle_hello() -> Result<Response<Body>, Error> {
    let runtime = std::env::var("WASMSCOPE_RUNTIME").unwrap_or_else(|_| "unknown".to_owned());
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
