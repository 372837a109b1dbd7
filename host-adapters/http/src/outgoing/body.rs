//! The bodies of requests and responses.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, WasiBody};

use super::exchange::Exchange;
use super::failure;

/// The time of the last piece of a request's body that was sent.
#[derive(Debug)]
pub(super) struct Progress {
    start: Instant,
    /// In milliseconds after the start.
    at: AtomicU64,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            at: AtomicU64::new(0),
        }
    }

    pub(super) fn note(&self) {
        let at = self.start.elapsed().as_millis();
        self.at
            .store(u64::try_from(at).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns the time that is a duration after the last piece.
    pub(super) fn deadline(&self, timeout: Duration) -> Instant {
        self.start + Duration::from_millis(self.at.load(Ordering::Relaxed)) + timeout
    }
}

/// Reads the rest of a request's body that is not sent.
#[derive(Debug, Clone)]
pub(super) struct Drain {
    pub(super) runtime: Handle,
    pub(super) bytes: u64,
    pub(super) time: Duration,
    /// The request counts as under way meanwhile.
    pub(super) permit: Arc<OwnedSemaphorePermit>,
}

impl Drain {
    fn start(self, mut body: WasiBody) {
        let (mut left, time, permit) = (self.bytes, self.time, self.permit);
        let reading = async move {
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                match left.checked_sub(length) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        };
        self.runtime.spawn(async move {
            let _ = tokio::time::timeout(time, reading).await;
            drop(permit);
        });
    }
}

/// The body of a request. The guest can write it to the end even if it is not sent to the end: so
/// the guest gets the response instead of an error about a closed stream, no matter which is
/// faster.
#[derive(Debug)]
pub(super) struct RequestBody {
    /// `None` after the end.
    inner: Option<WasiBody>,
    progress: Arc<Progress>,
    drain: Drain,
}

impl RequestBody {
    pub(super) fn new(inner: WasiBody, progress: Arc<Progress>, drain: Drain) -> Self {
        Self {
            inner: Some(inner),
            progress,
            drain,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        self.progress.note();
        if !matches!(frame, Some(Ok(_))) {
            self.inner = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let none = SizeHint::with_exact(0);
        self.inner.as_ref().map_or(none, Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(body) = self.inner.take()
            && !body.is_end_stream()
        {
            self.drain.clone().start(body);
        }
    }
}

/// The body of a response, with the exchange that ends with it.
#[derive(Debug)]
pub(super) struct ResponseBody {
    /// `None` after the end.
    open: Option<(Incoming, Exchange)>,
    timeout: Duration,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer runs: only while the guest waits for a piece.
    is_waiting: bool,
}

impl ResponseBody {
    /// Creates it on the client's runtime, on which the timer is.
    pub(super) fn new(inner: Incoming, exchange: Exchange, timeout: Duration) -> Self {
        let ended = inner.is_end_stream();
        Self {
            open: (!ended).then_some((inner, exchange)),
            timeout,
            timer: Box::pin(tokio::time::sleep(timeout)),
            is_waiting: false,
        }
    }

    fn fail(&mut self, code: ErrorCode) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some((_, exchange)) = self.open.take() {
            exchange.fail(&code);
        }
        Poll::Ready(Some(Err(code.into())))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some((body, _)) = &mut self.open else {
            return Poll::Ready(None);
        };
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let ended = body.is_end_stream();
                self.is_waiting = false;
                if ended {
                    self.open = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => self.fail(failure::of_body(&error)),
            Poll::Ready(None) => {
                self.open = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                if !std::mem::replace(&mut self.is_waiting, true) {
                    let at = Instant::now() + self.timeout;
                    self.timer.as_mut().reset(at);
                }
                ready!(self.timer.as_mut().poll(cx));
                self.fail(ErrorCode::ConnectionReadTimeout)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.open
            .as_ref()
            .is_none_or(|(body, _)| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let none = SizeHint::with_exact(0);
        self.open
            .as_ref()
            .map_or(none, |(body, _)| body.size_hint())
    }
}
