//! UDP.

use component_model::engine::Engine;
use component_model::{LinkError, Linker};
use wasi_bounds::Bounds;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::sockets::udp::{
    self, HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket,
};
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket::Host as _;
use wasmtime_wasi::sockets::WasiSockets;

use super::interface;
use super::network::{IpAddressFamily, IpSocketAddress};
use crate::handle::Handle;
use crate::interface::{Interface, one};

struct IncomingDatagram {
    data: Vec<u8>,
    remote_address: IpSocketAddress,
}

component_model::record! {
    IncomingDatagram {
        "data" => data: Vec<u8>,
        "remote-address" => remote_address: IpSocketAddress,
    }
}

impl From<udp::IncomingDatagram> for IncomingDatagram {
    fn from(datagram: udp::IncomingDatagram) -> Self {
        Self {
            data: datagram.data,
            remote_address: datagram.remote_address.into(),
        }
    }
}

struct OutgoingDatagram {
    data: Vec<u8>,
    remote_address: Option<IpSocketAddress>,
}

component_model::record! {
    OutgoingDatagram {
        "data" => data: Vec<u8>,
        "remote-address" => remote_address: Option<IpSocketAddress>,
    }
}

impl From<OutgoingDatagram> for udp::OutgoingDatagram {
    fn from(datagram: OutgoingDatagram) -> Self {
        Self {
            data: datagram.data,
            remote_address: datagram.remote_address.map(Into::into),
        }
    }
}

type Udp<'l, T, E> = Interface<'l, T, E, WasiSockets>;

pub(super) fn add_to_linker<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
    bounds: &Bounds,
) -> Result<(), LinkError> {
    let own = bounds.clone();
    interface(linker, "wasi:sockets/udp-create-socket@0.2.12").waiting(
        "create-udp-socket",
        async move |sockets, (family,): (IpAddressFamily,)| {
            own.socket(sockets.table)?;
            sockets.create_udp_socket(family.into()).await.map(Handle)
        },
    )?;
    let mut udp = interface(linker, "wasi:sockets/udp@0.2.12");
    add_socket(&mut udp)?;
    add_options(&mut udp)?;
    add_incoming(&mut udp)?;
    add_outgoing(&mut udp)
}

fn add_socket<T: WasiView, E: Engine>(udp: &mut Udp<'_, T, E>) -> Result<(), LinkError> {
    udp.resource("udp-socket", |sockets, socket| {
        HostUdpSocket::drop(sockets, socket)
    })?
    .waiting(
        "[method]udp-socket.start-bind",
        async |sockets, (Handle(socket), Handle(network), address): (_, _, IpSocketAddress)| {
            sockets.start_bind(socket, network, address.into()).await
        },
    )?
    .func(
        "[method]udp-socket.finish-bind",
        |sockets, (Handle(socket),)| sockets.finish_bind(socket),
    )?
    .waiting(
        "[method]udp-socket.stream",
        async |sockets, (Handle(socket), address): (_, Option<IpSocketAddress>)| {
            let streams = sockets.stream(socket, address.map(Into::into)).await;
            streams.map(|(incoming, outgoing)| (Handle(incoming), Handle(outgoing)))
        },
    )?
    .func(
        "[method]udp-socket.local-address",
        |sockets, (Handle(socket),)| sockets.local_address(socket).map(IpSocketAddress::from),
    )?
    .func(
        "[method]udp-socket.remote-address",
        |sockets, (Handle(socket),)| sockets.remote_address(socket).map(IpSocketAddress::from),
    )?
    .func(
        "[method]udp-socket.address-family",
        |sockets, (Handle(socket),)| one(sockets.address_family(socket).map(IpAddressFamily::from)),
    )?
    .func(
        "[method]udp-socket.subscribe",
        |sockets, (Handle(socket),)| one(HostUdpSocket::subscribe(sockets, socket).map(Handle)),
    )?;
    Ok(())
}

fn add_options<T: WasiView, E: Engine>(udp: &mut Udp<'_, T, E>) -> Result<(), LinkError> {
    udp.func(
        "[method]udp-socket.unicast-hop-limit",
        |sockets, (Handle(socket),)| sockets.unicast_hop_limit(socket),
    )?
    .func(
        "[method]udp-socket.set-unicast-hop-limit",
        |sockets, (Handle(socket), value)| sockets.set_unicast_hop_limit(socket, value),
    )?
    .func(
        "[method]udp-socket.receive-buffer-size",
        |sockets, (Handle(socket),)| sockets.receive_buffer_size(socket),
    )?
    .func(
        "[method]udp-socket.set-receive-buffer-size",
        |sockets, (Handle(socket), value)| sockets.set_receive_buffer_size(socket, value),
    )?
    .func(
        "[method]udp-socket.send-buffer-size",
        |sockets, (Handle(socket),)| sockets.send_buffer_size(socket),
    )?
    .func(
        "[method]udp-socket.set-send-buffer-size",
        |sockets, (Handle(socket), value)| sockets.set_send_buffer_size(socket, value),
    )?;
    Ok(())
}

fn add_incoming<T: WasiView, E: Engine>(udp: &mut Udp<'_, T, E>) -> Result<(), LinkError> {
    udp.resource("incoming-datagram-stream", |sockets, stream| {
        HostIncomingDatagramStream::drop(sockets, stream)
    })?
    .func(
        "[method]incoming-datagram-stream.receive",
        |sockets, (Handle(stream), max)| {
            let datagrams = sockets.receive(stream, max)?.into_iter();
            Ok(datagrams.map(IncomingDatagram::from).collect::<Vec<_>>())
        },
    )?
    .func(
        "[method]incoming-datagram-stream.subscribe",
        |sockets, (Handle(stream),)| {
            one(HostIncomingDatagramStream::subscribe(sockets, stream).map(Handle))
        },
    )?;
    Ok(())
}

fn add_outgoing<T: WasiView, E: Engine>(udp: &mut Udp<'_, T, E>) -> Result<(), LinkError> {
    udp.waiting_resource("outgoing-datagram-stream", async |sockets, stream| {
        HostOutgoingDatagramStream::drop(sockets, stream).await
    })?
    .func(
        "[method]outgoing-datagram-stream.check-send",
        |sockets, (Handle(stream),)| sockets.check_send(stream),
    )?
    .func(
        "[method]outgoing-datagram-stream.send",
        |sockets, (Handle(stream), datagrams): (_, Vec<OutgoingDatagram>)| {
            sockets.send(stream, datagrams.into_iter().map(Into::into).collect())
        },
    )?
    .func(
        "[method]outgoing-datagram-stream.subscribe",
        |sockets, (Handle(stream),)| {
            one(HostOutgoingDatagramStream::subscribe(sockets, stream).map(Handle))
        },
    )?;
    Ok(())
}
