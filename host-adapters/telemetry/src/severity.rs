//! The table of severities and their names.

use opentelemetry::logs::Severity;

/// Calls a macro with the table of severities, from the lowest to the highest: the case, its name
/// in WIT, and its text in OpenTelemetry. Adapters declare their enums with it.
#[doc(hidden)]
#[macro_export]
macro_rules! severity_table {
    ($callback:ident) => {
        $callback! {
            Trace = "trace", "TRACE";
            Trace2 = "trace2", "TRACE2";
            Trace3 = "trace3", "TRACE3";
            Trace4 = "trace4", "TRACE4";
            Debug = "debug", "DEBUG";
            Debug2 = "debug2", "DEBUG2";
            Debug3 = "debug3", "DEBUG3";
            Debug4 = "debug4", "DEBUG4";
            Info = "info", "INFO";
            Info2 = "info2", "INFO2";
            Info3 = "info3", "INFO3";
            Info4 = "info4", "INFO4";
            Warn = "warn", "WARN";
            Warn2 = "warn2", "WARN2";
            Warn3 = "warn3", "WARN3";
            Warn4 = "warn4", "WARN4";
            Error = "error", "ERROR";
            Error2 = "error2", "ERROR2";
            Error3 = "error3", "ERROR3";
            Error4 = "error4", "ERROR4";
            Fatal = "fatal", "FATAL";
            Fatal2 = "fatal2", "FATAL2";
            Fatal3 = "fatal3", "FATAL3";
            Fatal4 = "fatal4", "FATAL4";
        }
    };
}

macro_rules! constants {
    ($($severity:ident = $name:literal, $text:literal;)+) => {
        /// All severities from the lowest to the highest, in the order of `logger.severity`.
        pub const SEVERITIES: [Severity; 24] = [$(Severity::$severity),+];

        /// Their names in WIT, in the same order. Names without a number are the log levels.
        pub const SEVERITY_NAMES: [&str; 24] = [$($name),+];

        /// Their texts in OpenTelemetry, in the same order.
        const SEVERITY_TEXTS: [&str; 24] = [$($text),+];
    };
}
severity_table!(constants);

/// Returns the position of a severity in the tables.
#[must_use]
pub const fn severity_index(severity: Severity) -> usize {
    // OpenTelemetry's numbers begin at 1.
    (severity as usize).saturating_sub(1)
}

/// Returns the lowest severity of a log level: `trace`, `debug`, `info`, `warn`, `error` or
/// `fatal`.
#[must_use]
pub fn severity_of_level(level: &str) -> Option<Severity> {
    let index = SEVERITY_NAMES.iter().position(|name| *name == level)?;
    let is_level = !level.ends_with(|last: char| last.is_ascii_digit());
    is_level.then(|| SEVERITIES[index])
}

/// Texts of other sources, such as syslog and Python.
const OTHER_TEXTS: [&str; 31] = [
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "fatal",
    "Trace",
    "Debug",
    "Info",
    "Warn",
    "Error",
    "Fatal",
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

/// Returns a static copy of a common severity text of OpenTelemetry, `tracing`, `log`, syslog or
/// Python.
pub(crate) fn common_severity_text(text: &str) -> Option<&'static str> {
    let frequent = ["INFO", "WARN", "ERROR", "DEBUG"];
    let find = |texts: &[&'static str]| texts.iter().find(|known| **known == text).copied();
    find(&frequent)
        .or_else(|| find(&SEVERITY_TEXTS))
        .or_else(|| find(&OTHER_TEXTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_opentelemetry_in_lower_case() {
        for (index, severity) in SEVERITIES.iter().enumerate() {
            assert_eq!(severity_index(*severity), index);
            assert_eq!(SEVERITY_TEXTS[index], severity.name());
            assert_eq!(SEVERITY_NAMES[index], severity.name().to_ascii_lowercase());
        }
        assert!(SEVERITIES.is_sorted());
    }

    #[test]
    fn levels_are_severities_without_a_number() {
        let levels = SEVERITY_NAMES
            .iter()
            .filter_map(|name| severity_of_level(name));
        let expected = SEVERITIES.iter().copied().step_by(4);
        assert!(levels.eq(expected));
        assert_eq!(severity_of_level("off"), None);
    }

    #[test]
    fn names_of_severities_are_common_texts() {
        for text in SEVERITY_TEXTS.into_iter().chain(OTHER_TEXTS) {
            assert_eq!(common_severity_text(text), Some(text));
        }
        assert_eq!(common_severity_text("INFOX"), None);
    }
}
