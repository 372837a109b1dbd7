//! A request and its response, which end together.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use wasmscope_telemetry::http::ActiveServerRequest;
use wasmscope_telemetry::{HostSpan, Outcome};
use wasmtime::component::ResourceTable;

use super::call::{Stop, StopReason};
use crate::abort_unfinished_bodies;

/// The shared state of a request. Its guest and the body of its response hold it. With the last of
/// them, the request ends: in telemetry, and for the limit on requests at once.
#[derive(Debug)]
pub(super) struct Exchange {
    request: Mutex<ActiveServerRequest>,
    stop: Stop,
    /// Given when a response must break off, because its guest has failed or was stopped.
    broken: CancellationToken,
    /// The resources of a guest that has ended. They have the senders of a response that is not
    /// complete. As long as these exist, it does not look complete.
    kept: Mutex<Option<ResourceTable>>,
    has_response: AtomicBool,
    request_bytes: Arc<AtomicU64>,
    /// Given when the body of the request is too large.
    too_large: CancellationToken,
    /// Given when the response was sent, or was given up.
    response_ended: CancellationToken,
    _permit: OwnedSemaphorePermit,
    /// Keeps the connection from being idle.
    _open: Arc<()>,
}

impl Exchange {
    pub(super) fn new(
        request: ActiveServerRequest,
        permit: OwnedSemaphorePermit,
        open: Arc<()>,
    ) -> Self {
        Self {
            request: Mutex::new(request),
            stop: Stop::default(),
            broken: CancellationToken::new(),
            kept: Mutex::new(None),
            has_response: AtomicBool::new(false),
            request_bytes: Arc::default(),
            too_large: CancellationToken::new(),
            response_ended: CancellationToken::new(),
            _permit: permit,
            _open: open,
        }
    }

    pub(super) fn request(&self) -> MutexGuard<'_, ActiveServerRequest> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Returns the count of the bytes of the request's body.
    pub(super) fn request_bytes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.request_bytes)
    }

    /// Returns the signal that the body of the request is too large.
    pub(super) fn too_large(&self) -> &CancellationToken {
        &self.too_large
    }

    /// Stops the guest, and breaks its response off.
    pub(super) fn stop_now(&self, reason: StopReason) {
        self.request().set_error(reason.error_type());
        self.stop.now(reason);
        self.broken.cancel();
    }

    /// Returns a future that ends when the response must break off.
    pub(super) fn broken(&self) -> WaitForCancellationFutureOwned {
        self.broken.clone().cancelled_owned()
    }

    pub(super) fn note_response(&self) {
        self.has_response.store(true, Ordering::Release);
    }

    /// Ends the guest's part. A response that it has not completed breaks off.
    pub(super) fn finish(
        &self,
        span: Option<HostSpan>,
        outcome: &Outcome,
        mut resources: ResourceTable,
    ) {
        {
            let mut request = self.request();
            // First, because the span knows of a panic.
            request.return_span(span);
            if !matches!(outcome, Outcome::Ok | Outcome::Exit { code: 0 }) {
                let kind = outcome.failure().unwrap_or(outcome.as_str());
                request.set_error(kind.to_owned());
            }
        }
        // After the error was set, because a body that breaks off sets one of its own.
        abort_unfinished_bodies(&mut resources);
        // Without a response, the receiver of its head learns of the end when the sender is dropped
        // with the resources.
        if self.has_response.load(Ordering::Acquire) {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(resources);
        }
        self.broken.cancel();
    }

    /// Notes that the host failed.
    pub(super) fn abandon(&self) {
        self.request().set_error(HOST_ERROR);
        self.broken.cancel();
    }
}

/// The `error.type` of a failure of the host.
const HOST_ERROR: &str = "host_error";

impl Drop for Exchange {
    fn drop(&mut self) {
        let bytes = self.request_bytes.load(Ordering::Relaxed);
        self.request().add_request_bytes(bytes);
    }
}

/// The time between a response that must break off, and the end of its connection. Only a client
/// that does not read needs it.
const BREAK_OFF: Duration = Duration::from_secs(1);

/// Runs a guest, and stops it and its response at the deadline, or when the server does.
///
/// Ends with both, so that a slow client cannot keep a request longer.
pub(super) async fn supervise(
    guest: impl Future<Output = ()>,
    exchange: Arc<Exchange>,
    deadline: Instant,
    abort: CancellationToken,
    kill: CancellationToken,
) {
    let mut both = std::pin::pin!(async {
        guest.await;
        exchange.response_ended.cancelled().await;
    });
    let reason = tokio::select! {
        biased;
        () = &mut both => return,
        () = tokio::time::sleep_until(deadline) => StopReason::Timeout,
        () = abort.cancelled() => StopReason::Shutdown,
    };
    exchange.stop_now(reason);
    if tokio::time::timeout(BREAK_OFF, exchange.response_ended.cancelled())
        .await
        .is_err()
    {
        kill.cancel();
    }
    both.await;
}

/// The response's part of an exchange. If it is dropped before it is complete, the client has gone.
#[derive(Debug)]
pub(super) struct ResponseEnd {
    exchange: Arc<Exchange>,
    is_complete: bool,
}

impl ResponseEnd {
    pub(super) fn new(exchange: Arc<Exchange>) -> Self {
        Self {
            exchange,
            is_complete: false,
        }
    }

    pub(super) fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// Notes that there is nothing more to send.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
    }
}

impl Drop for ResponseEnd {
    fn drop(&mut self) {
        if !self.is_complete {
            self.exchange.stop_now(StopReason::ClientGone);
        }
        self.exchange.response_ended.cancel();
    }
}
