//! Explains why an export failed, and says which setting to change.
//!
//! The libraries' errors say what they found ("invalid HTTP version parsed"), not what it means:
//! that the port speaks another protocol. Their types tell more than their words, where they have
//! any.

use std::error::Error;
use std::io;

use http::StatusCode;
use rustls::{AlertDescription, CertificateError};
#[cfg(feature = "grpc")]
use tonic::Code;
use wasmscope_telemetry::Signal;

use crate::config::{Flags, Otlp, Protocol};

/// How tonic words an answer over HTTP/2 that is no gRPC; it has the codes of one.
#[cfg(feature = "grpc")]
const NO_GRPC: [&str; 2] = [
    "protocol error: received message with invalid compression flag",
    "grpc-status header missing",
];

/// Knows how one signal is sent, and by what that is set.
#[derive(Debug, Clone)]
pub(super) struct Diagnosis {
    signal: Signal,
    protocol: Protocol,
    secure: bool,
    /// Whether the client has a certificate.
    identified: bool,
    /// What is connected to in place of the collector.
    proxy: Option<String>,
    flags: Flags,
}

impl Diagnosis {
    pub(super) fn new(otlp: &Otlp, signal: Signal) -> Self {
        Self {
            signal,
            protocol: otlp.protocol,
            secure: otlp.url.is_secure(),
            identified: otlp.tls.identity.is_some(),
            proxy: match otlp.protocol {
                Protocol::Grpc => None,
                Protocol::HttpProtobuf | Protocol::HttpJson => {
                    let url = otlp.url.as_str().parse();
                    url.ok().and_then(|url| otlp.proxies.of(&url))
                }
            },
            flags: otlp.flags,
        }
    }

    /// Describes an error of the transport. `answered` says whether the collector has ever
    /// answered: then it speaks the protocol.
    pub(super) fn of_error(&self, error: &(dyn Error + 'static), answered: bool) -> String {
        let cause = innermost(error);
        match self.hint_for(error, answered) {
            Some(hint) => format!("{cause}; {hint}"),
            None => cause,
        }
    }

    /// Describes an HTTP answer that is not a success.
    pub(super) fn of_http(&self, status: StatusCode, reason: Option<String>) -> String {
        let answer = format!("the collector answers {status}");
        let hint = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(self.check_headers()),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => Some(String::from(
                "the proxy wants a user name and password in HTTP_PROXY or HTTPS_PROXY",
            )),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Some(self.check_path()),
            StatusCode::BAD_REQUEST if expects_tls(reason.as_deref()) => Some(format!(
                "the port is for TLS: begin {} with https://",
                self.endpoint_setting()
            )),
            StatusCode::BAD_REQUEST if reason.as_deref().is_some_and(too_large) => {
                Some(self.make_smaller())
            }
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                Some(self.check_what_it_says())
            }
            StatusCode::PAYLOAD_TOO_LARGE => Some(self.make_smaller()),
            StatusCode::TOO_MANY_REQUESTS => Some(self.send_less()),
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Some(self.check_whether_it_runs()),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(format!(
                "it does not take {}: set {} to another protocol",
                self.protocol,
                self.protocol_setting()
            )),
            StatusCode::HTTP_VERSION_NOT_SUPPORTED | StatusCode::UPGRADE_REQUIRED => {
                Some(self.other_protocol())
            }
            status if status.is_redirection() => Some(format!(
                "redirects are not followed: set {} to the address that it names",
                self.endpoint_setting()
            )),
            status if status.is_server_error() => Some(self.check_its_log()),
            _ => Some(format!(
                "check that {} is an OTLP endpoint",
                self.endpoint_setting()
            )),
        };
        put_together(answer, reason, hint)
    }

    /// Describes a gRPC status.
    #[cfg(feature = "grpc")]
    pub(super) fn of_grpc(&self, code: Code, reason: Option<String>) -> String {
        let words = reason.as_deref().unwrap_or_default();
        if NO_GRPC.iter().any(|begin| words.starts_with(begin)) {
            let answer = String::from("the answer is not gRPC");
            return put_together(answer, reason, Some(self.other_protocol()));
        }
        let answer = format!("the collector answers {code:?}");
        let hint = match code {
            Code::Unauthenticated | Code::PermissionDenied => Some(self.check_headers()),
            Code::Unimplemented | Code::NotFound => Some(format!(
                "it has no OTLP service there: check {}, and that the port is the one for gRPC",
                self.endpoint_setting()
            )),
            Code::ResourceExhausted | Code::OutOfRange if too_large(words) => {
                Some(self.make_smaller())
            }
            Code::ResourceExhausted => Some(self.send_less()),
            Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::AlreadyExists => Some(self.check_what_it_says()),
            Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::Cancelled => {
                Some(self.check_whether_it_runs())
            }
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
                Some(self.check_its_log())
            }
        };
        put_together(answer, reason, hint)
    }

    /// Says what to do if the collector has never answered.
    pub(super) fn of_silence(&self) -> String {
        format!(
            "if the collector is not just slow: {}",
            self.other_protocol()
        )
    }

    fn hint_for(&self, error: &(dyn Error + 'static), answered: bool) -> Option<String> {
        for error in chain(error) {
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return self.hint_for_tls(error);
            }
            if let Some(error) = error.downcast_ref::<hyper::Error>()
                && error.is_parse()
            {
                return Some(self.other_protocol());
            }
            if let Some(error) = error.downcast_ref::<io::Error>()
                && let Some(hint) = self.hint_for_io(error)
            {
                return Some(hint);
            }
            // The resolver's error has no type of its own that can be named here.
            if error.to_string() == "dns error" {
                return Some(self.check_host());
            }
        }
        // A connection was made and then cut, or answered with what is no HTTP/2.
        let hint = (!answered).then(|| self.other_protocol())?;
        // Under TLS 1.3, a server refuses a client that shows no certificate after the handshake.
        if self.secure && !self.identified {
            let identity = self.identity_settings();
            return Some(format!(
                "{hint}; if the collector wants a client's certificate, set {identity}"
            ));
        }
        Some(hint)
    }

    fn hint_for_io(&self, error: &io::Error) -> Option<String> {
        let kind = error.kind();
        if kind == io::ErrorKind::ConnectionRefused {
            return Some(match &self.proxy {
                Some(proxy) => self.check_proxy(&format!("nothing listens at the proxy {proxy}")),
                None => format!(
                    "nothing listens there: check the port in {}",
                    self.endpoint_setting()
                ),
            });
        }
        let unreachable = [
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
        ];
        unreachable.contains(&kind).then(|| self.check_host())
    }

    fn check_host(&self) -> String {
        match &self.proxy {
            Some(proxy) => self.check_proxy(&format!("it is sent through the proxy {proxy}")),
            None => format!("check the host in {}", self.endpoint_setting()),
        }
    }

    /// Says where a proxy was set, which may have been for something else.
    fn check_proxy(&self, what: &str) -> String {
        let variable = if self.secure {
            "HTTPS_PROXY"
        } else {
            "HTTP_PROXY"
        };
        format!("{what}: check {variable} or ALL_PROXY, or name the collector's host in NO_PROXY")
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls adds kinds of errors, and most have no hint"
    )]
    fn hint_for_tls(&self, error: &rustls::Error) -> Option<String> {
        let authorities = self.naming("certificate", "OTEL_EXPORTER_OTLP_CERTIFICATE");
        match error {
            rustls::Error::InvalidMessage(_) => Some(format!(
                "the port does not speak TLS: set {} to http:// in place of https://",
                self.endpoint_setting()
            )),
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Some(format!(
                "the collector's certificate is for another name: set {} to the host that it names",
                self.endpoint_setting()
            )),
            rustls::Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => Some(String::from(
                "the collector's certificate is out of date, or this machine's clock is wrong",
            )),
            // webpki's error has no variant of its own in rustls.
            rustls::Error::InvalidCertificate(CertificateError::Other(other))
                if format!("{other:?}").contains("CaUsedAsEndEntity") =>
            {
                Some(String::from(
                    "the collector's certificate is an authority's (CA:TRUE), which no server may use: make it one with CA:FALSE",
                ))
            }
            rustls::Error::InvalidCertificate(_) => Some(format!(
                "the collector's certificate is not vouched for by a trusted authority: set {authorities} to the authority's PEM file"
            )),
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
                Some(self.other_protocol())
            }
            rustls::Error::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnknownCA
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::AccessDenied
                | AlertDescription::HandshakeFailure,
            ) => Some(format!(
                "the collector wants a client's certificate that it trusts: set {}",
                self.identity_settings()
            )),
            _ => None,
        }
    }

    /// Says what to change if the other side speaks another protocol.
    fn other_protocol(&self) -> String {
        let other = match self.protocol {
            Protocol::Grpc => "http/protobuf",
            Protocol::HttpProtobuf | Protocol::HttpJson => "grpc",
        };
        let tls = if self.secure {
            "without TLS"
        } else {
            "with TLS"
        };
        let scheme = if self.secure { "http://" } else { "https://" };
        format!(
            "if the port is for {other}, set {} to {other}; if it is {tls}, begin {} with {scheme}",
            self.protocol_setting(),
            self.endpoint_setting()
        )
    }

    fn check_headers(&self) -> String {
        let headers = self.naming("headers", "OTEL_EXPORTER_OTLP_HEADERS");
        format!("check the credentials in {headers}")
    }

    fn check_path(&self) -> String {
        format!(
            "check the path in {} (v1/{} is put after it), or in OTEL_EXPORTER_OTLP_{}_ENDPOINT (taken as it stands)",
            self.endpoint_setting(),
            self.signal.as_str(),
            self.signal.as_str().to_ascii_uppercase()
        )
    }

    /// For a collector whose quota is used up, or that is overloaded.
    fn send_less(&self) -> String {
        let (how, setting) = match self.signal {
            Signal::Traces => ("fewer spans", self.naming("sampler", "OTEL_TRACES_SAMPLER")),
            Signal::Logs => (
                "fewer logs",
                self.naming("log_levels", "WASMSCOPE_LOG_LEVEL"),
            ),
            Signal::Metrics => (
                "metrics less often",
                self.naming("metric_interval", "OTEL_METRIC_EXPORT_INTERVAL"),
            ),
        };
        format!("it takes no more at present: raise its limits, or send {how} ({setting})")
    }

    /// For a single item that a collector refuses as too large: batches are divided.
    fn make_smaller(&self) -> String {
        let limits = match self.signal {
            Signal::Traces => "span_bytes",
            Signal::Logs => "log_bytes",
            Signal::Metrics => "measurement_attributes",
        };
        format!(
            "raise the collector's limit on requests, or lower that on what guests send (WASMSCOPE_LIMITS={limits}=…)"
        )
    }

    fn check_what_it_says(&self) -> String {
        format!(
            "it does not accept what is in the request: look at its log, and check that {} is an OTLP endpoint for {}",
            self.endpoint_setting(),
            self.protocol
        )
    }

    fn check_whether_it_runs(&self) -> String {
        format!(
            "the collector is overloaded or not ready, or what stands before {} does not reach it: check that it runs, and its log",
            self.endpoint_setting()
        )
    }

    fn check_its_log(&self) -> String {
        format!(
            "it failed, or is not an OTLP endpoint: look at its log, and check {}",
            self.endpoint_setting()
        )
    }

    fn identity_settings(&self) -> String {
        format!(
            "{} and {}",
            self.naming(
                "client_certificate",
                "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"
            ),
            self.naming("client_key", "OTEL_EXPORTER_OTLP_CLIENT_KEY"),
        )
    }

    fn protocol_setting(&self) -> String {
        self.naming("protocol", "OTEL_EXPORTER_OTLP_PROTOCOL")
    }

    fn endpoint_setting(&self) -> String {
        self.naming("endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT")
    }

    fn naming(&self, method: &str, variable: &str) -> String {
        self.flags.naming(method, variable)
    }
}

/// Whether a server says that it expects TLS: those in Go and nginx answer 400 in plain text.
fn expects_tls(reason: Option<&str>) -> bool {
    reason.is_some_and(|words| {
        let words = words.to_ascii_lowercase();
        words.contains("http request") && words.contains("https")
    })
}

/// Whether a server refuses a request for its size. gRPC has no code of its own for that, so this
/// goes by the words of its implementations: those for Go, C++, Java, Node.js and Rust. Servers in
/// Go answer over HTTP with the first.
pub(super) fn too_large(words: &str) -> bool {
    const WORDS: [&str; 6] = [
        "request body too large",
        "message larger than max",
        "message after decompression larger than max",
        "message exceeds maximum size",
        "message length too large",
        "size limit, of",
    ];
    WORDS.iter().any(|known| words.contains(known))
}

fn put_together(answer: String, reason: Option<String>, hint: Option<String>) -> String {
    let mut text = answer;
    if let Some(reason) = reason {
        text.push_str(": ");
        text.push_str(&reason);
    }
    if let Some(hint) = hint {
        text.push_str("; ");
        text.push_str(&hint);
    }
    text
}

/// What is at the bottom of an error; the outermost of the HTTP libraries say little, and repeat the URL.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

/// Lists an error and its causes. An [`io::Error`] around another error is not that one's effect
/// but hides it.
pub(super) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    fn next<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        let hidden = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match hidden {
            Some(hidden) => Some(hidden),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), |error| next(*error))
}
