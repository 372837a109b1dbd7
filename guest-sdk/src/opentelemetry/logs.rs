//! Loggers and log records.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use ::opentelemetry::logs::{self as api, AnyValue, Severity as ApiSeverity};
use ::opentelemetry::trace::{SpanContext as ApiSpanContext, TraceState};
use ::opentelemetry::{Context, InstrumentationScope, Key, SpanId, TraceFlags, TraceId};

use super::known::Reference;
use super::scope::Scope;
use super::values;
use crate::Severity;
use crate::backend;
use crate::logs::arena::{self, Nested, Parts};
use crate::logs::types::LogValue;

/// Gives loggers whose records go to the host.
///
/// The API has no global one: hand this to what emits logs, an appender for instance. It holds nothing: all
/// providers are the same one.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoggerProvider(());

impl LoggerProvider {
    /// Makes a provider.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl api::LoggerProvider for LoggerProvider {
    type Logger = Logger;

    fn logger_with_scope(&self, scope: InstrumentationScope) -> Logger {
        super::USED.store(true, Ordering::Relaxed);
        Logger(Scope::of(scope))
    }
}

/// Emits log records, unless nobody listens to them.
#[derive(Clone)]
pub struct Logger(Arc<Scope>);

impl core::fmt::Debug for Logger {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Logger").field(&self.0.name()).finish()
    }
}

impl Logger {
    /// Gives the scope of records with that target, and whether it names the target.
    fn scope(&self, target: &str) -> (Arc<Scope>, bool) {
        if target.is_empty() || target == self.0.name() {
            return (Arc::clone(&self.0), true);
        }
        match Scope::named(target) {
            Some(scope) => (scope, true),
            None => (Arc::clone(&self.0), false),
        }
    }
}

fn admits(scope: &Scope, severity: Option<Severity>) -> bool {
    scope.threshold.admits(severity, || scope.logger())
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
        let (scope, names_target) = self.scope(target);
        if !admits(&scope, record.severity) {
            return;
        }
        let context = match &record.context {
            Some(context) => Reference::to(context),
            None => Context::map_current(Reference::of),
        };
        let target = (!names_target).then(|| AnyValue::from(target.to_owned()));
        let attributes: Vec<_> = record
            .attributes
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .chain(target.as_ref().map(|target| ("log.target", target)))
            .collect();
        arena::emit(
            scope.logger(),
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

    /// Whether somebody listens: without a name, as far as the threshold tells, which makes no call; with one, exactly.
    fn event_enabled(&self, level: ApiSeverity, target: &str, name: Option<&str>) -> bool {
        if Context::is_current_telemetry_suppressed() {
            return false;
        }
        let (scope, _) = self.scope(target);
        let severity = severity(level);
        admits(&scope, severity)
            && (name.is_none() || backend::logger::enabled(scope.logger(), severity, name))
    }
}

/// Is a log record that is being gathered; made by [`Logger`].
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

    /// Does nothing: it is the host that observes.
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

/// Drops values without recursion: the compiler's own way overflows the stack where they are nested too deeply.
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
            AnyValue::Int(value) => LogValue::IntValue(*value),
            AnyValue::Double(value) => LogValue::DoubleValue(*value),
            AnyValue::String(value) => LogValue::StringValue(value.as_str()),
            AnyValue::Boolean(value) => LogValue::BoolValue(*value),
            AnyValue::Bytes(value) => LogValue::BytesValue(value),
            AnyValue::ListAny(values) => {
                children.extend(values.iter().map(|value| ("", value)));
                LogValue::ArrayValue(&[])
            }
            AnyValue::Map(entries) => {
                children.extend(entries.iter().map(|(key, value)| (key.as_str(), value)));
                LogValue::MapValue(&[])
            }
            // A kind of value that the API does not have today.
            _ => LogValue::StringValue(""),
        }
    }
}
