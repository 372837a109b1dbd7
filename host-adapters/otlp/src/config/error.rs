//! Errors and warnings about settings.

use std::fmt;

use wasmscope_telemetry::Signal;
use wasmscope_telemetry::printable::printable;

/// The most characters of a value in a message.
const VALUE: usize = 200;

/// The most characters of the expectation in a message.
const EXPECTED: usize = 600;

/// An invalid setting: its name, its value, and the expected value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: String,
    /// `None` if the value is secret, or not text.
    value: Option<String>,
    expected: String,
}

impl ConfigError {
    pub(crate) fn new(
        setting: impl Into<String>,
        value: impl Into<String>,
        expected: impl fmt::Display,
    ) -> Self {
        Self {
            setting: setting.into(),
            value: Some(value.into()),
            expected: expected.to_string(),
        }
    }

    /// Makes an error about a value that must not be shown: it is secret, or not text.
    pub(crate) fn without_value(setting: impl Into<String>, expected: impl fmt::Display) -> Self {
        Self {
            setting: setting.into(),
            value: None,
            expected: expected.to_string(),
        }
    }

    /// Returns the name of the setting: an environment variable, a method of the builder, or a
    /// command-line flag given by [`super::ConfigBuilder::flags`].
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// Returns the invalid value, or `None` if it is secret or not text.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Returns a description of the expected value.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some expectations repeat a part of the value.
        let expected = printable(&self.expected, EXPECTED);
        write!(f, "{}: expected {expected}", self.setting)?;
        match &self.value {
            Some(value) => write!(f, ", found `{}`", printable(value, VALUE)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// A problem in the environment that does not prevent a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// A variable has an invalid value and is ignored.
    Unusable(ConfigError),
    /// A variable that sets the destination or the trusted authorities is invalid, so these signals
    /// are not exported. The default is another server, which must not get headers with
    /// credentials.
    NotExported {
        /// The error.
        error: ConfigError,
        /// The signals.
        signals: Vec<Signal>,
    },
    /// A variable's value is valid in OpenTelemetry but not supported here.
    Unsupported {
        /// The variable's name.
        variable: String,
        /// The value, or its unsupported part.
        value: String,
        /// The fallback.
        instead: String,
    },
    /// A variable is set but has no effect here.
    Ignored {
        /// Its name.
        variable: String,
        /// Why it has no effect.
        reason: String,
    },
    /// The endpoint for all signals ends in the path of one. Over HTTP, each signal's path is
    /// appended to it.
    SignalsPath {
        /// The endpoint.
        endpoint: String,
        /// The path, such as `/v1/traces`.
        path: String,
    },
    /// The endpoint of a signal that is sent over gRPC has a path, which gRPC does not send.
    PathWithoutEffect {
        /// The endpoint.
        endpoint: String,
        /// The path.
        path: String,
    },
}

/// Joins names as in "traces, metrics and logs".
fn listed(signals: &[Signal]) -> String {
    match signals {
        [] => String::new(),
        [one] => String::from(one.as_str()),
        [rest @ .., last] => {
            let rest: Vec<_> = rest.iter().map(|signal| signal.as_str()).collect();
            format!("{} and {}", rest.join(", "), last.as_str())
        }
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(error) => write!(f, "{error}; the setting is ignored"),
            Self::NotExported { error, signals } => {
                let signals = listed(signals);
                write!(f, "{error}; {signals} are not exported")
            }
            Self::Unsupported {
                variable,
                value,
                instead,
            } => write!(
                f,
                "{variable}: `{}` is not supported here; {instead}",
                printable(value, VALUE)
            ),
            Self::PathWithoutEffect { endpoint, path } => write!(
                f,
                "the path {path} of the OTLP endpoint {endpoint} has no effect over gRPC"
            ),
            Self::Ignored { variable, reason } => write!(f, "{variable} has no effect: {reason}"),
            Self::SignalsPath { endpoint, path } => write!(
                f,
                "the OTLP endpoint {endpoint} is for all signals, and each signal's path is appended to it; leave {path} out, or set it for that signal alone"
            ),
        }
    }
}
