//! Messages about slow work.

use crate::args::RuntimeName;
use crate::messages::say;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// The time after which a message is shown.
const MESSAGE_DELAY: Duration = Duration::from_secs(1);

/// Prints a line unless it is dropped within a second.
pub(crate) struct Progress {
    /// Closed when this is dropped.
    _done: Sender<()>,
}

impl Progress {
    /// Starts before a component is compiled for a run. Prints nothing unless standard error is a
    /// terminal.
    pub(crate) fn compiling(component: &Path, runtime: RuntimeName) -> Option<Self> {
        std::io::stderr()
            .is_terminal()
            .then(|| Self::compiling_alone(component, runtime))
    }

    /// Starts before the command `compile` compiles a component.
    pub(crate) fn compiling_alone(component: &Path, runtime: RuntimeName) -> Self {
        let line = format!(
            "wasmscope: compiling {} for {}…",
            component.display(),
            runtime.title()
        );
        Self::after(MESSAGE_DELAY, move || say!("{line}"))
    }

    fn after(patience: Duration, say: impl FnOnce() + Send + 'static) -> Self {
        let (done, waiting) = mpsc::channel();
        thread::spawn(move || {
            if waiting.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                say();
            }
        });
        Self { _done: done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slow_work_is_reported() {
        let (said, lines) = mpsc::channel();
        let quick = said.clone();
        let progress = Progress::after(Duration::from_secs(60), move || {
            let _ = quick.send("quick");
        });
        drop(progress);
        let _slow = Progress::after(Duration::from_millis(1), move || {
            let _ = said.send("slow");
        });
        let lines: Vec<_> = lines.iter().collect();
        assert_eq!(lines, ["slow"]);
    }
}
