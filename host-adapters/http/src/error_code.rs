//! The error codes of `wasi:http`.

use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

macro_rules! names {
    ($($case:ident $(($ignored:tt))? = $name:literal;)+) => {
        /// Returns the name of an error code in the interface, for `error.type`.
        pub(crate) fn name(code: &ErrorCode) -> &'static str {
            match code {
                $(ErrorCode::$case $(($ignored))? => $name,)+
            }
        }
    };
}

names! {
    DnsTimeout = "DNS-timeout";
    DnsError(_) = "DNS-error";
    DestinationNotFound = "destination-not-found";
    DestinationUnavailable = "destination-unavailable";
    DestinationIpProhibited = "destination-IP-prohibited";
    DestinationIpUnroutable = "destination-IP-unroutable";
    ConnectionRefused = "connection-refused";
    ConnectionTerminated = "connection-terminated";
    ConnectionTimeout = "connection-timeout";
    ConnectionReadTimeout = "connection-read-timeout";
    ConnectionWriteTimeout = "connection-write-timeout";
    ConnectionLimitReached = "connection-limit-reached";
    TlsProtocolError = "TLS-protocol-error";
    TlsCertificateError = "TLS-certificate-error";
    TlsAlertReceived(_) = "TLS-alert-received";
    HttpRequestDenied = "HTTP-request-denied";
    HttpRequestLengthRequired = "HTTP-request-length-required";
    HttpRequestBodySize(_) = "HTTP-request-body-size";
    HttpRequestMethodInvalid = "HTTP-request-method-invalid";
    HttpRequestUriInvalid = "HTTP-request-URI-invalid";
    HttpRequestUriTooLong = "HTTP-request-URI-too-long";
    HttpRequestHeaderSectionSize(_) = "HTTP-request-header-section-size";
    HttpRequestHeaderSize(_) = "HTTP-request-header-size";
    HttpRequestTrailerSectionSize(_) = "HTTP-request-trailer-section-size";
    HttpRequestTrailerSize(_) = "HTTP-request-trailer-size";
    HttpResponseIncomplete = "HTTP-response-incomplete";
    HttpResponseHeaderSectionSize(_) = "HTTP-response-header-section-size";
    HttpResponseHeaderSize(_) = "HTTP-response-header-size";
    HttpResponseBodySize(_) = "HTTP-response-body-size";
    HttpResponseTrailerSectionSize(_) = "HTTP-response-trailer-section-size";
    HttpResponseTrailerSize(_) = "HTTP-response-trailer-size";
    HttpResponseTransferCoding(_) = "HTTP-response-transfer-coding";
    HttpResponseContentCoding(_) = "HTTP-response-content-coding";
    HttpResponseTimeout = "HTTP-response-timeout";
    HttpUpgradeFailed = "HTTP-upgrade-failed";
    HttpProtocolError = "HTTP-protocol-error";
    LoopDetected = "loop-detected";
    ConfigurationError = "configuration-error";
    InternalError(_) = "internal-error";
}
