//! What is said about settings that cannot be used.

use std::fmt;

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

    /// Gives the name of the environment variable, or of the builder's setter.
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
        write!(f, "{}: expected {}", self.setting, self.expected)?;
        match &self.value {
            Some(value) => write!(f, ", found `{value}`"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Something about the environment that a person should know, and that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// A variable's value cannot be used; what holds without it holds.
    Unusable(ConfigError),
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
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(error) => write!(f, "{error}; the setting is ignored"),
            Self::Ignored { variable, reason } => write!(f, "{variable} has no effect: {reason}"),
            Self::SignalsPath { endpoint, path } => write!(
                f,
                "the OTLP endpoint {endpoint} is for all signals, and each has its path put after it; leave {path} out, or set it for that signal alone"
            ),
        }
    }
}
