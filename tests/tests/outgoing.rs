//! HTTP requests that a guest sends, on every engine: results, telemetry, and what is refused.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use wasmscope_test_support::{Cli, Collector, Output, SpanView};
use wasmscope_tests::requests::{client_spans, hex, server_spans, text};
use wasmscope_tests::{Runtime, Service, guest, on_each_engine};

on_each_engine! {
    a_request_continues_the_trace,
    requests_need_a_rule,
    private_addresses_need_more_than_the_network,
    failures_are_in_results_and_spans,
    an_early_answer_reaches_a_guest_that_still_writes,
    the_context_goes_only_where_it_may,
    instances_of_a_service_share_connections,
    one_trace_goes_through_two_engines,
    a_chain_of_three_services_is_one_trace,
    without_propagators_a_service_neither_reads_nor_sends_a_context,
}

/// A server that answers each connection in the same way. It passes on the heads of requests.
struct Upstream {
    address: SocketAddr,
    heads: Receiver<String>,
}

impl Upstream {
    fn start(answer: impl Fn(&mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, heads) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                    head.push(byte[0]);
                }
                let _ = sender.send(String::from_utf8(head).expect("text").to_lowercase());
                answer(&mut stream);
            }
        });
        Self { address, heads }
    }

    fn text(text: &'static str) -> Self {
        Self::start(move |stream| {
            let length = text.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
            );
        })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn head(&self) -> String {
        let head = self.heads.recv_timeout(Duration::from_secs(30));
        head.expect("a request")
    }
}

/// Runs the guest with options, and with pairs of an action and a URL.
fn run(runtime: Runtime, options: &[&str], args: &[&str]) -> (Output, Collector) {
    run_in(runtime, options, args, |command| command)
}

fn run_in(
    runtime: Runtime,
    options: &[&str],
    args: &[&str],
    set: impl FnOnce(Cli) -> Cli,
) -> (Output, Collector) {
    let collector = Collector::start();
    let command = runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .args(options)
        .arg(guest("http-client"))
        .args(args);
    (set(command).run().expect_code(0), collector)
}

fn request(collector: &Collector) -> SpanView {
    let mut spans = client_spans(collector);
    assert_eq!(spans.len(), 1, "{}", collector.dump());
    spans.remove(0)
}

fn error(span: &SpanView) -> String {
    text(span, "error.type")
}

fn a_request_continues_the_trace(runtime: Runtime) {
    let upstream = Upstream::text("hello");
    let url = upstream.url();
    let options = ["--outbound", &url];
    let (output, collector) = run_in(runtime, &options, &["get", &url], |command| {
        command.env("BAGGAGE", "tenant=a")
    });
    assert_eq!(output.stdout(), "get: 200 hello\n", "{output}");
    let run = collector.span("run http-client");
    let span = request(&collector);
    assert!(span.is_child_of(&run), "{}", collector.dump());
    assert_eq!(span.name, "GET");
    let head = upstream.head();
    let (trace, id) = (hex(&span.item.trace_id), hex(&span.item.span_id));
    assert!(
        head.contains(&format!("traceparent: 00-{trace}-{id}-01\r\n")),
        "{head}"
    );
    assert!(head.contains("baggage: tenant=a\r\n"), "{head}");
    let duration = collector.metric("http.client.request.duration");
    assert_eq!(duration.scope.name, "wasmscope");
}

fn requests_need_a_rule(runtime: Runtime) {
    let (url, rule) = ("https://api.example.com/x", "https://other.example");
    let args = ["get", url, "get", url];
    let (output, collector) = run(runtime, &["--outbound", rule], &args);
    let denied = "get: ErrorCode::HttpRequestDenied\n";
    assert_eq!(output.stdout(), denied.repeat(2), "{output}");
    let warning = "wasmscope: warning: an HTTP request to https://api.example.com was refused; \
                   to allow it, add --outbound https://api.example.com\n";
    assert_eq!(output.stderr.matches(warning).count(), 1, "{output}");
    let errors: Vec<_> = client_spans(&collector).iter().map(error).collect();
    assert_eq!(errors, ["HTTP-request-denied"; 2]);
}

fn private_addresses_need_more_than_the_network(runtime: Runtime) {
    let upstream = Upstream::text("hello");
    let port = upstream.address.port();
    let url = format!("http://localhost:{port}");
    let (output, collector) = run(runtime, &["--network"], &["get", &url]);
    let prohibited = "get: ErrorCode::DestinationIpProhibited\n";
    assert_eq!(output.stdout(), prohibited, "{output}");
    for words in ["is not on the public internet", "--outbound-private"] {
        assert!(output.stderr.contains(words), "no {words} in {output}");
    }
    assert_eq!(error(&request(&collector)), "destination-IP-prohibited");
    for options in [
        &["--network", "--outbound-private"][..],
        &["--outbound", &format!("localhost:{port}")],
    ] {
        let (output, _) = run(runtime, options, &["get", &url]);
        assert_eq!(output.stdout(), "get: 200 hello\n", "{output}");
    }
}

fn failures_are_in_results_and_spans(runtime: Runtime) {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let refusing = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let silent = Upstream::start(|stream| {
        // Until the client goes away.
        let _ = stream.read(&mut [0]);
    });
    let silent = silent.url();
    let args = ["get", &refusing, "impatient", &silent, "leave", &silent];
    let (output, collector) = run(runtime, &["--outbound", "http://127.0.0.1:*"], &args);
    assert_eq!(
        output.stdout(),
        "get: ErrorCode::ConnectionRefused\n\
         impatient: ErrorCode::ConnectionReadTimeout\n\
         leave: answered false\n",
        "{output}"
    );
    let mut spans = client_spans(&collector);
    spans.sort_by_key(|span| span.item.start_time_unix_nano);
    let errors: Vec<_> = spans.iter().map(error).collect();
    assert_eq!(
        errors,
        ["connection-refused", "connection-read-timeout", "cancelled"]
    );
}

fn an_early_answer_reaches_a_guest_that_still_writes(runtime: Runtime) {
    let upstream = Upstream::start(|stream| {
        let answer = "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno";
        let _ = stream.write_all(answer.as_bytes());
        // As servers do that do not want to lose the answer.
        let _ = stream.take(1 << 20).read_to_end(&mut Vec::new());
    });
    let url = upstream.url();
    let (output, collector) = run(runtime, &["--outbound", &url], &["upload", &url]);
    assert_eq!(output.stdout(), "upload: 413 no\n", "{output}");
    assert_eq!(error(&request(&collector)), "413");
}

fn the_context_goes_only_where_it_may(runtime: Runtime) {
    let upstream = Upstream::text("hello");
    let url = upstream.url();
    let elsewhere = ["--outbound", &url, "--propagate-to", "https://example.com"];
    let (_, collector) = run(runtime, &elsewhere, &["get", &url]);
    assert_eq!(client_spans(&collector).len(), 1);
    assert!(!upstream.head().contains("traceparent"));
    let (_, collector) = run_in(runtime, &["--outbound", &url], &["get", &url], |command| {
        command.env("OTEL_PROPAGATORS", "none")
    });
    assert_eq!(client_spans(&collector).len(), 1);
    assert!(!upstream.head().contains("traceparent"));
}

fn instances_of_a_service_share_connections(runtime: Runtime) {
    const REQUESTS: usize = 4;
    // Answers all requests of a connection.
    let upstream = Upstream::start(|stream| {
        for _ in 0..REQUESTS {
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    let service = relay_to(runtime, upstream.address, "", |command| command);
    for _ in 0..REQUESTS {
        let answer = service.get("/");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "hello"),
            "{answer:?}"
        );
    }
    let (output, collector) = service.stop();
    assert!(!output.stderr.contains("warning"), "{output}");
    let spans = client_spans(&collector);
    assert_eq!(spans.len(), REQUESTS, "{}", collector.dump());
    for span in spans {
        let spans = collector.spans();
        let mut parents = spans.iter().filter(|parent| span.is_child_of(parent));
        let parent = parents.next().expect("the span of the server");
        assert_eq!(parent.item.kind, 2, "{}", collector.dump());
    }
    // Each connection passes its first head on. A request that is faster than the pool makes
    // another one.
    let connections = upstream.heads.try_iter().count();
    assert!((1..REQUESTS).contains(&connections), "{connections}");
}

#[test]
fn a_wrong_rule_is_an_error_that_says_what_to_write() {
    let output = Cli::new()
        .args(["run", "--outbound", "ftp://a", "app.wasm"])
        .run()
        .expect_code(2);
    for words in ["--outbound", "scheme `ftp`", "https://api.example.com"] {
        assert!(output.stderr.contains(words), "no {words} in {output}");
    }
}

/// Returns a runtime with another engine.
fn other(runtime: Runtime) -> Runtime {
    if runtime == Runtime::WASMTIME {
        Runtime::WASMEDGE
    } else {
        Runtime::WASMTIME
    }
}

/// The services of the demo: the shop on one engine asks the prices on another one.
fn one_trace_goes_through_two_engines(runtime: Runtime) {
    let prices = Service::start(other(runtime), "prices", &[]);
    let url = format!("http://{}", prices.address);
    let env = format!("PRICES={url}");
    let shop = Service::start(runtime, "shop", &["--env", &env, "--outbound", &url]);
    let order = |order: &str| {
        let length = order.len();
        shop.send(format!(
            "POST /orders HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{order}"
        ))
    };
    let receipt = order(r#"{"item":"tea","count":2}"#).text();
    assert_eq!(receipt, r#"{"item":"tea","count":2,"cents":500}"#);
    assert_eq!(order(r#"{"item":"gold","count":1}"#).status, 422);
    assert_eq!(order("no order").status, 400);
    let menu = shop.get("/menu");
    assert_eq!(menu.text(), "tea 2.50\ncoffee 3.20\ncake 4.80\n");
    let (output, of_prices) = prices.stop();
    let _ = output.expect_code(0);
    assert_eq!(order(r#"{"item":"tea","count":1}"#).status, 502);
    let (output, of_shop) = shop.stop();
    let _ = output.expect_code(0);

    let asked = client_spans(&of_shop);
    let spans = of_prices.spans();
    let answered = server_spans(&of_prices, 5);
    assert_eq!(answered.len(), 5);
    for server in &answered {
        assert!(asked.iter().any(|client| server.is_child_of(client)));
        assert!(spans.iter().any(|look_up| look_up.is_child_of(server)));
    }
}

/// Starts a service that asks another one.
fn relay_to(
    runtime: Runtime,
    address: SocketAddr,
    path: &str,
    prepare: impl FnOnce(Cli) -> Cli,
) -> Service {
    let host = format!("http://{address}");
    let env = format!("UPSTREAM={host}{path}");
    Service::start_as(runtime, "http-relay", |command| {
        prepare(command.args(["--env", &env, "--outbound", &host]))
    })
}

/// The first and the last one run on this engine, the one between them on another one.
fn a_chain_of_three_services_is_one_trace(runtime: Runtime) {
    let last = Service::start(runtime, "http-service", &[]);
    let middle = relay_to(other(runtime), last.address, "/ok", |command| command);
    let first = relay_to(runtime, middle.address, "", |command| command);
    assert_eq!(first.get("/").to_string(), "200 \"ok\\n\"");
    let [first, middle, last] = [first, middle, last].map(|service| {
        let (output, collector) = service.stop();
        let _ = output.expect_code(0);
        collector
    });
    let only = |spans: Vec<SpanView>, collector: &Collector| {
        assert_eq!(spans.len(), 1, "{}", collector.dump());
        spans.into_iter().next().expect("one span")
    };
    let server = |collector| only(server_spans(collector, 1), collector);
    let chain = [
        server(&first),
        request(&first),
        server(&middle),
        request(&middle),
        server(&last),
        last.span("handle"),
    ];
    assert!(chain[0].parent_span_id.is_empty(), "{}", first.dump());
    for [parent, child] in chain.array_windows() {
        assert!(child.is_child_of(parent), "{child:?} below {parent:?}");
    }
}

fn without_propagators_a_service_neither_reads_nor_sends_a_context(runtime: Runtime) {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    for propagators in ["none", "tracecontext,baggage"] {
        let upstream = Upstream::text("hello");
        let service = relay_to(runtime, upstream.address, "", |command| {
            command.env("OTEL_PROPAGATORS", propagators)
        });
        let answer = service.send(format!(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nbaggage: tenant=a\r\n\
             tracestate: vendor=1\r\ntraceparent: 00-{TRACE}-b7ad6b7169203331-01\r\n\r\n"
        ));
        assert_eq!(answer.text(), "hello");
        let (output, collector) = service.stop();
        let _ = output.expect_code(0);
        let server = server_spans(&collector, 1).remove(0);
        let head = upstream.head();
        let is_off = propagators == "none";
        assert_eq!(hex(&server.trace_id) != TRACE, is_off);
        assert_eq!(server.parent_span_id.is_empty(), is_off);
        assert_eq!(server.links, []);
        for header in ["traceparent:", "tracestate:", "baggage:"] {
            assert_eq!(!head.contains(header), is_off, "{header} in {head}");
        }
        // The guest's request is still beneath that of its client.
        assert!(request(&collector).is_child_of(&server));
    }
}
