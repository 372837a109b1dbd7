//! OTLP JSON lines.

use std::io;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use serde::Serialize;

use super::{MemoryExporter, Record, ResourceInfo, ScopeInfo, Snapshot};
use crate::json;

/// The most records in a line, as in a batch of an exporter.
const RECORDS_PER_LINE: usize = 512;

impl MemoryExporter {
    /// Writes the received telemetry as OTLP JSON lines, as [`Snapshot::write_json`] does.
    ///
    /// # Errors
    ///
    /// Returns an error of `out`.
    pub fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        self.snapshot().write_json(out)
    }
}

impl Snapshot {
    /// Writes the telemetry as OTLP JSON lines.
    ///
    /// Each line is one object: an `ExportTraceServiceRequest` (`resourceSpans`) or
    /// `ExportLogsServiceRequest` (`resourceLogs`) of up to 512 records, or one
    /// `ExportMetricsServiceRequest` (`resourceMetrics`) with the last state of all series. A
    /// signal without data has no line. Source: OpenTelemetry Protocol File Exporter, "JSON lines
    /// file"; OTLP, "JSON Protobuf Encoding".
    ///
    /// # Errors
    ///
    /// Returns an error of `out`.
    pub fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        for chunk in self.spans.chunks(RECORDS_PER_LINE) {
            let resource_spans = grouped(chunk)
                .into_iter()
                .map(|(resource, scopes)| ResourceSpans {
                    resource: Some(resource.resource.clone()),
                    scope_spans: scopes
                        .into_iter()
                        .map(|(scope, spans)| ScopeSpans {
                            scope: Some(scope.scope.clone()),
                            spans,
                            schema_url: scope.schema_url.clone(),
                        })
                        .collect(),
                    schema_url: resource.schema_url.clone(),
                })
                .collect();
            write_line(out, &ExportTraceServiceRequest { resource_spans })?;
        }
        if !self.metrics.is_empty() {
            let resource_metrics = super::merge::to_proto(&self.metrics);
            write_line(out, &ExportMetricsServiceRequest { resource_metrics })?;
        }
        for chunk in self.logs.chunks(RECORDS_PER_LINE) {
            let resource_logs = grouped(chunk)
                .into_iter()
                .map(|(resource, scopes)| ResourceLogs {
                    resource: Some(resource.resource.clone()),
                    scope_logs: scopes
                        .into_iter()
                        .map(|(scope, log_records)| ScopeLogs {
                            scope: Some(scope.scope.clone()),
                            log_records,
                            schema_url: scope.schema_url.clone(),
                        })
                        .collect(),
                    schema_url: resource.schema_url.clone(),
                })
                .collect();
            write_line(out, &ExportLogsServiceRequest { resource_logs })?;
        }
        out.flush()
    }
}

type ByScope<'a, T> = Vec<(&'a ScopeInfo, Vec<T>)>;

/// Groups records by resource and scope, in order of first appearance.
fn grouped<T: Clone>(records: &[Arc<Record<T>>]) -> Vec<(&ResourceInfo, ByScope<'_, T>)> {
    let mut resources: Vec<(&ResourceInfo, ByScope<'_, T>)> = Vec::new();
    for record in records {
        let resource = find_or_insert(&mut resources, &record.resource);
        let scope = find_or_insert(resource, &record.scope);
        scope.push(record.item.clone());
    }
    resources
}

fn find_or_insert<'v, 'a, K: PartialEq, V: Default>(
    groups: &'v mut Vec<(&'a K, V)>,
    key: &'a K,
) -> &'v mut V {
    // Usually the same object as before, so comparing pointers is enough.
    let known = groups
        .iter()
        .position(|(other, _)| std::ptr::eq(*other, key) || *other == key);
    let index = known.unwrap_or_else(|| {
        groups.push((key, V::default()));
        groups.len() - 1
    });
    &mut groups[index].1
}

fn write_line(out: &mut dyn io::Write, request: &impl Serialize) -> io::Result<()> {
    let mut line = json::encode(request)?;
    line.push(b'\n');
    out.write_all(&line)
}
