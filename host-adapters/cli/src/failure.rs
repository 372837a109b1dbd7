//! Errors of the command before anything has run.

use std::fmt;
use std::process::ExitCode;

/// The exit code that `timeout` uses.
pub(crate) const TOO_LATE: u8 = 124;

/// An error in the command, as one message with advice. Nothing has run.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 2,
        }
    }

    /// Creates the error of a command that took too long before anything ran.
    pub(crate) fn too_late(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: TOO_LATE,
        }
    }

    /// Returns the exit code: 2, as for a wrong option, or 124 if it took too long.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
