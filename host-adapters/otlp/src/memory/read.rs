//! Reads OTLP JSON lines.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use serde::Deserialize;

use super::{Inner, MemoryExporter, Record, ResourceInfo, ScopeInfo, sort_maps};
use super::{SHARED_SCOPES, size};

/// A line: an export request of one signal. Files of other programs may have several signals in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Line {
    resource_spans: Option<Vec<ResourceSpans>>,
    resource_metrics: Option<Vec<ResourceMetrics>>,
    resource_logs: Option<Vec<ResourceLogs>>,
}

/// The resources and scopes of the lines so far, which records share.
#[derive(Debug, Default)]
pub(super) struct Origins {
    resources: Vec<Arc<ResourceInfo>>,
    scopes: Vec<Arc<ScopeInfo>>,
}

impl MemoryExporter {
    /// Adds the telemetry of a line as [`write_json`](Self::write_json) writes it, or as the file
    /// exporter of the OpenTelemetry Collector does. It keeps to the same limits as telemetry that
    /// is exported to it. Telemetry of several programs may be read: traces that pass through them
    /// become whole.
    ///
    /// # Errors
    ///
    /// Returns an error if the line is not OTLP JSON. Nothing of it is kept then.
    ///
    /// # Examples
    ///
    /// ```
    /// let telemetry = wasmscope_otlp::memory::MemoryExporter::default();
    /// telemetry.read_json(br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"}]}]}]}"#)?;
    /// assert_eq!(telemetry.snapshot().spans[0].item.name, "a");
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub fn read_json(&self, line: &[u8]) -> std::io::Result<()> {
        let line: Line = serde_json::from_slice(line)?;
        let Line {
            resource_spans: spans,
            resource_metrics: metrics,
            resource_logs: logs,
        } = line;
        if spans.is_none() && metrics.is_none() && logs.is_none() {
            let expected = "expected `resourceSpans`, `resourceMetrics` or `resourceLogs`";
            return Err(std::io::Error::other(expected));
        }
        let mut inner = self.lock();
        inner.read_spans(spans.unwrap_or_default());
        inner.read_logs(logs.unwrap_or_default());
        let refused = inner.metrics.merge(metrics.unwrap_or_default());
        inner.refused_points = inner.refused_points.saturating_add(refused);
        Ok(())
    }
}

impl Inner {
    fn read_spans(&mut self, all: Vec<ResourceSpans>) {
        for of_resource in all {
            let schema_url = of_resource.schema_url;
            let resource = self.read.resource(of_resource.resource, schema_url);
            for of_scope in of_resource.scope_spans {
                let scope = self.read.scope(of_scope.scope, of_scope.schema_url);
                for item in of_scope.spans {
                    self.spans.push(Record {
                        resource: Arc::clone(&resource),
                        scope: Arc::clone(&scope),
                        size: size::of_span(&item),
                        item,
                    });
                }
            }
        }
    }

    fn read_logs(&mut self, all: Vec<ResourceLogs>) {
        for of_resource in all {
            let schema_url = of_resource.schema_url;
            let resource = self.read.resource(of_resource.resource, schema_url);
            for of_scope in of_resource.scope_logs {
                let scope = self.read.scope(of_scope.scope, of_scope.schema_url);
                for mut item in of_scope.log_records {
                    sort_maps(&mut item);
                    self.logs.push(Record {
                        resource: Arc::clone(&resource),
                        scope: Arc::clone(&scope),
                        size: size::of_log(&item),
                        item,
                    });
                }
            }
        }
    }
}

impl Origins {
    fn resource(&mut self, resource: Option<Resource>, schema_url: String) -> Arc<ResourceInfo> {
        let info = ResourceInfo::new(resource.unwrap_or_default(), schema_url);
        shared(&mut self.resources, info)
    }

    fn scope(&mut self, scope: Option<InstrumentationScope>, schema_url: String) -> Arc<ScopeInfo> {
        let scope = scope.unwrap_or_default();
        shared(&mut self.scopes, ScopeInfo { scope, schema_url })
    }
}

/// Returns the known value that equals a new one.
fn shared<T: PartialEq>(known: &mut Vec<Arc<T>>, new: T) -> Arc<T> {
    if let Some(same) = known.iter().find(|same| ***same == new) {
        return Arc::clone(same);
    }
    if known.len() >= SHARED_SCOPES {
        known.clear();
    }
    let new = Arc::new(new);
    known.push(Arc::clone(&new));
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_may_change_its_description() {
        let telemetry = MemoryExporter::default();
        for description in ["", &"long".repeat(500), "short"] {
            let line = format!(
                r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"a","description":"{description}","gauge":{{"dataPoints":[{{"asInt":"1"}}]}}}}]}}]}}]}}"#
            );
            telemetry.read_json(line.as_bytes()).unwrap();
        }
        let snapshot = telemetry.snapshot();
        assert_eq!(snapshot.metrics.len(), 1);
        assert_eq!(snapshot.metrics[0].streams.len(), 1);
    }

    #[test]
    fn other_json_is_refused() {
        let telemetry = MemoryExporter::default();
        for line in [
            r#"{"level":"info"}"#,
            "[]",
            "1",
            "",
            "{",
            r#"{"resourceSpans":1}"#,
        ] {
            assert!(telemetry.read_json(line.as_bytes()).is_err(), "{line}");
        }
        assert!(telemetry.is_empty());
    }
}
