//! A request and its response, which end together.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use wasmscope_telemetry::http::ActiveServerRequest;
use wasmscope_telemetry::{HostSpan, Outcome};
use wasmtime::component::ResourceTable;

use super::call::{Stop, StopReason};

/// The shared state of a request. Its guest and the body of its response hold it. With the last of
/// them, the request ends: in telemetry, and for the limit on requests at once.
#[derive(Debug)]
pub(super) struct Exchange {
    request: Mutex<ActiveServerRequest>,
    stop: Stop,
    /// Given when a response must break off, because its guest has failed or was stopped.
    broken: CancellationToken,
    /// The resources of a guest that has failed. They have the senders of the response's body. As
    /// long as these exist, the body does not look complete.
    kept: Mutex<Option<ResourceTable>>,
    has_response: AtomicBool,
    /// Set when the guest has ended.
    outcome: OnceLock<Outcome>,
    request_bytes: Arc<AtomicU64>,
    /// Given when the body of the request is too large.
    too_large: CancellationToken,
    /// Given when the response was sent, or was given up.
    response_ended: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Exchange {
    pub(super) fn new(request: ActiveServerRequest, permit: OwnedSemaphorePermit) -> Self {
        Self {
            request: Mutex::new(request),
            stop: Stop::default(),
            broken: CancellationToken::new(),
            kept: Mutex::new(None),
            has_response: AtomicBool::new(false),
            outcome: OnceLock::new(),
            request_bytes: Arc::default(),
            too_large: CancellationToken::new(),
            response_ended: CancellationToken::new(),
            _permit: permit,
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
        if self.outcome.get().is_none() {
            self.request().set_error(reason.error_type());
        }
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

    /// Ends the guest's part.
    pub(super) fn finish(
        &self,
        span: Option<HostSpan>,
        outcome: &Outcome,
        resources: ResourceTable,
    ) {
        let failed = !matches!(outcome, Outcome::Ok);
        {
            let mut request = self.request();
            request.return_span(span);
            if failed {
                let kind = outcome.failure().unwrap_or(outcome.as_str());
                request.set_error(kind.to_owned());
            }
        }
        let _ = self.outcome.set(outcome.clone());
        if !failed {
            return;
        }
        // Without a response, the receiver of its head learns of the end when the sender is dropped
        // with the resources.
        if self.has_response.load(Ordering::Acquire) {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(resources);
        }
        self.broken.cancel();
    }
}

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
