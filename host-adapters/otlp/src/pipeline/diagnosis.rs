//! Explains why an export failed, and says which setting to change.
//!
//! The libraries' errors name a symptom ("invalid HTTP version parsed") but not its cause: the port
//! speaks another protocol. Where an error has a type, the type decides; otherwise its text does.

use std::error::Error;
use std::io;

use http::StatusCode;
use rustls::{AlertDescription, CertificateError};
#[cfg(feature = "grpc")]
use tonic::Code;
use wasmscope_telemetry::Signal;

use crate::config::{Flags, Otlp, Protocol, SETTINGS};

/// The start of tonic's messages for an HTTP/2 answer that is not gRPC. It has no status code for
/// that.
#[cfg(feature = "grpc")]
const NO_GRPC: [&str; 2] = [
    "protocol error: received message with invalid compression flag",
    "grpc-status header missing",
];

/// The settings of one signal's connection, and the names by which they are set.
#[derive(Debug, Clone)]
pub(super) struct Diagnosis {
    signal: Signal,
    protocol: Protocol,
    secure: bool,
    /// Whether the client has a certificate.
    has_client_identity: bool,
    /// The proxy in front of the collector.
    proxy: Option<String>,
    flags: Flags,
}

impl Diagnosis {
    pub(super) fn new(otlp: &Otlp, signal: Signal) -> Self {
        Self {
            signal,
            protocol: otlp.protocol,
            secure: otlp.url.is_secure(),
            has_client_identity: otlp.tls.identity.is_some(),
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

    /// Describes an error of the transport. `answered`: the collector has answered before, so it
    /// speaks the protocol.
    pub(super) fn of_error(&self, error: &(dyn Error + 'static), answered: bool) -> String {
        let cause = root_cause(error);
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
                "the proxy requires a user name and password in HTTP_PROXY or HTTPS_PROXY",
            )),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Some(self.check_path()),
            StatusCode::BAD_REQUEST if says_tls_expected(reason.as_deref()) => Some(format!(
                "the port is for TLS: begin {} with https://",
                self.endpoint_setting()
            )),
            StatusCode::BAD_REQUEST if reason.as_deref().is_some_and(says_too_large) => {
                Some(self.reduce_size())
            }
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                Some(self.check_content())
            }
            StatusCode::PAYLOAD_TOO_LARGE => Some(self.reduce_size()),
            StatusCode::TOO_MANY_REQUESTS => Some(self.reduce_load()),
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Some(self.check_availability()),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(format!(
                "it does not accept {}: set {} to another protocol",
                self.protocol,
                self.protocol_setting()
            )),
            StatusCode::HTTP_VERSION_NOT_SUPPORTED | StatusCode::UPGRADE_REQUIRED => {
                Some(self.check_protocol())
            }
            status if status.is_redirection() => Some(format!(
                "redirects are not followed: set {} to the address that it names",
                self.endpoint_setting()
            )),
            status if status.is_server_error() => Some(self.check_server_log()),
            _ => Some(format!(
                "check that {} is an OTLP endpoint",
                self.endpoint_setting()
            )),
        };
        format_failure(answer, reason, hint)
    }

    /// Describes a gRPC status.
    #[cfg(feature = "grpc")]
    pub(super) fn of_grpc(&self, code: Code, reason: Option<String>) -> String {
        let words = reason.as_deref().unwrap_or_default();
        if NO_GRPC.iter().any(|begin| words.starts_with(begin)) {
            let answer = String::from("the answer is not gRPC");
            return format_failure(answer, reason, Some(self.check_protocol()));
        }
        let answer = format!("the collector answers {code:?}");
        let hint = match code {
            Code::Unauthenticated | Code::PermissionDenied => Some(self.check_headers()),
            Code::Unimplemented | Code::NotFound => Some(format!(
                "it has no OTLP service there: check {}, and that the port is the one for gRPC",
                self.endpoint_setting()
            )),
            Code::ResourceExhausted | Code::OutOfRange if says_too_large(words) => {
                Some(self.reduce_size())
            }
            Code::ResourceExhausted => Some(self.reduce_load()),
            Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::AlreadyExists => Some(self.check_content()),
            Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::Cancelled => {
                Some(self.check_availability())
            }
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
                Some(self.check_server_log())
            }
        };
        format_failure(answer, reason, hint)
    }

    /// Returns a hint for a collector that has never answered.
    pub(super) fn of_missing_answer(&self) -> String {
        format!(
            "unless the collector is only slow: {}",
            self.check_protocol()
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
                return Some(self.check_protocol());
            }
            if let Some(error) = error.downcast_ref::<io::Error>()
                && let Some(hint) = self.hint_for_io(error)
            {
                return Some(hint);
            }
            // The resolver's error type is private.
            if error.to_string() == "dns error" {
                return Some(self.check_host());
            }
        }
        // The connection was closed, or the answer is not HTTP/2.
        let hint = (!answered).then(|| self.check_protocol())?;
        // Under TLS 1.3, a server rejects a client without a certificate only after the handshake.
        if self.secure && !self.has_client_identity {
            let identity = self.identity_settings();
            return Some(format!(
                "{hint}; if the collector requires a client certificate, set {identity}"
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

    /// Names the variables that set the proxy, possibly for another purpose.
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
        let authorities = SETTINGS.certificate.names(self.flags);
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
            // rustls has no variant for this error of webpki.
            rustls::Error::InvalidCertificate(CertificateError::Other(other))
                if format!("{other:?}").contains("CaUsedAsEndEntity") =>
            {
                Some(String::from(
                    "the collector's certificate is a CA certificate (CA:TRUE), which a server must not use: issue one with CA:FALSE",
                ))
            }
            rustls::Error::InvalidCertificate(_) => Some(format!(
                "the collector's certificate is not signed by a trusted authority: set {authorities} to the authority's PEM file"
            )),
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
                Some(self.check_protocol())
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
                "the collector requires a client certificate that it trusts: set {}",
                self.identity_settings()
            )),
            _ => None,
        }
    }

    /// Returns a hint for a port that speaks another protocol.
    fn check_protocol(&self) -> String {
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
        let headers = SETTINGS.headers.names(self.flags);
        format!("check the credentials in {headers}")
    }

    fn check_path(&self) -> String {
        format!(
            "check the path in {} (v1/{} is appended), or in OTEL_EXPORTER_OTLP_{}_ENDPOINT (used unchanged)",
            self.endpoint_setting(),
            self.signal.as_str(),
            self.signal.as_str().to_ascii_uppercase()
        )
    }

    /// Returns a hint for a collector that is overloaded or whose quota is used up.
    fn reduce_load(&self) -> String {
        let (how, setting) = match self.signal {
            Signal::Traces => ("fewer spans", SETTINGS.sampler.names(self.flags)),
            Signal::Logs => ("fewer logs", SETTINGS.log_levels.names(self.flags)),
            Signal::Metrics => (
                "metrics less often",
                SETTINGS.metric_interval.names(self.flags),
            ),
        };
        format!("it accepts no more at present: raise its limits, or send {how} ({setting})")
    }

    /// Returns a hint for a single item that a collector refuses as too large. Batches are divided
    /// before that.
    fn reduce_size(&self) -> String {
        let limits = match self.signal {
            Signal::Traces => "span_bytes",
            Signal::Logs => "log_bytes",
            Signal::Metrics => "measurement_attributes",
        };
        format!(
            "raise the collector's limit on requests, or lower that on what guests send (WASMSCOPE_LIMITS={limits}=…)"
        )
    }

    fn check_content(&self) -> String {
        format!(
            "it does not accept the content of the request: look at its log, and check that {} is an OTLP endpoint for {}",
            self.endpoint_setting(),
            self.protocol
        )
    }

    fn check_availability(&self) -> String {
        format!(
            "the collector is overloaded or not ready, or a proxy in front of {} cannot reach it: check that it runs, and its log",
            self.endpoint_setting()
        )
    }

    fn check_server_log(&self) -> String {
        format!(
            "it failed, or is not an OTLP endpoint: look at its log, and check {}",
            self.endpoint_setting()
        )
    }

    fn identity_settings(&self) -> String {
        format!(
            "{} and {}",
            SETTINGS.client_certificate.names(self.flags),
            SETTINGS.client_key.names(self.flags),
        )
    }

    fn protocol_setting(&self) -> String {
        SETTINGS.protocol.names(self.flags)
    }

    fn endpoint_setting(&self) -> String {
        SETTINGS.endpoint.names(self.flags)
    }
}

/// Returns whether a server says that it expects TLS. Servers in Go and nginx answer 400 with plain
/// text.
fn says_tls_expected(reason: Option<&str>) -> bool {
    reason.is_some_and(|words| {
        let words = words.to_ascii_lowercase();
        words.contains("http request") && words.contains("https")
    })
}

/// Returns whether a server refuses a request for its size. gRPC has no status code for that, so
/// this compares the messages of its Go, C++, Java, Node.js and Rust implementations. Go servers
/// answer over HTTP with the first.
pub(super) fn says_too_large(words: &str) -> bool {
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

fn format_failure(answer: String, reason: Option<String>, hint: Option<String>) -> String {
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

/// Returns the root cause of an error. The outer errors of the HTTP libraries say little, and
/// repeat the URL.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

/// Lists an error and its causes. An [`io::Error`] that wraps another error hides it instead of
/// returning it as its source.
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
