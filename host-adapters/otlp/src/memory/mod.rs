//! Keeps finished telemetry in memory, within limits, until it is shown.

mod json;
mod merge;
mod read;
mod size;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::InstrumentationScope as ApiScope;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use wasmscope_telemetry::ScopeKey;
use wasmscope_telemetry::Signal;

use self::merge::MergedMetrics;
pub use self::merge::{Group, Kind, Point, Stream, StreamKey};

/// The number of scopes that batches share. Further scopes are copied into each batch.
const SHARED_SCOPES: usize = 1024;

/// The most spans, the most log records and the most metric series.
const MAX_ITEMS: usize = 10_000;

/// The most memory of each of the three, in bytes, estimated.
const MAX_BYTES: usize = 64 << 20;

/// Counts the items that a [`MemoryExporter`] received and discarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Discarded {
    /// Spans.
    pub spans: u64,
    /// Log records.
    pub logs: u64,
    /// Metric data points of series beyond the limit, counted in each export.
    pub data_points: u64,
}

impl Discarded {
    /// Returns whether nothing was discarded.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Discarded {
    /// Formats the counts as `12 spans, 1 log record`, or as `nothing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (count, noun) in [
            (self.spans, "span"),
            (self.logs, "log record"),
            (self.data_points, "metric data point"),
        ] {
            if count > 0 {
                let plural = if count == 1 { "" } else { "s" };
                write!(f, "{separator}{count} {noun}{plural}")?;
                separator = ", ";
            }
        }
        if separator.is_empty() {
            f.write_str("nothing")?;
        }
        Ok(())
    }
}

/// A resource with its schema.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceInfo {
    /// The resource with sorted attributes.
    pub resource: Resource,
    /// Its schema URL. May be empty.
    pub schema_url: String,
}

impl ResourceInfo {
    /// Sorts the attributes, those of the service first. The SDK has them in the order of a hash
    /// map, which differs between providers.
    fn new(mut resource: Resource, schema_url: String) -> Self {
        resource.attributes.sort_by(|one, other| {
            let rank = |key: &str| !key.starts_with("service.");
            (rank(&one.key), &one.key).cmp(&(rank(&other.key), &other.key))
        });
        Self {
            resource,
            schema_url,
        }
    }
}

impl From<&opentelemetry_sdk::Resource> for ResourceInfo {
    fn from(resource: &opentelemetry_sdk::Resource) -> Self {
        let resource_attributes: Resource = resource.into();
        let schema_url = resource.schema_url().unwrap_or_default().to_owned();
        Self::new(resource_attributes, schema_url)
    }
}

/// A scope with its schema.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScopeInfo {
    /// The scope.
    pub scope: InstrumentationScope,
    /// Its schema URL. May be empty.
    pub schema_url: String,
}

/// A span or a log record with its origin.
#[derive(Debug)]
pub struct Record<T> {
    /// Its resource.
    pub resource: Arc<ResourceInfo>,
    /// Its scope.
    pub scope: Arc<ScopeInfo>,
    /// The span or the log record.
    pub item: T,
    size: usize,
}

/// The kept telemetry at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The spans, in the order in which they ended.
    pub spans: Vec<Arc<Record<Span>>>,
    /// The log records, in the order in which they arrived.
    pub logs: Vec<Arc<Record<LogRecord>>>,
    /// The metrics of each scope, by its name.
    pub metrics: Vec<Group>,
    /// Counts of items that were received and discarded.
    pub discarded: Discarded,
    /// Signals that are exported elsewhere, or not at all.
    pub elsewhere: Vec<Signal>,
}

/// Keeps finished telemetry in memory, to be shown when the program has ended.
///
/// It exports spans, logs and metrics: give a clone to each provider's processor or reader. Clones
/// share their contents. It never fails, and blocks only while another clone stores a batch. Items
/// that arrive after a shutdown are still kept.
///
/// Keeps up to 10,000 spans, 10,000 log records and 10,000 metric series, and 64 MiB of each.
/// Beyond that, the oldest spans and log records are removed, and further series are refused. Both
/// are counted ([`Snapshot::discarded`]). A span ends after its children, so the parents of kept
/// spans are kept.
#[derive(Clone, Default)]
pub struct MemoryExporter {
    inner: Arc<Mutex<Inner>>,
    /// The resource of the provider that this clone belongs to.
    resource: Arc<ResourceInfo>,
}

#[derive(Default)]
struct Inner {
    spans: Store<Span>,
    logs: Store<LogRecord>,
    metrics: MergedMetrics,
    refused_points: u64,
    scopes: HashMap<ScopeKey, Arc<ScopeInfo>>,
    /// Those of telemetry that was read from lines.
    read: read::Origins,
    /// The signals that a pipeline exports here. Empty means all signals.
    signals: Vec<Signal>,
}

/// Records in order of arrival. The oldest are removed first.
struct Store<T> {
    records: VecDeque<Arc<Record<T>>>,
    bytes: usize,
    evicted: u64,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self {
            records: VecDeque::new(),
            bytes: 0,
            evicted: 0,
        }
    }
}

impl<T> Store<T> {
    fn push(&mut self, record: Record<T>) {
        self.bytes += record.size;
        self.records.push_back(Arc::new(record));
        while self.records.len() > MAX_ITEMS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.bytes -= oldest.size;
            self.evicted += 1;
        }
    }
}

impl<T> Store<T> {
    /// Removes the records that `take` accepts.
    fn take(&mut self, mut take: impl FnMut(&Arc<Record<T>>) -> Option<()>) {
        let mut freed = 0;
        self.records.retain(|record| {
            let is_taken = take(record).is_some();
            if is_taken {
                freed += record.size;
            }
            !is_taken
        });
        self.bytes -= freed;
    }
}

impl Inner {
    fn scope(&mut self, scope: ApiScope) -> Arc<ScopeInfo> {
        let key = ScopeKey(scope);
        if let Some(known) = self.scopes.get(&key) {
            return Arc::clone(known);
        }
        if self.scopes.len() >= SHARED_SCOPES {
            self.scopes.clear();
        }
        let info = Arc::new(ScopeInfo {
            scope: (&key.0, None).into(),
            schema_url: key.0.schema_url().unwrap_or_default().to_owned(),
        });
        self.scopes.insert(key, Arc::clone(&info));
        info
    }

    fn discarded(&self) -> Discarded {
        Discarded {
            spans: self.spans.evicted,
            logs: self.logs.evicted,
            data_points: self.refused_points,
        }
    }
}

impl MemoryExporter {
    /// Returns whether nothing has been received.
    pub fn is_empty(&self) -> bool {
        let inner = self.lock();
        inner.spans.records.is_empty()
            && inner.logs.records.is_empty()
            && inner.metrics.is_empty()
            && inner.discarded().is_empty()
    }

    /// Returns the kept telemetry at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let inner = self.lock();
        Snapshot {
            spans: inner.spans.records.iter().cloned().collect(),
            logs: inner.logs.records.iter().cloned().collect(),
            metrics: inner.metrics.groups().to_vec(),
            discarded: inner.discarded(),
            elsewhere: match inner.signals.as_slice() {
                [] => Vec::new(),
                here => {
                    let elsewhere = Signal::ALL.iter().filter(|signal| !here.contains(signal));
                    elsewhere.copied().collect()
                }
            },
        }
    }

    /// Removes and returns the traces of the requests that have ended since the last call, each
    /// with its log records and without metrics.
    ///
    /// A request has ended when a span of kind server has. Spans of its trace that end later are
    /// returned with the next request of that trace, or stay.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Snapshot> {
        let mut inner = self.lock();
        let spans = inner.spans.records.iter();
        let ended = spans.filter(|record| record.item.kind == SpanKind::Server as i32);
        let mut requests: Vec<(Vec<u8>, Snapshot)> = Vec::new();
        for record in ended {
            let trace = &record.item.trace_id;
            if requests.iter().all(|(known, _)| known != trace) {
                requests.push((trace.clone(), Snapshot::default()));
            }
        }
        let mut at: HashMap<&[u8], &mut Snapshot> = requests
            .iter_mut()
            .map(|(trace, request)| (trace.as_slice(), request))
            .collect();
        inner.spans.take(|record| {
            let request = at.get_mut(record.item.trace_id.as_slice())?;
            request.spans.push(Arc::clone(record));
            Some(())
        });
        inner.logs.take(|record| {
            let request = at.get_mut(record.item.trace_id.as_slice())?;
            request.logs.push(Arc::clone(record));
            Some(())
        });
        drop(at);
        requests.into_iter().map(|(_, request)| request).collect()
    }

    /// Registers a signal as exported here. Signals that are not registered then count as exported
    /// elsewhere. Called by [`Pipeline::build`](crate::Pipeline::build).
    pub fn receives(&self, signal: Signal) {
        let mut inner = self.lock();
        if !inner.signals.contains(&signal) {
            inner.signals.push(signal);
        }
    }

    /// Locks the contents. Ignores poisoning, because no panic can leave them inconsistent.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_spans(&self, batch: Vec<SpanData>) {
        let mut inner = self.lock();
        for mut data in batch {
            let scope = inner.scope(std::mem::take(&mut data.instrumentation_scope));
            let item = Span::from(data);
            let size = size::of_span(&item);
            let resource = Arc::clone(&self.resource);
            let record = Record {
                resource,
                scope,
                item,
                size,
            };
            inner.spans.push(record);
        }
    }

    fn keep_logs(&self, batch: &LogBatch<'_>) {
        let mut inner = self.lock();
        for (data, scope) in batch.iter() {
            // A record's target replaces its scope's name, as in the OTLP exporter.
            let scope = match data.target() {
                Some(target) => inner.scope(retarget(scope, target.clone())),
                None => inner.scope(scope.clone()),
            };
            let mut item = LogRecord::from(data);
            sort_maps(&mut item);
            let size = size::of_log(&item);
            let resource = Arc::clone(&self.resource);
            let record = Record {
                resource,
                scope,
                item,
                size,
            };
            inner.logs.push(record);
        }
    }
}

/// Sorts the entries of maps. The SDK has them in the order of a hash map, which differs between
/// runs.
fn sort_maps(log: &mut LogRecord) {
    let attributes = log.attributes.iter_mut();
    let mut stack: Vec<&mut AnyValue> = attributes
        .filter_map(|attribute| attribute.value.as_mut())
        .chain(log.body.as_mut())
        .collect();
    while let Some(value) = stack.pop() {
        match &mut value.value {
            Some(Value::KvlistValue(map)) => {
                map.values.sort_by(|one, other| one.key.cmp(&other.key));
                let entries = map.values.iter_mut();
                stack.extend(entries.filter_map(|entry| entry.value.as_mut()));
            }
            Some(Value::ArrayValue(array)) => stack.extend(&mut array.values),
            Some(
                Value::StringValue(_)
                | Value::BoolValue(_)
                | Value::IntValue(_)
                | Value::DoubleValue(_)
                | Value::BytesValue(_)
                | Value::StringValueStrindex(_),
            )
            | None => {}
        }
    }
}

fn retarget(scope: &ApiScope, name: std::borrow::Cow<'static, str>) -> ApiScope {
    let mut builder =
        ApiScope::builder(name).with_attributes(scope.attributes().cloned().collect::<Vec<_>>());
    if let Some(version) = scope.version() {
        builder = builder.with_version(version.to_owned());
    }
    if let Some(schema_url) = scope.schema_url() {
        builder = builder.with_schema_url(schema_url.to_owned());
    }
    builder.build()
}

impl fmt::Debug for MemoryExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("MemoryExporter")
            .field("spans", &inner.spans.records.len())
            .field("logs", &inner.logs.records.len())
            .field("discarded", &inner.discarded())
            .finish_non_exhaustive()
    }
}

impl SpanExporter for MemoryExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.keep_spans(batch);
        Ok(())
    }

    fn set_resource(&mut self, resource: &opentelemetry_sdk::Resource) {
        self.resource = Arc::new(resource.into());
    }
}

impl LogExporter for MemoryExporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.keep_logs(&batch);
        Ok(())
    }

    fn set_resource(&mut self, resource: &opentelemetry_sdk::Resource) {
        self.resource = Arc::new(resource.into());
    }
}

impl PushMetricExporter for MemoryExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let metrics = ExportMetricsServiceRequest::from(metrics);
        let mut inner = self.lock();
        let refused = inner.metrics.merge(metrics.resource_metrics);
        inner.refused_points = inner.refused_points.saturating_add(refused);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    /// Returns cumulative temporality, so that the last collection is complete.
    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{Array, KeyValue, Value};

    use super::*;

    fn scope(numbers: Vec<f64>) -> ApiScope {
        let attribute = KeyValue::new("k", Value::Array(Array::F64(numbers)));
        ApiScope::builder("s").with_attributes([attribute]).build()
    }

    #[test]
    fn scope_with_not_a_number_is_shared_and_zeros_of_either_sign_are_not_confused() {
        let mut inner = Inner::default();
        let one = inner.scope(scope(vec![f64::NAN]));
        assert!(Arc::ptr_eq(&one, &inner.scope(scope(vec![f64::NAN]))));
        let zero = inner.scope(scope(vec![0.0]));
        assert!(!Arc::ptr_eq(&zero, &inner.scope(scope(vec![-0.0]))));
        assert_eq!(inner.scopes.len(), 3);
    }

    #[test]
    fn requests_that_have_ended_are_taken_with_their_traces() {
        use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId};
        use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
        let span = |trace: u128, kind: SpanKind| SpanData {
            span_context: SpanContext::new(
                TraceId::from(trace),
                SpanId::from(1),
                TraceFlags::SAMPLED,
                false,
                Default::default(),
            ),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: kind,
            name: "a".into(),
            start_time: std::time::UNIX_EPOCH,
            end_time: std::time::UNIX_EPOCH,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: scope(Vec::new()),
        };
        let exporter = MemoryExporter::default();
        exporter.keep_spans(vec![
            span(1, SpanKind::Internal),
            span(2, SpanKind::Internal),
            span(1, SpanKind::Server),
            span(3, SpanKind::Server),
        ]);
        let taken = exporter.take_requests();
        let counts: Vec<_> = taken.iter().map(|request| request.spans.len()).collect();
        assert_eq!(counts, [2, 1]);
        assert_eq!(exporter.snapshot().spans.len(), 1);
        assert!(exporter.take_requests().is_empty());
        exporter.keep_spans(vec![span(2, SpanKind::Server)]);
        assert_eq!(exporter.take_requests()[0].spans.len(), 2);
        assert_eq!(exporter.lock().spans.bytes, 0);
    }
}
