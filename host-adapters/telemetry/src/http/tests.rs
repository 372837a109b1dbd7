use std::net::{IpAddr, Ipv4Addr};

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData, SpanLimits};

use super::*;
use crate::host_span::Propagation;
use crate::invocation::{Invocation, InvocationOptions, Outcome, TrustIncoming};
use crate::telemetry::{Providers, Telemetry};

mod route;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

struct Host {
    telemetry: Telemetry,
    spans: InMemorySpanExporter,
    metrics: InMemoryMetricExporter,
    meter: SdkMeterProvider,
}

impl Host {
    fn new() -> Self {
        let spans = InMemorySpanExporter::default();
        let tracer = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let metrics = InMemoryMetricExporter::default();
        let meter = SdkMeterProvider::builder()
            .with_periodic_exporter(metrics.clone())
            .build();
        let providers = Providers {
            tracer: Some(tracer),
            meter: Some(meter.clone()),
            logger: None,
        };
        Self {
            telemetry: Telemetry::builder(providers).build(),
            spans,
            metrics,
            meter,
        }
    }

    /// Returns a host whose provider for its own spans has higher limits, as that of a pipeline.
    fn with_high_limits() -> Self {
        let mut host = Self::new();
        let limits = SpanLimits {
            max_events_per_span: u32::MAX,
            max_attributes_per_span: u32::MAX,
            max_links_per_span: u32::MAX,
            max_attributes_per_event: u32::MAX,
            max_attributes_per_link: u32::MAX,
        };
        let tracer = SdkTracerProvider::builder()
            .with_simple_exporter(host.spans.clone())
            .with_span_limits(limits)
            .build();
        let providers = Providers {
            tracer: Some(SdkTracerProvider::builder().build()),
            meter: Some(host.meter.clone()),
            logger: None,
        };
        host.telemetry = Telemetry::builder(providers)
            .span_limits(SpanLimits::default())
            .host_tracer_provider(tracer)
            .build();
        host
    }

    fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().unwrap()
    }

    /// Returns the attributes of each point of a metric, as text.
    fn points(&self, name: &str) -> Vec<String> {
        self.meter.force_flush().unwrap();
        let finished = self.metrics.get_finished_metrics().unwrap();
        let scopes = finished
            .iter()
            .flat_map(|resource| resource.scope_metrics());
        let metrics = scopes.flat_map(|scope| scope.metrics());
        let mut points = Vec::new();
        for metric in metrics.filter(|metric| metric.name() == name) {
            if let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() {
                for point in histogram.data_points() {
                    points.push(text(point.attributes()));
                }
            } else if let AggregatedMetrics::U64(MetricData::Histogram(histogram)) = metric.data() {
                for point in histogram.data_points() {
                    points.push(format!("{} sum={}", text(point.attributes()), point.sum()));
                }
            } else if let AggregatedMetrics::I64(MetricData::Sum(sum)) = metric.data() {
                for point in sum.data_points() {
                    points.push(format!("{} {}", text(point.attributes()), point.value()));
                }
            }
        }
        points
    }
}

fn text<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut texts: Vec<_> = attributes
        .map(|attribute| format!("{}={}", attribute.key, attribute.value))
        .collect();
    texts.sort();
    texts.join(" ")
}

fn attribute_of<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
    let found = span
        .attributes
        .iter()
        .find(|known| known.key.as_str() == key);
    found.map(|found| &found.value)
}

fn get() -> ServerRequest<'static> {
    ServerRequest {
        method: "GET",
        scheme: "http",
        path: "/orders",
        query: Some("a=1&sig=secret&b"),
        host: Some("shop.example"),
        port: Some(8080),
        client: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        version: "1.1",
        user_agent: Some("curl/8"),
    }
}

#[test]
fn a_request_is_one_span_with_its_metrics() {
    let host = Host::new();
    let options = InvocationOptions::default().with_traceparent(PARENT);
    let mut active = host.telemetry.start_server_request("shop", &get(), options);
    assert_eq!(
        host.points("http.server.active_requests"),
        ["http.request.method=GET url.scheme=http 1"]
    );
    let span = active.take_span().unwrap();
    let mut instance = host.telemetry.instance("shop");
    let call = Invocation::begin_in(&mut instance, span);
    let (_, span) = call.hand_over(&Outcome::Ok);
    assert!(
        host.spans().is_empty(),
        "it is open until the response was sent"
    );
    active.return_span(span);
    active.set_status(200);
    active.add_request_bytes(5);
    active.add_response_bytes(7);
    drop(active);

    let spans = host.spans();
    let [span] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(span.name, "GET");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(span.status, Status::Unset);
    assert_eq!(
        text(span.attributes.iter()),
        "client.address=127.0.0.1 http.request.method=GET http.response.status_code=200 \
         network.protocol.version=1.1 server.address=shop.example server.port=8080 \
         url.path=/orders url.query=a=1&sig=REDACTED&b url.scheme=http \
         user_agent.original=curl/8 wasmscope.component.name=shop wasmscope.outcome=ok"
    );
    let point = "http.request.method=GET http.response.status_code=200 \
                 network.protocol.version=1.1 url.scheme=http";
    assert_eq!(
        host.points("http.server.request.duration").last().unwrap(),
        point
    );
    let bytes = |sum| format!("{point} sum={sum}");
    assert_eq!(
        host.points("http.server.request.body.size").last(),
        Some(&bytes(5))
    );
    assert_eq!(
        host.points("http.server.response.body.size").last(),
        Some(&bytes(7))
    );
    assert_eq!(
        host.points("http.server.active_requests").last().unwrap(),
        "http.request.method=GET url.scheme=http 0"
    );
}

#[test]
fn only_server_errors_are_errors_of_a_server() {
    for (status, is_error) in [(404, false), (499, false), (500, true), (503, true)] {
        let host = Host::new();
        let options = InvocationOptions::default();
        let mut active = host.telemetry.start_server_request("shop", &get(), options);
        active.set_status(status);
        drop(active);
        let spans = host.spans();
        let expected = if is_error {
            Status::error("")
        } else {
            Status::Unset
        };
        assert_eq!(spans[0].status, expected, "{status}");
        let error_type = attribute_of(&spans[0], "error.type").map(ToString::to_string);
        assert_eq!(error_type, is_error.then(|| status.to_string()));
    }
}

#[test]
fn the_first_error_counts() {
    let host = Host::new();
    let mut active =
        host.telemetry
            .start_server_request("shop", &get(), InvocationOptions::default());
    let span = active.take_span().unwrap();
    let call = Invocation::begin_in(host.telemetry.instance("shop"), span);
    let (_, span) = call.hand_over(&Outcome::Trap {
        code: "unreachable".to_owned(),
        message: "why".to_owned(),
    });
    active.return_span(span);
    active.set_error("unreachable");
    active.set_error("response_incomplete");
    active.set_status(500);
    drop(active);
    let spans = host.spans();
    assert_eq!(spans[0].status, Status::error("why"));
    assert_eq!(
        attribute_of(&spans[0], "error.type").unwrap().as_str(),
        "unreachable"
    );
    assert_eq!(
        host.points("http.server.request.duration"),
        [
            "error.type=unreachable http.request.method=GET http.response.status_code=500 \
          network.protocol.version=1.1 url.scheme=http"
        ]
    );
}

#[test]
fn an_invented_method_is_no_new_series() {
    let host = Host::new();
    let request = ServerRequest {
        method: "get",
        ..get()
    };
    drop(
        host.telemetry
            .start_server_request("shop", &request, InvocationOptions::default()),
    );
    let spans = host.spans();
    assert_eq!(spans[0].name, "HTTP");
    assert_eq!(
        attribute_of(&spans[0], "http.request.method")
            .unwrap()
            .as_str(),
        "_OTHER"
    );
    let original = attribute_of(&spans[0], "http.request.method_original");
    assert_eq!(original.unwrap().as_str(), "get");
    assert_eq!(
        host.points("http.server.active_requests"),
        ["http.request.method=_OTHER url.scheme=http 0"]
    );
}

#[test]
fn a_caller_that_is_not_trusted_is_linked() {
    for (trust, header, is_continued) in [
        (TrustIncoming::Always, UNSAMPLED, true),
        (TrustIncoming::Sampled, PARENT, true),
        (TrustIncoming::Sampled, UNSAMPLED, false),
        (TrustIncoming::Never, PARENT, false),
    ] {
        let host = Host::new();
        let options = InvocationOptions::default()
            .with_traceparent(header)
            .with_trust(trust);
        let active = host.telemetry.start_server_request("shop", &get(), options);
        let same_trace = active.traceparent().unwrap().starts_with(&header[..35]);
        assert_eq!(same_trace, is_continued, "{trust:?} {header}");
        drop(active);
        // The SDK's sampler follows a parent that is not sampled.
        for span in host.spans() {
            assert_eq!(span.links.len(), usize::from(!is_continued), "{trust:?}");
        }
    }
}

#[test]
fn a_request_of_the_guest_continues_its_trace() {
    let host = Host::new();
    let mut instance = host.telemetry.instance("shop");
    let options = InvocationOptions::default()
        .with_traceparent(PARENT)
        .with_tracestate("vendor=1")
        .with_baggage("tenant=a%20b");
    let mut call = Invocation::begin(&mut instance, options);
    let request = ClientRequest {
        method: "POST",
        url: "http://user:password@prices.example:81/list?X-Goog-Signature=1#top",
        host: "prices.example",
        port: 81,
        own_context: None,
    };
    let mut active = call.start_client_request(&request);
    let all = Propagation {
        trace_context: true,
        baggage: true,
    };
    let headers = active.headers(all);
    assert_eq!(headers[0].0, "traceparent");
    assert!(
        headers[0]
            .1
            .starts_with("00-0af7651916cd43dd8448eb211c80319c-")
    );
    assert_eq!(headers[1], ("tracestate", "vendor=1".to_owned()));
    assert_eq!(headers[2], ("baggage", "tenant=a%20b".to_owned()));
    active.set_response(404, "1.1");
    drop(active);
    // Its own context counts in the same trace only.
    let own = [
        (
            "00-0af7651916cd43dd8448eb211c80319c-00000000000000aa-01",
            true,
        ),
        (
            "00-ffffffffffffffffffffffffffffffff-00000000000000aa-01",
            false,
        ),
        ("nonsense", false),
    ];
    for (traceparent, _) in own {
        let own_context = Some((traceparent, ""));
        drop(call.start_client_request(&ClientRequest {
            own_context,
            ..request
        }));
    }
    call.finish(Outcome::Ok);

    let spans = host.spans();
    let server = spans.last().unwrap().span_context.span_id();
    assert_eq!(spans[0].name, "POST");
    assert_eq!(spans[0].span_kind, SpanKind::Client);
    assert_eq!(spans[0].parent_span_id, server);
    assert_eq!(spans[0].status, Status::error(""));
    assert_eq!(
        attribute_of(&spans[0], "url.full").unwrap().as_str(),
        "http://REDACTED:REDACTED@prices.example:81/list?X-Goog-Signature=REDACTED#top"
    );
    for ((_, is_parent), span) in own.iter().zip(&spans[1..]) {
        assert_eq!(span.parent_span_id != server, *is_parent);
    }
    assert!(
        host.points("http.client.request.duration").contains(
            &"error.type=404 http.request.method=POST http.response.status_code=404 \
          network.protocol.version=1.1 server.address=prices.example server.port=81"
                .to_owned()
        )
    );
}

#[test]
fn secrets_are_removed_from_urls() {
    for (url, expected) in [
        ("http://a/", "http://a/"),
        ("http://user@a/x@y", "http://REDACTED@a/x@y"),
        (
            "http://u:p@[::1]:1?sig=1&Sig=2",
            "http://REDACTED:REDACTED@[::1]:1?sig=REDACTED&Sig=2",
        ),
        (
            "https://a?AWSAccessKeyId=1&Signature=2",
            "https://a?AWSAccessKeyId=REDACTED&Signature=REDACTED",
        ),
        ("https://a/#sig=1", "https://a/#sig=1"),
        ("", ""),
    ] {
        assert_eq!(url::full(url), expected);
    }
    assert_eq!(url::query("sig"), "sig");
    assert_eq!(url::query("sig="), "sig=REDACTED");
}
