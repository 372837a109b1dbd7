//! The interface `logger`, recording.

use super::recorded::set;
use super::recorder::State;
use super::{RecordedLog, RecordedValue};
use crate::backend::wire::WireReference;
use crate::logs::types::{LogRecord, LogThreshold, LogValue, NOBODY_LISTENS, Severity};
use crate::{InstrumentationScope, SpanContext, SpanReference};

pub(crate) struct Logs {
    pub(super) threshold: Option<Severity>,
    pub(super) generation: u32,
    pub(super) records: Vec<RecordedLog>,
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
pub(crate) struct Logger<'a>(&'a mut State);

impl State {
    pub(crate) fn logger(&mut self) -> Logger<'_> {
        Logger(self)
    }
}

impl Logger<'_> {
    pub(crate) fn get(self, scope: InstrumentationScope<'_>) -> u64 {
        self.0.scope(scope)
    }

    pub(crate) fn threshold(self, _logger: u64) -> LogThreshold {
        LogThreshold {
            lowest: self
                .0
                .logs
                .threshold
                .map_or(NOBODY_LISTENS, Severity::number),
            generation: self.0.logs.generation,
        }
    }

    pub(crate) fn enabled(
        self,
        _logger: u64,
        severity: Option<Severity>,
        _event_name: Option<&str>,
    ) -> bool {
        match (self.0.logs.threshold, severity) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(threshold), Some(severity)) => severity >= threshold,
        }
    }

    pub(crate) fn emit(self, logger: u64, records: &[LogRecord<'_>]) -> u64 {
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
                scope: self.0.scope_of(logger),
                body: Option::from(record.body).map(|body| nested(&body, record.nodes, 0)),
                severity: record.severity.into(),
                severity_text: Option::from(record.severity_text).map(<&str>::into),
                event_name: Option::from(record.event_name).map(<&str>::into),
                attributes,
                time: record.time.into(),
                span: self.0.traces.resolve(context).1,
            };
            self.0.logs.records.push(recorded);
        }
        self.0.notice()
    }
}

/// Puts a value together again. A child stands at `lowest` or later: so a cycle, or a child before
/// its parent, is found out.
#[track_caller]
fn nested(value: &LogValue<'_>, nodes: &[LogValue<'_>], lowest: usize) -> RecordedValue {
    let child = |index: u32| {
        let index = index as usize;
        assert!(index >= lowest, "a node stands before its parent");
        let node = nodes.get(index).expect("the index of a node");
        nested(node, nodes, index + 1)
    };
    match *value {
        LogValue::StringValue(value) => value.into(),
        LogValue::BoolValue(value) => value.into(),
        LogValue::IntValue(value) => value.into(),
        LogValue::DoubleValue(value) => value.into(),
        LogValue::BytesValue(value) => value.into(),
        LogValue::ArrayValue(indices) => {
            RecordedValue::Array(indices.iter().map(|&index| child(index)).collect())
        }
        LogValue::MapValue(entries) => {
            let mut map = Vec::new();
            for entry in entries {
                set(&mut map, entry.key, child(entry.node));
            }
            RecordedValue::Map(map)
        }
    }
}
