//! Signals that end the program.
//!
//! The first one stops the program, and its telemetry is delivered. The second one gives up the
//! delivery, and the summary says what was lost. The third one ends this process at once, and so
//! does any that comes after the delivery.
//!
//! SIGPIPE is ignored, as Rust's runtime has it: a stream that is not read is an error of the
//! write.

use std::io;

/// A signal that ends the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// A terminal, or the connection to it, was closed.
    Hangup,
    Interrupt,
    Quit,
    Terminate,
}

impl Signal {
    /// 128 and the signal's number, as shells report it.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Quit => 131,
            Self::Terminate => 143,
        }
    }
}

/// Makes a write beyond the limit on file sizes (`ulimit -f`) an error like others. Without this
/// the signal ends the process.
pub(crate) fn outlive_large_files() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // The handler stays when the runtime has gone. Without a handler all else works.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build();
        if let Ok(runtime) = runtime {
            let _entered = runtime.enter();
            let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
        }
    }
}

/// Listens for the signals from the moment that it is made.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    listeners: Vec<(Signal, tokio::signal::unix::Signal)>,
    received: u32,
}

impl Signals {
    /// Waits for a signal.
    pub(crate) async fn next(&mut self) -> Signal {
        let signal = self.receive().await;
        self.received += 1;
        signal
    }

    /// Waits until delivery is to be given up: for the second signal, of which either may have come
    /// already.
    pub(crate) async fn second(&mut self) {
        while self.received < 2 {
            self.next().await;
        }
    }

    /// Ends the process at the next signal. Nothing is left to deliver.
    pub(crate) async fn end_at_next(mut self) {
        let signal = self.next().await;
        std::process::exit(signal.exit_code().into());
    }
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [
            (Signal::Hangup, SignalKind::hangup()),
            (Signal::Interrupt, SignalKind::interrupt()),
            (Signal::Quit, SignalKind::quit()),
            (Signal::Terminate, SignalKind::terminate()),
        ];
        let mut listeners = Vec::new();
        for (name, kind) in kinds {
            // `nohup` has it ignored.
            if name != Signal::Hangup || !is_ignored(kind.as_raw_value()) {
                listeners.push((name, signal(kind)?));
            }
        }
        Ok(Self {
            listeners,
            received: 0,
        })
    }

    async fn receive(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            for (name, listener) in &mut self.listeners {
                if listener.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*name);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}

/// Returns true if this process was started with a signal ignored. Linux tells it; elsewhere it is
/// taken for not ignored.
#[cfg(unix)]
fn is_ignored(signal: std::ffi::c_int) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores(&status, signal)
}

/// Reads the mask of ignored signals in a process's status: bit 0 is signal 1.
#[cfg(unix)]
fn ignores(status: &str, signal: std::ffi::c_int) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let bit = u32::try_from(signal - 1).ok();
    let bit = bit.and_then(|bit| 1_u64.checked_shl(bit));
    mask.zip(bit).is_some_and(|(mask, bit)| mask & bit != 0)
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { received: 0 })
    }

    async fn receive(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        let status = "Name:\tx\nSigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\n";
        let ignored = |signal| ignores(status, signal);
        assert!(ignored(1) && ignored(13));
        assert!(!ignored(2) && !ignored(0) && !ignored(64) && !ignored(99));
        assert!(!ignores("", 1) && !ignores("SigIgn:\tx", 1));
    }
}
