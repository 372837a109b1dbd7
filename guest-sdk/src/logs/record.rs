//! Log records, and their builders.

use super::arena::{self, Parts};
use super::logger::Logger;
use super::value::AnyValue;
use crate::types::{Severity, SpanReference};

/// A log record for [`Logger::emit`]. With an event name, it is an event.
///
/// ```
/// use wasmscope::{Record, Severity, fields};
///
/// let record = Record::new()
///     .with_severity(Severity::Info)
///     .with_body("an order is accepted")
///     .with_attributes(fields!["order.id" => 17]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Record<'a> {
    parts: Parts<'a, AnyValue<'a>>,
}

/// Builds a log record and emits it. [`Logger::record`] creates it.
#[derive(Debug, Clone, Copy)]
#[must_use = "a record is emitted when `emit` is called"]
pub struct LogBuilder<'a> {
    logger: &'a Logger,
    parts: Parts<'a, AnyValue<'a>>,
}

macro_rules! setters {
    ($($type:ident),*) => {$(
        impl<'a> $type<'a> {
            /// Sets the body.
            pub fn with_body(mut self, body: impl Into<AnyValue<'a>>) -> Self {
                self.parts.body = Some(body.into());
                self
            }

            /// Sets the event name: the name of a class of events with the same structure.
            pub const fn with_event_name(mut self, name: &'a str) -> Self {
                self.parts.event_name = Some(name);
                self
            }

            /// Sets the severity. A record without one passes every threshold.
            pub const fn with_severity(mut self, severity: Severity) -> Self {
                self.parts.severity = Some(severity);
                self
            }

            /// Sets the severity in the source's own notation.
            pub const fn with_severity_text(mut self, text: &'a str) -> Self {
                self.parts.severity_text = Some(text);
                self
            }

            /// Sets the attributes; use [`fields!`](crate::fields).
            pub const fn with_attributes(
                mut self,
                attributes: &'a [(&'a str, AnyValue<'a>)],
            ) -> Self {
                self.parts.attributes = attributes;
                self
            }

            /// Sets the time of the event, in nanoseconds since the Unix epoch. The default is now,
            /// by the host's clock.
            pub const fn with_time(mut self, unix_nanos: u64) -> Self {
                self.parts.time = Some(unix_nanos);
                self
            }

            /// Sets the span that the record belongs to: a `&Span`, a `&SpanContext`, or a
            /// [`SpanReference`]. The default is the ambient span.
            pub fn with_span(mut self, span: impl Into<SpanReference<'a>>) -> Self {
                self.parts.context = span.into();
                self
            }
        }
    )*};
}
setters!(Record, LogBuilder);

impl Record<'_> {
    /// Creates an empty record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl LogBuilder<'_> {
    /// Emits the record, if the host accepts it.
    pub fn emit(self) {
        let logger = self.logger;
        if logger
            .threshold
            .accepts(self.parts.severity, || logger.handle())
        {
            arena::emit(logger.handle(), &self.parts);
        }
    }
}

impl Logger {
    /// Starts building a record.
    pub fn record<'a>(&'a self, severity: Severity) -> LogBuilder<'a> {
        LogBuilder {
            logger: self,
            parts: Parts {
                severity: Some(severity),
                ..Parts::default()
            },
        }
    }

    /// Emits a text.
    pub fn log(&self, severity: Severity, text: &str) {
        self.record(severity).with_body(text).emit();
    }

    /// Emits several records in one call, except those that the host does not accept.
    pub fn emit(&self, records: &[Record<'_>]) {
        let admitted: Vec<_> = records
            .iter()
            .map(|record| record.parts)
            .filter(|parts| self.threshold.accepts(parts.severity, || self.handle()))
            .collect();
        if !admitted.is_empty() {
            arena::emit_all(self.handle(), &admitted);
        }
    }
}

/// Creates the attributes of a log record, or the entries of an [`AnyValue::map`]: `fields!["id" =>
/// 17, "who" => name]`.
#[macro_export]
macro_rules! fields {
    ($($key:expr => $value:expr),* $(,)?) => {
        &[$(($key, $crate::AnyValue::from($value))),*]
    };
}
