//! `wasi:sockets`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use crate::common::{network, run};
use component_wasi::WasiCtxBuilder;

#[test]
fn a_guest_talks_to_itself_over_tcp_and_udp() {
    for kind in ["tcp", "udp"] {
        let ended = run("net", &[kind], network);
        ended.output();
    }
}

#[test]
fn a_guest_talks_to_others() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        stream.write_all(format!("got: {text}").as_bytes()).unwrap();
    });
    let ended = run("net", &["connect", &address], network);
    assert_eq!(ended.output(), "got: from the guest\n");
    server.join().unwrap();
}

#[test]
fn sockets_are_denied_by_default() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let nothing: fn(&mut WasiCtxBuilder) = |_| {};
    let no_address: fn(&mut WasiCtxBuilder) = |ctx| {
        ctx.allow_tcp(true).allow_udp(true);
    };
    for allowed in [nothing, no_address] {
        let ended = run("net", &["denied", &address], allowed);
        assert_eq!(ended.output(), "Err(PermissionDenied)\n".repeat(3));
    }
}

#[test]
fn name_lookup_must_be_allowed() {
    let ended = run("net", &["look-up"], |ctx| {
        network(ctx);
        ctx.allow_ip_name_lookup(true);
    });
    let mut addresses = ended.output().lines();
    assert!(
        addresses.any(|address| address == "127.0.0.1:80"),
        "{}",
        ended.stdout
    );
    let ended = run("net", &["look-up"], network);
    assert!(ended.output().starts_with("refused"), "{}", ended.stdout);
}
