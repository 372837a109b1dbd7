//! Incoming requests and responses, and their bodies.

use component_model::LinkError;
use component_model::engine::Engine;
use wasmtime_wasi_http::p2::bindings::http::types;
use wasmtime_wasi_http::p2::body::{HostFutureTrailers, HostIncomingBody};
use wasmtime_wasi_http::p2::types::{
    HostFutureIncomingResponse, HostIncomingRequest, HostIncomingResponse, HostOutgoingResponse,
    HostResponseOutparam,
};
use wasmtime_wasi_http::{FieldMap, WasiHttpView};

use super::Http;
use super::types::{ErrorCode, Method, Scheme};
use crate::handle::Handle;
use crate::interface::one;

/// Adds `incoming-request`.
pub(super) fn add_request<T: WasiHttpView, E: Engine>(
    interface: &mut Http<'_, T, E>,
) -> Result<(), LinkError> {
    use types::HostIncomingRequest as _;
    type Request = Handle<HostIncomingRequest>;
    interface
        .resource::<HostIncomingRequest>("incoming-request", |http, request| http.drop(request))?
        .func(
            "[method]incoming-request.method",
            |http, (Handle(request),): (Request,)| one(http.method(request).map(Method::from)),
        )?
        .func(
            "[method]incoming-request.path-with-query",
            |http, (Handle(request),): (Request,)| one(http.path_with_query(request)),
        )?
        .func(
            "[method]incoming-request.scheme",
            |http, (Handle(request),): (Request,)| {
                one(http.scheme(request).map(|scheme| scheme.map(Scheme::from)))
            },
        )?
        .func(
            "[method]incoming-request.authority",
            |http, (Handle(request),): (Request,)| one(http.authority(request)),
        )?
        .func(
            "[method]incoming-request.headers",
            |http, (Handle(request),): (Request,)| one(http.headers(request).map(Handle)),
        )?
        .func(
            "[method]incoming-request.consume",
            |http, (Handle(request),): (Request,)| {
                one(http.consume(request).map(|body| body.map(Handle)))
            },
        )?;
    Ok(())
}

/// Adds `response-outparam`.
pub(super) fn add_response_outparam<T: WasiHttpView, E: Engine>(
    interface: &mut Http<'_, T, E>,
) -> Result<(), LinkError> {
    use types::HostResponseOutparam as _;
    interface
        .resource::<HostResponseOutparam>("response-outparam", |http, out| http.drop(out))?
        .func(
            "[static]response-outparam.set",
            |http, (Handle(out), response): (_, Result<Handle<HostOutgoingResponse>, ErrorCode>)| {
                let response = response.map(|Handle(response)| response);
                http.set(out, response.map_err(Into::into))
            },
        )?
        .func(
            "[method]response-outparam.send-informational",
            |http, (Handle(out), status, Handle(headers)): (_, u16, Handle<FieldMap>)| {
                http.send_informational(out, status, headers)
            },
        )?;
    Ok(())
}

/// Adds `incoming-response`.
pub(super) fn add_response<T: WasiHttpView, E: Engine>(
    interface: &mut Http<'_, T, E>,
) -> Result<(), LinkError> {
    use types::HostIncomingResponse as _;
    type Response = Handle<HostIncomingResponse>;
    interface
        .resource::<HostIncomingResponse>("incoming-response", |http, response| {
            http.drop(response)
        })?
        .func(
            "[method]incoming-response.status",
            |http, (Handle(response),): (Response,)| one(http.status(response)),
        )?
        .func(
            "[method]incoming-response.headers",
            |http, (Handle(response),): (Response,)| one(http.headers(response).map(Handle)),
        )?
        .func(
            "[method]incoming-response.consume",
            |http, (Handle(response),): (Response,)| {
                one(http.consume(response).map(|body| body.map(Handle)))
            },
        )?;
    Ok(())
}

/// Adds `future-incoming-response`.
pub(super) fn add_future_response<T: WasiHttpView, E: Engine>(
    interface: &mut Http<'_, T, E>,
) -> Result<(), LinkError> {
    use types::HostFutureIncomingResponse as _;
    type Future = Handle<HostFutureIncomingResponse>;
    interface
        .resource::<HostFutureIncomingResponse>("future-incoming-response", |http, future| {
            http.drop(future)
        })?
        .func(
            "[method]future-incoming-response.subscribe",
            |http, (Handle(future),): (Future,)| one(http.subscribe(future).map(Handle)),
        )?
        .func(
            "[method]future-incoming-response.get",
            |http, (Handle(future),): (Future,)| {
                one(http.get(future).map(|got| {
                    got.map(|taken| {
                        taken.map(|response| response.map(Handle).map_err(ErrorCode::from))
                    })
                }))
            },
        )?;
    Ok(())
}

/// Adds `incoming-body`.
pub(super) fn add_body<T: WasiHttpView, E: Engine>(
    interface: &mut Http<'_, T, E>,
) -> Result<(), LinkError> {
    use types::HostIncomingBody as _;
    type Body = Handle<HostIncomingBody>;
    interface
        .resource::<HostIncomingBody>("incoming-body", |http, body| http.drop(body))?
        .func(
            "[method]incoming-body.stream",
            |http, (Handle(body),): (Body,)| {
                one(http.stream(body).map(|stream| stream.map(Handle)))
            },
        )?
        .func(
            "[static]incoming-body.finish",
            |http, (Handle(body),): (Body,)| one(http.finish(body).map(Handle)),
        )?;
    Ok(())
}

/// Adds `future-trailers`.
pub(super) fn add_trailers<T: WasiHttpView, E: Engine>(
    interface: &mut Http<'_, T, E>,
) -> Result<(), LinkError> {
    use types::HostFutureTrailers as _;
    type Trailers = Handle<HostFutureTrailers>;
    interface
        .resource::<HostFutureTrailers>("future-trailers", |http, trailers| http.drop(trailers))?
        .func(
            "[method]future-trailers.subscribe",
            |http, (Handle(trailers),): (Trailers,)| one(http.subscribe(trailers).map(Handle)),
        )?
        .func(
            "[method]future-trailers.get",
            |http, (Handle(trailers),): (Trailers,)| {
                one(http.get(trailers).map(|got| {
                    got.map(|taken| {
                        taken.map(|trailers| {
                            trailers
                                .map(|fields| fields.map(Handle))
                                .map_err(ErrorCode::from)
                        })
                    })
                }))
            },
        )?;
    Ok(())
}
