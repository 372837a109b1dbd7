//! `wasmscope serve`.

use super::{Preparation, Program, StdioTo, Telemetry, program};
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use wasmscope_http::server::Limits;
use wasmscope_telemetry::TrustIncoming;

const SERVE_HELP: &str = "\
Examples:
  wasmscope serve app.wasm                     answer requests at http://127.0.0.1:8080
  wasmscope serve --addr 0.0.0.0:80 --otlp-endpoint http://collector:4318 app.wasm
  wasmscope serve --runtime wasmedge --aot app.wasm
  wasmscope serve --env LANG --dir data::/data:ro --max-memory 64MiB app.wasm

The component exports wasi:http/incoming-handler@0.2. Each request has its own instance, unless --max-instance-reuse
allows more. What it prints goes to the output of this command, line by line, as `[TRACE ID] text`; `[-] text` belongs to
no request. If the output is not read for a second, lines are dropped, and counted at the end.

SIGTERM and SIGINT end the server: it accepts no more connections, finishes the requests that it has, delivers the
telemetry, and exits with code 0. The second signal ends the process at once. Exit code 2: the command is wrong, or the
address is in use.";

/// `wasmscope serve`.
#[derive(Debug, Args)]
#[command(after_help = SERVE_HELP)]
pub(crate) struct Serve {
    /// The component: a .wasm file, or a file that `wasmscope compile` wrote.
    pub(crate) component: PathBuf,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) program: Program,
    #[command(flatten)]
    pub(crate) preparation: Preparation,
    #[command(flatten)]
    pub(crate) telemetry: Telemetry,
}

/// The address, and the limits on connections and requests.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Server {
    /// Sets the address to listen on. Port 0 selects a free port.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address, default_value = "127.0.0.1:8080")]
    pub(crate) addr: SocketAddr,
    /// Answers probes on this address: /livez, and /readyz, which fails while the server shuts
    /// down or the component cannot be instantiated.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    pub(crate) health_addr: Option<SocketAddr>,
    /// Limits the time for a request: from its arrival to the end of its response. After
    /// that, the client gets 504; a response that has begun breaks off.
    #[arg(long, value_name = "DURATION", value_parser = program::timeout, allow_negative_numbers = true, default_value = "60s")]
    pub(crate) timeout: Duration,
    /// Limits the time to finish requests after the first signal.
    #[arg(long, value_name = "DURATION", value_parser = program::duration, allow_negative_numbers = true, default_value = "30s")]
    pub(crate) shutdown_timeout: Duration,
    /// Limits the requests that are handled at once.
    #[arg(long, value_name = "NUMBER", value_parser = positive, allow_negative_numbers = true, default_value = "1000")]
    pub(crate) max_concurrent_requests: usize,
    /// Limits the requests that wait for others to end. Further ones are refused with 503.
    #[arg(long, value_name = "NUMBER", value_parser = number, allow_negative_numbers = true, default_value = "1000")]
    pub(crate) max_waiting_requests: usize,
    /// Limits the time that a request waits. After that, it is refused with 503.
    #[arg(long, value_name = "DURATION", value_parser = program::duration, allow_negative_numbers = true, default_value = "5s")]
    pub(crate) wait_timeout: Duration,
    /// Limits the connections. Further ones wait until others end.
    #[arg(long, value_name = "NUMBER", value_parser = positive, allow_negative_numbers = true, default_value = "1000")]
    pub(crate) max_connections: usize,
    /// Limits the time that a client takes to send a request's head, and how long a connection may
    /// be idle.
    #[arg(long, value_name = "DURATION", value_parser = program::timeout, allow_negative_numbers = true, default_value = "30s")]
    pub(crate) header_timeout: Duration,
    /// Limits the size of a request's head, to at least 8KiB. Larger ones are refused with 431.
    #[arg(long, value_name = "SIZE", value_parser = program::size, allow_negative_numbers = true, default_value = "64KiB")]
    pub(crate) max_header_size: ByteSize,
    /// Limits the size of a request's body. Larger ones are refused with 413.
    #[arg(long, value_name = "SIZE", value_parser = program::size, allow_negative_numbers = true, default_value = "100MiB")]
    pub(crate) max_body_size: ByteSize,
    /// Sets how many requests an instance may handle, one after another. It is used again only
    /// after a success, and if it has kept no resource. The default, 1, separates requests from
    /// each other.
    #[arg(long, value_name = "NUMBER", value_parser = positive, allow_negative_numbers = true, default_value = "1")]
    pub(crate) max_instance_reuse: usize,
    /// Ends an instance that was idle for this time. Only with --max-instance-reuse.
    #[arg(long, value_name = "DURATION", value_parser = program::duration, allow_negative_numbers = true, default_value = "1s")]
    pub(crate) idle_instance_timeout: Duration,
    /// Sets how many instances are made ahead of requests.
    #[arg(long, value_name = "NUMBER", value_parser = number, allow_negative_numbers = true, default_value = "8")]
    pub(crate) spare_instances: usize,
    /// Sets how many requests WasmEdge handles at once. Each takes a thread. Wasmtime needs no
    /// thread for a request.
    #[arg(long, value_name = "NUMBER", value_parser = positive, allow_negative_numbers = true, default_value = "64")]
    pub(crate) workers: usize,
    /// Sets whether a caller's trace is continued: always, only if the caller has sampled it, or
    /// never. Otherwise a new trace begins, with a link to the caller's. Use `never` for services
    /// that face strangers: it also ignores their baggage.
    #[arg(long, value_name = "WHEN", value_enum, ignore_case = true, default_value_t = Trust::Always)]
    pub(crate) trust_incoming: Trust,
    /// Sets where the standard output and error of the instances go. Their standard input is empty.
    #[arg(long, value_name = "WHERE", value_enum, ignore_case = true, default_value_t = StdioTo::Lines)]
    pub(crate) stdio: StdioTo,
    /// Adds the header `traceresponse`, with the request's trace, to each response.
    #[arg(long)]
    pub(crate) trace_response: bool,
}

/// When a caller's trace is continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Trust {
    /// Each new request begins a trace.
    Never,
    /// Traces that the caller has sampled are continued.
    Sampled,
    /// Every trace is continued.
    Always,
}

impl Server {
    /// Returns the server's limits. `requests` is the largest number at once that the runtime can
    /// handle, if there is one.
    pub(crate) fn limits(&self, requests: Option<usize>) -> Limits {
        let mut limits = Limits::default();
        limits.connections = self.max_connections;
        limits.requests = self
            .max_concurrent_requests
            .min(requests.unwrap_or(usize::MAX));
        limits.queue = self.max_waiting_requests;
        limits.queue_wait = self.wait_timeout;
        limits.header_read = self.header_timeout;
        limits.header_bytes = usize::try_from(self.max_header_size.as_u64()).unwrap_or(usize::MAX);
        limits.body_bytes = self.max_body_size.as_u64();
        limits.request = self.timeout;
        limits.shutdown = self.shutdown_timeout;
        limits
    }

    /// Returns how many file descriptors the server needs at most: for its connections, and for the
    /// directories of its instances.
    pub(crate) fn descriptors(&self, directories: usize) -> usize {
        let instances = self
            .max_concurrent_requests
            .saturating_add(self.spare_instances);
        self.max_connections
            .saturating_add(PROBES)
            .saturating_add(instances.saturating_mul(directories))
    }

    pub(crate) fn trust(&self) -> TrustIncoming {
        match self.trust_incoming {
            Trust::Never => TrustIncoming::Never,
            Trust::Sampled => TrustIncoming::Sampled,
            Trust::Always => TrustIncoming::Always,
        }
    }
}

/// The connections for probes.
const PROBES: usize = 16;

/// The largest number of connections, requests and instances.
const MOST: usize = 1_000_000;

fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:");
    let text = port.map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_invalid| {
        "expected an IP address and a port, for example 127.0.0.1:8080, 0.0.0.0:80 or [::1]:8080"
            .to_owned()
    })
}

fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number <= MOST);
    number.ok_or_else(|| format!("expected a number from 0 to {MOST}"))
}

fn positive(text: &str) -> Result<usize, String> {
    let number = number(text).ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("expected a number from 1 to {MOST}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        for (text, expected) in [
            ("127.0.0.1:0", Some("127.0.0.1:0")),
            ("localhost:80", Some("127.0.0.1:80")),
            ("[::1]:8080", Some("[::1]:8080")),
            ("127.0.0.1", None),
            (":8080", None),
            ("8080", None),
            ("example.com:80", None),
            ("127.0.0.1:70000", None),
        ] {
            let parsed = address(text).ok().map(|address| address.to_string());
            assert_eq!(parsed.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn numbers_have_a_range() {
        assert_eq!(number("0"), Ok(0));
        assert_eq!(positive("1000000"), Ok(MOST));
        for text in ["", "-1", "1000001", "1e3"] {
            assert!(number(text).is_err(), "{text}");
        }
        assert!(positive("0").is_err());
    }
}
