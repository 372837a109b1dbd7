//! Logs of an instance.

mod plain;
mod record;

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
use crate::nested::{self, Cut, ValueLimits, Weighed};
use crate::scope;
use crate::telemetry::Shared;

/// The attribute that an event's name becomes where the host cannot remember it.
const EVENT_NAME: &str = attribute::EVENT_NAME.key;

/// The loggers of an instance, by the scopes as they are exported.
pub(super) type Loggers = HandleTable<LoggerHandle, ScopeKey, Logger>;

/// A logger of an instance.
#[derive(Debug, Clone)]
pub(super) struct Logger {
    /// `None` without a provider.
    sdk: Option<Arc<SdkLogger>>,
    scope: Arc<str>,
    /// With the generation of the log levels that it is from.
    minimum: (Option<Severity>, u32),
}

/// Returns a logger whose threshold is up to date.
fn find<'l>(
    loggers: &'l mut Loggers,
    handle: LoggerHandle,
    shared: &Shared,
) -> Result<&'l Logger, Reason> {
    let logger = loggers.find_mut(handle)?;
    if logger.minimum.1 != shared.log_levels.generation() {
        logger.minimum = shared.log_levels.minimum(&logger.scope);
    }
    Ok(logger)
}

impl Logger {
    /// Returns the lowest severity that is wanted; `None` where nothing is.
    fn minimum(&self) -> Option<Severity> {
        self.sdk.as_ref().and(self.minimum.0)
    }

    fn enabled(&self, severity: Option<Severity>, event_name: Option<&str>) -> bool {
        // A record without a severity passes every threshold, but for `off`.
        let severity = severity.unwrap_or(Severity::Fatal4);
        self.minimum().is_some_and(|minimum| severity >= minimum)
            && self
                .sdk
                .as_ref()
                .is_some_and(|sdk| sdk.event_enabled(severity, &self.scope, event_name))
    }
}

impl RecordBuilder<'_> {
    /// Sets everything but times, span and severity, within the limits.
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
        rules.count(values.breach.unwrap_or(Reason::NestedValue), values.broken);
        let mut attributes = admitted(values.attributes, rules);
        let mut event_name = None;
        if let Some(name) = given.event_name
            && let Err(reason) = self.set_event_name(&name)
        {
            rules.count_named(reason, &name);
            add_event_name(&mut attributes, rules.own_text(&name));
            event_name = Some(EVENT_NAME);
        }
        if let Some(Weighed { value, bytes, cut }) = values.body {
            if self.set_body(value, bytes) {
                count_cut(cut, rules);
            } else {
                rules.count(self.budget.reason(), 1);
            }
        }
        for (key, Weighed { value, bytes, cut }) in attributes {
            // A name that became an attribute is counted already.
            let is_counted = event_name.is_some_and(|name| name == key.as_str());
            if self.take_attribute(key.as_str(), bytes) {
                count_cut(cut, rules);
                self.record.add_attribute(key, value);
            } else if !is_counted {
                rules.count_named(self.budget.reason(), key.as_str());
            }
        }
    }
}

/// Counts what was shortened in a value that is kept.
fn count_cut(cut: Cut, rules: Rules<'_>) {
    rules.count(Reason::ValueBytes, cut.bytes.into());
    rules.count(Reason::LogValueChars, cut.chars.into());
}

/// Returns the attributes that are kept as far as their keys go, each key with its last value.
fn admitted(given: Vec<(Key, Weighed)>, rules: Rules<'_>) -> Vec<(Key, Weighed)> {
    let mut kept: Vec<(Key, Weighed)> = Vec::new();
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

/// Adds an event's name to the attributes, as the first one and beyond the limit on their number:
/// without it an event is hard to recognise.
fn add_event_name(attributes: &mut Vec<(Key, Weighed)>, name: String) {
    attributes.retain(|(key, _)| key.as_str() != EVENT_NAME);
    let weighed = Weighed {
        bytes: name.len(),
        value: AnyValue::from(name),
        cut: Cut::default(),
    };
    attributes.insert(0, (Key::from_static_str(EVENT_NAME), weighed));
}

impl Instance {
    /// Returns the logger of a scope, the same for equal scopes (`logger.get`).
    ///
    /// Beyond [`crate::Limits::log_scopes`] it is one that drops and counts what it is given.
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
            // Its records are counted.
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
                // What is given to a logger beyond the limit is to arrive, in order to be counted.
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
    /// The threshold is asked first, then the processors of the logger provider.
    pub fn log_enabled(
        &mut self,
        logger: LoggerHandle,
        severity: Option<Severity>,
        event_name: Option<&str>,
    ) -> bool {
        let shared = &*self.telemetry.0;
        // The embedder's own context is none of the guest's business.
        let _no_context = Context::new().attach();
        match find(&mut self.loggers, logger, shared) {
            Ok(logger) => logger.enabled(severity, event_name),
            Err(reason) => reason != Reason::WrongHandle && shared.logger_provider.is_some(),
        }
    }

    /// Emits records, in order (`logger.emit`). Records below the threshold are dropped without
    /// being counted.
    pub fn emit_logs(&mut self, logger: LoggerHandle, records: Vec<LogRecord>) -> Notice {
        // Before the threshold: a panic is noted even if its record is not kept.
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
        // Found again, for the spans that records belong to are looked up meanwhile.
        if let Ok(logger) = self.loggers.find(logger)
            && let Some(sdk) = &logger.sdk
        {
            let now = SystemTime::now();
            // Without this the SDK would attach the host thread's own span to a record that belongs
            // to none.
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
