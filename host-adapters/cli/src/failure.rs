//! Why nothing was run.

use std::fmt;
use std::process::ExitCode;

/// What `timeout` exits with.
pub(crate) const TOO_LATE: u8 = 124;

/// Something about the command is wrong: said in one message, with what to do about it. Nothing was run.
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

    /// The failure of a command that took too long before anything ran.
    pub(crate) fn too_late(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: TOO_LATE,
        }
    }

    /// 2, as for a wrong option, or 124 if it took too long.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
