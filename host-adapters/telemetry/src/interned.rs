//! Texts that live as long as the process.
//!
//! The SDK wants event names and severity texts as `&'static str`, and guests make them up. So each is kept once for all, in a
//! table of the process with a bound on entries and bytes, and each [`crate::Telemetry`] may only have so many of them that
//! no tenant takes the room of all others.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};

use crate::dropped::Reason;

/// How many texts the process keeps.
const PROCESS_ENTRIES: usize = 65_536;

/// How many bytes the texts of the process take.
const PROCESS_BYTES: usize = 4 << 20;

static PROCESS: LazyLock<Mutex<Texts>> = LazyLock::new(Mutex::default);

#[derive(Debug, Default)]
struct Texts {
    known: HashSet<&'static str>,
    bytes: usize,
}

impl Texts {
    fn has_room_for(&self, text: &str, max_entries: usize, max_bytes: usize) -> bool {
        self.known.len() < max_entries && self.bytes.saturating_add(text.len()) <= max_bytes
    }

    fn insert(&mut self, text: &'static str) {
        if self.known.insert(text) {
            self.bytes += text.len();
        }
    }

    /// Gives the text as the process keeps it, for ever.
    fn keep(&mut self, text: &str, max_entries: usize, max_bytes: usize) -> Option<&'static str> {
        if let Some(known) = self.known.get(text) {
            return Some(known);
        }
        if !self.has_room_for(text, max_entries, max_bytes) {
            return None;
        }
        let kept: &'static str = Box::leak(Box::from(text));
        self.insert(kept);
        Some(kept)
    }
}

/// The texts that one [`crate::Telemetry`] has had kept.
#[derive(Debug)]
pub(crate) struct Interned {
    texts: RwLock<Texts>,
    max_entries: usize,
    max_bytes: usize,
}

impl Interned {
    pub(crate) fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self {
            texts: RwLock::default(),
            max_entries,
            max_bytes,
        }
    }

    /// Returns how many texts there are.
    pub(crate) fn len(&self) -> usize {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        texts.known.len()
    }

    /// Returns `text` with the life of the process.
    ///
    /// # Errors
    ///
    /// Returns the limit that it would exceed.
    pub(crate) fn intern(&self, text: &str) -> Result<&'static str, Reason> {
        if let Some(known) = self
            .texts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .known
            .get(text)
        {
            return Ok(known);
        }
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts.known.get(text) {
            return Ok(known);
        }
        if texts.known.len() >= self.max_entries {
            return Err(Reason::Interned);
        }
        if !texts.has_room_for(text, self.max_entries, self.max_bytes) {
            return Err(Reason::InternedBytes);
        }
        let kept = PROCESS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keep(text, PROCESS_ENTRIES, PROCESS_BYTES)
            .ok_or(Reason::ProcessTexts)?;
        texts.insert(kept);
        Ok(kept)
    }
}

/// Gives a severity's usual names with the life of the process: those of OpenTelemetry, of `tracing`, `log`, syslog and Python.
pub(crate) fn usual_severity_text(text: &str) -> Option<&'static str> {
    USUAL_SEVERITY_TEXTS
        .iter()
        .find(|usual| **usual == text)
        .copied()
}

const USUAL_SEVERITY_TEXTS: [&str; 55] = [
    "INFO",
    "WARN",
    "ERROR",
    "DEBUG",
    "TRACE",
    "FATAL",
    "info",
    "warn",
    "error",
    "debug",
    "trace",
    "fatal",
    "Info",
    "Warn",
    "Error",
    "Debug",
    "Trace",
    "Fatal",
    "TRACE2",
    "TRACE3",
    "TRACE4",
    "DEBUG2",
    "DEBUG3",
    "DEBUG4",
    "INFO2",
    "INFO3",
    "INFO4",
    "WARN2",
    "WARN3",
    "WARN4",
    "ERROR2",
    "ERROR3",
    "ERROR4",
    "FATAL2",
    "FATAL3",
    "FATAL4",
    "WARNING",
    "warning",
    "Warning",
    "NOTICE",
    "notice",
    "Notice",
    "CRITICAL",
    "critical",
    "Critical",
    "ALERT",
    "alert",
    "EMERGENCY",
    "emergency",
    "ERR",
    "err",
    "CRIT",
    "crit",
    "emerg",
    "Information",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_kept_once_for_all() {
        let (one, other) = (Interned::new(10, 1_000), Interned::new(10, 1_000));
        let name = one.intern("interned-once").unwrap();
        assert!(std::ptr::eq(
            name,
            one.intern(&String::from("interned-once")).unwrap()
        ));
        assert!(std::ptr::eq(name, other.intern("interned-once").unwrap()));
    }

    #[test]
    fn entries_and_bytes_are_limited() {
        let few = Interned::new(2, 1_000);
        assert_eq!(
            ["limit-a", "limit-b", "limit-c", "limit-a"].map(|name| few.intern(name).is_ok()),
            [true, true, false, true]
        );
        let small = Interned::new(1_000, 10);
        assert_eq!(
            ["12345", "1234567", "54321", "1"].map(|name| small.intern(name).is_ok()),
            [true, false, true, false]
        );
    }

    #[test]
    fn fresh_names_of_ten_thousand_guests_take_no_more_than_allowed() {
        let interned = Interned::new(1_024, 64 << 10);
        let kept = (0..10_000)
            .filter(|i| interned.intern(&format!("fresh-name-{i}")).is_ok())
            .count();
        assert_eq!(kept, 1_024);
    }

    #[test]
    fn process_keeps_no_more_than_its_table_holds() {
        let mut texts = Texts::default();
        assert!(texts.keep("ab", 2, 5).is_some());
        assert!(texts.keep("abcd", 2, 5).is_none());
        assert!(texts.keep("abc", 2, 5).is_some());
        assert!(texts.keep("", 2, 5).is_none());
        assert!(texts.keep("ab", 2, 5).is_some());
    }

    #[test]
    fn every_name_of_a_severity_is_usual() {
        use opentelemetry::logs::Severity;
        for severity in [
            Severity::Trace,
            Severity::Debug4,
            Severity::Info2,
            Severity::Warn,
            Severity::Fatal4,
        ] {
            assert_eq!(usual_severity_text(severity.name()), Some(severity.name()));
        }
        assert_eq!(usual_severity_text("INFOX"), None);
    }
}
