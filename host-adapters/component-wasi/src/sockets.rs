//! `wasi:sockets`: networks, names, TCP and UDP, as far as the guest has permission.

mod network;
mod tcp;
mod udp;

use component_model::engine::Engine;
use component_model::{LinkError, Linker};
use wasi_bounds::Bounds;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::SocketResult;
use wasmtime_wasi::p2::bindings::sockets::network::Host as _;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtxView, WasiSocketsView};

use self::network::ErrorCode;
use crate::interface::{Interface, Outcome};

impl<R> Outcome<WasiSockets> for SocketResult<R>
where
    (Result<R, ErrorCode>,): component_model::LowerList + 'static,
{
    type Lowered = (Result<R, ErrorCode>,);

    fn convert(self, sockets: &mut WasiSocketsCtxView<'_>) -> wasmtime::Result<Self::Lowered> {
        match self {
            Ok(value) => Ok((Ok(value),)),
            Err(error) => Ok((Err(sockets.convert_error_code(error)?.into()),)),
        }
    }
}

fn interface<'l, T: WasiView, E: Engine>(
    linker: &'l mut Linker<T, E>,
    name: &str,
) -> Interface<'l, T, E, WasiSockets> {
    Interface::<T, E, WasiSockets>::new(linker, name, T::sockets)
}

pub(crate) fn add_to_linker<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
    bounds: &Bounds,
) -> Result<(), LinkError> {
    network::add_to_linker(linker, bounds)?;
    tcp::add_to_linker(linker, bounds)?;
    udp::add_to_linker(linker, bounds)
}
