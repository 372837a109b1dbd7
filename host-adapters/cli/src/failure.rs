//! Why nothing was run.

use std::fmt;
use std::process::ExitCode;

/// Something about the command is wrong: said in one message, with what to do about it. Nothing was run.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// 2, as for a wrong option.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(2)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
