//! Makes the connections for gRPC, and reports when none can be made. The gRPC channel itself
//! retries silently.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

use super::collector::SignalEndpoint;
use super::diagnosis::Diagnosis;

/// Connects as tonic would. Tonic adds TLS on top.
pub(super) struct Connector {
    inner: HttpConnector,
    endpoint: Arc<SignalEndpoint>,
    diagnosis: Diagnosis,
}

impl Connector {
    pub(super) fn new(endpoint: Arc<SignalEndpoint>, diagnosis: Diagnosis) -> Self {
        let mut inner = HttpConnector::new();
        // It must also connect for `https`.
        inner.enforce_http(false);
        inner.set_nodelay(true);
        Self {
            inner,
            endpoint,
            diagnosis,
        }
    }
}

impl Service<Uri> for Connector {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let endpoint = Arc::clone(&self.endpoint);
        let diagnosis = self.diagnosis.clone();
        Box::pin(async move {
            let result = connecting.await;
            match &result {
                Ok(_) => endpoint.connected(None),
                Err(error) => endpoint.refused(diagnosis.of_error(error, endpoint.has_answered())),
            }
            result
        })
    }
}
