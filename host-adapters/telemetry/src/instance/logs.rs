//! The logs of an instance.

mod output;
mod plain;
mod record;

pub use output::{GuestOutput, StandardStream};
pub use plain::PlainLog;

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, Severity};
use opentelemetry::{Context, Key};
use opentelemetry_sdk::logs::SdkLogger;

use self::record::{RecordBuilder, admit, rules};
use super::Instance;
use super::table::HandleTable;
use crate::attributes::{Admission, KeyFilter, Pending, Rules};
use crate::dropped::{Reason, Signal};
use crate::emitted::attribute;
use crate::limits::MAX_LOG_DEPTH;
use crate::metrics::ScopeKey;
use crate::model::{LogRecord, LogThreshold, LoggerHandle, Notice, Scope};
use crate::nested::{self, ShortenedCounts, SizedValue, ValueLimits};
use crate::scope;
use crate::telemetry::Shared;

/// The attribute for an event's name beyond the limit on interned names.
const EVENT_NAME: &str = attribute::EVENT_NAME.key;

/// The loggers of an instance, by their exported scopes.
pub(super) type Loggers = HandleTable<LoggerHandle, ScopeKey, Logger>;

/// A logger of an instance.
#[derive(Debug, Clone)]
pub(super) struct Logger {
    /// `None` without a provider.
    sdk: Option<Arc<SdkLogger>>,
    scope: Arc<str>,
    /// The lowest severity, with the generation of the log levels.
    minimum: (Option<Severity>, u32),
}

/// Returns a logger whose threshold is up to date.
fn find<'l>(
    loggers: &'l mut Loggers,
    handle: LoggerHandle,
    shared: &Shared,
) -> Result<&'l Logger, Reason> {
    let logger = loggers.find_mut(handle)?;
    logger.update(shared);
    Ok(logger)
}

impl Logger {
    /// Updates its threshold if the log levels have changed.
    #[inline]
    fn update(&mut self, shared: &Shared) {
        if self.minimum.1 != shared.log_levels.generation() {
            self.minimum = shared.log_levels.minimum(&self.scope);
        }
    }

    /// Returns the lowest severity of the records that are kept. `None` if none are.
    fn minimum(&self) -> Option<Severity> {
        self.sdk.as_ref().and(self.minimum.0)
    }

    fn enabled(&self, severity: Option<Severity>, event_name: Option<&str>) -> bool {
        // A record without a severity passes every threshold except `off`.
        let severity = severity.unwrap_or(Severity::Fatal4);
        self.minimum().is_some_and(|minimum| severity >= minimum)
            && self
                .sdk
                .as_ref()
                .is_some_and(|sdk| sdk.event_enabled(severity, &self.scope, event_name))
    }
}

impl RecordBuilder<'_> {
    /// Sets everything except times, span and severity, within the limits.
    fn fill(&mut self, given: LogRecord) {
        let rules = self.rules;
        if let Some(text) = given.severity_text
            && let Err(reason) = self.set_severity_text(&text)
        {
            rules.count_named(reason, &text);
        }
        let bounds = ValueLimits {
            nodes: rules.limits.log_nodes,
            depth: rules.limits.log_depth.min(MAX_LOG_DEPTH),
            value_bytes: rules.limits.value_bytes,
            attribute_chars: rules.limits.log_value_chars,
        };
        let values = nested::build(given.body, given.attributes, given.nodes, bounds);
        rules.count(
            values.violation.unwrap_or(Reason::NestedValue),
            values.dropped,
        );
        let mut attributes = admitted(values.attributes, rules);
        let mut event_name = None;
        if let Some(name) = given.event_name
            && let Err(reason) = self.set_event_name(&name)
        {
            rules.count_named(reason, &name);
            add_event_name(&mut attributes, rules.own_text(&name));
            event_name = Some(EVENT_NAME);
        }
        if let Some(SizedValue {
            value,
            bytes,
            shortened,
        }) = values.body
        {
            if self.set_body(value, bytes) {
                count_shortened(shortened, rules);
            } else {
                rules.count(self.budget.reason(), 1);
            }
        }
        for (
            key,
            SizedValue {
                value,
                bytes,
                shortened,
            },
        ) in attributes
        {
            // An event name that became an attribute is already counted.
            let is_counted = event_name.is_some_and(|name| name == key.as_str());
            if self.take_attribute(key.as_str(), bytes) {
                count_shortened(shortened, rules);
                self.record.add_attribute(key, value);
            } else if !is_counted {
                rules.count_named(self.budget.reason(), key.as_str());
            }
        }
    }
}

/// Counts the shortened parts of a value that is kept.
fn count_shortened(shortened: ShortenedCounts, rules: Rules<'_>) {
    rules.count(Reason::ValueBytes, shortened.bytes.into());
    rules.count(Reason::LogValueChars, shortened.chars.into());
}

/// Returns the attributes with valid keys within the limit, each key with its last value.
fn admitted(given: Vec<(Key, SizedValue)>, rules: Rules<'_>) -> Vec<(Key, SizedValue)> {
    let mut kept: Vec<(Key, SizedValue)> = Vec::new();
    let mut filter = KeyFilter::default();
    for (key, value) in given {
        let keys = kept.iter().map(|(key, _)| key.as_str());
        match admit(rules, key.as_str(), keys, kept.len(), &mut filter) {
            Admission::Added => kept.push((key, value)),
            Admission::Replaces(index) => kept[index].1 = value,
            Admission::Dropped(reason) => rules.count_named(reason, key.as_str()),
        }
    }
    kept
}

/// Adds an event's name as the first attribute, even beyond the limit on their number. Without it,
/// the event would be hard to recognise.
fn add_event_name(attributes: &mut Vec<(Key, SizedValue)>, name: String) {
    attributes.retain(|(key, _)| key.as_str() != EVENT_NAME);
    let event_name = SizedValue {
        bytes: name.len(),
        value: AnyValue::from(name),
        shortened: ShortenedCounts::default(),
    };
    attributes.insert(0, (Key::from_static_str(EVENT_NAME), event_name));
}

impl Instance {
    /// Returns the logger of a scope (`logger.get`). Equal scopes have the same logger.
    ///
    /// A logger beyond [`crate::Limits::log_scopes`] drops and counts its records.
    pub fn logger(&mut self, scope: Scope) -> LoggerHandle {
        let shared = &*self.telemetry.0;
        let (rules, shortened) = (rules(shared), Pending::default());
        let exported = scope::exported(
            &scope,
            &self.component,
            &self.texts,
            rules.pending(&shortened),
        );
        let name: Arc<str> = Arc::from(exported.name());
        let limit = (shared.limits.log_scopes, Reason::LogScopes);
        let make = |scope: &ScopeKey| {
            Ok(Logger {
                sdk: shared.loggers.logger(scope),
                minimum: shared.log_levels.minimum(&name),
                scope: Arc::clone(&name),
            })
        };
        match self.loggers.get_or_insert(ScopeKey(exported), limit, make) {
            Ok(logger) => {
                shortened.count(rules);
                logger
            }
            // Each of its records is counted.
            Err(reason) => {
                shared.dropped.note_name(Signal::Logs, reason, &name);
                self.loggers.refused(reason)
            }
        }
    }

    /// Returns the severity below which a logger's records are not kept (`logger.threshold`).
    pub fn log_threshold(&mut self, logger: LoggerHandle) -> LogThreshold {
        let shared = &*self.telemetry.0;
        match find(&mut self.loggers, logger, shared) {
            Ok(logger) => LogThreshold {
                severity: logger.minimum(),
                generation: logger.minimum.1,
            },
            Err(reason) => {
                let (minimum, generation) = shared.log_levels.minimum("");
                // Guests have to pass the records of a logger beyond the limit, so that they are
                // counted.
                let severity = minimum
                    .filter(|_| reason != Reason::WrongHandle && shared.logger_provider.is_some());
                LogThreshold {
                    severity,
                    generation,
                }
            }
        }
    }

    /// Returns whether records of this severity and event name are kept (`logger.enabled`).
    ///
    /// Checks the threshold first, then the processors of the logger provider.
    pub fn log_enabled(
        &mut self,
        logger: LoggerHandle,
        severity: Option<Severity>,
        event_name: Option<&str>,
    ) -> bool {
        let shared = &*self.telemetry.0;
        // Processors must not see the embedder's own context.
        let _no_context = Context::new().attach();
        match find(&mut self.loggers, logger, shared) {
            Ok(logger) => logger.enabled(severity, event_name),
            Err(reason) => reason != Reason::WrongHandle && shared.logger_provider.is_some(),
        }
    }

    /// Emits records in order (`logger.emit`). Records below the threshold are dropped and not
    /// counted.
    pub fn emit_logs(&mut self, logger: LoggerHandle, records: Vec<LogRecord>) -> Notice {
        // Before the threshold is checked, because a panic matters even if its record is not kept.
        self.note_panic(&records);
        for record in &records {
            self.telemetry.0.guest_warnings.note(record);
        }
        let shared = &*self.telemetry.0;
        let found = find(&mut self.loggers, logger, shared).map(drop);
        if let Err(reason) = found.and_then(|()| self.still_open()) {
            shared
                .dropped
                .add(Signal::Logs, reason, records.len() as u64);
            return self.notice();
        }
        // Found again without a mutable borrow, because `resolve` borrows the instance.
        if let Ok(logger) = self.loggers.find(logger)
            && let Some(sdk) = &logger.sdk
        {
            let now = SystemTime::now();
            // Otherwise the SDK would set the host thread's own span on a record without a span.
            let _no_context = Context::new().attach();
            for mut given in records {
                if !logger.enabled(given.severity, given.event_name.as_deref()) {
                    continue;
                }
                let context = self.resolve(std::mem::take(&mut given.context), Signal::Logs);
                let record = sdk.create_log_record();
                let mut builder = RecordBuilder::new(record, rules(shared), &self.texts);
                builder.begin(given.time, now, context.as_ref(), given.severity);
                builder.fill(given);
                sdk.emit(builder.record);
            }
        }
        self.notice()
    }
}

#[cfg(test)]
mod tests;
