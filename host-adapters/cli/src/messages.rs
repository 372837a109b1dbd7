//! What the command says about itself, on standard error.

use std::fmt;
use std::io::{self, Write as _};

/// Says a line, as `eprintln!` does, but where nobody can be told does without.
macro_rules! say {
    ($($message:tt)*) => {
        $crate::messages::write(format_args!($($message)*))
    };
}
pub(crate) use say;

/// Writes a line. That standard error is closed, or full, ends no program.
pub(crate) fn write(message: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}
