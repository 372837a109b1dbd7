//! Signals that end the program.
//!
//! The first one stops the program, and its telemetry is delivered. The second one stops the
//! delivery, and the summary lists the losses. The third one ends this process at once. So does any
//! signal after the delivery.
//!
//! A signal that was ignored when this process started stays ignored. `nohup` ignores SIGHUP. A
//! shell without job control ignores SIGINT and SIGQUIT in background processes, because Ctrl+C is
//! meant for the foreground.
//!
//! SIGPIPE is ignored, as in every Rust program. Writing to a closed stream is an error instead.

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
    /// Returns 128 plus the signal's number, as shells report it.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Quit => 131,
            Self::Terminate => 143,
        }
    }
}

/// Turns a write beyond the limit on file sizes (`ulimit -f`) into an ordinary error. Otherwise its
/// signal would end the process.
pub(crate) fn outlive_large_files() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let number = rustix::process::Signal::XFSZ.as_raw();
        // The write is an error anyway then, in child processes, too.
        if Ignored::inherited().contains(number) {
            return;
        }
        // The handler outlives this runtime. A failure to install it does not matter otherwise.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build();
        if let Ok(runtime) = runtime {
            let _entered = runtime.enter();
            let _ = signal(SignalKind::from_raw(number));
        }
    }
}

/// Listens for signals from its creation.
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

    /// Waits for the second signal, which stops the delivery. Both signals may already have
    /// arrived.
    pub(crate) async fn second(&mut self) {
        while self.received < 2 {
            self.next().await;
        }
    }

    /// Ends the process at the next signal. Everything has been delivered.
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
        let ignored = Ignored::inherited();
        let mut listeners = Vec::new();
        for (name, kind) in kinds {
            if !ignored.contains(kind.as_raw_value()) {
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

/// The signals that this process ignores, as a mask: bit 0 is signal 1.
#[cfg(unix)]
#[derive(Debug, Clone, Copy)]
struct Ignored(u64);

#[cfg(unix)]
impl Ignored {
    /// Returns the signals that were ignored when this process started. This is only known on
    /// Linux; other systems are assumed to ignore none.
    fn inherited() -> Self {
        Self::read(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
    }

    /// Parses the mask in a process's status.
    fn read(status: &str) -> Self {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        Self(mask.unwrap_or(0))
    }

    fn contains(self, signal: std::ffi::c_int) -> bool {
        let bit = signal
            .checked_sub(1)
            .and_then(|bit| u32::try_from(bit).ok());
        let bit = bit.and_then(|bit| 1_u64.checked_shl(bit));
        bit.is_some_and(|bit| self.0 & bit != 0)
    }
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
    fn ignored_signals_are_parsed_from_the_status() {
        let status = "Name:\tx\nSigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\n";
        let ignored = |signal| Ignored::read(status).contains(signal);
        assert!(ignored(1) && ignored(13));
        assert!(!ignored(2) && !ignored(0) && !ignored(-1) && !ignored(64) && !ignored(99));
        for status in ["", "SigIgn:\tx"] {
            assert!(!Ignored::read(status).contains(1));
        }
    }
}
