//! Records that are built while they are read.
//!
//! It is for records of which everything is kept and nothing is nested, as of most. The values are
//! passed one by one, because moving a value that was just written costs more than everything else
//! that happens to it (ADR 6). The bench's rows "log" show it.

use std::fmt;
use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, Logger as _, Severity};
use opentelemetry::{Context, Key};

use super::record::{RecordBuilder, admit, rules};
use super::{Instance, find};
use crate::attributes::{Admission, KeyFilter, plausible_time, shortened};
use crate::model::{LoggerHandle, Notice, SpanReference};

/// A record in the making.
///
/// Each method returns false if the record is no plain one after all.
pub struct PlainLog<'a> {
    builder: RecordBuilder<'a>,
    attributes: usize,
    keys: KeyFilter,
}

impl Instance {
    /// Emits a record whose texts and values `fill` sets, if all of it can be kept. Returns `None`
    /// if not. Then nothing was emitted or counted, and the record is one for
    /// [`emit_logs`](Self::emit_logs).
    ///
    /// # Errors
    ///
    /// Returns the error of `fill`. Then nothing was emitted.
    #[inline]
    pub fn emit_plain_log<E>(
        &mut self,
        logger: LoggerHandle,
        severity: Option<Severity>,
        time: Option<u64>,
        context: SpanReference,
        fill: impl FnOnce(&mut PlainLog<'_>) -> Result<bool, E>,
    ) -> Result<Option<Notice>, E> {
        let context = match context {
            // Others may be invalid, which is counted.
            SpanReference::Span(_) | SpanReference::Remote(_) => return Ok(None),
            SpanReference::Ambient => self.current_context(),
            SpanReference::None => None,
        };
        let now = SystemTime::now();
        let is_implausible = time.is_some_and(|time| plausible_time(time, now).is_none());
        if self.has_ended() || is_implausible {
            return Ok(None);
        }
        let shared = &*self.telemetry.0;
        let Ok(logger) = find(&mut self.loggers, logger, shared) else {
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
            builder: RecordBuilder::new(sdk.create_log_record(), rules(shared), &self.texts),
            attributes: 0,
            keys: KeyFilter::default(),
        };
        plain.builder.begin(time, now, context.as_ref(), severity);
        if !fill(&mut plain)? {
            return Ok(None);
        }
        // As in `emit_logs`.
        let _no_context = Context::new().attach();
        sdk.emit(plain.builder.record);
        Ok(Some(self.notice()))
    }
}

impl fmt::Debug for PlainLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PlainLog")
            .field(&self.builder.record)
            .finish()
    }
}

impl PlainLog<'_> {
    /// Sets the source's own name of the severity.
    pub fn severity_text(&mut self, text: &str) -> bool {
        self.builder.set_severity_text(text).is_ok()
    }

    /// Sets a text as the body.
    #[inline]
    pub fn body(&mut self, text: &str) -> bool {
        let is_whole = shortened(text, self.builder.rules.limits.value_bytes, None).is_none();
        is_whole && self.builder.set_body(text.to_owned(), text.len())
    }

    /// Adds a text as an attribute.
    #[inline]
    pub fn text(&mut self, key: impl Into<Key> + AsRef<str>, text: &str) -> bool {
        self.builder.rules.shortened(text).is_none()
            && self.is_added(key.as_ref())
            && self.builder.add_attribute(key, text.to_owned(), text.len())
    }

    /// Adds a number or truth value as an attribute.
    #[inline]
    pub fn scalar(&mut self, key: impl Into<Key> + AsRef<str>, value: impl Into<AnyValue>) -> bool {
        self.is_added(key.as_ref()) && self.builder.add_attribute(key, value, 0)
    }

    /// Returns whether an attribute of this key is added as it is.
    #[inline]
    fn is_added(&mut self, key: &str) -> bool {
        let kept = self.builder.record.attributes_iter();
        let kept = kept.map(|(key, _)| key.as_str());
        let admission = admit(
            self.builder.rules,
            key,
            kept,
            self.attributes,
            &mut self.keys,
        );
        self.attributes += 1;
        admission == Admission::Added
    }
}
