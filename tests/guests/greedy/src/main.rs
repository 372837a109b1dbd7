//! A guest that takes as much from its host as it can. The first argument names the resource. The
//! guest keeps it, and then ends in the way that its second argument names.

use std::fmt::Debug;
use std::process::ExitCode;
use std::time::Duration;

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasip2::io::streams::{InputStream, OutputStream};
use wasip2::random::random::get_random_bytes;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{
    ErrorCode as SocketError, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use wasip2::sockets::tcp::TcpSocket;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp_create_socket::create_udp_socket;
use wasmscope::{Scope, Tracer};

static TRACER: Tracer = Tracer::new(Scope::new("greedy"));

/// More than any limit.
const MANY: usize = 200_000;

fn main() -> ExitCode {
    let _telemetry = wasmscope::init();
    let _span = TRACER.enter("greedy");
    let args: Vec<String> = std::env::args().collect();
    let argument = |at: usize| args.get(at).map_or("", String::as_str);
    let kept = take(argument(1));
    match argument(2) {
        "abort" => std::process::abort(),
        "sleep" => std::thread::sleep(Duration::from_secs(3_600)),
        "fail" => return ExitCode::FAILURE,
        _ => {}
    }
    drop(kept);
    ExitCode::SUCCESS
}

/// Takes one item after the other until it is refused, and prints the number of items and the
/// reason of the refusal.
fn until_refused<T: 'static, E: Debug>(mut take: impl FnMut() -> Result<T, E>) -> Box<dyn Kept> {
    let mut kept = Vec::new();
    for _ in 0..MANY {
        match take() {
            Ok(taken) => kept.push(taken),
            Err(refused) => {
                println!("{} {refused:?}", kept.len());
                return Box::new(kept);
            }
        }
    }
    println!("{MANY} and more");
    Box::new(kept)
}

/// An item that is kept.
trait Kept {}

impl<T> Kept for T {}

fn take(what: &str) -> Box<dyn Kept> {
    match what {
        "files" => until_refused(|| open(OpenFlags::CREATE, "file")),
        "directories" => until_refused(|| open(OpenFlags::DIRECTORY, ".")),
        "existing" => until_refused(|| open(OpenFlags::empty(), "existing")),
        "reading" => streams(|file| file.read_via_stream(0)),
        "writing" => streams(|file| file.write_via_stream(0)),
        "appending" => streams(Descriptor::append_via_stream),
        "forgotten" => forgotten(),
        "listings" => listings(),
        "listed" => listed(),
        "tcp" => until_refused(|| create_tcp_socket(IpAddressFamily::Ipv4)),
        "udp" => until_refused(|| create_udp_socket(IpAddressFamily::Ipv6)),
        "ports" => until_refused(bound),
        "accepting" => accepting(),
        "names" => {
            let network = instance_network();
            until_refused(move || resolve_addresses(&network, "localhost"))
        }
        "names-forgotten" => names_forgotten(),
        "names-long" => {
            let network = instance_network();
            let name = "x".repeat(1 << 20);
            until_refused(move || resolve_addresses(&network, &name))
        }
        "timers" => until_refused(|| Ok::<_, ()>(subscribe_duration(u64::MAX))),
        "random" => until_refused(|| Ok::<_, ()>(get_random_bytes(1 << 40))),
        "again" => again(),
        _ => unreachable!("not known: {what}"),
    }
}

/// Returns the first directory.
fn directory() -> Descriptor {
    let mut directories = get_directories();
    directories.swap_remove(0).0
}

fn open(how: OpenFlags, path: &str) -> Result<Descriptor, ErrorCode> {
    let flags = if how.contains(OpenFlags::CREATE) {
        DescriptorFlags::READ | DescriptorFlags::WRITE
    } else {
        DescriptorFlags::READ
    };
    directory().open_at(PathFlags::empty(), path, how, flags)
}

fn file() -> Descriptor {
    open(OpenFlags::CREATE, "file").expect("a file")
}

fn streams<T: 'static>(stream: impl Fn(&Descriptor) -> Result<T, ErrorCode>) -> Box<dyn Kept> {
    let file = file();
    until_refused(move || stream(&file))
}

/// Closes the files. Their streams keep them open.
fn forgotten() -> Box<dyn Kept> {
    until_refused(|| {
        let file = open(OpenFlags::CREATE, "file")?;
        file.read_via_stream(0)
    })
}

fn listings() -> Box<dyn Kept> {
    let directory = directory();
    until_refused(move || directory.read_directory())
}

/// Counts the entries of a directory, and removes them and the directory.
fn listed() -> Box<dyn Kept> {
    let entries = std::fs::read_dir("/data/many").expect("a directory");
    let names: std::collections::BTreeSet<_> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    let removed = std::fs::remove_dir_all("/data/many");
    println!("{} listed, and removed: {removed:?}", names.len());
    Box::new(())
}

/// Opens and closes more files than may be open at once.
fn again() -> Box<dyn Kept> {
    for _ in 0..2_000 {
        drop(file());
    }
    until_refused(|| Err::<(), _>("opened and closed"))
}

const ANY_PORT: IpSocketAddress = IpSocketAddress::Ipv4(Ipv4SocketAddress {
    port: 0,
    address: (127, 0, 0, 1),
});

fn bound() -> Result<TcpSocket, SocketError> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(&instance_network(), ANY_PORT)?;
    socket.finish_bind()?;
    Ok(socket)
}

/// The fields are dropped in this order. A socket must be dropped after its streams.
type Connection = (InputStream, OutputStream, TcpSocket);

fn accepting() -> Box<dyn Kept> {
    let listener = bound().expect("a port");
    listener.start_listen().expect("it listens");
    listener.finish_listen().expect("it listens");
    let address = listener.local_address().expect("an address");
    until_refused(move || {
        let client = connect(address)?;
        listener.subscribe().block();
        let (socket, input, output) = listener.accept()?;
        Ok::<_, SocketError>((client, (input, output, socket)))
    })
}

fn connect(to: IpSocketAddress) -> Result<Connection, SocketError> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_connect(&instance_network(), to)?;
    let (input, output) = loop {
        match socket.finish_connect() {
            Err(SocketError::WouldBlock) => socket.subscribe().block(),
            connected => break connected?,
        }
    };
    Ok((input, output, socket))
}

/// Looks up names, and does not wait for the answers.
fn names_forgotten() -> Box<dyn Kept> {
    let network = instance_network();
    for _ in 0..2_000 {
        drop(resolve_addresses(&network, "localhost").expect("a look-up"));
    }
    until_refused(|| Err::<(), _>("asked"))
}
