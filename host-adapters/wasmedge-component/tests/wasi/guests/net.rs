//! Sockets, with both ends in this program.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map_or("", String::as_str) {
        "tcp" => tcp(),
        "udp" => udp(),
        "connect" => {
            let mut stream = TcpStream::connect(&args[1]).unwrap();
            stream.write_all(b"from the guest").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            println!("{text}");
        }
        "accept" => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            println!("{:?}", listener.accept());
        }
        "receive" => {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            println!("{:?}", socket.recv_from(&mut [0; 8]));
        }
        "denied" => {
            println!(
                "{:?}",
                TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.kind())
            );
            println!(
                "{:?}",
                TcpStream::connect(&args[1]).map_err(|error| error.kind())
            );
            println!(
                "{:?}",
                UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.kind())
            );
        }
        "look-up" => match ("localhost", 80).to_socket_addrs() {
            Ok(addresses) => {
                for address in addresses {
                    println!("{address}");
                }
            }
            Err(error) => println!("refused: {error}"),
        },
        other => panic!("no `{other}`"),
    }
}

fn tcp() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    assert_ne!(address.port(), 0);
    let mut client = TcpStream::connect(address).unwrap();
    let (mut server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(client.peer_addr().unwrap(), address);
    client.set_nodelay(true).unwrap();
    let ttl = client.ttl().unwrap();
    client.set_ttl(ttl - 1).unwrap();
    assert_eq!(client.ttl().unwrap(), ttl - 1);
    let sent = vec![5; 50_000];
    client.write_all(&sent).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut received = Vec::new();
    server.read_to_end(&mut received).unwrap();
    assert_eq!(received, sent);
    server.write_all(b"answer").unwrap();
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "answer");

    drop(listener);
    assert!(TcpStream::connect(address).is_err());
}

fn udp() {
    let one = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    assert_eq!(
        one.send_to(b"ping", other.local_addr().unwrap()).unwrap(),
        4
    );
    let mut bytes = [0; 16];
    let (length, from) = other.recv_from(&mut bytes).unwrap();
    assert_eq!(
        (&bytes[..length], from),
        (&b"ping"[..], one.local_addr().unwrap())
    );
    other.connect(from).unwrap();
    other.send(b"pong").unwrap();
    let length = one.recv(&mut bytes).unwrap();
    assert_eq!(&bytes[..length], b"pong");
}
