//! Builds requests for the collector.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn any(value: ProtoValue) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(crate) fn text(value: &str) -> AnyValue {
    any(ProtoValue::StringValue(value.to_owned()))
}

pub(crate) fn int(key: &str, value: i64) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(any(ProtoValue::IntValue(value))),
        key_strindex: 0,
    }
}

pub(crate) fn string(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(text(value)),
        key_strindex: 0,
    }
}

pub(crate) fn resource() -> Option<Resource> {
    Some(Resource {
        attributes: vec![string("service.name", "shop")],
        ..Resource::default()
    })
}

pub(crate) fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "checkout".to_owned(),
        version: "1.2".to_owned(),
        attributes: vec![int("n", 1)],
        dropped_attributes_count: 0,
    })
}

pub(crate) fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans {
        scope: scope(),
        spans,
        schema_url: "scope:1".to_owned(),
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: resource(),
            scope_spans,
            schema_url: "resource:1".to_owned(),
        }],
    }
}

pub(crate) fn metrics(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let scope_metrics = vec![ScopeMetrics {
        scope: scope(),
        metrics,
        schema_url: String::new(),
    }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource(),
            scope_metrics,
            schema_url: String::new(),
        }],
    }
}

pub(crate) fn logs(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs {
        scope: scope(),
        log_records,
        schema_url: String::new(),
    }];
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: resource(),
            scope_logs,
            schema_url: String::new(),
        }],
    }
}

/// Makes a span in trace 1. Times are in nanoseconds. A parent of 0 means none.
pub(crate) fn span(name: &str, id: u8, parent: u8, start: u64, end: u64) -> Span {
    let id_of = |id: u8| {
        if id == 0 {
            Vec::new()
        } else {
            vec![0, 0, 0, 0, 0, 0, 0, id]
        }
    };
    Span {
        trace_id: vec![1; 16],
        span_id: id_of(id),
        parent_span_id: id_of(parent),
        name: name.to_owned(),
        kind: 1,
        flags: 1,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        ..Span::default()
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A client for plain HTTP. reqwest still needs a TLS configuration, so this one trusts no
/// authority.
pub(crate) fn client() -> reqwest::blocking::Client {
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let builder = reqwest::blocking::Client::builder()
        .no_proxy()
        .timeout(SOON);
    builder.tls_backend_preconfigured(config).build().unwrap()
}
