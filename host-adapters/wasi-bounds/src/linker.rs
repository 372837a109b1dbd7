//! Applies the bounds on Wasmtime. Replaces WASI's functions that open something with ones that
//! check first, and those of directory listings.

use wasmtime::component::{
    ComponentNamedList, Lift, Linker, LinkerInstance, Resource, ResourceType,
};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::filesystem::{WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DirectoryEntry, ErrorCode as FileError, Filesize,
    HostDescriptor as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{Host as _, ResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode as SocketErrorCode, IpAddressFamily, Network,
};
use wasmtime_wasi::p2::bindings::sockets::tcp::{HostTcpSocket as _, TcpSocket};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi::p2::bindings::sockets::udp::UdpSocket;
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket::Host as _;
use wasmtime_wasi::p2::{FsResult, SocketResult};
use wasmtime_wasi::runtime::in_tokio;
use wasmtime_wasi::sockets::WasiSocketsView as _;

use crate::{Bounds, Listing};

/// Defines all functions of WASI 0.2 with bounds, like [`wasmtime_wasi::p2::add_to_linker_async`].
///
/// # Errors
///
/// Returns an error if the linker already has one of the functions.
pub fn add_to_linker_async<T: WasiView>(linker: &mut Linker<T>, bounds: &Bounds) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    replace(linker, bounds, Calls::Async)
}

/// Defines all functions of WASI 0.2 with bounds, like [`wasmtime_wasi::p2::add_to_linker_sync`].
///
/// # Errors
///
/// Returns an error if the linker already has one of the functions.
pub fn add_to_linker_sync<T: WasiView>(linker: &mut Linker<T>, bounds: &Bounds) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    replace(linker, bounds, Calls::Sync)
}

/// How blocking functions are called.
#[derive(Clone, Copy)]
enum Calls {
    Async,
    Sync,
}

fn replace<T: WasiView>(linker: &mut Linker<T>, bounds: &Bounds, calls: Calls) -> Result<()> {
    linker.allow_shadowing(true);
    let result = add_files(linker, bounds, calls)
        .and_then(|()| add_streams(linker, bounds))
        .and_then(|()| add_tcp(linker, bounds))
        .and_then(|()| add_network(linker, bounds, calls));
    linker.allow_shadowing(false);
    result
}

/// Defines a blocking function, as async or sync.
macro_rules! waiting {
    ($instance:expr, $calls:expr, $bounds:expr, $name:literal, $function:ident, $params:ty) => {{
        let own = $bounds.clone();
        match $calls {
            Calls::Async => $instance.func_wrap_async(
                $name,
                move |store: StoreContextMut<'_, T>, params: $params| {
                    let bounds = own.clone();
                    Box::new(async move { $function(&bounds, store, params).await })
                },
            ),
            Calls::Sync => $instance.func_wrap(
                $name,
                move |store: StoreContextMut<'_, T>, params: $params| {
                    in_tokio($function(&own, store, params))
                },
            ),
        }
    }};
}

const FILES: &str = "wasi:filesystem/types@0.2.12";

type Files<R> = Result<(Result<Resource<R>, FileError>,)>;
type Sockets<R> = Result<(Result<Resource<R>, SocketErrorCode>,)>;

type OpenAt = (
    Resource<Descriptor>,
    PathFlags,
    String,
    OpenFlags,
    DescriptorFlags,
);

async fn open_at<T: WasiView>(
    bounds: &Bounds,
    mut store: StoreContextMut<'_, T>,
    (file, follow, path, open, flags): OpenAt,
) -> Files<Descriptor> {
    let mut files = store.data_mut().filesystem();
    file_result(match bounds.file(files.table) {
        Ok(()) => files.open_at(file, follow, path, open, flags).await,
        Err(refused) => Err(refused),
    })
}

async fn read_directory<T: WasiView>(
    bounds: &Bounds,
    mut store: StoreContextMut<'_, T>,
    (directory,): (Resource<Descriptor>,),
) -> Files<Listing> {
    let mut files = store.data_mut().filesystem();
    file_result(Listing::open(bounds, &mut files, directory).await)
}

async fn read_directory_entry<T: WasiView>(
    _: &Bounds,
    mut store: StoreContextMut<'_, T>,
    (listing,): (Resource<Listing>,),
) -> Result<(Result<Option<DirectoryEntry>, FileError>,)> {
    file_result(Listing::next(store.data_mut().filesystem().table, listing).await)
}

async fn create_udp_socket<T: WasiView>(
    bounds: &Bounds,
    mut store: StoreContextMut<'_, T>,
    (family,): (IpAddressFamily,),
) -> Sockets<UdpSocket> {
    let mut sockets = store.data_mut().sockets();
    socket_result(match bounds.socket(sockets.table) {
        Ok(()) => sockets.create_udp_socket(family).await,
        Err(refused) => Err(refused),
    })
}

async fn resolve_addresses<T: WasiView>(
    bounds: &Bounds,
    mut store: StoreContextMut<'_, T>,
    (network, name): (Resource<Network>, String),
) -> Sockets<ResolveAddressStream> {
    let mut sockets = store.data_mut().sockets();
    socket_result(match bounds.lookup(sockets.table, &name).await {
        Ok(()) => sockets.resolve_addresses(network, name),
        Err(refused) => Err(refused),
    })
}

fn add_files<T: WasiView>(linker: &mut Linker<T>, bounds: &Bounds, calls: Calls) -> Result<()> {
    type Directory = (Resource<Descriptor>,);
    type Entries = (Resource<Listing>,);
    let mut types = linker.instance(FILES)?;
    waiting!(
        types,
        calls,
        bounds,
        "[method]descriptor.open-at",
        open_at,
        OpenAt
    )?;
    waiting!(
        types,
        calls,
        bounds,
        "[method]descriptor.read-directory",
        read_directory,
        Directory
    )?;
    waiting!(
        types,
        calls,
        bounds,
        "[method]directory-entry-stream.read-directory-entry",
        read_directory_entry,
        Entries
    )?;
    let listing = ResourceType::host::<Listing>();
    types.resource("directory-entry-stream", listing, |mut store, rep| {
        let files = store.data_mut().filesystem();
        Listing::close(files.table, Resource::new_own(rep))
    })
}

fn add_streams<T: WasiView>(linker: &mut Linker<T>, bounds: &Bounds) -> Result<()> {
    type File = (Resource<Descriptor>,);
    type At = (Resource<Descriptor>, Filesize);
    let mut types = linker.instance(FILES)?;
    let types = &mut types;
    let name = "[method]descriptor.read-via-stream";
    add_stream(types, bounds, name, |files, (file, offset): At| {
        files.read_via_stream(file, offset)
    })?;
    let name = "[method]descriptor.write-via-stream";
    add_stream(types, bounds, name, |files, (file, offset): At| {
        files.write_via_stream(file, offset)
    })?;
    let name = "[method]descriptor.append-via-stream";
    add_stream(types, bounds, name, |files, (file,): File| {
        files.append_via_stream(file)
    })
}

fn add_stream<T: WasiView, P, R: 'static>(
    types: &mut LinkerInstance<'_, T>,
    bounds: &Bounds,
    name: &str,
    open: fn(&mut WasiFilesystemCtxView<'_>, P) -> FsResult<Resource<R>>,
) -> Result<()>
where
    P: ComponentNamedList + Lift + 'static,
{
    let own = bounds.clone();
    types.func_wrap(name, move |mut store: StoreContextMut<'_, T>, params: P| {
        let mut files = store.data_mut().filesystem();
        let allowed = own.file(files.table);
        file_result(allowed.and_then(|()| open(&mut files, params)))
    })
}

fn add_tcp<T: WasiView>(linker: &mut Linker<T>, bounds: &Bounds) -> Result<()> {
    let own = bounds.clone();
    linker
        .instance("wasi:sockets/tcp-create-socket@0.2.12")?
        .func_wrap(
            "create-tcp-socket",
            move |mut store: StoreContextMut<'_, T>, (family,): (IpAddressFamily,)| {
                let mut sockets = store.data_mut().sockets();
                let allowed = own.socket(sockets.table);
                socket_result(allowed.and_then(|()| sockets.create_tcp_socket(family)))
            },
        )?;
    let own = bounds.clone();
    linker.instance("wasi:sockets/tcp@0.2.12")?.func_wrap(
        "[method]tcp-socket.accept",
        move |mut store: StoreContextMut<'_, T>, (socket,): (Resource<TcpSocket>,)| {
            let mut sockets = store.data_mut().sockets();
            let allowed = own.socket(sockets.table);
            socket_result(allowed.and_then(|()| sockets.accept(socket)))
        },
    )
}

fn add_network<T: WasiView>(linker: &mut Linker<T>, bounds: &Bounds, calls: Calls) -> Result<()> {
    type Family = (IpAddressFamily,);
    type Name = (Resource<Network>, String);
    let mut udp = linker.instance("wasi:sockets/udp-create-socket@0.2.12")?;
    waiting!(
        udp,
        calls,
        bounds,
        "create-udp-socket",
        create_udp_socket,
        Family
    )?;
    let mut names = linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?;
    waiting!(
        names,
        calls,
        bounds,
        "resolve-addresses",
        resolve_addresses,
        Name
    )
}

/// Returns the error to the guest, or fails if the error ends the guest.
fn file_result<R>(result: FsResult<R>) -> Result<(Result<R, FileError>,)> {
    Ok((match result {
        Ok(value) => Ok(value),
        Err(error) => Err(error.downcast()?),
    },))
}

/// Like [`file_result`], for sockets.
fn socket_result<R>(result: SocketResult<R>) -> Result<(Result<R, SocketErrorCode>,)> {
    Ok((match result {
        Ok(value) => Ok(value),
        Err(error) => Err(error.downcast()?),
    },))
}
