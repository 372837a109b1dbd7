//! What is said about settings that cannot be used.

use std::fmt;

use wasmscope_telemetry::Signal;
use wasmscope_telemetry::printable::printable;

/// The most of a value that a message repeats, in characters.
const VALUE: usize = 200;

/// The most of what was expected.
const EXPECTED: usize = 600;

/// A setting that cannot be used: which one, what it was, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: String,
    /// `None` where it is secret, or not text.
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

    /// An error about a value that may not be shown: it is secret, or no text.
    pub(crate) fn without_value(setting: impl Into<String>, expected: impl fmt::Display) -> Self {
        Self {
            setting: setting.into(),
            value: None,
            expected: expected.to_string(),
        }
    }

    /// Returns the name by which it was set: that of an environment variable, of a method of the
    /// builder, or, where [`super::ConfigBuilder::flags`] knows it, of a command-line flag.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// Gives the value that was found; `None` where it is secret, or not text.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Says what was expected instead.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some repeat a part of the value.
        let expected = printable(&self.expected, EXPECTED);
        write!(f, "{}: expected {expected}", self.setting)?;
        match &self.value {
            Some(value) => write!(f, ", found `{}`", printable(value, VALUE)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Something about the environment that a person should know, and that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// A variable's value cannot be used, so the variable is ignored.
    Unusable(ConfigError),
    /// A variable that decides where telemetry and its headers go cannot be used, so that these
    /// signals are not exported: the default is another server, and the headers may hold
    /// credentials.
    NotExported {
        /// What is wrong.
        error: ConfigError,
        /// The signals.
        signals: Vec<Signal>,
    },
    /// A variable's value is valid OpenTelemetry, and not supported here.
    Unsupported {
        /// The variable's name.
        variable: String,
        /// The value, or the part of it.
        value: String,
        /// What happens instead.
        instead: String,
    },
    /// A variable is set that has no effect here.
    Ignored {
        /// Its name.
        variable: String,
        /// Why it has none.
        reason: String,
    },
    /// The endpoint for all signals ends in the path of one, and over HTTP gets another put after it.
    SignalsPath {
        /// The endpoint.
        endpoint: String,
        /// What it ends in: `/v1/traces` for instance.
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

/// Joins words as in "traces, metrics and logs".
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
                "the OTLP endpoint {endpoint} is for all signals, and each has its path put after it; leave {path} out, or set it for that signal alone"
            ),
        }
    }
}
