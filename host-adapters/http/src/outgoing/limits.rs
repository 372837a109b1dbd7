//! The limits of a client.

use std::time::Duration;

/// The limits of a [`Client`](super::Client), for all guests together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Requests at once, until the end of the response, or of a request's body that the guest still
    /// writes. Further ones fail with `connection-limit-reached`. Default: 1,000.
    pub requests: usize,
    /// Requests at once to a host, by scheme and port. Further ones wait as long as they may take
    /// to connect, then they fail with `connection-limit-reached`. Over HTTP/1.1, this is also the
    /// number of connections that are in use. Default: 128.
    pub requests_per_host: usize,
    /// Connections at once, in use or idle. If there are as many, a new one waits as long as it may
    /// take to connect, then it fails with `connection-limit-reached`. Default: 256.
    pub connections: usize,
    /// Idle connections to a host, by scheme and port. Further ones are closed. Default: 16.
    pub idle_per_host: usize,
    /// How long a connection may be idle. Default: 30 s.
    pub idle: Duration,
    /// Look-ups of names at once. Further ones wait. Default: 16.
    pub look_ups: usize,
    /// How long a look-up may take and wait. Then the request fails with `DNS-timeout`.
    /// Default: 5 s.
    pub look_up: Duration,
    /// How long connecting may take, with the look-up of the name and TLS, if the guest sets no
    /// timeout. Then the request fails with `connection-timeout`. Default: 10 s.
    pub connect: Duration,
    /// How long to wait for a response after the last piece of the request, if the guest sets no
    /// timeout. Then the request fails with `connection-read-timeout`. Default: 120 s.
    pub first_byte: Duration,
    /// How long to wait for the next piece of a response, if the guest sets no timeout. Then the
    /// body fails with `connection-read-timeout`. Default: 120 s.
    pub between_bytes: Duration,
    /// The maximum of all timeouts that a guest may set. A longer one counts as this. Default:
    /// 600 s.
    pub longest_timeout: Duration,
    /// Bytes of a response's head. A larger one fails with `HTTP-response-header-section-size`. At
    /// least 8 KiB. Default: 64 KiB.
    pub header_bytes: usize,
    /// Bytes of a request's body that are read from the guest and thrown away after the other
    /// service has stopped reading, for example because it has answered already. Then the guest's
    /// stream is closed. Default: 64 MiB.
    pub unsent_bytes: u64,
    /// How long such a body is read. Default: 30 s.
    pub unsent: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: 1_000,
            requests_per_host: 128,
            connections: 256,
            idle_per_host: 16,
            idle: Duration::from_secs(30),
            look_ups: 16,
            look_up: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(120),
            between_bytes: Duration::from_secs(120),
            longest_timeout: Duration::from_secs(600),
            header_bytes: 64 << 10,
            unsent_bytes: 64 << 20,
            unsent: Duration::from_secs(30),
        }
    }
}
