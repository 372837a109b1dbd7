//! The collector over HTTP, with reqwest as the client.

use std::time::Duration;

use crate::common::{SOON, client, gzip, int, logs, metrics, span, string, text, traces};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, Sum};
use prost::Message as _;
use reqwest::StatusCode;
use reqwest::blocking::{RequestBuilder, Response};
use wasmscope_test_support::{Collector, Payload, Protocol, Reply, Signal, Value};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

fn post(collector: &Collector, path: &str, content_type: &str, body: Vec<u8>) -> RequestBuilder {
    let url = collector.endpoint_http() + path;
    client()
        .post(url)
        .header("content-type", content_type)
        .body(body)
}

fn post_spans(collector: &Collector) -> Response {
    let body = traces(vec![span("a", 1, 0, 1, 2)]).encode_to_vec();
    post(collector, "/v1/traces", PROTOBUF, body)
        .send()
        .unwrap()
}

fn sum() -> Metric {
    let point = NumberDataPoint {
        attributes: vec![int("k", 1)],
        value: Some(Number::AsInt(i64::MAX)),
        time_unix_nano: 5,
        ..NumberDataPoint::default()
    };
    let sum = Sum {
        data_points: vec![point],
        aggregation_temporality: 2,
        is_monotonic: true,
    };
    Metric {
        name: "orders".to_owned(),
        data: Some(Data::Sum(sum)),
        ..Metric::default()
    }
}

fn record() -> LogRecord {
    LogRecord {
        body: Some(text("hello")),
        severity_number: 9,
        ..LogRecord::default()
    }
}

#[test]
fn protobuf_of_each_signal_is_decoded_with_resource_and_scope() {
    let collector = Collector::start();
    let bodies = [
        (
            "/v1/traces",
            traces(vec![span("a", 1, 0, 1, 2)]).encode_to_vec(),
        ),
        ("/v1/metrics", metrics(vec![sum()]).encode_to_vec()),
        ("/v1/logs", logs(vec![record()]).encode_to_vec()),
    ];
    for (path, body) in bodies {
        let response = post(&collector, path, PROTOBUF, body).send().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], PROTOBUF);
        assert_eq!(
            response.bytes().unwrap(),
            "",
            "an empty message says all was accepted"
        );
    }

    let received = collector.span("a");
    assert_eq!(received.item, span("a", 1, 0, 1, 2));
    assert_eq!(received.resource.attr("service.name"), Some("shop".into()));
    assert_eq!(received.resource.schema_url, "resource:1");
    assert_eq!(
        (&*received.scope.name, &*received.scope.version),
        ("checkout", "1.2")
    );
    assert_eq!(received.scope.attr("n"), Some(1.into()));
    assert_eq!(received.scope.schema_url, "scope:1");
    assert_eq!(collector.metric("orders").item, sum());
    assert_eq!(collector.log("hello").item, record());
    assert_eq!(collector.attempts(), 3);
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        assert_eq!(collector.attempts_for(signal), 1, "{signal:?}");
    }
    assert_eq!(collector.violations(), []);
}

#[test]
fn json_of_each_signal_is_decoded_to_the_same_values() {
    let collector = Collector::start();
    let mut one = span("a", 1, 2, u64::MAX - 1, u64::MAX);
    one.attributes = vec![int("i", i64::MIN), string("s", "é\n")];
    let bodies = [
        (
            "/v1/traces",
            serde_json::to_vec(&traces(vec![one.clone()])).unwrap(),
        ),
        (
            "/v1/metrics",
            serde_json::to_vec(&metrics(vec![sum()])).unwrap(),
        ),
        (
            "/v1/logs",
            serde_json::to_vec(&logs(vec![record()])).unwrap(),
        ),
    ];
    for (path, body) in bodies {
        let content_type = "application/json; charset=utf-8";
        let response = post(&collector, path, content_type, body).send().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], JSON);
    }
    assert_eq!(collector.span("a").item, one);
    assert_eq!(collector.span("a").attr("s"), Some(Value::from("é\n")));
    assert_eq!(collector.metric("orders").item, sum());
    assert_eq!(collector.log("hello").item, record());
    assert!(
        collector
            .requests()
            .iter()
            .all(|request| request.protocol == Protocol::HttpJson)
    );
}

#[test]
fn json_written_by_hand_follows_the_protocols_json_mapping() {
    // Ids in hex, 64-bit integers as strings or numbers, infinity as a word, unknown fields
    // ignored.
    let body = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10",
        "spanId":"0a00000000000001","name":"by hand","kind":2,"startTimeUnixNano":"18446744073709551615",
        "unknown":1,"attributes":[{"key":"i","value":{"intValue":"-5"}},{"key":"b","value":{"bytesValue":"AAE="}},
        {"key":"d","value":{"doubleValue":"-Infinity"}},{"key":"s","value":{"stringValue":"-Infinity"}}]}]}]}]}"#;
    let collector = Collector::start();
    post(&collector, "/v1/traces", JSON, body.into())
        .send()
        .unwrap();
    let span = collector.span("by hand");
    assert_eq!(span.trace_id, (1..=16).collect::<Vec<u8>>());
    assert_eq!(span.span_id, [10, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(span.start_time_unix_nano, u64::MAX);
    assert_eq!(span.attr("i"), Some((-5).into()));
    assert_eq!(span.attr("b"), Some(Value::Bytes(vec![0, 1])));
    assert_eq!(span.attr("d"), Some(f64::NEG_INFINITY.into()));
    assert_eq!(span.attr("s"), Some("-Infinity".into()));
}

#[test]
fn gzip_is_taken_and_headers_are_recorded() {
    let collector = Collector::start();
    let body = gzip(&traces(vec![span("a", 1, 0, 1, 2)]).encode_to_vec());
    let request = post(&collector, "/v1/traces", PROTOBUF, body)
        .header("content-encoding", "gzip")
        .header("Authorization", "Bearer x");
    assert_eq!(request.send().unwrap().status(), StatusCode::OK);
    assert_eq!(collector.spans().len(), 1);
    let request = &collector.requests()[0];
    assert_eq!(request.protocol, Protocol::HttpProtobuf);
    assert_eq!(request.header("authorization"), Some("Bearer x"));
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    assert_eq!(request.header("absent"), None);
    assert!(matches!(request.payload, Payload::Traces(_)));
}

#[test]
fn protocol_violations_are_refused_and_recorded() {
    let collector = Collector::start();
    let good = traces(vec![span("a", 1, 0, 1, 2)]).encode_to_vec();
    let json = b"{\"resourceSpans\": 1}".to_vec();
    let plain = |path: &str, content_type: &str, body: &[u8]| {
        post(&collector, path, content_type, body.to_vec())
    };
    let table = [
        (plain("/v1/trace", PROTOBUF, &good), 404, "no such path"),
        (
            plain("/v1/traces", "text/plain", &good),
            415,
            "`text/plain`",
        ),
        (
            plain("/v1/traces", "application/grpc", &good),
            415,
            "`application/grpc`",
        ),
        (
            plain("/v1/traces", PROTOBUF, b"\xff"),
            400,
            "not the protobuf of Traces",
        ),
        (
            plain("/v1/traces", JSON, &json),
            400,
            "not the JSON of Traces",
        ),
        (
            plain("/v1/traces", PROTOBUF, &good).header("content-encoding", "br"),
            415,
            "`br`",
        ),
        (
            plain("/v1/traces", PROTOBUF, &good).header("content-encoding", "gzip"),
            400,
            "not gzip",
        ),
        (
            client().get(collector.endpoint_http() + "/v1/traces"),
            405,
            "expected POST, got GET",
        ),
        (
            client().post(collector.endpoint_http() + "/v1/logs"),
            415,
            "got ``",
        ),
    ];
    for (index, (request, status, problem)) in table.into_iter().enumerate() {
        assert_eq!(request.send().unwrap().status(), status, "{problem}");
        let violations = collector.violations();
        assert_eq!(violations.len(), index + 1);
        assert!(
            violations[index].problem.contains(problem),
            "{}",
            violations[index]
        );
    }
    assert_eq!(collector.attempts(), 0);
    assert!(
        collector
            .dump()
            .contains("violation: /v1/trace: no such path"),
        "{}",
        collector.dump()
    );
}

#[test]
fn a_script_is_played_reply_by_reply_and_then_everything_is_accepted() {
    let collector = Collector::start();
    collector.respond_with([
        Reply::retry_after(429, Duration::from_millis(1500)),
        Reply::status(503),
        Reply::partial(2, "too old"),
    ]);
    let response = post_spans(&collector);
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "2");
    let status = tonic_types::Status::decode(response.bytes().unwrap()).unwrap();
    assert_eq!(status.message, "scripted by the test");
    let response = post_spans(&collector);
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!response.headers().contains_key("retry-after"));
    assert_eq!(
        collector.spans().len(),
        0,
        "rejected items were not accepted"
    );

    let response = post_spans(&collector);
    let message = ExportTraceServiceResponse::decode(response.bytes().unwrap()).unwrap();
    let partial = message.partial_success.unwrap();
    assert_eq!(
        (partial.rejected_spans, &*partial.error_message),
        (2, "too old")
    );
    assert_eq!(post_spans(&collector).status(), StatusCode::OK);
    assert_eq!(collector.spans().len(), 2);
    assert_eq!(collector.attempts(), 4);
    assert_eq!(collector.requests()[1].reply, Reply::status(503));
}

#[test]
fn a_script_for_one_signal_leaves_the_others_alone() {
    let collector = Collector::start();
    collector.respond_to(Signal::Logs, [Reply::status(400)]);
    assert_eq!(post_spans(&collector).status(), StatusCode::OK);
    let body = logs(vec![record()]).encode_to_vec();
    let response = post(&collector, "/v1/logs", PROTOBUF, body).send().unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[test]
fn respond_always_applies_until_it_is_replaced() {
    let collector = Collector::start();
    collector.respond_always(Reply::status(500));
    collector.respond_with([Reply::Accept]);
    assert_eq!(post_spans(&collector).status(), StatusCode::OK);
    assert_eq!(
        post_spans(&collector).status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
    assert_eq!(
        post_spans(&collector).status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
    collector.respond_always(Reply::Accept);
    assert_eq!(post_spans(&collector).status(), StatusCode::OK);
}

#[test]
fn errors_come_in_the_encoding_of_the_request() {
    let collector = Collector::start();
    collector.respond_with([Reply::status(400)]);
    let body = serde_json::to_vec(&traces(Vec::new())).unwrap();
    let response = post(&collector, "/v1/traces", JSON, body).send().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&response.bytes().unwrap()).unwrap();
    assert_eq!(body["message"], "scripted by the test");
}

#[test]
fn never_keeps_the_client_waiting_until_it_gives_up() {
    let collector = Collector::start();
    collector.respond_with([Reply::Never]);
    let body = traces(vec![span("a", 1, 0, 1, 2)]).encode_to_vec();
    let request = post(&collector, "/v1/traces", PROTOBUF, body);
    let error = request
        .timeout(Duration::from_millis(200))
        .send()
        .unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!((collector.attempts(), collector.spans().len()), (1, 0));
}

#[test]
fn slow_accepts_when_the_delay_has_passed() {
    let collector = Collector::start();
    let delay = Duration::from_millis(200);
    collector.respond_with([Reply::Slow(delay)]);
    let before = std::time::Instant::now();
    assert_eq!(post_spans(&collector).status(), StatusCode::OK);
    assert!(before.elapsed() >= delay);
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn disconnect_cuts_the_connection_without_an_answer() {
    let collector = Collector::start();
    collector.respond_with([Reply::Disconnect]);
    let body = traces(vec![span("a", 1, 0, 1, 2)]).encode_to_vec();
    let error = post(&collector, "/v1/traces", PROTOBUF, body)
        .send()
        .unwrap_err();
    assert!(
        error.is_request() && !error.is_timeout() && !error.is_connect(),
        "{error:?}"
    );
    assert_eq!((collector.attempts(), collector.spans().len()), (1, 0));
}

#[test]
fn connections_are_refused_until_it_listens_and_again_when_told() {
    let collector = Collector::refusing();
    let body = traces(vec![span("a", 1, 0, 1, 2)]).encode_to_vec();
    // One client for all requests: it would reuse a connection that stayed open.
    let client = client();
    let url = collector.endpoint_http() + "/v1/traces";
    let send = || {
        client
            .post(&url)
            .header("content-type", PROTOBUF)
            .body(body.clone())
            .send()
    };
    for round in 1..=2 {
        assert!(send().unwrap_err().is_connect());
        collector.accept_connections();
        assert_eq!(send().unwrap().status(), StatusCode::OK);
        assert_eq!(
            (collector.spans().len(), collector.connections()),
            (round, round)
        );
        collector.refuse_connections();
    }
    assert!(send().unwrap_err().is_connect());
    assert_eq!(collector.spans().len(), 2, "received items are kept");
}

#[test]
fn waiting_ends_as_soon_as_the_condition_holds() {
    let collector = Collector::start();
    std::thread::scope(|scope| {
        scope.spawn(|| post_spans(&collector));
        collector.wait_for(|c| c.spans().len() == 1, SOON);
    });
}

#[test]
#[should_panic(expected = "Traces over HttpProtobuf: 1 items, answered Accept\nresource r1")]
fn a_failed_wait_lists_the_received_items() {
    let collector = Collector::start();
    post_spans(&collector);
    collector.wait_for(|c| c.spans().len() == 2, Duration::from_millis(50));
}

#[test]
#[should_panic(expected = "expected one span `a`, found 2")]
fn span_panics_if_two_spans_have_the_name() {
    let collector = Collector::start();
    post_spans(&collector);
    post_spans(&collector);
    let _ = collector.span("a");
}
