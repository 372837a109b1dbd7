//! Builds log records while their arguments are read.
//!
//! This is for records that are kept whole and have no nested values, which most are. The values
//! are passed one by one, because a move of a value that was just written would be the largest part
//! of the cost (ADR 6). The rows "log" of the bench show the gain.

use std::fmt;
use std::time::SystemTime;

use opentelemetry::logs::{AnyValue, Logger as _, Severity};
use opentelemetry::{Context, Key};

use super::record::{RecordBuilder, admit, rules};
use super::{Instance, find};
use crate::attributes::{Admission, KeyFilter, plausible_time, shortened};
use crate::model::{LoggerHandle, Notice, SpanReference};

/// A builder of a plain record.
///
/// Each method returns false if the record is not plain.
pub struct PlainLog<'a> {
    builder: RecordBuilder<'a>,
    attributes: usize,
    keys: KeyFilter,
}

impl Instance {
    /// Emits a plain record. `fill` sets its texts and values, and returns false if it is not
    /// plain. Returns `None` if the record is not plain or cannot be kept whole. Then nothing was
    /// emitted or counted, and the record has to be passed to [`emit_logs`](Self::emit_logs).
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
            // These may be invalid. Only the general path counts that.
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
        // See `emit_logs`.
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
    /// Sets the source's own text for the severity.
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

    /// Adds a number or boolean as an attribute.
    #[inline]
    pub fn scalar(&mut self, key: impl Into<Key> + AsRef<str>, value: impl Into<AnyValue>) -> bool {
        self.is_added(key.as_ref()) && self.builder.add_attribute(key, value, 0)
    }

    /// Returns whether an attribute with this key is added, not dropped or replaced.
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
