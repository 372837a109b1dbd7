//! A log record as authors write it.

use super::arena::{self, Parts};
use super::{AnyValue, Logger, Severity};
use crate::SpanReference;

/// Is a log record, or with an event name an event; for [`Logger::emit`], which takes several.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Record<'a> {
    /// What it says.
    pub body: Option<AnyValue<'a>>,
    /// How grave it is. Absent, it passes every threshold.
    pub severity: Option<Severity>,
    /// The source's own word for the severity.
    pub severity_text: Option<&'a str>,
    /// What names the class of events with the same shape.
    pub event_name: Option<&'a str>,
    /// Its attributes; [`fields!`](crate::fields) makes them.
    pub attributes: &'a [(&'a str, AnyValue<'a>)],
    /// When it happened, in nanoseconds since the Unix epoch; absent, now by the host's clock.
    pub time: Option<u64>,
    /// The span that it belongs to; without being set, the ambient one.
    pub span: SpanReference<'a>,
}

impl<'a> Record<'a> {
    pub(super) const fn parts(&self) -> Parts<'a, AnyValue<'a>> {
        Parts {
            body: self.body,
            severity: self.severity,
            severity_text: self.severity_text,
            event_name: self.event_name,
            attributes: self.attributes,
            time: self.time,
            context: self.span,
        }
    }
}

/// Gathers a log record; made by [`Logger::record`].
#[derive(Debug, Clone, Copy)]
#[must_use = "a record is emitted when `emit` is called"]
pub struct LogBuilder<'a> {
    logger: &'a Logger,
    record: Record<'a>,
}

impl<'a> LogBuilder<'a> {
    pub(super) fn new(logger: &'a Logger, severity: Severity) -> Self {
        Self {
            logger,
            record: Record {
                severity: Some(severity),
                ..Record::default()
            },
        }
    }

    /// Sets what it says.
    pub fn body(mut self, body: impl Into<AnyValue<'a>>) -> Self {
        self.record.body = Some(body.into());
        self
    }

    /// Makes it an event, named for the class of events with the same shape.
    pub fn event_name(mut self, name: &'a str) -> Self {
        self.record.event_name = Some(name);
        self
    }

    /// Sets the source's own word for the severity.
    pub fn severity_text(mut self, text: &'a str) -> Self {
        self.record.severity_text = Some(text);
        self
    }

    /// Sets the attributes; [`fields!`](crate::fields) makes them.
    pub fn attributes(mut self, attributes: &'a [(&'a str, AnyValue<'a>)]) -> Self {
        self.record.attributes = attributes;
        self
    }

    /// Sets when it happened, in nanoseconds since the Unix epoch; without it, now by the host's clock.
    pub fn time(mut self, unix_nanos: u64) -> Self {
        self.record.time = Some(unix_nanos);
        self
    }

    /// Sets the span that it belongs to: a `&Span`, a `&SpanContext`, or a [`SpanReference`]. Without it, the ambient span.
    pub fn span(mut self, span: impl Into<SpanReference<'a>>) -> Self {
        self.record.span = span.into();
        self
    }

    /// Emits it, unless nobody listens.
    pub fn emit(self) {
        let logger = self.logger;
        if logger
            .threshold
            .admits(self.record.severity, || logger.handle())
        {
            arena::emit(logger.handle(), &self.record.parts());
        }
    }
}

/// Makes the attributes of a log record, or the entries of an [`AnyValue::map`]: `fields!["id" => 17, "who" => name]`.
#[macro_export]
macro_rules! fields {
    ($($key:expr => $value:expr),* $(,)?) => {
        &[$(($key, $crate::AnyValue::from($value))),*]
    };
}
