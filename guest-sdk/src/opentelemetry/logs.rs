//! Loggers and log records.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use ::opentelemetry::logs::{self as api, AnyValue, Severity as ApiSeverity};
use ::opentelemetry::trace::{SpanContext as ApiSpanContext, TraceState};
use ::opentelemetry::{Context, InstrumentationScope, Key, SpanId, TraceFlags, TraceId};

use super::known::Reference;
use super::scope::Scope;
use super::{used, values};
use crate::backend::logger;
use crate::logs::arena::{self, Nested, Parts};
use crate::targets::{self, TargetLogger};
use crate::types::{LogValue, LoggerHandle, Severity};

/// Provides loggers whose records go to the host.
///
/// The API has no global provider: pass this one to the code that emits logs, such as an appender.
/// All providers are equal, because they have no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoggerProvider(());

impl LoggerProvider {
    /// Creates a provider.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl api::LoggerProvider for LoggerProvider {
    type Logger = Logger;

    fn logger_with_scope(&self, scope: InstrumentationScope) -> Logger {
        used::set_used();
        Logger(Scope::of(scope))
    }
}

/// Emits log records that the host accepts.
#[derive(Clone)]
pub struct Logger(Arc<Scope>);

impl core::fmt::Debug for Logger {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Logger").field(&self.0.name()).finish()
    }
}

/// The scope of a record: that of its logger, or one that is named for its target.
enum Destination<'a> {
    Logger(&'a Scope),
    Target(Rc<TargetLogger>),
}

impl Destination<'_> {
    fn accepts(&self, severity: Option<Severity>) -> bool {
        match self {
            Self::Logger(scope) => scope.accepts(severity),
            Self::Target(logger) => logger.accepts(severity),
        }
    }

    fn handle(&self) -> LoggerHandle {
        match self {
            Self::Logger(scope) => scope.logger(),
            Self::Target(logger) => logger.handle(),
        }
    }
}

impl Logger {
    /// Returns the destination of records with a target, and whether it is named for the target.
    fn destination(&self, target: &str) -> (Destination<'_>, bool) {
        if target.is_empty() || target == self.0.name() {
            return (Destination::Logger(&self.0), true);
        }
        match targets::own_logger(target) {
            Some(logger) => (Destination::Target(logger), true),
            None => (Destination::Logger(&self.0), false),
        }
    }
}

fn severity(severity: ApiSeverity) -> Option<Severity> {
    Severity::from_number(severity as u8)
}

impl api::Logger for Logger {
    type LogRecord = LogRecord;

    fn create_log_record(&self) -> LogRecord {
        LogRecord::default()
    }

    fn emit(&self, record: LogRecord) {
        if Context::is_current_telemetry_suppressed() {
            return;
        }
        let target = record.target.as_deref().unwrap_or_default();
        let (destination, is_named) = self.destination(target);
        if !destination.accepts(record.severity) {
            return;
        }
        let context = match &record.context {
            Some(context) => Reference::to(context),
            None => Context::map_current(Reference::of),
        };
        let target = (!is_named).then(|| AnyValue::from(target.to_owned()));
        let attributes: Vec<_> = record
            .attributes
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .chain(target.as_ref().map(|target| ("log.target", target)))
            .collect();
        arena::emit(
            destination.handle(),
            &Parts {
                body: record.body.as_ref(),
                severity: record.severity,
                severity_text: record.severity_text,
                event_name: record.event_name,
                attributes: &attributes,
                time: record.time,
                context: context.as_reference(),
            },
        );
    }

    /// Returns whether the host accepts such records. Without a name, the cached threshold decides
    /// and no call is made. With a name, the host decides.
    fn event_enabled(&self, level: ApiSeverity, target: &str, name: Option<&str>) -> bool {
        if Context::is_current_telemetry_suppressed() {
            return false;
        }
        let (destination, _) = self.destination(target);
        let severity = severity(level);
        destination.accepts(severity)
            && (name.is_none() || logger::enabled(destination.handle(), severity, name))
    }
}

/// A log record that is being built; [`Logger`] creates it.
#[derive(Debug, Default)]
pub struct LogRecord {
    event_name: Option<&'static str>,
    target: Option<Cow<'static, str>>,
    time: Option<u64>,
    severity: Option<Severity>,
    severity_text: Option<&'static str>,
    body: Option<AnyValue>,
    attributes: Vec<(Key, AnyValue)>,
    context: Option<ApiSpanContext>,
}

#[cfg(test)]
impl LogRecord {
    pub(super) const fn body(&self) -> Option<&AnyValue> {
        self.body.as_ref()
    }
}

impl api::LogRecord for LogRecord {
    fn set_event_name(&mut self, name: &'static str) {
        self.event_name = Some(name);
    }

    fn set_target<T: Into<Cow<'static, str>>>(&mut self, target: T) {
        self.target = Some(target.into());
    }

    fn set_timestamp(&mut self, timestamp: SystemTime) {
        self.time = Some(values::nanos(timestamp));
    }

    /// Does nothing, because the host sets the observed time.
    fn set_observed_timestamp(&mut self, _: SystemTime) {}

    fn set_severity_text(&mut self, text: &'static str) {
        self.severity_text = Some(text);
    }

    fn set_severity_number(&mut self, number: ApiSeverity) {
        self.severity = severity(number);
    }

    fn set_body(&mut self, body: AnyValue) {
        take_apart(self.body.replace(body));
    }

    fn add_attributes<I, K, V>(&mut self, attributes: I)
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<Key>,
        V: Into<AnyValue>,
    {
        for (key, value) in attributes {
            self.add_attribute(key, value);
        }
    }

    fn add_attribute<K: Into<Key>, V: Into<AnyValue>>(&mut self, key: K, value: V) {
        self.attributes.push((key.into(), value.into()));
    }

    fn set_trace_context(&mut self, trace_id: TraceId, span_id: SpanId, flags: Option<TraceFlags>) {
        self.context = Some(ApiSpanContext::new(
            trace_id,
            span_id,
            flags.unwrap_or_default(),
            false,
            TraceState::NONE,
        ));
    }
}

impl Drop for LogRecord {
    fn drop(&mut self) {
        let attributes = self.attributes.drain(..).map(|(_, value)| value);
        take_apart(self.body.take().into_iter().chain(attributes));
    }
}

/// Drops values without recursion, which would overflow the stack for deeply nested values.
fn take_apart(values: impl IntoIterator<Item = AnyValue>) {
    let nested = |value: &AnyValue| matches!(value, AnyValue::ListAny(_) | AnyValue::Map(_));
    let mut waiting: Vec<_> = values.into_iter().filter(nested).collect();
    while let Some(value) = waiting.pop() {
        if let AnyValue::ListAny(values) = value {
            waiting.extend(values.into_iter().filter(nested));
        } else if let AnyValue::Map(entries) = value {
            waiting.extend(entries.into_values().filter(nested));
        }
    }
}

impl<'a> Nested<'a> for &'a AnyValue {
    fn node(self, children: &mut Vec<(&'a str, Self)>) -> LogValue<'a> {
        match self {
            AnyValue::Int(value) => LogValue::Int(*value),
            AnyValue::Double(value) => LogValue::Double(*value),
            AnyValue::String(value) => LogValue::String(value.as_str()),
            AnyValue::Boolean(value) => LogValue::Bool(*value),
            AnyValue::Bytes(value) => LogValue::Bytes(value),
            AnyValue::ListAny(values) => {
                children.extend(values.iter().map(|value| ("", value)));
                LogValue::Array(&[])
            }
            AnyValue::Map(entries) => {
                children.extend(entries.iter().map(|(key, value)| (key.as_str(), value)));
                LogValue::Map(&[])
            }
            // A kind of value that a future version of the API may add.
            _ => LogValue::String(""),
        }
    }
}
