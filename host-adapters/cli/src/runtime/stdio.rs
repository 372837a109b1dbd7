//! The standard output and error of guests: passed on as they are, line by line with the trace of
//! the request, or as log records.

mod lines;
mod queue;
mod stream;

use crate::args::StdioTo;
use crate::failure::Failure;
use crate::messages::say;
use lines::{Lines, shown};
use queue::{Queue, Unread};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use stream::GuestStream;
use wasmscope_telemetry::{GuestOutput, Instance, StandardStream};
use wasmtime_wasi::WasiCtxBuilder;

/// Where the standard output and error of guests go. Clones have the same queues.
#[derive(Debug, Clone)]
pub(crate) enum Stdio {
    /// To ours, on the guest's thread.
    Inherit,
    /// To ours as they are.
    Bytes(Queues),
    /// To ours, line by line with the trace of the request.
    Lines(Queues),
    /// To the telemetry, as log records.
    Logs,
}

/// The queues for our streams.
#[derive(Debug, Clone)]
pub(crate) struct Queues {
    stdout: Queue,
    stderr: Queue,
}

impl Stdio {
    /// Prepares the output of one program.
    ///
    /// # Errors
    ///
    /// Fails if a thread cannot be started.
    pub(crate) fn of_program(to: StdioTo) -> Result<Self, Failure> {
        Ok(match to {
            StdioTo::Inherit => Self::Inherit,
            StdioTo::Lines => Self::Lines(Queues::start(Unread::Waits)?),
            StdioTo::Logs => Self::Logs,
        })
    }

    /// Prepares the output of a server's instances. None of them may wait long for a reader.
    ///
    /// # Errors
    ///
    /// Fails if a thread cannot be started.
    pub(crate) fn of_server(to: StdioTo) -> Result<Self, Failure> {
        Ok(match to {
            StdioTo::Inherit => Self::Bytes(Queues::start(Unread::Drops)?),
            StdioTo::Lines => Self::Lines(Queues::start(Unread::Drops)?),
            StdioTo::Logs => Self::Logs,
        })
    }

    /// Sets the output of an instance. Returns what it has printed, unless we do not see that.
    pub(super) fn connect(
        &self,
        wasi: &mut WasiCtxBuilder,
        instance: &Instance,
    ) -> Option<Arc<Printed>> {
        if matches!(self, Self::Inherit) {
            wasi.inherit_stdout().inherit_stderr();
            return None;
        }
        let printed = Arc::new(Printed {
            to: self.clone(),
            output: instance.output(),
            stdout: Mutex::default(),
            stderr: Mutex::default(),
        });
        let stream = |stream| GuestStream {
            printed: Arc::clone(&printed),
            stream,
        };
        wasi.stdout(stream(StandardStream::Stdout))
            .stderr(stream(StandardStream::Stderr));
        Some(printed)
    }

    /// Waits until everything is written, as long as it is read. Reports lines that are lost.
    pub(crate) fn finish(&self) {
        for stream in [StandardStream::Stdout, StandardStream::Stderr] {
            let lost = self.queue(stream).map_or(0, Queue::finish);
            if lost > 0 {
                let lines = if lost == 1 { "line" } else { "lines" };
                let name = queue::name(stream);
                say!(
                    "wasmscope: dropped {lost} {lines} of the program: {name} was closed or not read in time"
                );
            }
        }
    }

    fn queue(&self, stream: StandardStream) -> Option<&Queue> {
        match self {
            Self::Bytes(queues) | Self::Lines(queues) => Some(queues.of(stream)),
            Self::Inherit | Self::Logs => None,
        }
    }
}

impl Queues {
    fn start(unread: Unread) -> Result<Self, Failure> {
        let start = |stream| {
            Queue::start(stream, unread)
                .map_err(|error| Failure::new(format!("cannot start a thread: {error}")))
        };
        Ok(Self {
            stdout: start(StandardStream::Stdout)?,
            stderr: start(StandardStream::Stderr)?,
        })
    }

    fn of(&self, stream: StandardStream) -> &Queue {
        match stream {
            StandardStream::Stdout => &self.stdout,
            StandardStream::Stderr => &self.stderr,
        }
    }
}

/// What an instance prints.
pub(super) struct Printed {
    to: Stdio,
    output: GuestOutput,
    stdout: Mutex<Lines>,
    stderr: Mutex<Lines>,
}

impl Printed {
    fn write(&self, stream: StandardStream, bytes: &[u8]) {
        match &self.to {
            Stdio::Bytes(queues) => queues.of(stream).adding().add(&[bytes]),
            Stdio::Inherit | Stdio::Lines(_) | Stdio::Logs => {
                self.pass_on(stream, &mut self.lines(stream), |lines, each| {
                    lines.add(bytes, each);
                });
            }
        }
    }

    /// Passes on the unfinished lines. Call it before a call into the guest ends, because they
    /// belong to its trace.
    pub(super) fn finish_lines(&self) {
        for stream in [StandardStream::Stdout, StandardStream::Stderr] {
            let mut lines = self.lines(stream);
            if !lines.is_empty() {
                self.pass_on(stream, &mut lines, |lines, each| lines.finish(each));
            }
        }
    }

    /// Passes on the lines that `split` finds.
    fn pass_on(
        &self,
        stream: StandardStream,
        lines: &mut Lines,
        split: impl FnOnce(&mut Lines, &mut dyn FnMut(&[u8])),
    ) {
        match &self.to {
            Stdio::Lines(queues) => {
                let prefix = self.prefix();
                let mut adding = queues.of(stream).adding();
                split(lines, &mut |line| {
                    let line = shown(line);
                    adding.add(&[prefix.as_bytes(), line.as_bytes(), b"\n"]);
                });
            }
            Stdio::Logs => split(lines, &mut |line| {
                self.output.log(stream, &String::from_utf8_lossy(line));
            }),
            // There are no lines.
            Stdio::Inherit | Stdio::Bytes(_) => {}
        }
    }

    /// Returns what is in front of each line: the id of the request's trace. Other lines can look
    /// the same only in their text.
    fn prefix(&self) -> String {
        match self.output.trace_id() {
            Some(trace) => format!("[{trace}] "),
            None => "[-] ".to_owned(),
        }
    }

    fn lines(&self, stream: StandardStream) -> MutexGuard<'_, Lines> {
        let lines = match stream {
            StandardStream::Stdout => &self.stdout,
            StandardStream::Stderr => &self.stderr,
        };
        lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
