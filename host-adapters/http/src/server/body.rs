//! The bodies of requests and responses.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::exchange::{Exchange, ResponseEnd};

/// The body of a request, up to a number of bytes.
#[derive(Debug)]
pub struct RequestBody {
    inner: Incoming,
    left: u64,
    limit: u64,
    too_large: CancellationToken,
    /// Counts the bytes.
    bytes: Arc<AtomicU64>,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, limit: u64, exchange: &Exchange) -> Self {
        Self {
            inner,
            left: limit,
            limit,
            too_large: exchange.too_large().clone(),
            bytes: exchange.request_bytes(),
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
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(left) = self.left.checked_sub(length) else {
            self.too_large.cancel();
            let limit = Some(self.limit);
            return Poll::Ready(Some(Err(Error::HttpRequestBodySize(limit))));
        };
        self.left = left;
        self.bytes.fetch_add(length, Ordering::Relaxed);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of a guest's response. It breaks off if the guest fails or is stopped.
pub(super) struct ResponseBody {
    inner: HyperOutgoingBody,
    broken: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The bytes that are left to send, if their number is known. After the last one, hyper does
    /// not ask for the end.
    left: Option<u64>,
    /// Whether its bytes are sent.
    is_sent: bool,
    /// The error to return next.
    error: Option<Error>,
    end: ResponseEnd,
}

impl ResponseBody {
    /// Makes the body. `length` is that in the header `content-length`.
    pub(super) fn new(inner: HyperOutgoingBody, length: Option<u64>, mut end: ResponseEnd) -> Self {
        let left = length.or(inner.size_hint().exact());
        if left == Some(0) {
            end.complete();
        }
        Self {
            left,
            inner,
            broken: Box::pin(end.exchange().broken()),
            is_sent: true,
            error: None,
            end,
        }
    }

    /// Makes a body that is only read, because the response has none.
    pub(super) fn not_sent(mut self) -> Self {
        self.is_sent = false;
        // It ends with the guest's body, even if the header has another length.
        self.left = None;
        self
    }

    /// Fails at the next call. hyper sends what it has in between.
    fn fail(
        &mut self,
        error: Error,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.end.complete();
        self.end.exchange().request().set_error(INCOMPLETE);
        self.error = Some(error);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The `error.type` of a response that the guest did not complete, unless there is another error.
const INCOMPLETE: &str = "response_incomplete";

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let mut polled = Pin::new(&mut self.inner).poll_frame(cx);
        // Last, so that everything that the guest has written is sent.
        if polled.is_pending() && self.broken.as_mut().poll(cx).is_ready() {
            // It may have written, and ended, since the first look.
            polled = Pin::new(&mut self.inner).poll_frame(cx);
            if polled.is_pending() {
                return self.fail(Error::HttpResponseIncomplete, cx);
            }
        }
        match ready!(polled) {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.is_sent {
                    let exchange = self.end.exchange();
                    exchange.request().add_response_bytes(length);
                }
                self.left = self.left.map(|left| left.saturating_sub(length));
                if frame.is_trailers() || self.left == Some(0) {
                    self.end.complete();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(error)) => self.fail(error, cx),
            None => {
                self.end.complete();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // The end may be known without another call.
        if self.inner.is_end_stream() {
            self.end.complete();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    use http_body_util::BodyExt as _;
    use tokio::sync::Semaphore;
    use wasmscope_telemetry::http::ServerRequest;
    use wasmscope_telemetry::{InvocationOptions, Outcome, Providers, Telemetry};
    use wasmtime::component::ResourceTable;

    /// A body whose guest ends while it is polled for the first time, with or without a last piece.
    struct Ending {
        exchange: Arc<Exchange>,
        has_ended: bool,
        last: Option<Bytes>,
    }

    impl Body for Ending {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            if !self.has_ended {
                self.has_ended = true;
                let resources = ResourceTable::new();
                self.exchange.finish(None, &Outcome::Ok, resources);
                return Poll::Pending;
            }
            match self.last.take() {
                Some(last) => Poll::Ready(Some(Ok(Frame::data(last)))),
                None => Poll::Pending,
            }
        }
    }

    fn exchange() -> Arc<Exchange> {
        let described = ServerRequest {
            method: "GET",
            scheme: "http",
            path: "/",
            query: None,
            host: None,
            port: None,
            client: None,
            version: "1.1",
            user_agent: None,
        };
        let telemetry = Telemetry::builder(Providers::default()).build();
        let options = InvocationOptions::default();
        let request = telemetry.start_server_request("test", &described, options);
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned();
        Arc::new(Exchange::new(
            request,
            permit.expect("a permit"),
            Arc::new(()),
        ))
    }

    fn poll_of(last: Option<Bytes>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let exchange = exchange();
        let inner = Ending {
            exchange: Arc::clone(&exchange),
            has_ended: false,
            last,
        };
        let mut body = ResponseBody::new(inner.boxed_unsync(), None, ResponseEnd::new(exchange));
        let mut cx = Context::from_waker(Waker::noop());
        let first = Pin::new(&mut body).poll_frame(&mut cx);
        if first.is_pending() {
            return Pin::new(&mut body).poll_frame(&mut cx);
        }
        first
    }

    #[test]
    fn what_a_guest_wrote_before_its_end_is_sent() {
        let last = Bytes::from_static(b"last");
        let Poll::Ready(Some(Ok(frame))) = poll_of(Some(last.clone())) else {
            panic!("the last piece is lost");
        };
        assert_eq!(frame.into_data().ok(), Some(last));
        assert!(matches!(poll_of(None), Poll::Ready(Some(Err(_)))));
    }
}
