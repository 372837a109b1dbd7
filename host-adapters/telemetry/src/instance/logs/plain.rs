//! Records of which all is kept as it is, and nothing is nested: as most are.

use std::fmt;
use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, Severity};
use opentelemetry::{Context, Key};
use opentelemetry_sdk::logs::SdkLogRecord;

use super::{Assembly, Instance, rules};
use crate::attributes::{Room, SEARCHED, plausible_time, same_text};
use crate::dropped::Reason;
use crate::model::{Notice, SpanReference};
use crate::telemetry::Shared;

/// A record that is built in its place, value by value.
///
/// Each method says whether the record is still a plain one.
///
/// The values are handed over one by one and never gathered: moving what has just been written costs more than anything else that is done
/// with it.
pub struct PlainLog<'a> {
    shared: &'a Shared,
    record: SdkLogRecord,
    room: Room,
    count: usize,
}

impl Instance {
    /// Emits a record that `fill` gives its texts and values, if it is to be emitted as far as the rest says, and if `fill` says that it is
    /// a plain one. `None` if not: nothing was emitted and nothing counted, and the whole of it is to be given to [`emit_logs`](Self::emit_logs).
    ///
    /// # Errors
    ///
    /// Returns the error of `fill`. Then nothing was emitted.
    #[inline]
    pub fn emit_plain_log<E>(
        &mut self,
        logger: u64,
        severity: Option<Severity>,
        time: Option<u64>,
        context: SpanReference,
        fill: impl FnOnce(&mut PlainLog<'_>) -> Result<bool, E>,
    ) -> Result<Option<Notice>, E> {
        let context = match context {
            // What is wrong with others is counted.
            SpanReference::Span(_) | SpanReference::Remote(_) => return Ok(None),
            SpanReference::Ambient => self.current_context(),
            SpanReference::None => None,
        };
        // So is what comes after the instance's end, and an implausible time.
        if self.has_ended() {
            return Ok(None);
        }
        if time.is_some_and(|time| plausible_time(time, SystemTime::now()).is_none()) {
            return Ok(None);
        }
        let shared = &*self.telemetry.0;
        let Ok(logger) = self.logs.find(logger, shared) else {
            return Ok(None);
        };
        let Some(sdk) = logger
            .sdk
            .as_ref()
            .filter(|_| logger.enabled(severity, None))
        else {
            return Ok(None);
        };
        let mut plain = PlainLog {
            shared,
            record: sdk.create_log_record(),
            room: Room::new(shared.limits.log_bytes, Reason::LogBytes),
            count: 0,
        };
        Assembly::new(shared).begin(&mut plain.record, time, context.as_ref());
        if let Some(severity) = severity {
            plain.record.set_severity_number(severity);
        }
        if !fill(&mut plain)? {
            return Ok(None);
        }
        // As in `emit_logs`.
        let _no_context = Context::new().attach();
        sdk.emit(plain.record);
        Ok(Some(self.notice()))
    }
}

impl fmt::Debug for PlainLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PlainLog").field(&self.record).finish()
    }
}

impl PlainLog<'_> {
    /// Sets the source's own word for the severity.
    pub fn severity_text(&mut self, text: &str) -> bool {
        let text = self.shared.loggers.severity_text(text);
        text.map(|text| self.record.set_severity_text(text)).is_ok()
    }

    /// Sets a text as the body.
    #[inline]
    pub fn body(&mut self, text: &str) -> bool {
        let bytes = size_of::<AnyValue>() + text.len();
        let fits = text.len() <= self.shared.limits.value_bytes;
        if !fits || !self.room.take(bytes) {
            return false;
        }
        self.record.set_body(AnyValue::from(text.to_owned()));
        true
    }

    /// Adds a text as an attribute.
    #[inline]
    pub fn text(&mut self, key: impl Into<Key> + AsRef<str>, text: &str) -> bool {
        if !rules(self.shared).keeps_text(text) || !self.takes(key.as_ref(), text.len()) {
            return false;
        }
        self.record.add_attribute(key, text.to_owned());
        true
    }

    /// Adds a number or truth value as an attribute.
    #[inline]
    pub fn scalar(&mut self, key: impl Into<Key> + AsRef<str>, value: impl Into<AnyValue>) -> bool {
        if !self.takes(key.as_ref(), 0) {
            return false;
        }
        self.record.add_attribute(key, value);
        true
    }

    /// Whether there is room for one more attribute, which has a key that is valid and its own.
    #[inline]
    fn takes(&mut self, key: &str, bytes: usize) -> bool {
        let limits = &self.shared.limits;
        self.count += 1;
        let valid = rules(self.shared).keeps_key(key);
        if !valid || self.count > limits.log_attributes.min(SEARCHED) {
            return false;
        }
        let mut others = self.record.attributes_iter();
        if others.any(|(other, _)| same_text(other.as_str(), key)) {
            return false;
        }
        let own = size_of::<Key>() + key.len() + size_of::<AnyValue>();
        self.room.take(own + bytes)
    }
}
