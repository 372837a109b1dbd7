//! Requests that components send.

use wasmscope_telemetry::Instance;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

/// The hooks of a guest. They own the telemetry of its instance, because a request becomes a child
/// of the ambient span.
#[derive(Debug)]
pub struct Outgoing {
    /// The telemetry of the instance.
    pub telemetry: Instance,
}

impl Outgoing {
    /// Makes the hooks of an instance.
    #[must_use]
    pub fn new(telemetry: Instance) -> Self {
        Self { telemetry }
    }
}

/// Work on a connection that goes on beside a response's body.
type Work = Box<dyn Future<Output = Result<()>> + Send>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Work,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Work)>> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}
