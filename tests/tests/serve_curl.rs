//! A client from a package: libcurl, on every engine.

use curl::easy::{Easy, HttpVersion, List};
use wasmscope_tests::requests::{server_spans, text};
use wasmscope_tests::{Runtime, Service, on_each_engine};

on_each_engine! {
    curl_gets_its_answers,
}

struct Response {
    status: u32,
    /// The heads, interim ones included, in lower case.
    heads: String,
    body: Vec<u8>,
}

/// Sends the request that `easy` describes.
fn perform(easy: &mut Easy, service: &Service, path: &str) -> Response {
    let url = format!("http://{}{path}", service.address);
    easy.url(&url).expect("a URL");
    let (mut heads, mut body) = (Vec::new(), Vec::new());
    {
        let mut transfer = easy.transfer();
        let taken = transfer.header_function(|line| {
            heads.extend(line.to_ascii_lowercase());
            true
        });
        taken.expect("a function");
        let taken = transfer.write_function(|bytes| {
            body.extend_from_slice(bytes);
            Ok(bytes.len())
        });
        taken.expect("a function");
        transfer.perform().expect("a response");
    }
    Response {
        status: easy.response_code().expect("a status"),
        heads: String::from_utf8(heads).expect("text"),
        body,
    }
}

fn curl_gets_its_answers(runtime: Runtime) {
    let service = Service::start(runtime, "http-service", &[]);
    let upload = "0123456789".repeat(200_000).into_bytes();
    for (version, is_one) in [
        (HttpVersion::V11, true),
        (HttpVersion::V2PriorKnowledge, false),
    ] {
        let mut easy = Easy::new();
        easy.http_version(version).expect("it is built with it");
        let ok = perform(&mut easy, &service, "/ok");
        assert_eq!((ok.status, ok.body.as_slice()), (200, &b"ok\n"[..]));
        let first = easy.local_port().expect("a connection");
        assert_eq!(perform(&mut easy, &service, "/ok").status, 200);
        let second = easy.local_port().expect("a connection");
        assert_eq!(first, second, "the connection is kept");
        assert_eq!(perform(&mut easy, &service, "/nowhere").status, 404);

        let mut headers = List::new();
        headers.append("expect: 100-continue").expect("a header");
        easy.http_headers(headers).expect("headers");
        easy.post(true).expect("a method");
        easy.post_fields_copy(&upload).expect("a body");
        let read = perform(&mut easy, &service, "/read");
        assert_eq!(
            (read.status, read.body.as_slice()),
            (200, &b"2000000 bytes\n"[..])
        );
        let echo = perform(&mut easy, &service, "/echo");
        assert_eq!((echo.status, echo.body == upload), (200, true));
        let continued = read.heads.starts_with("http/1.1 100 continue\r\n");
        assert_eq!(continued, is_one, "{}", read.heads);
        let chunked = echo.heads.contains("transfer-encoding: chunked\r\n");
        assert_eq!(chunked, is_one, "{}", echo.heads);
    }
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    let spans = server_spans(&collector, 10);
    let version = |span| text(span, "network.protocol.version");
    let mut versions: Vec<_> = spans.iter().map(version).collect();
    versions.sort();
    assert_eq!(versions, [["1.1"; 5], ["2"; 5]].concat());
}
