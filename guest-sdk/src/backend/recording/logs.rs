//! The interface `logger`, recording.

use super::recorded::{RecordedLog, RecordedValue, set};
use super::scopes::Scopes;
use super::traces::Traces;
use crate::types::{
    InstrumentationScope, LOGS_DISABLED, LogRecord, LogThreshold, LogValue, LoggerHandle, Notice,
    Severity, SpanContext, SpanReference, WireReference,
};

pub(crate) struct Logs {
    pub(crate) threshold: Option<Severity>,
    pub(crate) generation: u32,
    pub(crate) records: Vec<RecordedLog>,
}

impl Logs {
    pub(super) fn new() -> Self {
        Self {
            threshold: Some(Severity::Trace),
            generation: 1,
            records: Vec::new(),
        }
    }
}

/// The functions of the interface.
pub(crate) struct LoggerFunctions<'a> {
    pub(super) notice: Notice,
    pub(super) scopes: &'a mut Scopes,
    pub(super) traces: &'a Traces,
    pub(super) logs: &'a mut Logs,
}

impl LoggerFunctions<'_> {
    pub(crate) fn get(self, scope: InstrumentationScope<'_>) -> LoggerHandle {
        self.scopes.handle(scope)
    }

    pub(crate) fn threshold(self, _logger: LoggerHandle) -> LogThreshold {
        LogThreshold {
            lowest: self.logs.threshold.map_or(LOGS_DISABLED, Severity::number),
            generation: self.logs.generation,
        }
    }

    pub(crate) fn enabled(
        self,
        _logger: LoggerHandle,
        severity: Option<Severity>,
        _event_name: Option<&str>,
    ) -> bool {
        match (self.logs.threshold, severity) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(threshold), Some(severity)) => severity >= threshold,
        }
    }

    pub(crate) fn emit(self, logger: LoggerHandle, records: &[LogRecord<'_>]) -> Notice {
        for record in records {
            let mut attributes = Vec::new();
            for attribute in record.attributes {
                set(
                    &mut attributes,
                    attribute.key,
                    nested(&attribute.value, record.nodes, 0),
                );
            }
            let remote;
            let context = match record.context {
                WireReference::Ambient => SpanReference::Ambient,
                WireReference::None => SpanReference::None,
                WireReference::Span(span) => SpanReference::Span(span),
                WireReference::Remote(context) => {
                    remote = SpanContext {
                        trace_id: context.trace_id,
                        span_id: context.span_id,
                        trace_flags: context.trace_flags,
                        trace_state: context.trace_state.into(),
                    };
                    SpanReference::Remote(&remote)
                }
            };
            let recorded = RecordedLog {
                scope: self.scopes.get(logger),
                body: Option::from(record.body).map(|body| nested(&body, record.nodes, 0)),
                severity: record.severity.into(),
                severity_text: Option::from(record.severity_text).map(<&str>::into),
                event_name: Option::from(record.event_name).map(<&str>::into),
                attributes,
                time: record.time.into(),
                span: self.traces.resolve(context).1,
            };
            self.logs.records.push(recorded);
        }
        self.notice
    }
}

/// Rebuilds a nested value. Children must be at `lowest` or later, which rules out cycles and
/// children before their parents.
#[track_caller]
fn nested(value: &LogValue<'_>, nodes: &[LogValue<'_>], lowest: usize) -> RecordedValue {
    let child = |index: u32| {
        let index = index as usize;
        assert!(index >= lowest, "a node precedes its parent");
        let node = nodes.get(index).expect("the index of a node");
        nested(node, nodes, index + 1)
    };
    match *value {
        LogValue::String(value) => value.into(),
        LogValue::Bool(value) => value.into(),
        LogValue::Int(value) => value.into(),
        LogValue::Double(value) => value.into(),
        LogValue::Bytes(value) => value.into(),
        LogValue::Array(indices) => {
            RecordedValue::Array(indices.iter().map(|&index| child(index)).collect())
        }
        LogValue::Map(entries) => {
            let mut map = Vec::new();
            for entry in entries {
                set(&mut map, entry.key, child(entry.node));
            }
            RecordedValue::Map(map)
        }
    }
}
