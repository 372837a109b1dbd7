//! What guests have printed and our own stream has not taken yet.
//!
//! A thread for each stream writes it. So a slow reader blocks no thread of the guests, and lines
//! of different guests are never mixed.

use crate::messages::{self, READ_TIMEOUT, say_apart};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;
use wasmscope_telemetry::StandardStream;

/// The bytes beyond which guests wait.
const MUCH: usize = 1 << 20;

/// The most bytes. Guests that print at the same time may exceed [`MUCH`]. Lines beyond this are
/// dropped.
const MOST: usize = 4 << 20;

/// How many bytes are written at once, unless a line is longer. Each write shows that there is a
/// reader.
const PIECE: usize = 4 << 10;

/// The longest line that is written at once. Lines with a prefix are shorter, even if all of their
/// characters are escaped.
const LONGEST: usize = 64 << 10;

/// What happens if our stream is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// Guests wait until it is, as other programs do.
    Waits,
    /// Guests wait for a second. Then lines are dropped until it is read again.
    Drops,
}

/// The bytes for one of our standard streams. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stream: StandardStream,
    unread: Unread,
    state: Mutex<State>,
    /// Notified when there is something to write.
    filled: Condvar,
    /// Notified when a piece was written, for threads.
    written: Condvar,
    /// Notified at the same time, for guests.
    has_room: Notify,
}

#[derive(Debug)]
struct State {
    /// The bytes that no thread writes yet.
    waiting: Vec<u8>,
    /// The number of bytes that are being written.
    in_writing: usize,
    /// The number of lines in both.
    lines: u64,
    /// When the last piece was written, or when there was something to write again.
    progress: Instant,
    dropped: u64,
    has_warned: bool,
    /// Whether nothing more is accepted.
    is_closed: bool,
    /// Why the stream cannot be written.
    error: Option<io::ErrorKind>,
}

impl State {
    fn bytes(&self) -> usize {
        self.waiting.len().saturating_add(self.in_writing)
    }

    /// Counts dropped lines. Returns whether they are the first.
    fn count_dropped(&mut self, lines: u64) -> bool {
        self.dropped = self.dropped.saturating_add(lines.max(1));
        !std::mem::replace(&mut self.has_warned, true)
    }

    fn is_unread(&self) -> bool {
        self.bytes() > 0 && self.progress.elapsed() >= READ_TIMEOUT
    }
}

impl Queue {
    /// Starts the thread that writes to our own stream.
    pub(super) fn start(stream: StandardStream, unread: Unread) -> io::Result<Self> {
        Self::start_with(stream, unread, move |piece| match stream {
            StandardStream::Stdout => write_piece(io::stdout().lock(), piece),
            StandardStream::Stderr => write_piece(io::stderr().lock(), piece),
        })
    }

    fn start_with(
        stream: StandardStream,
        unread: Unread,
        write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            stream,
            unread,
            state: Mutex::new(State {
                waiting: Vec::new(),
                in_writing: 0,
                lines: 0,
                progress: Instant::now(),
                dropped: 0,
                has_warned: false,
                is_closed: false,
                error: None,
            }),
            filled: Condvar::new(),
            written: Condvar::new(),
            has_room: Notify::new(),
        });
        let writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(stream.as_str().to_owned())
            .spawn(move || writer.write(write))?;
        Ok(Self(shared))
    }

    /// Begins to add lines.
    pub(super) fn adding(&self) -> Adding<'_> {
        Adding {
            shared: &self.0,
            state: self.0.lock(),
            warns: false,
        }
    }

    /// Returns whether a guest need not wait.
    pub(super) fn has_room(&self) -> bool {
        let state = self.0.lock();
        state.bytes() < MUCH || self.0.gives_up(&state)
    }

    /// Waits until a guest may print more.
    pub(super) async fn room(&self) {
        loop {
            let mut room = std::pin::pin!(self.0.has_room.notified());
            // From now on, so that no notification is missed.
            room.as_mut().enable();
            if self.has_room() {
                return;
            }
            // Looks again soon, because nothing notifies when the stream becomes unread.
            let _ = tokio::time::timeout(READ_TIMEOUT / 4, room).await;
        }
    }

    /// Returns the error of the last write, if guests should know it. Only that of a closed stream
    /// stays.
    pub(super) fn error(&self) -> Option<io::ErrorKind> {
        let mut state = self.0.lock();
        match self.0.unread {
            Unread::Drops => None,
            Unread::Waits if state.error == Some(io::ErrorKind::BrokenPipe) => state.error,
            Unread::Waits => state.error.take(),
        }
    }

    /// Accepts nothing more, and waits until everything is written. Gives up if the stream is not
    /// read, and the program was stopped or does not wait for the reader. Returns the number of
    /// lines that were lost.
    pub(super) fn finish(&self) -> u64 {
        let mut state = self.0.lock();
        // A guest that did not stop may still print.
        state.is_closed = true;
        while state.bytes() > 0 {
            let gives_up = messages::writes_are_bounded() || self.0.unread == Unread::Drops;
            if gives_up && state.is_unread() {
                return state.dropped.saturating_add(state.lines);
            }
            let waited = self.0.written.wait_timeout(state, READ_TIMEOUT / 4);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.dropped
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether guests no longer wait for the reader.
    fn gives_up(&self, state: &State) -> bool {
        match self.unread {
            Unread::Drops => state.is_unread(),
            Unread::Waits => state.error.is_some(),
        }
    }

    /// Writes for ever.
    fn write(&self, mut write: impl FnMut(&[u8]) -> io::Result<()>) {
        let mut batch = Vec::new();
        loop {
            let state = self.lock();
            let filled = self
                .filled
                .wait_while(state, |state| state.waiting.is_empty());
            let mut state = filled.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut batch, &mut state.waiting);
            state.in_writing = batch.len();
            drop(state);
            let mut rest = &*batch;
            while let Some(piece) = first_piece(&mut rest) {
                let result = write(piece);
                self.note_written(piece, result);
            }
            batch.clear();
            batch.shrink_to(LONGEST);
        }
    }

    fn note_written(&self, piece: &[u8], result: io::Result<()>) {
        let lines = count_lines(piece);
        let mut state = self.lock();
        state.progress = Instant::now();
        state.in_writing = state.in_writing.saturating_sub(piece.len());
        state.lines = state.lines.saturating_sub(lines);
        let mut warns = false;
        if let Err(error) = result {
            state.error = Some(error.kind());
            // A program gets the error instead.
            warns = self.unread == Unread::Drops && state.count_dropped(lines);
        }
        drop(state);
        if warns {
            warn(self.stream);
        }
        self.written.notify_all();
        self.has_room.notify_waiters();
    }
}

/// Adds lines, and keeps them together.
pub(super) struct Adding<'q> {
    shared: &'q Shared,
    state: MutexGuard<'q, State>,
    /// Whether the first lines were dropped.
    warns: bool,
}

impl Adding<'_> {
    /// Adds parts of one text, which ends with the end of a line unless bytes are passed on as they
    /// are.
    pub(super) fn add(&mut self, parts: &[&[u8]]) {
        let lines: u64 = parts.iter().map(|part| count_lines(part)).sum();
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let state = &mut *self.state;
        if state.is_closed {
            return;
        }
        if state.bytes().saturating_add(length) > MOST {
            self.warns |= state.count_dropped(lines);
            return;
        }
        if state.bytes() == 0 {
            state.progress = Instant::now();
        }
        state.lines = state.lines.saturating_add(lines);
        for part in parts {
            state.waiting.extend_from_slice(part);
        }
    }
}

impl Drop for Adding<'_> {
    fn drop(&mut self) {
        self.shared.filled.notify_one();
        if self.warns {
            warn(self.shared.stream);
        }
    }
}

/// Says that lines are dropped.
fn warn(stream: StandardStream) {
    say_apart(format!(
        "wasmscope: warning: {} is closed or not read fast enough: lines of the program are dropped",
        name(stream)
    ));
}

/// Returns a stream's name in sentences.
pub(super) fn name(stream: StandardStream) -> &'static str {
    match stream {
        StandardStream::Stdout => "standard output",
        StandardStream::Stderr => "standard error",
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Takes the next bytes to write: whole lines, as many as fit into a piece, but at least one. Other
/// threads may write to the stream between two pieces.
fn first_piece<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    if rest.is_empty() {
        return None;
    }
    let is_end = |byte: &u8| *byte == b'\n';
    let fits = rest.get(..PIECE).unwrap_or(rest);
    let longest = rest.get(..LONGEST).unwrap_or(rest);
    let last = fits.iter().rposition(is_end);
    let last = last.or_else(|| longest.iter().position(is_end));
    let end = last.map_or(fits.len(), |last| last + 1);
    let (piece, after) = rest.split_at(end);
    *rest = after;
    Some(piece)
}

fn write_piece(mut to: impl io::Write, piece: &[u8]) -> io::Result<()> {
    to.write_all(piece)?;
    to.flush()
}

#[cfg(test)]
mod tests;
