//! Networks, addresses, error codes, and name lookup.

use component_model::engine::Engine;
use component_model::{LinkError, Linker};
use wasi_bounds::Bounds;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::sockets::instance_network::Host as _;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{Host as _, HostResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::{self, HostNetwork};

use super::interface;
use crate::handle::Handle;
use crate::interface::one;
use crate::mirror::mirror_enum;

mirror_enum! {
    ErrorCode = network::ErrorCode {
        "unknown" => Unknown,
        "access-denied" => AccessDenied,
        "not-supported" => NotSupported,
        "invalid-argument" => InvalidArgument,
        "out-of-memory" => OutOfMemory,
        "timeout" => Timeout,
        "concurrency-conflict" => ConcurrencyConflict,
        "not-in-progress" => NotInProgress,
        "would-block" => WouldBlock,
        "invalid-state" => InvalidState,
        "new-socket-limit" => NewSocketLimit,
        "address-not-bindable" => AddressNotBindable,
        "address-in-use" => AddressInUse,
        "remote-unreachable" => RemoteUnreachable,
        "connection-refused" => ConnectionRefused,
        "connection-reset" => ConnectionReset,
        "connection-aborted" => ConnectionAborted,
        "datagram-too-large" => DatagramTooLarge,
        "name-unresolvable" => NameUnresolvable,
        "temporary-resolver-failure" => TemporaryResolverFailure,
        "permanent-resolver-failure" => PermanentResolverFailure,
    }
}

mirror_enum! {
    IpAddressFamily = network::IpAddressFamily {
        "ipv4" => Ipv4,
        "ipv6" => Ipv6,
    }
}

pub(super) enum IpAddress {
    Ipv4(network::Ipv4Address),
    Ipv6(network::Ipv6Address),
}

component_model::variant! {
    IpAddress {
        "ipv4" => Ipv4(network::Ipv4Address),
        "ipv6" => Ipv6(network::Ipv6Address),
    }
}

impl From<network::IpAddress> for IpAddress {
    fn from(address: network::IpAddress) -> Self {
        match address {
            network::IpAddress::Ipv4(address) => Self::Ipv4(address),
            network::IpAddress::Ipv6(address) => Self::Ipv6(address),
        }
    }
}

pub(super) struct Ipv4SocketAddress {
    port: u16,
    address: network::Ipv4Address,
}

component_model::record! {
    Ipv4SocketAddress {
        "port" => port: u16,
        "address" => address: network::Ipv4Address,
    }
}

pub(super) struct Ipv6SocketAddress {
    port: u16,
    flow_info: u32,
    address: network::Ipv6Address,
    scope_id: u32,
}

component_model::record! {
    Ipv6SocketAddress {
        "port" => port: u16,
        "flow-info" => flow_info: u32,
        "address" => address: network::Ipv6Address,
        "scope-id" => scope_id: u32,
    }
}

pub(super) enum IpSocketAddress {
    Ipv4(Ipv4SocketAddress),
    Ipv6(Ipv6SocketAddress),
}

component_model::variant! {
    IpSocketAddress {
        "ipv4" => Ipv4(Ipv4SocketAddress),
        "ipv6" => Ipv6(Ipv6SocketAddress),
    }
}

impl From<network::IpSocketAddress> for IpSocketAddress {
    fn from(address: network::IpSocketAddress) -> Self {
        match address {
            network::IpSocketAddress::Ipv4(v4) => Self::Ipv4(Ipv4SocketAddress {
                port: v4.port,
                address: v4.address,
            }),
            network::IpSocketAddress::Ipv6(v6) => Self::Ipv6(Ipv6SocketAddress {
                port: v6.port,
                flow_info: v6.flow_info,
                address: v6.address,
                scope_id: v6.scope_id,
            }),
        }
    }
}

impl From<IpSocketAddress> for network::IpSocketAddress {
    fn from(address: IpSocketAddress) -> Self {
        match address {
            IpSocketAddress::Ipv4(v4) => Self::Ipv4(network::Ipv4SocketAddress {
                port: v4.port,
                address: v4.address,
            }),
            IpSocketAddress::Ipv6(v6) => Self::Ipv6(network::Ipv6SocketAddress {
                port: v6.port,
                flow_info: v6.flow_info,
                address: v6.address,
                scope_id: v6.scope_id,
            }),
        }
    }
}

pub(super) fn add_to_linker<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
    bounds: &Bounds,
) -> Result<(), LinkError> {
    // `network-error-code` is unstable. wasmtime-wasi defines it only on request.
    interface(linker, "wasi:sockets/network@0.2.12").resource("network", |sockets, network| {
        HostNetwork::drop(sockets, network)
    })?;
    interface(linker, "wasi:sockets/instance-network@0.2.12")
        .func("instance-network", |sockets, ()| {
            one(sockets.instance_network().map(Handle))
        })?;
    let own = bounds.clone();
    interface(linker, "wasi:sockets/ip-name-lookup@0.2.12")
        .resource("resolve-address-stream", |sockets, addresses| {
            HostResolveAddressStream::drop(sockets, addresses)
        })?
        .waiting(
            "resolve-addresses",
            async move |sockets, (Handle(network), name): (_, String)| {
                own.lookup(sockets.table, &name).await?;
                sockets.resolve_addresses(network, name).map(Handle)
            },
        )?
        .func(
            "[method]resolve-address-stream.resolve-next-address",
            |sockets, (Handle(addresses),)| {
                let address = sockets.resolve_next_address(addresses);
                address.map(|address| address.map(IpAddress::from))
            },
        )?
        .func(
            "[method]resolve-address-stream.subscribe",
            |sockets, (Handle(addresses),)| one(sockets.subscribe(addresses).map(Handle)),
        )?;
    Ok(())
}
