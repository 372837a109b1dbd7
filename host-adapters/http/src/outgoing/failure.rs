//! Error codes for failed requests, by the types of their errors.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::net::IpAddr;

use hyper_util::client::legacy::Error as ClientError;
use rustls::Error as TlsError;
use thiserror::Error;
use wasmtime_wasi_http::p2::bindings::http::types::{
    DnsErrorPayload, ErrorCode, TlsAlertReceivedPayload,
};

/// The reason why the connector of this crate made no connection.
#[derive(Debug, Error)]
pub(super) enum NoConnection {
    /// There are too many.
    #[error("too many connections")]
    TooMany,
    #[error("the name was not resolved in time")]
    LookUpTimeout,
    #[error("the name cannot be resolved")]
    LookUp(#[source] io::Error),
    /// The name resolves to no address.
    #[error("the name has no address")]
    NoAddress,
    /// No address that the name resolves to is allowed. The first one is named.
    #[error("the address {0} is not allowed")]
    Prohibited(IpAddr),
    /// The system has no certificates of authorities that TLS could trust.
    #[error("there are no trusted authorities")]
    NoAuthorities,
    /// The host is no name of a server.
    #[error("the host is invalid")]
    InvalidHost,
}

impl NoConnection {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooMany => ErrorCode::ConnectionLimitReached,
            Self::LookUpTimeout => ErrorCode::DnsTimeout,
            Self::LookUp(_) | Self::NoAddress => ErrorCode::DnsError(DnsErrorPayload {
                rcode: None,
                info_code: None,
            }),
            Self::Prohibited(_) => ErrorCode::DestinationIpProhibited,
            Self::NoAuthorities => ErrorCode::ConfigurationError,
            Self::InvalidHost => ErrorCode::HttpRequestUriInvalid,
        }
    }
}

/// The part of a request that failed. The same error of the system has different codes in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Connect,
    /// Sending the request, and waiting for the head of the response.
    Head,
    Body,
}

/// Returns the code of an error of the client.
pub(super) fn of_client(error: &ClientError) -> ErrorCode {
    let phase = if error.is_connect() {
        Phase::Connect
    } else {
        Phase::Head
    };
    code(error, phase).unwrap_or(if error.is_connect() {
        ErrorCode::DestinationUnavailable
    } else {
        ErrorCode::HttpProtocolError
    })
}

/// Returns the code of an error in the body of a response.
pub(super) fn of_body(error: &hyper::Error) -> ErrorCode {
    code(error, Phase::Body).unwrap_or(ErrorCode::HttpResponseIncomplete)
}

/// Returns the address that the connector refused, if it did.
pub(super) fn prohibited(error: &ClientError) -> Option<IpAddr> {
    let mut found = None;
    let _ = causes(error, &mut |cause| {
        if let Some(NoConnection::Prohibited(address)) = cause.downcast_ref() {
            found = Some(*address);
        }
        found.map(drop)
    });
    found
}

/// Returns the code of the outermost error in a chain that has one. Errors of hyper are the least
/// specific, so they count if there is no other.
fn code(error: &(dyn StdError + 'static), phase: Phase) -> Option<ErrorCode> {
    causes(error, &mut |cause| {
        if let Some(error) = cause.downcast_ref::<NoConnection>() {
            return Some(error.code());
        }
        if let Some(error) = cause.downcast_ref::<TlsError>() {
            return Some(of_tls(error));
        }
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            return of_h2(error, phase);
        }
        let error = cause.downcast_ref::<io::Error>()?;
        // One around another error is not specific.
        error
            .get_ref()
            .is_none()
            .then(|| of_io(error.kind(), phase))?
    })
    .or_else(|| causes(error, &mut |cause| of_hyper(cause.downcast_ref()?, phase)))
}

/// Calls a function for an error and its causes until it returns a result. The error within an
/// [`io::Error`] counts as its cause.
fn causes<T>(
    error: &(dyn StdError + 'static),
    see: &mut impl FnMut(&(dyn StdError + 'static)) -> Option<T>,
) -> Option<T> {
    let mut next = Some(error);
    // Bounds the chain, which other code has made.
    for _ in 0..16 {
        let error = next?;
        if let Some(result) = see(error) {
            return Some(result);
        }
        let within = error.downcast_ref().and_then(io::Error::get_ref);
        next = match within {
            Some(within) => Some(within),
            None => error.source(),
        };
    }
    None
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds of errors, which are many, are not about connections"
)]
fn of_io(kind: ErrorKind, phase: Phase) -> Option<ErrorCode> {
    Some(match kind {
        ErrorKind::ConnectionRefused => ErrorCode::ConnectionRefused,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::UnexpectedEof => ErrorCode::ConnectionTerminated,
        ErrorKind::TimedOut => match phase {
            Phase::Connect => ErrorCode::ConnectionTimeout,
            Phase::Head | Phase::Body => ErrorCode::ConnectionReadTimeout,
        },
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            ErrorCode::DestinationIpUnroutable
        }
        ErrorKind::AddrNotAvailable | ErrorKind::NetworkDown => ErrorCode::DestinationUnavailable,
        _ => return None,
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other errors, and those of later versions, are about the protocol"
)]
fn of_tls(error: &TlsError) -> ErrorCode {
    match error {
        TlsError::InvalidCertificate(_)
        | TlsError::NoCertificatesPresented
        | TlsError::UnsupportedNameType => ErrorCode::TlsCertificateError,
        TlsError::AlertReceived(alert) => ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        }),
        _ => ErrorCode::TlsProtocolError,
    }
}

fn of_h2(error: &h2::Error, phase: Phase) -> Option<ErrorCode> {
    if let Some(error) = error.get_io() {
        return of_io(error.kind(), phase).or(Some(ErrorCode::ConnectionTerminated));
    }
    let reason = error.reason()?;
    Some(if reason == h2::Reason::REFUSED_STREAM {
        ErrorCode::ConnectionTerminated
    } else {
        ErrorCode::HttpProtocolError
    })
}

fn of_hyper(error: &hyper::Error, phase: Phase) -> Option<ErrorCode> {
    if error.is_timeout() {
        Some(ErrorCode::HttpResponseTimeout)
    } else if error.is_parse_too_large() {
        Some(ErrorCode::HttpResponseHeaderSectionSize(None))
    } else if error.is_parse() || error.is_user() {
        Some(ErrorCode::HttpProtocolError)
    } else if error.is_incomplete_message() && phase == Phase::Body {
        Some(ErrorCode::HttpResponseIncomplete)
    } else if error.is_incomplete_message()
        || error.is_closed()
        || error.is_canceled()
        || error.is_body_write_aborted()
        || error.is_shutdown()
    {
        Some(ErrorCode::ConnectionTerminated)
    } else {
        None
    }
}
