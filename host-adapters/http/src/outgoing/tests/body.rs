//! The bodies of requests.

use http_body_util::channel::Channel;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::server::{Server, full};
use super::*;

const PIECE: Bytes = Bytes::from_static(&[b'x'; 64 << 10]);

/// A request with a body that is written piece by piece.
fn upload(
    url: &str,
) -> (
    Request<WasiBody>,
    http_body_util::channel::Sender<Bytes, Error>,
) {
    let (writer, body) = Channel::new(1);
    let request = Request::post(url).body(body.boxed_unsync());
    (request.expect("a request"), writer)
}

#[tokio::test]
async fn a_body_is_streamed_with_its_trailers() {
    let server = Server::start(|request| async move {
        let body = request.into_body().collect().await.expect("a body");
        let trailers = format!("{:?}", body.trailers());
        Response::new(full(format!("{} {trailers}", body.to_bytes().len())))
    });
    let server = server.await;
    let mut host = Host::new(local());
    let (mut request, mut writer) = upload(&server.url());
    let name = HeaderValue::from_static("x-sum");
    request.headers_mut().insert("trailer", name);
    let sending = tokio::spawn(host.send(request));
    for _ in 0..32 {
        writer.send_data(PIECE).await.expect("it is read");
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("2"));
    writer.send_trailers(trailers).await.expect("it is read");
    drop(writer);
    let response = sending.await.expect("no panic").expect("a response");
    let text = text(response).await.expect("a body");
    assert!(text.starts_with("2097152 "), "{text}");
    assert!(text.contains("x-sum"), "{text}");
}

/// Answers before it has read the request, and closes the connection.
async fn hasty() -> Server {
    Server::raw(|mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let head = "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno";
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.shutdown().await;
        // As servers do that do not want to lose the answer.
        for _ in 0..64 {
            let _ = stream.read(&mut request).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_guest_that_still_writes_gets_the_early_answer() {
    let server = hasty().await;
    let mut host = Host::new(local());
    let (request, mut writer) = upload(&server.url());
    let sending = tokio::spawn(host.send(request));
    // 8 MiB, which is more than the buffers of the system.
    for _ in 0..128 {
        writer.send_data(PIECE).await.expect("it is read");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(writer);
    let response = sending.await.expect("no panic").expect("a response");
    assert_eq!(response.status(), 413);
    assert_eq!(text(response).await.expect("a body"), "no");
    assert_eq!(host.error_type().await.as_deref(), Some("413"));
}

#[tokio::test]
async fn what_is_not_sent_is_limited() {
    let server = hasty().await;
    let mut host = Host::with(local(), |builder| {
        builder.limits(Limits {
            unsent_bytes: 1 << 20,
            ..Limits::default()
        })
    });
    let (request, mut writer) = upload(&server.url());
    let sending = tokio::spawn(host.send(request));
    let mut pieces = 0;
    while writer.send_data(PIECE).await.is_ok() {
        pieces += 1;
        assert!(pieces < 10_000, "it is never closed");
    }
    let response = sending.await.expect("no panic").expect("a response");
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn a_refused_guest_can_write_its_body() {
    let mut host = Host::new(Policy::default());
    let (request, mut writer) = upload("http://a.example");
    let error = host.send(request).await.map(drop);
    assert!(matches!(error, Err(Error::HttpRequestDenied)), "{error:?}");
    for _ in 0..4 {
        writer.send_data(PIECE).await.expect("it is read");
    }
}

#[tokio::test]
async fn a_body_that_the_guest_aborts_ends_the_request() {
    let server = Server::start(|request| async move {
        let _ = request.into_body().collect().await;
        Response::new(full("never seen"))
    });
    let server = server.await;
    let mut host = Host::new(local());
    let (request, mut writer) = upload(&server.url());
    let sending = tokio::spawn(host.send(request));
    writer.send_data(PIECE).await.expect("it is read");
    writer.abort(Error::HttpProtocolError);
    let error = sending.await.expect("no panic").map(drop);
    assert!(matches!(error, Err(Error::HttpProtocolError)), "{error:?}");
    let error = host.error_type().await;
    assert_eq!(error.as_deref(), Some("HTTP-protocol-error"));
}
