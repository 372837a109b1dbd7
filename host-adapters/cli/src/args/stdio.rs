//! Where the standard output and error of programs go.

use clap::ValueEnum;

/// Where the standard output and error of a program go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StdioTo {
    /// To those of this command, as they are.
    Inherit,
    /// To those of this command, line by line, with the id of the current trace in front. Control
    /// characters are escaped, and lines are cut after 8 KiB.
    Lines,
    /// To the telemetry: each line is a log record of the active span.
    Logs,
}
