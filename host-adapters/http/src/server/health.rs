//! Answers whether the server is alive and ready, on an address of its own.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::connection::accept;
use super::service::Service;

/// The number of connections at once. Probes need few.
const CONNECTIONS: usize = 16;

/// The longest time of a connection.
const TIME: Duration = Duration::from_secs(5);

/// Answers probes for ever.
pub(super) async fn serve(listener: TcpListener, service: Arc<Service>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        if let Some((stream, _, permit)) = accept(&listener, &connections).await {
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                let _permit = permit;
                let _ = tokio::time::timeout(TIME, serve_connection(stream, service)).await;
            });
        }
    }
}

async fn serve_connection(stream: TcpStream, service: Arc<Service>) {
    let answers = service_fn(move |request| {
        let answer = answer(&request, &service);
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(TIME)
        .serve_connection(TokioIo::new(stream), answers);
    // The client learns of errors by itself.
    let _ = connection.await;
}

fn answer(request: &Request<Incoming>, service: &Service) -> Response<Full<Bytes>> {
    let (status, text) = match request.uri().path() {
        "/livez" => (StatusCode::OK, "alive\n"),
        "/readyz" if service.is_draining.load(Ordering::Relaxed) => {
            (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
        }
        "/readyz" if !service.handler.is_ready() => (
            StatusCode::SERVICE_UNAVAILABLE,
            "no instance of the component is ready\n",
        ),
        "/readyz" => (StatusCode::OK, "ready\n"),
        _ => (StatusCode::NOT_FOUND, "use /livez or /readyz\n"),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}
