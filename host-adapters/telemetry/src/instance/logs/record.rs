//! Applies the limits on log records. Both the plain and the general path use it.

use std::time::SystemTime;

use opentelemetry::Key;
use opentelemetry::logs::{AnyValue, LogRecord as _, Severity};
use opentelemetry::trace::SpanContext;
use opentelemetry_sdk::logs::SdkLogRecord;

use crate::attributes::{Admission, ByteBudget, CountLimit, KeyFilter, Rules};
use crate::dropped::{Reason, Signal};
use crate::interner::InstanceTexts;
use crate::severity::common_severity_text;
use crate::telemetry::Shared;

/// Returns the rules for log records.
pub(super) fn rules(shared: &Shared) -> Rules<'_> {
    Rules {
        limits: &shared.limits,
        dropped: &shared.dropped,
        signal: Signal::Logs,
        value_chars: shared.limits.log_value_chars,
        pending: None,
    }
}

/// Decides by the key whether an attribute of a record is kept. The record has `len` attributes so
/// far.
pub(super) fn admit<'k>(
    rules: Rules<'_>,
    key: &str,
    kept: impl Iterator<Item = &'k str>,
    len: usize,
    filter: &mut KeyFilter,
) -> Admission {
    let most = CountLimit(rules.limits.log_attributes, Reason::LogAttributes);
    rules.admit(key, kept, len, filter, most)
}

/// A record of the SDK with its remaining bytes.
pub(super) struct RecordBuilder<'a> {
    pub(super) record: SdkLogRecord,
    pub(super) budget: ByteBudget,
    pub(super) rules: Rules<'a>,
    texts: &'a InstanceTexts,
}

impl<'a> RecordBuilder<'a> {
    #[inline]
    pub(super) fn new(record: SdkLogRecord, rules: Rules<'a>, texts: &'a InstanceTexts) -> Self {
        Self {
            record,
            budget: ByteBudget::new(rules.limits.log_bytes, Reason::LogBytes),
            rules,
            texts,
        }
    }

    /// Sets the times, the span and the severity.
    #[inline]
    pub(super) fn begin(
        &mut self,
        time: Option<u64>,
        now: SystemTime,
        context: Option<&SpanContext>,
        severity: Option<Severity>,
    ) {
        self.record.set_timestamp(self.rules.time_at(time, now));
        self.record.set_observed_timestamp(now);
        if let Some(context) = context {
            self.record.set_trace_context(
                context.trace_id(),
                context.span_id(),
                Some(context.trace_flags()),
            );
        }
        if let Some(severity) = severity {
            self.record.set_severity_number(severity);
        }
    }

    /// Sets the source's own text for the severity.
    ///
    /// # Errors
    ///
    /// Returns the limit that is exceeded.
    #[inline]
    pub(super) fn set_severity_text(&mut self, text: &str) -> Result<(), Reason> {
        let text = common_severity_text(text).map_or_else(|| self.texts.required(text), Ok)?;
        self.record.set_severity_text(text);
        Ok(())
    }

    /// Sets the event's name.
    ///
    /// # Errors
    ///
    /// Returns the limit that is exceeded.
    pub(super) fn set_event_name(&mut self, name: &str) -> Result<(), Reason> {
        self.record.set_event_name(self.texts.required(name)?);
        Ok(())
    }

    /// Sets the body. `bytes` is the size of its contents. Returns false if fewer bytes are left.
    #[inline]
    pub(super) fn set_body(&mut self, body: impl Into<AnyValue>, bytes: usize) -> bool {
        let fits = self.budget.take(size_of::<AnyValue>() + bytes);
        if fits {
            self.record.set_body(body.into());
        }
        fits
    }

    /// Adds an admitted attribute. `bytes` is the size of its value's contents. Returns false if
    /// fewer bytes are left.
    #[inline]
    pub(super) fn add_attribute(
        &mut self,
        key: impl Into<Key> + AsRef<str>,
        value: impl Into<AnyValue>,
        bytes: usize,
    ) -> bool {
        let fits = self.take_attribute(key.as_ref(), bytes);
        if fits {
            self.record.add_attribute(key, value);
        }
        fits
    }

    /// Takes the bytes of an attribute. Returns false if fewer are left.
    #[inline]
    pub(super) fn take_attribute(&mut self, key: &str, bytes: usize) -> bool {
        let own = size_of::<Key>() + key.len() + size_of::<AnyValue>();
        self.budget.take(own + bytes)
    }
}
