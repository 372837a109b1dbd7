//! Services by published crates, as their users write them, on every engine.

use wasmscope_tests::requests::{assert_facts, assert_metrics, hex, server_spans, text};
use wasmscope_tests::service::Answer;
use wasmscope_tests::{Runtime, Service, guest, on_each_engine};

on_each_engine! {
    a_service_by_axum_names_its_routes,
    a_service_without_telemetry_has_that_of_the_host,
}

fn post(service: &Service, path: &str, body: &str) -> Answer {
    let length = body.len();
    service.send(format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         content-type: text/plain\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

/// Returns true if the name of the contract's package is in the component of a guest.
fn imports_the_contract(name: &str) -> bool {
    const PACKAGE: &[u8] = b"wasmscope:otel/";
    let bytes = std::fs::read(guest(name)).expect("the guest");
    bytes.windows(PACKAGE.len()).any(|found| found == PACKAGE)
}

fn a_service_by_axum_names_its_routes(runtime: Runtime) {
    let service = Service::start(runtime, "http-axum", &[]);
    assert_eq!(service.get("/orders/7").to_string(), "200 \"order 7\\n\"");
    let echo = "ünïcödé ".repeat(20_000);
    assert_eq!(post(&service, "/echo", &echo).text(), echo);
    assert_eq!(service.get("/echo").status, 405);
    assert_eq!(service.get("/orders/x").status, 400);
    assert_eq!(service.get("/nowhere").status, 404);
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert_facts(
        &collector,
        &[
            "GET /orders/{id} /orders/7 200 -",
            "POST /echo /echo 200 -",
            "GET /echo /echo 405 -",
            "GET /orders/{id} /orders/x 400 -",
            "GET /nowhere 404 -",
        ],
    );
    let servers = server_spans(&collector, 5);
    let found = collector.span("find");
    let parent = servers.iter().find(|server| found.is_child_of(server));
    let parent = parent.expect("the span of the server");
    assert_eq!(text(parent, "url.path"), "/orders/7");
    assert_eq!(text(parent, "http.route"), "/orders/{id}");
    assert_eq!(text(&found, "id"), "7");
}

fn a_service_without_telemetry_has_that_of_the_host(runtime: Runtime) {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";
    assert!(imports_the_contract("http-axum"));
    assert!(!imports_the_contract("http-waki"));
    let service = Service::start(runtime, "http-waki", &["--trace-response"]);
    let hello = service.send(format!(
        "GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         traceparent: 00-{TRACE}-{PARENT}-01\r\n\r\n"
    ));
    assert_eq!(hello.to_string(), "200 \"hello\\n\"");
    let echo = "0123456789".repeat(20_000);
    assert_eq!(post(&service, "/echo", &echo).text(), echo);
    assert_eq!(service.get("/nowhere").status, 404);
    assert_eq!(service.get("/error").status, 502);
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert_facts(
        &collector,
        &[
            "GET /hello 200 -",
            "POST /echo 200 -",
            "GET /nowhere 404 -",
            "GET /error 502 destination-unavailable ERROR",
        ],
    );
    let spans = collector.spans();
    assert_eq!(spans.len(), 4, "{}", collector.dump());
    let first = spans.iter().find(|span| text(span, "url.path") == "/hello");
    let first = first.expect("the first request");
    assert_eq!(hex(&first.trace_id), TRACE);
    assert_eq!(hex(&first.parent_span_id), PARENT);
    let own = format!("00-{TRACE}-{}-01", hex(&first.span_id));
    assert_eq!(hello.header("traceresponse"), Some(own.as_str()));
    assert_metrics(&collector);
}
