//! Telemetry as readable text without what differs from run to run.
//!
//! - Trace and span ids become `t1`, `s1` …, numbered as they are first seen from the top of the text; so a link
//!   or a log record names the same span as the tree does, if one [`Normaliser`] renders them.
//! - Times become ticks: all starts, events and ends of a trace are put in order and counted. Where two times are equal, a span starts
//!   before and ends after what is in it. Times of logs and of data points only give their order, or are left out.
//! - What OTLP leaves unordered is sorted: attributes, the entries of maps, metrics, data points.
//! - Nothing else is left out, except values that [`Normaliser::hide`] names: a key given twice stands there twice.

mod logs;
mod metrics;
mod text;
mod traces;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

pub use self::metrics::merge_metrics;
use crate::collector::Collector;
use crate::views::{LogView, MetricView, Resource, SpanView};

/// Renders telemetry as text, with one numbering of ids for all that it renders.
#[derive(Clone, Debug, Default)]
pub struct Normaliser {
    hidden: BTreeSet<String>,
    traces: HashMap<Vec<u8>, usize>,
    spans: HashMap<(Vec<u8>, Vec<u8>), usize>,
    /// The texts of the resources seen; `r1` is the first.
    resources: Vec<String>,
    /// How many of them have been printed.
    printed: usize,
}

impl Normaliser {
    /// Makes one that hides nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the values of the attribute `key` as `[hidden]`, wherever it stands: for versions, process ids and the like.
    #[must_use]
    pub fn hide(mut self, key: impl Into<String>) -> Self {
        self.hidden.insert(key.into());
        self
    }

    /// Renders spans as trees, traces in the order of their first start, siblings in the order of theirs.
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

/// Renders everything that a collector accepted: traces, metrics, logs, under one numbering.
#[must_use]
pub fn normalise(collector: &Collector) -> String {
    let mut normaliser = Normaliser::new();
    let traces = normaliser.traces(&collector.spans());
    let metrics = normaliser.metrics(&collector.metrics());
    let logs = normaliser.logs(&collector.logs());
    traces + &metrics + &logs
}

/// Renders spans as trees: [`Normaliser::traces`] with nothing hidden.
#[must_use]
pub fn tree(spans: &[SpanView]) -> String {
    Normaliser::new().traces(spans)
}
