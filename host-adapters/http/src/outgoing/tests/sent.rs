//! Requests that are sent.

use opentelemetry_sdk::trace::SpanData;

use super::server::{Server, full};
use super::*;

/// Answers with the headers of the request.
async fn echo() -> Server {
    Server::start(|request| async move {
        let headers = request.headers().iter();
        let lines: Vec<_> = headers
            .map(|(name, value)| format!("{name}: {}\n", value.to_str().expect("text")))
            .collect();
        Response::new(full(lines.concat()))
    })
    .await
}

fn context(span: &SpanData) -> String {
    let context = &span.span_context;
    format!("{}-{}", context.trace_id(), context.span_id())
}

#[tokio::test]
async fn a_request_is_a_span_that_the_other_service_continues() {
    let server = echo().await;
    let mut host = Host::new(local());
    let url = format!("{}/a?b=c", server.url().replace("//", "//user:secret@"));
    let mut request = get(&url);
    let headers = request.headers_mut();
    headers.insert("traceparent", "invalid".parse().expect("a value"));
    headers.insert("tracestate", "of=another".parse().expect("a value"));
    headers.insert("x-own", "stays".parse().expect("a value"));
    let response = host.send(request).await.expect("a response");
    assert!(host.spans.get_finished_spans().expect("spans").is_empty());
    let headers = text(response).await.expect("a body");
    let span = host.span().await;
    assert!(
        headers.contains(&format!("traceparent: 00-{}-01\n", context(&span))),
        "{headers}"
    );
    assert!(headers.contains("x-own: stays\n"), "{headers}");
    assert!(
        headers.contains(&format!("host: {}\n", server.address)),
        "{headers}"
    );
    assert!(!headers.contains("tracestate"), "{headers}");
    assert!(!headers.contains("authorization"), "{headers}");
    assert_eq!(span.name, "GET");
    for (key, value) in [
        ("http.request.method", "GET".to_owned()),
        ("http.response.status_code", "200".to_owned()),
        ("network.protocol.version", "1.1".to_owned()),
        ("server.address", "127.0.0.1".to_owned()),
        ("server.port", server.address.port().to_string()),
        ("url.full", url.replace("user:secret", "REDACTED:REDACTED")),
    ] {
        assert_eq!(attribute(&span, key), Some(value), "{key}");
    }
    assert_eq!(attribute(&span, "error.type"), None);
}

#[tokio::test]
async fn headers_of_the_guest_stay_where_nothing_is_propagated() {
    let server = echo().await;
    let policy = Policy {
        propagate_to: Some(vec!["https://other.example".parse().expect("a rule")]),
        ..local()
    };
    let mut host = Host::new(policy);
    let mut request = get(&server.url());
    let headers = request.headers_mut();
    headers.insert("traceparent", "its-own".parse().expect("a value"));
    let response = host.send(request).await.expect("a response");
    let headers = text(response).await.expect("a body");
    assert!(headers.contains("traceparent: its-own\n"), "{headers}");
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::text("hello").await;
    let mut host = Host::new(local());
    for _ in 0..5 {
        assert_eq!(host.text(&server.url()).await.expect("a body"), "hello");
        // It is back in the pool when its task has run.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn tls_is_http2_and_shares_a_connection() {
    let (server, roots) = Server::tls("hello").await;
    let policy = Policy {
        allow: vec!["https://localhost:*".parse().expect("a rule")],
        ..Policy::default()
    };
    let mut host = Host::with(policy, |builder| builder.authorities(roots));
    let url = format!("https://localhost:{}/", server.address.port());
    assert_eq!(host.text(&url).await.expect("a body"), "hello");
    let version = attribute(&host.span().await, "network.protocol.version");
    assert_eq!(version.as_deref(), Some("2"));
    let requests = [0; 8].map(|_| host.send(get(&url)));
    for request in requests {
        text(request.await.expect("a response"))
            .await
            .expect("a body");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_an_error_of_its_own() {
    let (server, _) = Server::tls("hello").await;
    let (_, others) = Server::tls("hello").await;
    let policy = Policy {
        allow: vec!["https://127.0.0.1:*".parse().expect("a rule")],
        ..Policy::default()
    };
    let mut host = Host::with(policy, |builder| builder.authorities(others));
    let error = host.text(&format!("https://{}", server.address)).await;
    assert!(
        matches!(error, Err(Error::TlsCertificateError)),
        "{error:?}"
    );
    let error = host.error_type().await;
    assert_eq!(error.as_deref(), Some("TLS-certificate-error"));
}

#[tokio::test]
async fn a_server_without_tls_is_an_error_of_its_own() {
    let server = Server::text("hello").await;
    let policy = Policy {
        allow: vec!["https://127.0.0.1:*".parse().expect("a rule")],
        ..Policy::default()
    };
    let mut host = Host::with(policy, |builder| {
        let mut roots = rustls::RootCertStore::empty();
        let key = rcgen::generate_simple_self_signed(["a".to_owned()]).expect("a key");
        roots.add(key.cert.der().clone()).expect("an authority");
        builder.authorities(roots)
    });
    let error = host.text(&format!("https://{}", server.address)).await;
    assert!(matches!(error, Err(Error::TlsProtocolError)), "{error:?}");
}

#[tokio::test]
async fn a_response_without_a_body_ends_the_span_at_once() {
    let server = Server::start(|_| async {
        let mut response = Response::new(full(""));
        *response.status_mut() = http::StatusCode::NO_CONTENT;
        response
    });
    let server = server.await;
    let mut host = Host::new(local());
    let response = host.send(get(&server.url())).await.expect("a response");
    assert_eq!(
        attribute(&host.span().await, "http.response.status_code").as_deref(),
        Some("204")
    );
    drop(response);
}
