//! A request for a guest.

use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wasmscope_telemetry::{HostSpan, Outcome};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi_http::WasiHttpCtxView;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};

use super::body::RequestBody;
use super::exchange::Exchange;

/// The head of a guest's response, or its error.
pub(super) type Head = Result<http::Response<HyperOutgoingBody>, ErrorCode>;

/// A request that a guest has to answer.
#[derive(Debug)]
#[must_use = "a call without `finish` counts as a failure of the host"]
pub struct Call {
    exchange: Arc<Exchange>,
    is_finished: bool,
    /// `None` after [`Call::params`].
    parts: Option<(http::Request<RequestBody>, oneshot::Sender<Head>)>,
}

impl Call {
    pub(super) fn new(
        exchange: Arc<Exchange>,
        request: http::Request<RequestBody>,
        head: oneshot::Sender<Head>,
    ) -> Self {
        Self {
            exchange,
            is_finished: false,
            parts: Some((request, head)),
        }
    }

    /// Makes the parameters of `handle` of `wasi:http/incoming-handler`, in the resource table of
    /// the guest's store.
    ///
    /// # Errors
    ///
    /// Fails if the table is full, or if this was called before.
    pub fn params(
        &mut self,
        mut http: WasiHttpCtxView<'_>,
    ) -> wasmtime::Result<(
        Resource<HostIncomingRequest>,
        Resource<HostResponseOutparam>,
    )> {
        let (request, head) = self
            .parts
            .take()
            .ok_or_else(|| wasmtime::format_err!("the request was passed on before"))?;
        let request = http.new_incoming_request(Scheme::Http, request)?;
        let exchange = Arc::downgrade(&self.exchange);
        let response = http.new_response_outparam_from_callback(move |response| {
            if let Some(exchange) = exchange.upgrade() {
                exchange.note_response();
            }
            // Without a receiver, the client has gone or was told that it took too long.
            let _ = head.send(response);
        })?;
        Ok((request, response))
    }

    /// Takes the request's span, for [`Invocation::begin_in`](wasmscope_telemetry::Invocation).
    #[must_use]
    pub fn take_span(&self) -> Option<HostSpan> {
        self.exchange.request().take_span()
    }

    /// Returns the signal to stop the guest.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        self.exchange.stop()
    }

    /// Ends the call. `span` is the span that the invocation handed over, and `resources` is the
    /// table of the guest's store.
    ///
    /// A response that the guest has not completed breaks off. While `resources` exist, it does not
    /// look complete.
    pub fn finish(mut self, span: Option<HostSpan>, outcome: &Outcome, resources: ResourceTable) {
        self.is_finished = true;
        self.exchange.finish(span, outcome, resources);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.is_finished {
            self.exchange.abandon();
        }
    }
}

/// Why a guest has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The request took too long.
    Timeout,
    /// The client has closed the connection, or has given up the request.
    ClientGone,
    /// The server shuts down, and the request took too long to end.
    Shutdown,
}

impl StopReason {
    /// Returns the outcome of a guest that was stopped.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Timeout => Outcome::Timeout,
            Self::ClientGone | Self::Shutdown => Outcome::Killed,
        }
    }

    /// Returns the `error.type` of a request that ends so.
    pub(super) const fn error_type(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::ClientGone => "client_disconnected",
            Self::Shutdown => "server_shutdown",
        }
    }
}

/// The signal to stop a guest. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Signal>);

#[derive(Debug, Default)]
struct Signal {
    /// `None` if it is closed.
    reason: OnceLock<Option<StopReason>>,
    token: CancellationToken,
}

impl Stop {
    /// Gives the signal. The first reason counts.
    pub(super) fn now(&self, reason: StopReason) {
        if self.0.reason.set(Some(reason)).is_ok() {
            self.0.token.cancel();
        }
    }

    /// Returns the reason, if the signal was given.
    #[must_use]
    pub fn reason(&self) -> Option<StopReason> {
        self.0.reason.get().copied().flatten()
    }

    /// Makes sure that the signal is not given any more. Returns false if it was given before.
    #[must_use]
    pub fn close(&self) -> bool {
        self.0.reason.get_or_init(|| None).is_none()
    }

    /// Waits for the signal.
    pub async fn stopped(&self) -> StopReason {
        self.0.token.cancelled().await;
        self.reason().unwrap_or(StopReason::Shutdown)
    }
}
