//! `wasmscope serve` on every engine: responses, failures, limits, and the telemetry of requests.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, number_data_point};
use wasm_encoder::{ComponentSection as _, InstanceSection, ModuleArg, RawSection};
use wasmparser::{Parser, Payload};
use wasmscope_test_support::{Value, attr};
use wasmscope_tests::requests::{assert_facts, assert_metrics, hex, server_spans, text};
use wasmscope_tests::service::Answer;
use wasmscope_tests::{Runtime, Service, guest, on_each_engine};

on_each_engine! {
    requests_are_answered_and_described,
    guests_name_their_routes,
    failures_have_a_status_and_no_details,
    responses_of_failed_guests_break_off,
    time_is_limited,
    a_client_that_goes_away_stops_the_guest,
    idle_connections_are_closed,
    bodies_and_trailers_pass_in_both_directions,
    sizes_are_limited,
    too_many_requests_are_refused,
    many_requests_are_handled_at_once,
    a_component_with_very_many_memories_is_served,
    instances_are_used_again_only_if_nothing_is_left,
    the_callers_trace_is_continued,
    a_signal_finishes_requests,
    probes_say_whether_it_is_ready,
    requests_are_shown_as_they_end,
    a_component_that_is_no_handler_is_refused,
    hello_http_answers_as_the_readme_says,
}

const SERVICE: &str = "http-service";

fn requests_are_answered_and_described(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &["--trace-response"]);
    let ok = service.send(
        "GET /ok?a=1&sig=secret HTTP/1.1\r\nhost: shop.example:8080\r\nuser-agent: test\r\n\
         connection: close\r\n\r\n",
    );
    assert_eq!(ok.to_string(), "200 \"ok\\n\"");
    assert_eq!(service.get("/nowhere").status, 404);
    assert_eq!(service.get("/unavailable").status, 503);
    assert_eq!(service.get("/empty").to_string(), "204 \"\"");
    let head = "HEAD /head HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let mut stream = service.connect();
    stream.write_all(head.as_bytes()).expect("a connection");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("a response");
    let all = String::from_utf8_lossy(&all);
    assert!(all.starts_with("HTTP/1.1 200 OK\r\n"), "{all}");
    assert!(all.contains("content-length: 30\r\n"), "{all}");
    assert!(all.ends_with("\r\n\r\n"), "{all}");
    // Keep-alive: two requests on a connection.
    let mut stream = service.connect();
    for _ in 0..2 {
        let request = "GET /ok HTTP/1.1\r\nhost: a\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("a connection");
        assert_eq!(Answer::read(&mut stream).status, 200);
    }
    drop(stream);

    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert_facts(
        &collector,
        &[
            "GET /ok 200 -",
            "GET /nowhere 404 -",
            "GET /unavailable 503 503 ERROR",
            "GET /empty 204 -",
            "HEAD /head 200 -",
            "GET /ok 200 -",
            "GET /ok 200 -",
        ],
    );
    let spans = server_spans(&collector, 7);
    let first = spans
        .iter()
        .find(|span| text(span, "user_agent.original") == "test")
        .expect("the first request");
    for (key, expected) in [
        ("http.request.method", "GET"),
        ("url.scheme", "http"),
        ("url.query", "a=1&sig=REDACTED"),
        ("server.address", "shop.example"),
        ("server.port", "8080"),
        ("client.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("wasmscope.component.name", "http_service"),
        ("wasmscope.outcome", "ok"),
    ] {
        assert_eq!(text(first, key), expected, "{key}");
    }
    let guest_spans = collector.spans().into_iter();
    let mut guests = guest_spans.filter(|span| span.name == "handle");
    assert!(guests.any(|span| span.is_child_of(first)));
    let traceresponse = ok.header("traceresponse").expect("it was asked for");
    assert!(
        traceresponse.contains(&hex(&first.item.trace_id)),
        "{traceresponse}"
    );
    assert_metrics(&collector);
}

fn guests_name_their_routes(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &[]);
    assert_eq!(service.get("/orders/7").status, 200);
    assert_eq!(service.get("/files/7").status, 200);
    assert_eq!(service.get("/ok").status, 200);
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert_facts(
        &collector,
        &[
            "GET /orders/{id} /orders/7 200 -",
            "GET /files/{id} /files/7 200 -",
            "GET /ok 200 -",
        ],
    );
    let spans = server_spans(&collector, 3);
    let order = spans
        .iter()
        .find(|span| span.name == "GET /orders/{id}")
        .expect("the order");
    assert_eq!(text(order, "http.route"), "/orders/{id}");
    assert_eq!(text(order, "guest.order"), "7");
    let duration = collector.metric("http.server.request.duration");
    let Some(Data::Histogram(duration)) = &duration.item.data else {
        panic!("{duration:?}")
    };
    let route = |point: &HistogramDataPoint| attr(&point.attributes, "http.route");
    let mut routes: Vec<_> = duration.data_points.iter().map(route).collect();
    routes.sort_by_key(|route| format!("{route:?}"));
    let known = |route: &str| Some(Value::Str(route.to_owned()));
    assert_eq!(routes, [None, known("/files/{id}"), known("/orders/{id}")]);
    // Those that were made ahead have ended before the last export.
    let instances = collector.metric("wasmscope.runtime.instances");
    let Some(Data::Sum(instances)) = &instances.item.data else {
        panic!("{instances:?}")
    };
    let left: Vec<_> = instances
        .data_points
        .iter()
        .map(|point| point.value)
        .collect();
    assert_eq!(left, [Some(number_data_point::Value::AsInt(0))]);
}

fn failures_have_a_status_and_no_details(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &[]);
    for (path, expected) in [
        ("/error", "502 \"502 Bad Gateway\\n\""),
        ("/none", "500 \"500 Internal Server Error\\n\""),
        ("/trap-before", "500 \"500 Internal Server Error\\n\""),
        ("/exit", "500 \"500 Internal Server Error\\n\""),
        ("/panic", "500 \"500 Internal Server Error\\n\""),
    ] {
        assert_eq!(service.get(path).to_string(), expected, "{path}");
    }
    let two_hosts = "GET /ok HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n";
    assert_eq!(service.send(two_hosts).status, 400);
    // It still works.
    assert_eq!(service.get("/ok").status, 200);
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert_facts(
        &collector,
        &[
            "GET /error 502 destination-unavailable ERROR",
            "GET /none 500 no_response ERROR",
            "GET /trap-before 500 unreachable ERROR",
            "GET /exit 500 exit ERROR",
            "GET /panic 500 panic ERROR",
            "GET /ok 400 -",
            "GET /ok 200 -",
        ],
    );
}

fn responses_of_failed_guests_break_off(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &[]);
    assert_eq!(
        service.get("/trap-in-body").to_string(),
        "200 \"part\", broken off"
    );
    assert_eq!(service.get("/trap-after").to_string(), "200 \"all\\n\"");
    assert_eq!(service.get("/exit-after").to_string(), "200 \"all\\n\"");
    assert_eq!(
        service.get("/forget").to_string(),
        "200 \"part\", broken off"
    );
    let short = service.get("/short");
    assert!(!short.is_complete, "{short}");
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert_facts(
        &collector,
        &[
            "GET /trap-in-body 200 unreachable ERROR",
            "GET /trap-after 200 unreachable ERROR",
            "GET /exit-after 200 -",
            "GET /forget 200 response_incomplete ERROR",
            "GET /short 200 response_incomplete ERROR",
        ],
    );
}

fn time_is_limited(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &["--timeout", "1s"]);
    assert_eq!(
        service.get("/loop").to_string(),
        "504 \"504 Gateway Timeout\\n\""
    );
    assert_eq!(
        service.get("/loop-in-body").to_string(),
        "200 \"part\", broken off"
    );
    // A client that reads nothing cannot keep a response longer.
    let mut slow = service.connect();
    let request = "GET /stream HTTP/1.1\r\nhost: a\r\n\r\n";
    slow.write_all(request.as_bytes()).expect("a connection");
    // A client that never sends its body.
    let upload = "POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc";
    assert_eq!(service.send(upload).status, 504);
    let spans = server_spans(&service.collector, 4);
    assert_eq!(spans.len(), 4);
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    drop(slow);
    assert_facts(
        &collector,
        &[
            "GET /loop 504 timeout ERROR",
            "GET /loop-in-body 200 timeout ERROR",
            "GET /stream 200 timeout ERROR",
            "POST /read 504 timeout ERROR",
        ],
    );
}

fn a_client_that_goes_away_stops_the_guest(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &[]);
    for path in ["/loop", "/stream"] {
        let mut stream = service.connect();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a connection");
        if path == "/stream" {
            let mut some = [0; 1000];
            stream.read_exact(&mut some).expect("the response began");
        } else {
            thread::sleep(Duration::from_millis(300));
        }
        let _ = stream.shutdown(Shutdown::Both);
    }
    // Long before the timeout of 60 s.
    assert_facts(
        &service.collector,
        &[
            "GET /loop - client_disconnected ERROR",
            "GET /stream 200 client_disconnected ERROR",
        ],
    );
    let _ = service.stop().0.expect_code(0);
}

fn idle_connections_are_closed(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &["--header-timeout", "1s"]);
    let closed = |bytes: &[u8]| {
        let mut stream = service.connect();
        stream.write_all(bytes).expect("a connection");
        let started = Instant::now();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        assert!(started.elapsed() < Duration::from_secs(10));
        String::from_utf8_lossy(&all).into_owned()
    };
    assert_eq!(closed(b""), "");
    assert_eq!(closed(b"PRI * HT"), "");
    let answered = closed(b"GET /ok HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(answered.ends_with("ok\n"), "{answered}");
    // HTTP/2 by prior knowledge: the preface, empty settings, and a request on stream 1. In its
    // head are :method GET, :scheme http, :path /ok and :authority a.
    let mut two = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let head = b"\x82\x86\x04\x03/ok\x01\x01a";
    two.extend([0, 0, head.len() as u8, 1, 5, 0, 0, 0, 1]);
    two.extend(head);
    let answered = closed(&two);
    assert!(answered.contains("ok\n"), "{answered:?}");
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert_facts(&collector, &["GET /ok 200 -", "GET /ok 200 -"]);
    let spans = server_spans(&collector, 2);
    let mut versions: Vec<_> = spans
        .iter()
        .map(|span| text(span, "network.protocol.version"))
        .collect();
    versions.sort();
    assert_eq!(versions, ["1.1", "2"]);
}

fn bodies_and_trailers_pass_in_both_directions(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &[]);
    let mut stream = service.connect();
    let head = "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\nte: trailers\r\n\
                transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("a connection");
    for part in ["one ", "two ", "three"] {
        thread::sleep(Duration::from_millis(50));
        let chunk = format!("{:x}\r\n{part}\r\n", part.len());
        stream.write_all(chunk.as_bytes()).expect("a connection");
    }
    let end = "0\r\nx-sum: 3\r\n\r\n";
    stream.write_all(end.as_bytes()).expect("a connection");
    let answer = Answer::read(&mut stream);
    assert_eq!(answer.to_string(), "200 \"one two three\"");
    assert_eq!(answer.header("x-sum"), Some("3"));
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert_facts(&collector, &["POST /echo 200 -"]);
}

fn sizes_are_limited(runtime: Runtime) {
    let options = ["--max-body-size", "1000", "--max-header-size", "8KiB"];
    let service = Service::start(runtime, SERVICE, &options);
    let post = |length: usize| {
        format!(
            "POST /read HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        ) + &"x".repeat(length)
    };
    assert_eq!(
        service.send(post(1000)).to_string(),
        "200 \"1000 bytes\\n\""
    );
    assert_eq!(service.send(post(1001)).status, 413);
    let chunked = format!(
        "POST /read HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        1001,
        "x".repeat(1001)
    );
    assert_eq!(service.send(chunked).status, 413);
    let header = format!(
        "GET /ok HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    assert_eq!(service.send(header).status, 431);
    let many = "a: b\r\n".repeat(500);
    assert_eq!(
        service
            .send(format!("GET /ok HTTP/1.1\r\nhost: a\r\n{many}\r\n"))
            .status,
        431
    );
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert_facts(
        &collector,
        &["POST /read 200 -", "POST /read 413 -", "POST /read 413 -"],
    );
}

fn too_many_requests_are_refused(runtime: Runtime) {
    let options = [
        "--max-concurrent-requests",
        "1",
        "--max-waiting-requests",
        "1",
        "--wait-timeout",
        "2s",
        "--timeout",
        "20s",
    ];
    let service = Service::start(runtime, SERVICE, &options);
    let busy = begin_endless(&service);
    let started = Instant::now();
    let mut waiting = service.connect();
    let request = "GET /ok HTTP/1.1\r\nhost: a\r\n\r\n";
    waiting.write_all(request.as_bytes()).expect("a connection");
    thread::sleep(Duration::from_millis(100));
    // The queue is full.
    let refused = service.get("/ok");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(started.elapsed() < Duration::from_millis(1900));
    assert_eq!(Answer::read(&mut waiting).status, 503);
    assert!(started.elapsed() >= Duration::from_secs(2));
    drop(busy);
    let _ = server_spans(&service.collector, 3);
    assert_eq!(service.get("/ok").status, 200);
    let _ = service.stop().0.expect_code(0);
}

fn many_requests_are_handled_at_once(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &[]);
    let mut streams: Vec<_> = (0..64).map(|_| service.connect()).collect();
    // Each waits for a body that comes after all have begun.
    for stream in &mut streams {
        let head =
            "POST /read HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("a connection");
    }
    for stream in streams.iter_mut().rev() {
        stream.write_all(b"abc").expect("a connection");
        assert_eq!(Answer::read(stream).to_string(), "200 \"3 bytes\\n\"");
    }
    let _ = service.stop().0.expect_code(0);
}

/// On Wasmtime, memories of instances are reserved for all requests at once. Those of this
/// component do not fit into the address space.
fn a_component_with_very_many_memories_is_served(runtime: Runtime) {
    let mut component = std::fs::read(guest(SERVICE)).expect("a component");
    let module = wat::parse_str("(module (memory 1))").expect("a module");
    let index = core_modules(&component);
    RawSection {
        id: 1,
        data: &module,
    }
    .append_to_component(&mut component);
    let mut instances = InstanceSection::new();
    for _ in 0..40 {
        instances.instantiate(index, Vec::<(&str, ModuleArg)>::new());
    }
    instances.append_to_component(&mut component);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("memories.wasm");
    std::fs::write(&file, component).expect("a file");
    let service = Service::start_file(runtime, &file, |command| command);
    assert_eq!(service.get("/ok").to_string(), "200 \"ok\\n\"");
    let _ = service.stop().0.expect_code(0);
}

/// Counts the core modules of a component, without those of nested ones.
fn core_modules(component: &[u8]) -> u32 {
    // The parser reports the end of the component itself too.
    let (mut depth, mut modules) = (0, 0);
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.expect("a component");
        let is_module = matches!(payload, Payload::ModuleSection { .. });
        if is_module || matches!(payload, Payload::ComponentSection { .. }) {
            modules += u32::from(is_module && depth == 0);
            depth += 1;
        } else if matches!(payload, Payload::End(_)) {
            depth -= 1;
        }
    }
    modules
}

fn instances_are_used_again_only_if_nothing_is_left(runtime: Runtime) {
    let fresh = Service::start(runtime, SERVICE, &[]);
    for _ in 0..3 {
        assert_eq!(fresh.get("/count").text(), "1\n");
    }
    let _ = fresh.stop().0.expect_code(0);

    let options = ["--max-instance-reuse", "3", "--idle-instance-timeout", "1m"];
    let service = Service::start(runtime, SERVICE, &options);
    // A guest ends a little later than its response.
    let mut handled = 0;
    let mut get = |path| {
        let answer = service.get(path);
        handled += 1;
        let _ = server_spans(&service.collector, handled);
        answer
    };
    for expected in ["1\n", "2\n", "3\n", "1\n"] {
        assert_eq!(get("/count").text(), expected);
    }
    // After a failure, and after a resource was kept, the instance ends.
    assert_eq!(get("/trap-before").status, 500);
    assert_eq!(get("/count").text(), "1\n");
    assert_eq!(get("/keep").text(), "1\n");
    assert_eq!(get("/keep").text(), "1\n");
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    let spans = collector.spans();
    let guests = spans.iter().filter(|span| span.name == "handle");
    assert_eq!(guests.count(), 8);
}

fn the_callers_trace_is_continued(runtime: Runtime) {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let request = |headers: &str| {
        format!("GET /ok HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n")
    };
    let parent = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01\r\n");
    let in_trace = |options: &[&str], headers: &str| {
        let service = Service::start(runtime, SERVICE, options);
        assert_eq!(service.send(request(headers)).status, 200);
        let spans = server_spans(&service.collector, 1);
        let _ = service.stop().0.expect_code(0);
        hex(&spans[0].item.trace_id) == TRACE
    };
    assert!(in_trace(&[], &parent));
    assert!(!in_trace(&[], "traceparent: nonsense\r\n"));
    assert!(!in_trace(&[], &parent.repeat(2)), "a doubled header");
    assert!(!in_trace(&["--trust-incoming", "never"], &parent));
}

/// Begins an upload of three bytes, and waits until the guest reads it.
fn begin_upload(service: &Service) -> TcpStream {
    let mut stream = service.connect();
    let head =
        "POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("a connection");
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).expect("the guest reads");
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

/// Begins a request that does not end, and waits until its response begins.
fn begin_endless(service: &Service) -> TcpStream {
    let mut stream = service.connect();
    let request = "GET /loop-in-body HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("a connection");
    let mut some = [0; 10];
    stream.read_exact(&mut some).expect("the response began");
    stream
}

fn a_signal_finishes_requests(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &["--shutdown-timeout", "20s"]);
    let mut stream = begin_upload(&service);
    service.terminate();
    thread::sleep(Duration::from_millis(300));
    assert!(
        TcpStream::connect(service.address).is_err(),
        "it accepts no more connections"
    );
    stream.write_all(b"abc").expect("a connection");
    assert_eq!(Answer::read(&mut stream).to_string(), "200 \"3 bytes\\n\"");
    let (output, collector) = service.finish();
    let _ = output.expect_code(0);
    assert_facts(&collector, &["POST /read 200 -"]);

    // A request that does not end.
    let service = Service::start(runtime, SERVICE, &["--shutdown-timeout", "500ms"]);
    let mut stream = begin_endless(&service);
    let started = Instant::now();
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(!Answer::read(&mut stream).is_complete);
    assert_facts(&collector, &["GET /loop-in-body 200 server_shutdown ERROR"]);
}

fn probes_say_whether_it_is_ready(runtime: Runtime) {
    let options = ["--health-addr", "127.0.0.1:0", "--shutdown-timeout", "20s"];
    let service = Service::start(runtime, SERVICE, &options);
    let probe = |path: &str| {
        let stream = TcpStream::connect(service.probes().expect("it answers probes"));
        let mut stream = stream.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a connection");
        Answer::read(&mut stream).to_string()
    };
    assert_eq!(probe("/livez"), "200 \"alive\\n\"");
    // The first instance takes a moment.
    let deadline = Instant::now() + Duration::from_secs(30);
    while probe("/readyz") != "200 \"ready\\n\"" {
        assert!(Instant::now() < deadline, "it is never ready");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(probe("/"), "404 \"use /livez or /readyz\\n\"");
    let mut stream = begin_upload(&service);
    service.terminate();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(probe("/livez"), "200 \"alive\\n\"");
    assert_eq!(probe("/readyz"), "503 \"shutting down\\n\"");
    stream.write_all(b"abc").expect("a connection");
    assert_eq!(Answer::read(&mut stream).status, 200);
    let _ = service.finish().0.expect_code(0);
}

fn requests_are_shown_as_they_end(runtime: Runtime) {
    let shown = |format: &str| {
        let running = runtime
            .serve()
            .args(["--format", format])
            .arg(guest(SERVICE))
            .spawn();
        let address = Service::address_of(&running);
        for path in ["ok", "trap-before"] {
            let mut stream = TcpStream::connect(address).expect("it listens");
            let request = format!("GET /{path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).expect("a connection");
            let _ = Answer::read(&mut stream);
            // While the server runs.
            running.wait_for_stderr(|text| text.contains(&format!("/{path}")));
        }
        running.terminate();
        running.finish().expect_code(0).stderr
    };
    let text = shown("text");
    let line = |path: &str| {
        text.lines()
            .find(|line| line.contains(path))
            .expect(path)
            .to_owned()
    };
    assert!(line(" GET /ok  200  ").contains("  2 spans"), "{text}");
    assert!(line(" GET /trap-before  500 unreachable  ").contains("  2 spans"));
    let tree = shown("tree");
    assert!(tree.contains("url.path=/ok"), "{tree}");
    assert!(tree.contains("└─ handle"), "{tree}");
    let json = shown("json");
    let is_span = |line: &&str| line.starts_with("{\"resourceSpans\":");
    assert_eq!(json.lines().filter(is_span).count(), 2, "{json}");
}

fn a_component_that_is_no_handler_is_refused(runtime: Runtime) {
    let output = runtime.serve().arg(guest("ordinary")).run();
    let output = output.expect_code(2);
    let expected = "is not an HTTP handler: it does not export wasi:http/incoming-handler@0.2; \
                    it exports `wasi:cli/run@0.2";
    assert!(output.stderr.contains(expected), "{output}");
    assert!(output.stderr.contains("use `wasmscope run`"), "{output}");
    let output = runtime.run().arg(guest(SERVICE)).run().expect_code(2);
    assert!(output.stderr.contains("use `wasmscope serve`"), "{output}");
    // Another server has the address.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = listener.local_addr().expect("an address").to_string();
    let output = runtime.serve().args(["--addr", &taken]).arg(guest(SERVICE));
    let output = output.run().expect_code(2);
    assert!(
        output.stderr.contains("another program uses it"),
        "{output}"
    );
}

fn hello_http_answers_as_the_readme_says(runtime: Runtime) {
    let service = Service::start(runtime, "hello-http", &[]);
    let answer = service.get("/api/hello");
    let name = runtime.name.split('-').next().unwrap_or_default();
    let expected = format!(r#"{{"message":"Hello from WebAssembly!","runtime":"{name}"}}"#);
    assert_eq!(answer.text(), expected);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(service.get("/").status, 404);
    let (output, collector) = service.stop();
    let _ = output.expect_code(0);
    assert_facts(
        &collector,
        &["GET /api/hello /api/hello 200 -", "GET / 404 -"],
    );
    let hello = collector.span("handle_hello");
    let servers = server_spans(&collector, 2);
    assert!(servers.iter().any(|server| hello.is_child_of(server)));
    assert!(collector.log("someone is greeted").is_in(&hello));
    for metric in ["hello.requests", "hello.duration", "wasm.memory.usage"] {
        let _ = collector.metric(metric);
    }
}
