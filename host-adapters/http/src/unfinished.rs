//! Bodies that a guest has not finished when it ends.

use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

/// Aborts the bodies of requests and responses that a guest has not finished. Call it when the
/// guest has ended, before its resources are dropped.
///
/// Without it, such a body would look complete, because the end of its sender is its end.
pub fn abort_unfinished_bodies(resources: &mut ResourceTable) {
    for resource in resources.iter_mut() {
        if let Some(body) = resource.downcast_mut::<HostOutgoingBody>() {
            let (placeholder, _) = HostOutgoingBody::new(StreamContext::Request, None, 1, 1);
            std::mem::replace(body, placeholder).abort();
        }
    }
}
