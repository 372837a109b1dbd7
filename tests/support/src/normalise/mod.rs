//! Renders telemetry as readable text that is equal in each run.
//!
//! - Trace and span ids become `t1`, `s1` …, numbered in the order of their first use in the text.
//!   If one [`Normaliser`] renders all signals, links and log records name the same spans as the
//!   tree.
//! - Times become ticks: all starts, events and ends of a trace are sorted and counted. At equal
//!   times, a span starts before its content and ends after it. Times of logs and data points only
//!   determine the order, or are left out.
//! - Attributes, entries of maps, metrics and data points are sorted, because they have no order in
//!   OTLP.
//! - Nothing else is left out, except values that [`Normaliser::hide`] names. A duplicate key
//!   appears twice.

mod logs;
mod metrics;
mod text;
mod traces;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

pub use self::metrics::merge_metrics;
use crate::collector::Collector;
use crate::views::{LogView, MetricView, Resource, SpanView};

/// Renders telemetry as text. All rendered items share one numbering of ids.
#[derive(Clone, Debug, Default)]
pub struct Normaliser {
    hidden: BTreeSet<String>,
    traces: HashMap<Vec<u8>, usize>,
    spans: HashMap<(Vec<u8>, Vec<u8>), usize>,
    /// The rendered resources. The first one is `r1`.
    resources: Vec<String>,
    /// The number of resources printed so far.
    printed: usize,
}

impl Normaliser {
    /// Makes a normaliser that hides nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows each value of the attribute `key` as `[hidden]`, for example for versions and process
    /// ids.
    #[must_use]
    pub fn hide(mut self, key: impl Into<String>) -> Self {
        self.hidden.insert(key.into());
        self
    }

    /// Renders spans as trees. Traces and siblings are in the order of their starts.
    #[must_use]
    pub fn traces(&mut self, spans: &[SpanView]) -> String {
        let text = traces::render(self, spans);
        self.with_new_resources(&text)
    }

    /// Renders metrics, sorted, after [`merge_metrics`].
    #[must_use]
    pub fn metrics(&mut self, metrics: &[MetricView]) -> String {
        let text = metrics::render(self, metrics);
        self.with_new_resources(&text)
    }

    /// Renders log records in the order of their times.
    #[must_use]
    pub fn logs(&mut self, logs: &[LogView]) -> String {
        let text = logs::render(self, logs);
        self.with_new_resources(&text)
    }

    fn with_new_resources(&mut self, text: &str) -> String {
        let new = self.resources.iter().enumerate().skip(self.printed);
        let new: String = new
            .map(|(index, text)| format!("resource r{}\n{text}", index + 1))
            .collect();
        self.printed = self.resources.len();
        new + text
    }

    fn trace_label(&mut self, trace: &[u8]) -> String {
        let next = self.traces.len() + 1;
        format!("t{}", self.traces.entry(trace.to_vec()).or_insert(next))
    }

    fn span_label(&mut self, trace: &[u8], span: &[u8]) -> String {
        let next = self.spans.len() + 1;
        let key = (trace.to_vec(), span.to_vec());
        format!("s{}", self.spans.entry(key).or_insert(next))
    }

    fn resource_label(&mut self, resource: &Arc<Resource>) -> String {
        let text = text::resource(resource, &self.hidden);
        let index = self
            .resources
            .iter()
            .position(|known| *known == text)
            .unwrap_or_else(|| {
                self.resources.push(text);
                self.resources.len() - 1
            });
        format!("r{}", index + 1)
    }
}

/// Renders everything that a collector accepted, with one numbering: traces, metrics, logs.
#[must_use]
pub fn normalise(collector: &Collector) -> String {
    let mut normaliser = Normaliser::new();
    let traces = normaliser.traces(&collector.spans());
    let metrics = normaliser.metrics(&collector.metrics());
    let logs = normaliser.logs(&collector.logs());
    traces + &metrics + &logs
}

/// Renders spans as trees, like [`Normaliser::traces`], with nothing hidden.
#[must_use]
pub fn tree(spans: &[SpanView]) -> String {
    Normaliser::new().traces(spans)
}
