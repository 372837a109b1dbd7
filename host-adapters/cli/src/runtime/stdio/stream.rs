//! The standard output and error of a guest, for WASI.

use super::{Printed, Queue, Stdio};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmscope_telemetry::StandardStream;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi_io::bytes::Bytes;

/// The most bytes of a write. With a prefix for each line, they may take 37 times as much.
const WRITE: usize = 8 << 10;

/// One of the two streams.
pub(super) struct GuestStream {
    pub(super) printed: Arc<Printed>,
    pub(super) stream: StandardStream,
}

impl IsTerminal for GuestStream {
    fn is_terminal(&self) -> bool {
        let is_passed_on = match self.printed.to {
            Stdio::Inherit | Stdio::Bytes(_) => true,
            Stdio::Lines(_) | Stdio::Logs => false,
        };
        is_passed_on
            && match self.stream {
                StandardStream::Stdout => IsTerminal::is_terminal(&io::stdout()),
                StandardStream::Stderr => IsTerminal::is_terminal(&io::stderr()),
            }
    }
}

impl StdoutStream for GuestStream {
    /// Only WASI 0.3 uses this.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.handle())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.handle())
    }
}

impl GuestStream {
    fn handle(&self) -> Handle {
        Handle {
            printed: Arc::clone(&self.printed),
            stream: self.stream,
            may_write: false,
        }
    }
}

/// A guest's handle of a stream. All handles of a stream share its unfinished line.
struct Handle {
    printed: Arc<Printed>,
    stream: StandardStream,
    /// Whether the guest has waited, and not written since. Other guests may have used the room up.
    may_write: bool,
}

impl Handle {
    fn queue(&self) -> Option<&Queue> {
        self.printed.to.queue(self.stream)
    }

    fn check(&self) -> StreamResult<()> {
        match self.queue().and_then(Queue::error) {
            None => Ok(()),
            Some(io::ErrorKind::BrokenPipe) => Err(StreamError::Closed),
            Some(kind) => Err(StreamError::LastOperationFailed(
                io::Error::from(kind).into(),
            )),
        }
    }
}

#[async_trait]
impl Pollable for Handle {
    async fn ready(&mut self) {
        if let Some(queue) = self.queue() {
            queue.room().await;
        }
        self.may_write = true;
    }
}

#[async_trait]
impl OutputStream for Handle {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > WRITE {
            return Err(StreamError::trap("a write exceeds what check-write allows"));
        }
        self.check()?;
        self.may_write = false;
        self.printed.write(self.stream, &bytes);
        Ok(())
    }

    /// Has nothing to do: lines are passed on when they are whole.
    fn flush(&mut self) -> StreamResult<()> {
        self.check()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.check()?;
        let may_write = self.may_write || self.queue().is_none_or(Queue::has_room);
        Ok(if may_write { WRITE } else { 0 })
    }
}

/// Does not wait for a slow reader. The bounds of the queue apply.
impl AsyncWrite for Handle {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = bytes.get(..WRITE).unwrap_or(bytes);
        let written = OutputStream::write(&mut *self, Bytes::copy_from_slice(bytes));
        Poll::Ready(written.map(|()| bytes.len()).map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
