//! Requests that are refused, and those that fail before a response.

use std::net::{IpAddr, Ipv4Addr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::look_up::LookUp;
use super::server::Server;
use super::*;

fn everywhere() -> Policy {
    Policy {
        allow_all: true,
        ..Policy::default()
    }
}

/// Resolves all names to an address.
fn to(address: IpAddr) -> LookUp {
    LookUp::by(1, Duration::from_secs(5), move |_| Ok(vec![address]))
}

#[tokio::test]
async fn a_host_that_no_rule_names_is_denied_and_reported_once() {
    let mut host = Host::new(Policy::default());
    for _ in 0..2 {
        let error = host.text("https://api.example.com/x").await;
        assert!(matches!(error, Err(Error::HttpRequestDenied)), "{error:?}");
    }
    let refusals = host.refusals();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(refusals[0].rule, "https://api.example.com");
    assert_eq!(refusals[0].reason, RefusalReason::NotAllowed);
    let spans = host.spans.get_finished_spans().expect("spans");
    assert_eq!(spans.len(), 2);
    let error = attribute(&spans[0], "error.type");
    assert_eq!(error.as_deref(), Some("HTTP-request-denied"));
}

#[tokio::test]
async fn an_address_that_is_not_public_is_prohibited() {
    let server = Server::text("secret").await;
    for (url, rule) in [
        (server.url(), server.url()),
        (
            format!("http://[::ffff:127.0.0.1]:{}", server.address.port()),
            server.url(),
        ),
        ("http://[::1]:1".to_owned(), "http://[::1]:1".to_owned()),
        (
            "http://169.254.169.254/latest".to_owned(),
            "http://169.254.169.254".to_owned(),
        ),
    ] {
        let mut host = Host::new(everywhere());
        let error = host.text(&url).await;
        assert!(
            matches!(error, Err(Error::DestinationIpProhibited)),
            "{url}: {error:?}"
        );
        let error = host.error_type().await;
        assert_eq!(error.as_deref(), Some("destination-IP-prohibited"));
        assert_eq!(host.refusals()[0].rule, rule);
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_for_an_address_that_is_not_public_is_prohibited() {
    let server = Server::text("secret").await;
    let port = server.address.port();
    let local = IpAddr::from(Ipv4Addr::LOCALHOST);
    // The system resolves the second one, though it looks like an address.
    for name in ["rebound.example", "2130706433"] {
        let mut host = Host::with(everywhere(), |builder| builder.look_up(to(local)));
        let error = host.text(&format!("http://{name}:{port}")).await;
        assert!(
            matches!(error, Err(Error::DestinationIpProhibited)),
            "{error:?}"
        );
        let refusals = host.refusals();
        assert_eq!(refusals[0].reason, RefusalReason::PrivateAddress(local));
        assert_eq!(refusals[0].rule, server.url());
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_private_address_is_allowed_by_its_rule_or_for_all() {
    let server = Server::text("hello").await;
    let url = format!("http://a.example:{}", server.address.port());
    let with_rule = Policy {
        allow: vec![server.url().parse().expect("a rule")],
        ..everywhere()
    };
    let private = Policy {
        allow_private: true,
        ..everywhere()
    };
    for policy in [with_rule, private] {
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let mut host = Host::with(policy, |builder| builder.look_up(to(local)));
        assert_eq!(host.text(&url).await.expect("a body"), "hello");
    }
    let localhost = Policy {
        allow: vec!["localhost:*".parse().expect("a rule")],
        ..Policy::default()
    };
    let mut host = Host::new(localhost);
    let url = format!("http://localhost:{}", server.address.port());
    assert_eq!(host.text(&url).await.expect("a body"), "hello");
}

#[tokio::test]
async fn failures_have_codes_by_their_kind() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = taken.local_addr().expect("an address");
    drop(taken);
    let mut host = Host::new(local());
    let error = host.text(&format!("http://{closed}")).await;
    assert!(matches!(error, Err(Error::ConnectionRefused)), "{error:?}");
    let error = host.error_type().await;
    assert_eq!(error.as_deref(), Some("connection-refused"));

    let unknown = LookUp::by(1, Duration::from_secs(5), |_| {
        Err(std::io::Error::other("unknown"))
    });
    let mut host = Host::with(everywhere(), |builder| builder.look_up(unknown));
    let error = host.text("http://unknown.example").await;
    assert!(matches!(error, Err(Error::DnsError { .. })), "{error:?}");

    for (answer, code) in [
        ("", "connection-terminated"),
        ("HTTP/1.1 200", "connection-terminated"),
        ("no HTTP at all\r\n\r\n", "HTTP-protocol-error"),
    ] {
        let server = Server::raw(move |mut stream| async move {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let server = server.await;
        let mut host = Host::new(local());
        host.text(&server.url()).await.expect_err("no response");
        assert_eq!(host.error_type().await.as_deref(), Some(code), "{answer}");
    }
}

#[tokio::test]
async fn the_head_of_a_response_is_limited() {
    let server = Server::raw(|mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream
            .write_all(b"a: 0123456789012345678901234567890123456789\r\n")
            .await
            .is_ok()
        {}
    });
    let server = server.await;
    let mut host = Host::new(local());
    let error = host.text(&server.url()).await;
    assert!(
        matches!(error, Err(Error::HttpResponseHeaderSectionSize(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn requests_that_have_no_valid_destination_are_refused() {
    let mut host = Host::new(everywhere());
    let long = format!("http://{}.example", "a".repeat(300));
    let error = host.text(&long).await;
    assert!(
        matches!(error, Err(Error::HttpRequestUriInvalid)),
        "{error:?}"
    );
    let mut connect = get("http://a.example");
    *connect.method_mut() = Method::CONNECT;
    let error = host.send(connect).await.map(drop);
    assert!(
        matches!(error, Err(Error::HttpRequestMethodInvalid)),
        "{error:?}"
    );
    assert!(host.refusals().is_empty());
}

#[tokio::test]
async fn requests_at_once_are_limited() {
    let server = Server::text("hello").await;
    let mut host = Host::with(local(), |builder| {
        builder.limits(Limits {
            requests: 1,
            ..Limits::default()
        })
    });
    let first = host.send(get(&server.url())).await.expect("a response");
    let error = host.text(&server.url()).await;
    assert!(
        matches!(error, Err(Error::ConnectionLimitReached)),
        "{error:?}"
    );
    text(first).await.expect("a body");
    let again = until(|| host.outgoing.client.has_capacity().then_some(()));
    again.await;
    assert_eq!(host.text(&server.url()).await.expect("a body"), "hello");
}

#[tokio::test]
async fn connections_are_limited_across_hosts() {
    let (one, two) = (Server::text("one").await, Server::text("two").await);
    let mut host = Host::with(local(), |builder| {
        builder.limits(Limits {
            connections: 1,
            connect: Duration::from_millis(50),
            ..Limits::default()
        })
    });
    let first = host.send(get(&one.url())).await.expect("a response");
    let error = host.text(&two.url()).await;
    assert!(
        matches!(
            error,
            Err(Error::ConnectionLimitReached | Error::ConnectionTimeout)
        ),
        "{error:?}"
    );
    assert_eq!(two.connections(), 0);
    drop(first);
}
