//! `wasi:http`: requests, responses, their headers and bodies, and sending requests.
//!
//! The implementation is that of [`wasmtime_wasi_http`]. The [`WasiHttpHooks`] in the store's data
//! send the guest's requests; [`NoRequests`] refuses all of them. [`handle_params`] passes an
//! incoming request to the exported handler.

mod incoming;
mod outgoing;
mod types;

#[doc(no_inline)]
pub use wasmtime_wasi_http;
#[doc(no_inline)]
pub use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

use component_model::engine::Engine;
use component_model::{LinkError, Linker, LowerList};
use wasmtime::component::Resource;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{Host as _, HostFields};
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::p2::{HeaderResult, HttpResult};
use wasmtime_wasi_http::{Error, FieldMap, RequestOptions, WasiBody, WasiHttp};

use self::types::{ErrorCode, HeaderError};
use crate::handle::Handle;
use crate::interface::{Interface, Outcome, one};

/// Hooks that send no request: the guest gets the error `HTTP-request-denied`.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoRequests;

/// A response, and the rest of the connection's work.
type Sent = wasmtime_wasi_http::Result<(::http::Response<WasiBody>, Work)>;

/// Work on a connection that goes on beside its body.
type Work = Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>;

impl WasiHttpHooks for NoRequests {
    fn send_request(
        &mut self,
        _: ::http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Work,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}

/// The parameters of `handle` of `wasi:http/incoming-handler`: the request, and where the response
/// goes.
pub type HandleParams = (
    component_model::Resource<HostIncomingRequest>,
    component_model::Resource<HostResponseOutparam>,
);

/// Makes the parameters of `handle` from resources of wasmtime-wasi-http, which the guest then
/// owns.
#[must_use]
pub fn handle_params(
    request: &Resource<HostIncomingRequest>,
    response: &Resource<HostResponseOutparam>,
) -> HandleParams {
    (
        component_model::Resource::new_own(request.rep()),
        component_model::Resource::new_own(response.rep()),
    )
}

/// An interface of `wasi:http`.
type Http<'l, T, E> = Interface<'l, T, E, WasiHttp>;

impl<R> Outcome<WasiHttp> for HttpResult<R>
where
    (Result<R, ErrorCode>,): LowerList + 'static,
{
    type Lowered = (Result<R, ErrorCode>,);

    fn convert(self, http: &mut WasiHttpCtxView<'_>) -> wasmtime::Result<Self::Lowered> {
        match self {
            Ok(value) => Ok((Ok(value),)),
            Err(error) => Ok((Err(http.convert_error_code(error)?.into()),)),
        }
    }
}

impl<R> Outcome<WasiHttp> for HeaderResult<R>
where
    (Result<R, HeaderError>,): LowerList + 'static,
{
    type Lowered = (Result<R, HeaderError>,);

    fn convert(self, http: &mut WasiHttpCtxView<'_>) -> wasmtime::Result<Self::Lowered> {
        match self {
            Ok(value) => Ok((Ok(value),)),
            Err(error) => Ok((Err(http.convert_header_error(error)?.into()),)),
        }
    }
}

/// Defines the functions of `wasi:http/types` and `wasi:http/outgoing-handler`, under the version
/// of WASI of [`add_to_linker`](crate::add_to_linker). The other packages of WASI are not added.
///
/// # Errors
///
/// [`LinkError::Duplicate`] if one of the names is already defined.
pub fn add_to_linker<T: WasiHttpView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
) -> Result<(), LinkError> {
    let name = "wasi:http/outgoing-handler@0.2.12";
    Http::new(linker, name, T::http).func(
        "handle",
        |http, (Handle(request), options): (_, Option<_>)| {
            let options = options.map(|Handle(options)| options);
            http.handle(request, options).map(Handle)
        },
    )?;
    let mut types = Http::new(linker, "wasi:http/types@0.2.12", T::http);
    types.func("http-error-code", |http, (Handle(error),)| {
        one(http
            .http_error_code(error)
            .map(|code| code.map(ErrorCode::from)))
    })?;
    add_fields(&mut types)?;
    incoming::add_request(&mut types)?;
    incoming::add_response_outparam(&mut types)?;
    incoming::add_response(&mut types)?;
    incoming::add_future_response(&mut types)?;
    incoming::add_body(&mut types)?;
    incoming::add_trailers(&mut types)?;
    outgoing::add_request(&mut types)?;
    outgoing::add_options(&mut types)?;
    outgoing::add_response(&mut types)?;
    outgoing::add_body(&mut types)
}

fn add_fields<T: WasiHttpView, E: Engine>(types: &mut Http<'_, T, E>) -> Result<(), LinkError> {
    types
        .resource::<FieldMap>("fields", |http, fields| HostFields::drop(http, fields))?
        .func("[constructor]fields", |http, ()| {
            one(HostFields::new(http).map(Handle))
        })?
        .func("[static]fields.from-list", |http, (entries,)| {
            http.from_list(entries).map(Handle)
        })?
        .func("[method]fields.get", |http, (Handle(fields), name)| {
            one(HostFields::get(http, fields, name))
        })?
        .func("[method]fields.has", |http, (Handle(fields), name)| {
            one(http.has(fields, name))
        })?
        .func(
            "[method]fields.set",
            |http, (Handle(fields), name, values)| HostFields::set(http, fields, name, values),
        )?
        .func("[method]fields.delete", |http, (Handle(fields), name)| {
            HostFields::delete(http, fields, name)
        })?
        .func(
            "[method]fields.append",
            |http, (Handle(fields), name, value)| http.append(fields, name, value),
        )?
        .func("[method]fields.entries", |http, (Handle(fields),)| {
            one(http.entries(fields))
        })?
        .func("[method]fields.clone", |http, (Handle(fields),)| {
            one(HostFields::clone(http, fields).map(Handle))
        })?;
    Ok(())
}
