//! Makes the connections for gRPC, and says when none can be made: the exporter retries without a word.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

use super::diagnosis::Diagnosis;
use super::peer::Line;

/// Connects as tonic would by itself; TLS goes on top of it there.
pub(super) struct Connector {
    inner: HttpConnector,
    line: Arc<Line>,
    diagnosis: Diagnosis,
}

impl Connector {
    pub(super) fn new(line: Arc<Line>, diagnosis: Diagnosis) -> Self {
        let mut inner = HttpConnector::new();
        // It is to connect for `https` as well.
        inner.enforce_http(false);
        inner.set_nodelay(true);
        Self {
            inner,
            line,
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
        let line = Arc::clone(&self.line);
        let diagnosis = self.diagnosis.clone();
        Box::pin(async move {
            let result = connecting.await;
            match &result {
                Ok(_) => line.connected(None),
                Err(error) => line.refused(diagnosis.of_error(error, line.has_answered())),
            }
            result
        })
    }
}
