//! An HTTP service by axum, with a layer that names the route of each request.

use axum::extract::{self, MatchedPath, Path};
use axum::middleware::{Next, from_fn};
use axum::routing::{get, post};
use axum::{Router, response};
use tracing::instrument;
use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    // Kept until the response is there, which it is not at the end of `wstd_axum::http_server`'s
    // `main`.
    let _telemetry = wasmscope::init();
    let service = Router::new()
        .route("/orders/{id}", get(order))
        .route("/echo", post(echo))
        .route_layer(from_fn(named));
    wstd_axum::serve(request, service).await
}

/// Tells the host which route a request matches.
async fn named(route: MatchedPath, request: extract::Request, next: Next) -> response::Response {
    wasmscope::route(route.as_str());
    next.run(request).await
}

async fn order(Path(id): Path<u64>) -> String {
    find(id)
}

#[instrument]
fn find(id: u64) -> String {
    format!("order {id}\n")
}

async fn echo(body: String) -> String {
    body
}
