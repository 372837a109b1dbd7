//! Timeouts, and requests that the guest drops.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::super::look_up::LookUp;
use super::server::Server;
use super::*;

const SHORT: Option<Duration> = Some(Duration::from_millis(30));

/// A server that sends some bytes, and then waits until the client goes away.
async fn stuck(sent: &'static str) -> (Server, mpsc::UnboundedReceiver<()>) {
    let (gone, is_gone) = mpsc::unbounded_channel();
    let server = Server::raw(move |mut stream| {
        let gone = gone.clone();
        async move {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(sent.as_bytes()).await;
            while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
            let _ = gone.send(());
        }
    });
    (server.await, is_gone)
}

#[tokio::test]
async fn a_look_up_has_a_timeout() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let slow = LookUp::by(1, Duration::from_millis(20), move |_| {
        let _ = wait.lock().expect("no panic").recv();
        Ok(Vec::new())
    });
    let policy = Policy {
        allow_all: true,
        ..Policy::default()
    };
    let mut host = Host::with(policy, |builder| builder.look_up(slow));
    // The second one waits for the first, which cannot be stopped.
    for _ in 0..2 {
        let error = host.text("http://a.example").await;
        assert!(matches!(error, Err(Error::DnsTimeout)), "{error:?}");
    }
    drop(release);
}

#[tokio::test]
async fn connecting_has_a_timeout() {
    // TLS is a part of connecting.
    let (server, mut gone) = stuck("").await;
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
    let options = RequestOptions {
        connect_timeout: SHORT,
        ..RequestOptions::default()
    };
    let url = format!("https://{}", server.address);
    let error = host.send_with(get(&url), options).await.map(drop);
    assert!(matches!(error, Err(Error::ConnectionTimeout)), "{error:?}");
    let error = host.error_type().await;
    assert_eq!(error.as_deref(), Some("connection-timeout"));
    gone.recv().await.expect("the connection ends");
}

#[tokio::test]
async fn a_response_has_a_timeout() {
    let (server, mut gone) = stuck("").await;
    let mut host = Host::new(local());
    let options = RequestOptions {
        first_byte_timeout: SHORT,
        ..RequestOptions::default()
    };
    let error = host.send_with(get(&server.url()), options).await.map(drop);
    assert!(
        matches!(error, Err(Error::ConnectionReadTimeout)),
        "{error:?}"
    );
    let error = host.error_type().await;
    assert_eq!(error.as_deref(), Some("connection-read-timeout"));
    gone.recv().await.expect("the connection ends");
}

#[tokio::test]
async fn a_body_that_stops_has_a_timeout() {
    let (server, mut gone) = stuck("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome").await;
    let mut host = Host::new(local());
    let options = RequestOptions {
        between_bytes_timeout: SHORT,
        ..RequestOptions::default()
    };
    let response = host.send_with(get(&server.url()), options).await;
    let mut body = response.expect("a response").into_body();
    let frame = body.frame().await.expect("a piece").expect("no error");
    assert_eq!(frame.into_data().expect("data"), "some");
    let error = body.frame().await.expect("an error");
    assert!(
        matches!(error, Err(Error::ConnectionReadTimeout)),
        "{error:?}"
    );
    let span = host.span().await;
    let error = attribute(&span, "error.type");
    assert_eq!(error.as_deref(), Some("connection-read-timeout"));
    assert_eq!(
        attribute(&span, "http.response.status_code").as_deref(),
        Some("200")
    );
    gone.recv().await.expect("the connection ends");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let server = Server::raw(|mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome";
        let _ = stream.write_all(head.as_bytes()).await;
    });
    let server = server.await;
    let mut host = Host::new(local());
    let error = host.text(&server.url()).await;
    assert!(
        matches!(error, Err(Error::HttpResponseIncomplete)),
        "{error:?}"
    );
    let error = host.error_type().await;
    assert_eq!(error.as_deref(), Some("HTTP-response-incomplete"));
}

#[tokio::test]
async fn a_dropped_request_is_aborted() {
    let (server, mut gone) = stuck("").await;
    let mut host = Host::new(local());
    let sending = tokio::spawn(host.send(get(&server.url())));
    until(|| (server.connections() == 1).then_some(())).await;
    sending.abort();
    gone.recv().await.expect("the connection ends");
    assert_eq!(host.error_type().await.as_deref(), Some("cancelled"));
}

#[tokio::test]
async fn a_dropped_body_is_aborted() {
    let (server, mut gone) = stuck("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome").await;
    let mut host = Host::new(local());
    drop(host.send(get(&server.url())).await.expect("a response"));
    gone.recv().await.expect("the connection ends");
    assert_eq!(host.error_type().await, None);
}

#[tokio::test]
async fn the_guests_end_ends_its_requests() {
    let (server, _gone) = stuck("").await;
    let mut host = Host::new(local());
    let _sending = tokio::spawn(host.send(get(&server.url())));
    host.outgoing.end_requests();
    // At once, so that the span is delivered.
    let spans = host.spans.get_finished_spans().expect("spans");
    let error = attribute(&spans[0], "error.type");
    assert_eq!(error.as_deref(), Some("cancelled"));
}
