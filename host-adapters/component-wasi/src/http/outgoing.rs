//! Outgoing requests and responses, and their bodies.

use component_model::LinkError;
use component_model::engine::Engine;
use wasmtime_wasi_http::p2::bindings::http::types;
use wasmtime_wasi_http::p2::body::HostOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostOutgoingRequest, HostOutgoingResponse};
use wasmtime_wasi_http::{FieldMap, RequestOptions, WasiHttpView};

use super::Http;
use super::types::{Method, Scheme};
use crate::handle::Handle;
use crate::interface::one;

/// Adds `outgoing-request`.
pub(super) fn add_request<T: WasiHttpView, E: Engine>(
    interface: &mut Http<'_, T, E>,
) -> Result<(), LinkError> {
    use types::HostOutgoingRequest as _;
    type Request = Handle<HostOutgoingRequest>;
    interface
        .resource::<HostOutgoingRequest>("outgoing-request", |http, request| http.drop(request))?
        .func(
            "[constructor]outgoing-request",
            |http, (Handle(headers),)| one(http.new(headers).map(Handle)),
        )?
        .func(
            "[method]outgoing-request.body",
            |http, (Handle(request),): (Request,)| {
                one(http.body(request).map(|body| body.map(Handle)))
            },
        )?
        .func(
            "[method]outgoing-request.method",
            |http, (Handle(request),): (Request,)| one(http.method(request).map(Method::from)),
        )?
        .func(
            "[method]outgoing-request.set-method",
            |http, (Handle(request), method): (Request, Method)| {
                one(http.set_method(request, method.into()))
            },
        )?
        .func(
            "[method]outgoing-request.path-with-query",
            |http, (Handle(request),): (Request,)| one(http.path_with_query(request)),
        )?
        .func(
            "[method]outgoing-request.set-path-with-query",
            |http, (Handle(request), path): (Request, Option<String>)| {
                one(http.set_path_with_query(request, path))
            },
        )?
        .func(
            "[method]outgoing-request.scheme",
            |http, (Handle(request),): (Request,)| {
                one(http.scheme(request).map(|scheme| scheme.map(Scheme::from)))
            },
        )?
        .func(
            "[method]outgoing-request.set-scheme",
            |http, (Handle(request), scheme): (Request, Option<Scheme>)| {
                one(http.set_scheme(request, scheme.map(Into::into)))
            },
        )?
        .func(
            "[method]outgoing-request.authority",
            |http, (Handle(request),): (Request,)| one(http.authority(request)),
        )?
        .func(
            "[method]outgoing-request.set-authority",
            |http, (Handle(request), authority): (Request, Option<String>)| {
                one(http.set_authority(request, authority))
            },
        )?
        .func(
            "[method]outgoing-request.headers",
            |http, (Handle(request),): (Request,)| one(http.headers(request).map(Handle)),
        )?;
    Ok(())
}

/// Adds `request-options`. Times are in nanoseconds.
pub(super) fn add_options<T: WasiHttpView, E: Engine>(
    interface: &mut Http<'_, T, E>,
) -> Result<(), LinkError> {
    use types::HostRequestOptions as _;
    type Options = Handle<RequestOptions>;
    interface
        .resource::<RequestOptions>("request-options", |http, options| http.drop(options))?
        .func("[constructor]request-options", |http, ()| {
            one(http.new().map(Handle))
        })?
        .func(
            "[method]request-options.connect-timeout",
            |http, (Handle(options),): (Options,)| one(http.connect_timeout(options)),
        )?
        .func(
            "[method]request-options.set-connect-timeout",
            |http, (Handle(options), time): (Options, Option<u64>)| {
                one(http.set_connect_timeout(options, time))
            },
        )?
        .func(
            "[method]request-options.first-byte-timeout",
            |http, (Handle(options),): (Options,)| one(http.first_byte_timeout(options)),
        )?
        .func(
            "[method]request-options.set-first-byte-timeout",
            |http, (Handle(options), time): (Options, Option<u64>)| {
                one(http.set_first_byte_timeout(options, time))
            },
        )?
        .func(
            "[method]request-options.between-bytes-timeout",
            |http, (Handle(options),): (Options,)| one(http.between_bytes_timeout(options)),
        )?
        .func(
            "[method]request-options.set-between-bytes-timeout",
            |http, (Handle(options), time): (Options, Option<u64>)| {
                one(http.set_between_bytes_timeout(options, time))
            },
        )?;
    Ok(())
}

/// Adds `outgoing-response`.
pub(super) fn add_response<T: WasiHttpView, E: Engine>(
    interface: &mut Http<'_, T, E>,
) -> Result<(), LinkError> {
    use types::HostOutgoingResponse as _;
    type Response = Handle<HostOutgoingResponse>;
    interface
        .resource::<HostOutgoingResponse>("outgoing-response", |http, response| {
            http.drop(response)
        })?
        .func(
            "[constructor]outgoing-response",
            |http, (Handle(headers),)| one(http.new(headers).map(Handle)),
        )?
        .func(
            "[method]outgoing-response.status-code",
            |http, (Handle(response),): (Response,)| one(http.status_code(response)),
        )?
        .func(
            "[method]outgoing-response.set-status-code",
            |http, (Handle(response), status): (Response, u16)| {
                one(http.set_status_code(response, status))
            },
        )?
        .func(
            "[method]outgoing-response.headers",
            |http, (Handle(response),): (Response,)| one(http.headers(response).map(Handle)),
        )?
        .func(
            "[method]outgoing-response.body",
            |http, (Handle(response),): (Response,)| {
                one(http.body(response).map(|body| body.map(Handle)))
            },
        )?;
    Ok(())
}

/// Adds `outgoing-body`.
pub(super) fn add_body<T: WasiHttpView, E: Engine>(
    interface: &mut Http<'_, T, E>,
) -> Result<(), LinkError> {
    use types::HostOutgoingBody as _;
    type Body = Handle<HostOutgoingBody>;
    interface
        .resource::<HostOutgoingBody>("outgoing-body", |http, body| http.drop(body))?
        .func(
            "[method]outgoing-body.write",
            |http, (Handle(body),): (Body,)| one(http.write(body).map(|stream| stream.map(Handle))),
        )?
        .func(
            "[static]outgoing-body.finish",
            |http, (Handle(body), trailers): (Body, Option<Handle<FieldMap>>)| {
                http.finish(body, trailers.map(|Handle(trailers)| trailers))
            },
        )?;
    Ok(())
}
