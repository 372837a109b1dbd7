//! The command's own messages, on standard error.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Prints a line like `eprintln!`, but ignores errors.
macro_rules! say {
    ($($message:tt)*) => {
        $crate::messages::write(format_args!($($message)*))
    };
}
pub(crate) use say;

/// Writes a line. A closed or full standard error must not end the program.
pub(crate) fn write(message: fmt::Arguments<'_>) {
    if WRITES_ARE_BOUNDED.load(Ordering::Relaxed) {
        let message = message.to_string();
        in_time(move || drop(writeln!(io::stderr().lock(), "{message}")));
    } else {
        let _ = writeln!(io::stderr().lock(), "{message}");
    }
}

/// Whether the program was stopped by its timeout or a signal.
static WRITES_ARE_BOUNDED: AtomicBool = AtomicBool::new(false);

/// Whether a write timed out.
static IS_STUCK: AtomicBool = AtomicBool::new(false);

/// The time that a reader may take for a piece after the program was stopped, or if nothing waits
/// for it any longer.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(1);

/// Marks the program as stopped. From then on this command ends even if its output is not read.
/// Before, it waits for a slow reader, as other programs do.
pub(crate) fn bound_writes() {
    WRITES_ARE_BOUNDED.store(true, Ordering::Relaxed);
}

/// Returns whether the program was stopped.
pub(crate) fn writes_are_bounded() -> bool {
    WRITES_ARE_BOUNDED.load(Ordering::Relaxed)
}

/// Runs a write. If the program was stopped and the output is not read, returns `None` after a
/// timeout. Later calls return at once then.
pub(crate) fn in_time<T: Send + 'static>(write: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if !WRITES_ARE_BOUNDED.load(Ordering::Relaxed) {
        return Some(write());
    }
    if IS_STUCK.load(Ordering::Relaxed) {
        return None;
    }
    let (done, written) = mpsc::channel();
    let thread = std::thread::Builder::new().spawn(move || drop(done.send(write())));
    let mut before = PROGRESS.load(Ordering::Relaxed);
    while thread.is_ok() {
        match written.recv_timeout(READ_TIMEOUT) {
            Ok(result) => return Some(result),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = PROGRESS.load(Ordering::Relaxed);
        if std::mem::replace(&mut before, now) == now {
            break;
        }
    }
    IS_STUCK.store(true, Ordering::Relaxed);
    None
}

/// The number of pieces that [`InPieces`] has written.
static PROGRESS: AtomicU64 = AtomicU64::new(0);

/// Writes in pieces, to distinguish a slow reader from a stuck one.
pub(crate) struct InPieces<W>(pub(crate) W);

impl<W: Write> Write for InPieces<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = bytes.get(..4096).unwrap_or(bytes);
        let written = self.0.write(piece)?;
        PROGRESS.fetch_add(1, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Prints help, or an error in the arguments, with the prefix of all messages.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.render();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let text = if io::stderr().is_terminal() && !no_color {
            text.ansi().to_string()
        } else {
            text.to_string()
        };
        // The prefix follows the codes of a colour. Help about missing arguments has none.
        let begins = text.find("error:").is_some_and(|position| position < 16);
        let text = if begins {
            text.replacen("error:", "wasmscope: error:", 1)
        } else {
            text
        };
        write(format_args!("{}", text.trim_end()));
    } else {
        // A closed reader is not an error.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Says something on a thread of its own. Use it on threads that guests share: the reader of
/// standard error may be slow.
pub(crate) fn say_apart(message: String) {
    let _ = std::thread::Builder::new().spawn(move || say!("{message}"));
}

/// Escapes the control characters in a text of a guest, so that it can neither move the cursor nor
/// begin a line.
pub(crate) fn on_one_line(text: &str) -> String {
    let mut shown = String::new();
    for char in text.chars() {
        if char.is_control() {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}
