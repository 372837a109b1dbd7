//! TCP, UDP and name look-ups on loopback, or their refusal.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};

use wasmscope::{Scope, Tracer};

static TRACER: Tracer = Tracer::new(Scope::new("sockets"));

fn main() {
    let _telemetry = wasmscope::init();
    for (name, outcome) in [
        ("tcp", tcp as fn() -> std::io::Result<String>),
        ("udp", udp),
        ("name look-up", look_up),
    ] {
        let span = TRACER.enter(name);
        match outcome() {
            Ok(text) => println!("{name}: {text}"),
            Err(error) => {
                println!("{name} is refused: {:?}", error.kind());
                span.set_attribute("refused", true);
            }
        }
    }
}

/// One program can be both ends, because connecting does not wait for `accept`.
fn tcp() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, from) = listener.accept()?;
    assert_eq!(from, near.local_addr()?, "the other end");
    near.write_all(b"ping")?;
    let mut request = [0; 4];
    far.read_exact(&mut request)?;
    far.write_all(b"pong")?;
    drop(far);
    let mut answer = String::new();
    near.read_to_string(&mut answer)?;
    let closed = TcpStream::connect(listener.local_addr().map(|_| "127.0.0.1:1")?);
    Ok(format!(
        "{:?} is answered by {answer:?}, and nothing listens at port 1: {}",
        String::from_utf8_lossy(&request),
        closed.is_err()
    ))
}

fn udp() -> std::io::Result<String> {
    let here = UdpSocket::bind("127.0.0.1:0")?;
    let there = UdpSocket::bind("127.0.0.1:0")?;
    here.send_to(b"a datagram", there.local_addr()?)?;
    let mut buffer = [0; 32];
    let (length, from) = there.recv_from(&mut buffer)?;
    assert_eq!(from, here.local_addr()?, "the sender");
    Ok(format!("{:?}", String::from_utf8_lossy(&buffer[..length])))
}

fn look_up() -> std::io::Result<String> {
    let addresses: Vec<_> = ("localhost", 80).to_socket_addrs()?.collect();
    let loopback = addresses.iter().all(|address| address.ip().is_loopback());
    Ok(format!(
        "localhost has addresses: {}, all of them loopback: {loopback}",
        !addresses.is_empty()
    ))
}
