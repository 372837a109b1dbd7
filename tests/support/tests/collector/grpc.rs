//! The collector over gRPC, with the generated clients, from an asynchronous test.

use std::time::Duration;

use crate::common::{SOON, logs, metrics, span, text, traces};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use wasmscope_test_support::{Collector, Protocol, Reply};

async fn connect(collector: &Collector) -> Channel {
    Endpoint::new(collector.endpoint_grpc())
        .unwrap()
        .timeout(SOON)
        .connect()
        .await
        .unwrap()
}

async fn post_spans(channel: &Channel) -> Result<(), Status> {
    let request = traces(vec![span("a", 1, 0, 1, 2)]);
    TraceServiceClient::new(channel.clone())
        .export(request)
        .await
        .map(drop)
}

#[tokio::test]
async fn each_signal_is_decoded_plain_and_compressed() {
    let collector = Collector::start();
    let channel = connect(&collector).await;
    post_spans(&channel).await.unwrap();

    let metric = Metric {
        name: "orders".to_owned(),
        ..Metric::default()
    };
    let mut client =
        MetricsServiceClient::new(channel.clone()).send_compressed(CompressionEncoding::Gzip);
    let mut request = Request::new(metrics(vec![metric.clone()]));
    request
        .metadata_mut()
        .insert("authorization", "Bearer x".parse().unwrap());
    client.export(request).await.unwrap();

    let record = LogRecord {
        body: Some(text("hello")),
        ..LogRecord::default()
    };
    LogsServiceClient::new(channel)
        .export(logs(vec![record.clone()]))
        .await
        .unwrap();

    assert_eq!(collector.span("a").item, span("a", 1, 0, 1, 2));
    assert_eq!(collector.span("a").scope.name, "checkout");
    assert_eq!(collector.metric("orders").item, metric);
    assert_eq!(collector.log("hello").item, record);
    let requests = collector.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|request| request.protocol == Protocol::Grpc)
    );
    assert_eq!(requests[0].header("grpc-encoding"), None);
    assert_eq!(requests[1].header("grpc-encoding"), Some("gzip"));
    assert_eq!(requests[1].header("authorization"), Some("Bearer x"));
    assert_eq!(collector.violations(), []);
}

#[tokio::test]
async fn scripted_statuses_become_codes_with_retry_info() {
    let collector = Collector::start();
    let channel = connect(&collector).await;
    let after = Duration::from_millis(1500);
    collector.respond_with([
        Reply::retry_after(429, after),
        Reply::status(503),
        Reply::status(400),
        Reply::status(401),
    ]);
    let status = post_spans(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let retry = status.get_details_retry_info().unwrap();
    assert_eq!(retry.retry_delay, Some(after));
    for code in [
        Code::Unavailable,
        Code::InvalidArgument,
        Code::Unauthenticated,
    ] {
        let status = post_spans(&channel).await.unwrap_err();
        assert_eq!(status.code(), code);
        assert!(status.get_details_retry_info().is_none());
    }
    assert_eq!(collector.spans().len(), 0);
    post_spans(&channel).await.unwrap();
    assert_eq!((collector.spans().len(), collector.attempts()), (1, 5));
}

#[tokio::test]
async fn a_partial_success_is_reported() {
    let collector = Collector::start();
    collector.respond_with([Reply::partial(3, "too old")]);
    let mut client = TraceServiceClient::new(connect(&collector).await);
    let response = client
        .export(traces(Vec::new()))
        .await
        .unwrap()
        .into_inner();
    let partial = response.partial_success.unwrap();
    assert_eq!(
        (partial.rejected_spans, &*partial.error_message),
        (3, "too old")
    );
}

#[tokio::test]
async fn never_and_disconnect_give_no_answer() {
    let collector = Collector::start();
    collector.respond_with([Reply::Never, Reply::Disconnect]);
    let endpoint = Endpoint::new(collector.endpoint_grpc()).unwrap();
    let channel = endpoint.timeout(Duration::from_millis(200)).connect_lazy();
    let never = post_spans(&channel).await.unwrap_err();
    assert_eq!(never.code(), Code::Cancelled, "{never:?}");

    let channel = connect(&collector).await;
    let disconnected = post_spans(&channel).await.unwrap_err();
    assert!(
        disconnected.message().contains("transport error") || disconnected.message().contains("h2"),
        "{disconnected:?}"
    );
    assert_eq!((collector.attempts(), collector.spans().len()), (2, 0));
    post_spans(&channel).await.unwrap();
    assert_eq!(collector.spans().len(), 1, "a new connection is served");
}

#[tokio::test]
async fn connections_are_refused_when_told() {
    let collector = Collector::start();
    let channel = connect(&collector).await;
    post_spans(&channel).await.unwrap();
    collector.refuse_connections();
    assert!(
        post_spans(&channel).await.is_err(),
        "the connection was cut"
    );
    let endpoint = Endpoint::new(collector.endpoint_grpc()).unwrap();
    assert!(endpoint.connect().await.is_err());
    collector.accept_connections();
    post_spans(&channel).await.unwrap();
    assert_eq!(collector.spans().len(), 2);
}

#[tokio::test]
async fn http_sent_to_the_grpc_endpoint_does_not_arrive() {
    let collector = Collector::start();
    let url = collector.endpoint_grpc() + "/v1/traces";
    let answered = tokio::task::spawn_blocking(move || {
        let request = crate::common::client().post(url);
        request
            .header("content-type", "application/x-protobuf")
            .send()
            .is_ok()
    });
    assert!(!answered.await.unwrap());
    assert_eq!(collector.attempts(), 0);
}

#[tokio::test]
async fn an_unknown_service_or_a_broken_message_is_a_violation() {
    use tonic::codegen::http::uri::PathAndQuery;

    let collector = Collector::start();
    let mut client = tonic::client::Grpc::new(connect(&collector).await);
    let table = [
        (
            "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
            "Unimplemented",
        ),
        (
            "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
            "Unimplemented",
        ),
        // A log record in place of a span: field 1 is a number in the one and bytes in the other.
        (
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            "Internal",
        ),
    ];
    for (index, (path, problem)) in table.into_iter().enumerate() {
        client.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<u64, ()>::default();
        let path = PathAndQuery::from_static(path);
        let answer = client.unary(Request::new(7_u64), path.clone(), codec).await;
        assert!(answer.is_err());
        let violations = collector.violations();
        assert_eq!(violations.len(), index + 1);
        assert_eq!(violations[index].path, path.as_str());
        assert!(
            violations[index].problem.starts_with(problem),
            "{}",
            violations[index]
        );
    }
    assert_eq!(collector.attempts(), 0);
}
