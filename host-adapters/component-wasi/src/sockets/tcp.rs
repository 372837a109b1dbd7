//! TCP.

use component_model::engine::Engine;
use component_model::{LinkError, Linker};
use wasi_bounds::Bounds;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::sockets::tcp::{self, HostTcpSocket};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi::sockets::WasiSockets;

use super::interface;
use super::network::{IpAddressFamily, IpSocketAddress};
use crate::handle::Handle;
use crate::interface::{Interface, one};
use crate::mirror::mirror_enum;

mirror_enum! {
    ShutdownType = tcp::ShutdownType {
        "receive" => Receive,
        "send" => Send,
        "both" => Both,
    }
}

type Tcp<'l, T, E> = Interface<'l, T, E, WasiSockets>;

pub(super) fn add_to_linker<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
    bounds: &Bounds,
) -> Result<(), LinkError> {
    let own = bounds.clone();
    interface(linker, "wasi:sockets/tcp-create-socket@0.2.12").func(
        "create-tcp-socket",
        move |sockets, (family,): (IpAddressFamily,)| {
            own.socket(sockets.table)?;
            sockets.create_tcp_socket(family.into()).map(Handle)
        },
    )?;
    let mut tcp = interface(linker, "wasi:sockets/tcp@0.2.12");
    add_connecting(&mut tcp)?;
    add_listening(&mut tcp, bounds)?;
    add_state(&mut tcp)?;
    add_options(&mut tcp)
}

fn add_connecting<T: WasiView, E: Engine>(tcp: &mut Tcp<'_, T, E>) -> Result<(), LinkError> {
    tcp.resource("tcp-socket", |sockets, socket| {
        HostTcpSocket::drop(sockets, socket)
    })?
    .func(
        "[method]tcp-socket.start-connect",
        |sockets, (Handle(socket), Handle(network), address): (_, _, IpSocketAddress)| {
            sockets.start_connect(socket, network, address.into())
        },
    )?
    .func(
        "[method]tcp-socket.finish-connect",
        |sockets, (Handle(socket),)| {
            let streams = sockets.finish_connect(socket);
            streams.map(|(input, output)| (Handle(input), Handle(output)))
        },
    )?
    .func(
        "[method]tcp-socket.shutdown",
        |sockets, (Handle(socket), ty): (_, ShutdownType)| sockets.shutdown(socket, ty.into()),
    )?;
    Ok(())
}

fn add_listening<T: WasiView, E: Engine>(
    tcp: &mut Tcp<'_, T, E>,
    bounds: &Bounds,
) -> Result<(), LinkError> {
    let own = bounds.clone();
    tcp.waiting(
        "[method]tcp-socket.start-bind",
        async |sockets, (Handle(socket), Handle(network), address): (_, _, IpSocketAddress)| {
            sockets.start_bind(socket, network, address.into()).await
        },
    )?
    .func(
        "[method]tcp-socket.finish-bind",
        |sockets, (Handle(socket),)| sockets.finish_bind(socket),
    )?
    .waiting(
        "[method]tcp-socket.start-listen",
        async |sockets, (Handle(socket),)| sockets.start_listen(socket).await,
    )?
    .func(
        "[method]tcp-socket.finish-listen",
        |sockets, (Handle(socket),)| sockets.finish_listen(socket),
    )?
    .func(
        "[method]tcp-socket.accept",
        move |sockets, (Handle(socket),)| {
            own.socket(sockets.table)?;
            let accepted = sockets.accept(socket);
            accepted.map(|(socket, input, output)| (Handle(socket), Handle(input), Handle(output)))
        },
    )?;
    Ok(())
}

fn add_state<T: WasiView, E: Engine>(tcp: &mut Tcp<'_, T, E>) -> Result<(), LinkError> {
    tcp.func(
        "[method]tcp-socket.local-address",
        |sockets, (Handle(socket),)| sockets.local_address(socket).map(IpSocketAddress::from),
    )?
    .func(
        "[method]tcp-socket.remote-address",
        |sockets, (Handle(socket),)| sockets.remote_address(socket).map(IpSocketAddress::from),
    )?
    .func(
        "[method]tcp-socket.is-listening",
        |sockets, (Handle(socket),)| one(sockets.is_listening(socket)),
    )?
    .func(
        "[method]tcp-socket.address-family",
        |sockets, (Handle(socket),)| one(sockets.address_family(socket).map(IpAddressFamily::from)),
    )?
    .func(
        "[method]tcp-socket.subscribe",
        |sockets, (Handle(socket),)| one(sockets.subscribe(socket).map(Handle)),
    )?;
    Ok(())
}

fn add_options<T: WasiView, E: Engine>(tcp: &mut Tcp<'_, T, E>) -> Result<(), LinkError> {
    tcp.func(
        "[method]tcp-socket.set-listen-backlog-size",
        |sockets, (Handle(socket), value)| sockets.set_listen_backlog_size(socket, value),
    )?
    .func(
        "[method]tcp-socket.keep-alive-enabled",
        |sockets, (Handle(socket),)| sockets.keep_alive_enabled(socket),
    )?
    .func(
        "[method]tcp-socket.set-keep-alive-enabled",
        |sockets, (Handle(socket), value)| sockets.set_keep_alive_enabled(socket, value),
    )?
    .func(
        "[method]tcp-socket.keep-alive-idle-time",
        |sockets, (Handle(socket),)| sockets.keep_alive_idle_time(socket),
    )?
    .func(
        "[method]tcp-socket.set-keep-alive-idle-time",
        |sockets, (Handle(socket), value)| sockets.set_keep_alive_idle_time(socket, value),
    )?
    .func(
        "[method]tcp-socket.keep-alive-interval",
        |sockets, (Handle(socket),)| sockets.keep_alive_interval(socket),
    )?
    .func(
        "[method]tcp-socket.set-keep-alive-interval",
        |sockets, (Handle(socket), value)| sockets.set_keep_alive_interval(socket, value),
    )?
    .func(
        "[method]tcp-socket.keep-alive-count",
        |sockets, (Handle(socket),)| sockets.keep_alive_count(socket),
    )?
    .func(
        "[method]tcp-socket.set-keep-alive-count",
        |sockets, (Handle(socket), value)| sockets.set_keep_alive_count(socket, value),
    )?
    .func(
        "[method]tcp-socket.hop-limit",
        |sockets, (Handle(socket),)| sockets.hop_limit(socket),
    )?
    .func(
        "[method]tcp-socket.set-hop-limit",
        |sockets, (Handle(socket), value)| sockets.set_hop_limit(socket, value),
    )?
    .func(
        "[method]tcp-socket.receive-buffer-size",
        |sockets, (Handle(socket),)| sockets.receive_buffer_size(socket),
    )?
    .func(
        "[method]tcp-socket.set-receive-buffer-size",
        |sockets, (Handle(socket), value)| sockets.set_receive_buffer_size(socket, value),
    )?
    .func(
        "[method]tcp-socket.send-buffer-size",
        |sockets, (Handle(socket),)| sockets.send_buffer_size(socket),
    )?
    .func(
        "[method]tcp-socket.set-send-buffer-size",
        |sockets, (Handle(socket), value)| sockets.set_send_buffer_size(socket, value),
    )?;
    Ok(())
}
