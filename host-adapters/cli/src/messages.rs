//! What the command says about itself, on standard error.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Says a line, as `eprintln!` does, but where nobody can be told does without.
macro_rules! say {
    ($($message:tt)*) => {
        $crate::messages::write(format_args!($($message)*))
    };
}
pub(crate) use say;

/// Writes a line. That standard error is closed, or full, ends no program.
pub(crate) fn write(message: fmt::Arguments<'_>) {
    if IN_HURRY.load(Ordering::Relaxed) {
        let message = message.to_string();
        in_time(move || drop(writeln!(io::stderr().lock(), "{message}")));
    } else {
        let _ = writeln!(io::stderr().lock(), "{message}");
    }
}

/// Set once the program was stopped by its timeout or a signal.
static IN_HURRY: AtomicBool = AtomicBool::new(false);

/// Set once something was not written in time.
static IS_STUCK: AtomicBool = AtomicBool::new(false);

/// How long the reader may take no more then.
const PATIENCE: Duration = Duration::from_secs(1);

/// Says that the program was stopped. From then on this command ends even if nothing reads its
/// output. Before, it waits for a slow reader as other programs do.
pub(crate) fn hurry() {
    IN_HURRY.store(true, Ordering::Relaxed);
}

/// Writes something, or gives up if the program was stopped and nothing reads: then it returns
/// `None`, from the second time on at once.
pub(crate) fn in_time<T: Send + 'static>(write: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if !IN_HURRY.load(Ordering::Relaxed) {
        return Some(write());
    }
    if IS_STUCK.load(Ordering::Relaxed) {
        return None;
    }
    let (done, written) = mpsc::channel();
    let thread = std::thread::Builder::new().spawn(move || drop(done.send(write())));
    let mut before = PROGRESS.load(Ordering::Relaxed);
    while thread.is_ok() {
        match written.recv_timeout(PATIENCE) {
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

/// How many pieces were written by [`InPieces`].
static PROGRESS: AtomicU64 = AtomicU64::new(0);

/// Writes in pieces, so that a slow reader can be told from none.
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

/// Prints the help that was asked for, or what is wrong with the arguments, with the beginning that
/// all messages have.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.render();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let text = if io::stderr().is_terminal() && !no_color {
            text.ansi().to_string()
        } else {
            text.to_string()
        };
        // Behind the codes of a colour. The help that is shown where arguments are missing begins
        // otherwise.
        let begins = text.find("error:").is_some_and(|position| position < 16);
        let text = if begins {
            text.replacen("error:", "wasmscope: error:", 1)
        } else {
            text
        };
        write(format_args!("{}", text.trim_end()));
    } else {
        // That nobody reads on is no error.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Returns a text from a guest with its control characters escaped, so that it neither moves the
/// cursor nor begins a line.
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
