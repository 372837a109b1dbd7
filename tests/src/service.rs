//! A component that `wasmscope serve` serves, and a client that can misbehave.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use wasmscope_test_support::{Cli, Collector, Output, Running};

use crate::{Runtime, guest};

/// How long a client waits for a response. Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Service {
    running: Running,
    /// Receives its telemetry.
    pub collector: Collector,
    /// The address on which it listens.
    pub address: SocketAddr,
}

impl Service {
    /// Starts `wasmscope serve` with a guest, and waits until it listens.
    ///
    /// # Panics
    /// If it does not listen.
    #[must_use]
    #[track_caller]
    pub fn start(runtime: Runtime, name: &str, options: &[&str]) -> Self {
        Self::start_as(runtime, name, |command| command.args(options))
    }

    /// Starts it as [`start`](Self::start) does. `prepare` adds to the command.
    ///
    /// # Panics
    /// If it does not listen.
    #[must_use]
    #[track_caller]
    pub fn start_as(runtime: Runtime, name: &str, prepare: impl FnOnce(Cli) -> Cli) -> Self {
        Self::start_file(runtime, &guest(name), prepare)
    }

    /// Starts it with a component's file, as [`start_as`](Self::start_as) does.
    ///
    /// # Panics
    /// If it does not listen.
    #[must_use]
    #[track_caller]
    pub fn start_file(
        runtime: Runtime,
        component: &Path,
        prepare: impl FnOnce(Cli) -> Cli,
    ) -> Self {
        let collector = Collector::start();
        let running = prepare(runtime.serve())
            .arg(component)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint_http())
            .env("OTEL_BSP_SCHEDULE_DELAY", "100")
            .deadline(Duration::from_secs(300))
            .spawn();
        let address = Self::address_of(&running);
        Self {
            running,
            collector,
            address,
        }
    }

    /// Waits until a server listens, and returns its address.
    ///
    /// # Panics
    /// If it does not listen.
    #[must_use]
    #[track_caller]
    pub fn address_of(running: &Running) -> SocketAddr {
        running.wait_for_stderr(|text| listening(text).is_some());
        listening(&running.stderr()).expect("it listens")
    }

    /// Sends a request with `connection: close`, and returns the response.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send(format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        ))
    }

    /// Sends bytes, and returns the response to them.
    ///
    /// # Panics
    /// If there is no connection.
    #[must_use]
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Answer {
        send(self.address, bytes)
    }

    /// Opens a connection.
    ///
    /// # Panics
    /// If that is not possible.
    #[must_use]
    pub fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Returns the address on which it answers probes.
    #[must_use]
    pub fn probes(&self) -> Option<SocketAddr> {
        let stderr = self.running.stderr();
        let mut lines = stderr.lines();
        lines.find_map(|line| {
            let rest = line.strip_prefix("wasmscope: answering probes on http://")?;
            rest.split('/').next()?.parse().ok()
        })
    }

    /// Returns the process id of the server.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.running.terminate();
    }

    /// Sends SIGTERM, and waits for the end.
    #[must_use]
    #[track_caller]
    pub fn stop(self) -> (Output, Collector) {
        self.running.terminate();
        self.finish()
    }

    /// Waits for the end.
    #[must_use]
    #[track_caller]
    pub fn finish(self) -> (Output, Collector) {
        (self.running.finish(), self.collector)
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout above 0");
    stream
}

/// Sends bytes to a server, and returns the response to them. Several threads may do so at once.
///
/// # Panics
/// If there is no connection.
#[must_use]
pub fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Answer {
    let mut stream = connect(address);
    // The server may refuse the request before it has read all of it.
    let _ = stream.write_all(bytes.as_ref());
    Answer::read(&mut stream)
}

/// Finds the address in the server's messages.
fn listening(stderr: &str) -> Option<SocketAddr> {
    let mut lines = stderr.split_inclusive('\n');
    lines.find_map(|line| {
        let address = line.strip_prefix("wasmscope: listening on http://")?;
        address.strip_suffix('\n')?.parse().ok()
    })
}

/// A response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status code. 0 if there was no response.
    pub status: u16,
    /// The headers and trailers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as far as it arrived.
    pub body: Vec<u8>,
    /// Whether the whole response arrived.
    pub is_complete: bool,
}

impl Answer {
    /// Reads one response.
    #[must_use]
    pub fn read(stream: &mut TcpStream) -> Self {
        let mut answer = Self::default();
        let mut reader = Reader {
            stream,
            ahead: Vec::new(),
        };
        answer.is_complete = answer.read_from(&mut reader).is_some();
        answer
    }

    /// Returns `None` if the connection ends early.
    fn read_from(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let status = reader.line()?;
        self.status = status.split(' ').nth(1)?.parse().ok()?;
        self.read_headers(reader)?;
        if let Some(length) = self.header("content-length") {
            let length: usize = length.parse().ok()?;
            return reader.body(length, &mut self.body);
        }
        if self.header("transfer-encoding") != Some("chunked") {
            return Some(());
        }
        loop {
            let length = usize::from_str_radix(&reader.line()?, 16).ok()?;
            if length == 0 {
                return self.read_headers(reader);
            }
            reader.body(length, &mut self.body)?;
            reader.line()?;
        }
    }

    fn read_headers(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        loop {
            let line = reader.line()?;
            let Some((name, value)) = line.split_once(':') else {
                return Some(());
            };
            let value = value.trim().to_owned();
            self.headers.push((name.to_ascii_lowercase(), value));
        }
    }

    /// Returns the first value of a header or trailer.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.is_complete { "" } else { ", broken off" };
        write!(f, "{} {:?}{end}", self.status, self.text())
    }
}

struct Reader<'a> {
    stream: &'a mut TcpStream,
    ahead: Vec<u8>,
}

impl Reader<'_> {
    fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 8192];
        let length = self
            .stream
            .read(&mut buffer)
            .ok()
            .filter(|&length| length > 0)?;
        self.ahead.extend_from_slice(&buffer[..length]);
        Some(())
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.ahead.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.more()?;
        }
    }

    /// Reads bytes of a body, as many as there are.
    fn body(&mut self, length: usize, body: &mut Vec<u8>) -> Option<()> {
        let end = body.len() + length;
        loop {
            let left = (end - body.len()).min(self.ahead.len());
            body.extend(self.ahead.drain(..left));
            if body.len() == end {
                return Some(());
            }
            self.more()?;
        }
    }
}
