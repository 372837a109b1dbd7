//! The received items, each with its resource and scope.

use std::ops::Deref;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::value::{Value, attr};

/// A resource of OTLP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// Its attributes, in the order of arrival.
    pub attributes: Vec<KeyValue>,
    /// The number of attributes that the sender dropped.
    pub dropped_attributes_count: u32,
    /// Its schema URL. May be empty.
    pub schema_url: String,
}

impl Resource {
    /// Returns the value of an attribute.
    ///
    /// # Panics
    /// See [`attr`].
    #[must_use]
    #[track_caller]
    pub fn attr(&self, key: &str) -> Option<Value> {
        attr(&self.attributes, key)
    }
}

/// An instrumentation scope of OTLP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Its version. May be empty.
    pub version: String,
    /// Its schema URL. May be empty.
    pub schema_url: String,
    /// Its attributes, in the order of arrival.
    pub attributes: Vec<KeyValue>,
    /// The number of attributes that the sender dropped.
    pub dropped_attributes_count: u32,
}

impl Scope {
    /// Returns the value of an attribute.
    ///
    /// # Panics
    /// See [`attr`].
    #[must_use]
    #[track_caller]
    pub fn attr(&self, key: &str) -> Option<Value> {
        attr(&self.attributes, key)
    }
}

/// An item with its resource and scope. Dereferences to the item's own fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Received<T> {
    /// The item's resource.
    pub resource: Arc<Resource>,
    /// The item's scope.
    pub scope: Arc<Scope>,
    /// The item.
    pub item: T,
}

impl<T> Deref for Received<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

/// A received span.
pub type SpanView = Received<Span>;
/// A received metric, with all data points of one collection.
pub type MetricView = Received<Metric>;
/// A received log record.
pub type LogView = Received<LogRecord>;

impl Received<Span> {
    /// Returns the value of an attribute.
    ///
    /// # Panics
    /// See [`attr`].
    #[must_use]
    #[track_caller]
    pub fn attr(&self, key: &str) -> Option<Value> {
        attr(&self.attributes, key)
    }

    /// Returns true if `parent` is this span's parent, by trace id and span id.
    #[must_use]
    pub fn is_child_of(&self, parent: &Self) -> bool {
        self.trace_id == parent.trace_id && self.parent_span_id == parent.span_id
    }
}

impl Received<LogRecord> {
    /// Returns the value of an attribute.
    ///
    /// # Panics
    /// See [`attr`].
    #[must_use]
    #[track_caller]
    pub fn attr(&self, key: &str) -> Option<Value> {
        attr(&self.attributes, key)
    }

    /// Returns the body, or `None` if the record has none. Maps keep the order of arrival;
    /// [`Value::sorted`] makes them comparable.
    #[must_use]
    pub fn body_value(&self) -> Option<Value> {
        self.body.as_ref().map(Value::from)
    }

    /// Returns true if the record belongs to `span`, by trace id and span id.
    #[must_use]
    pub fn is_in(&self, span: &SpanView) -> bool {
        self.trace_id == span.trace_id && self.span_id == span.span_id
    }
}

fn resource(resource: Option<&ProtoResource>, schema_url: &str) -> Arc<Resource> {
    let resource = resource.cloned().unwrap_or_default();
    Arc::new(Resource {
        attributes: resource.attributes,
        dropped_attributes_count: resource.dropped_attributes_count,
        schema_url: schema_url.to_owned(),
    })
}

fn scope(scope: Option<&InstrumentationScope>, schema_url: &str) -> Arc<Scope> {
    let scope = scope.cloned().unwrap_or_default();
    Arc::new(Scope {
        name: scope.name,
        version: scope.version,
        schema_url: schema_url.to_owned(),
        attributes: scope.attributes,
        dropped_attributes_count: scope.dropped_attributes_count,
    })
}

macro_rules! flatten {
    ($(#[$doc:meta])* $name:ident, $request:ty, $resources:ident, $scopes:ident, $items:ident, $view:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(request: &$request) -> Vec<$view> {
            let mut views = Vec::new();
            for group in &request.$resources {
                let resource = resource(group.resource.as_ref(), &group.schema_url);
                for group in &group.$scopes {
                    let scope = scope(group.scope.as_ref(), &group.schema_url);
                    views.extend(group.$items.iter().map(|item| Received {
                        resource: Arc::clone(&resource),
                        scope: Arc::clone(&scope),
                        item: item.clone(),
                    }));
                }
            }
            views
        }
    };
}

flatten!(
    /// Lists the spans of an export request.
    spans_of, ExportTraceServiceRequest, resource_spans, scope_spans, spans, SpanView
);
flatten!(
    /// Lists the metrics of an export request.
    metrics_of, ExportMetricsServiceRequest, resource_metrics, scope_metrics, metrics, MetricView
);
flatten!(
    /// Lists the log records of an export request.
    logs_of, ExportLogsServiceRequest, resource_logs, scope_logs, log_records, LogView
);
