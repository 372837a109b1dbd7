//! Collects the warnings of guests' SDKs about wrong use.

use std::sync::{Mutex, PoisonError};

use opentelemetry::logs::Severity;

use crate::emitted::event;
use crate::limits::{GUEST_WARNING_BYTES, GUEST_WARNINGS};
use crate::model::{LogRecord, LogValue};

/// The first distinct warnings of all instances.
#[derive(Debug, Default)]
pub(crate) struct GuestWarnings(Mutex<Vec<String>>);

impl GuestWarnings {
    /// Keeps the text of a record if it is a warning of the SDK.
    pub(crate) fn note(&self, record: &LogRecord) {
        if record.severity != Some(Severity::Warn)
            || record.event_name.as_deref() != Some(event::WARNING)
        {
            return;
        }
        let Some(LogValue::String(text)) = &record.body else {
            return;
        };
        let text = text
            .get(..text.floor_char_boundary(GUEST_WARNING_BYTES))
            .unwrap_or_default();
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < GUEST_WARNINGS && warnings.iter().all(|known| known != text) {
            warnings.push(text.to_owned());
        }
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(text: &str) -> LogRecord {
        LogRecord {
            body: Some(LogValue::String(text.to_owned())),
            severity: Some(Severity::Warn),
            event_name: Some(event::WARNING.into()),
            ..LogRecord::default()
        }
    }

    #[test]
    fn each_warning_is_kept_once_up_to_the_limit() {
        let warnings = GuestWarnings::default();
        warnings.note(&warning("a"));
        warnings.note(&warning("a"));
        for other in [
            LogRecord {
                event_name: None,
                ..warning("no event")
            },
            LogRecord {
                severity: Some(Severity::Error),
                ..warning("no warning")
            },
            LogRecord {
                body: None,
                ..warning("nothing")
            },
        ] {
            warnings.note(&other);
        }
        assert_eq!(warnings.all(), ["a"]);
        for number in 0..100 {
            warnings.note(&warning(&format!("{number}{}", "\u{e9}".repeat(1_000))));
        }
        let all = warnings.all();
        assert_eq!(all.len(), GUEST_WARNINGS);
        assert!(all.iter().all(|text| text.len() <= GUEST_WARNING_BYTES));
    }
}
