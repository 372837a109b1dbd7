//! The records and variants of `wasi:http/types`.

use wasmtime_wasi_http::p2::bindings::http::types;

use crate::mirror::{Mirror, mirror_record, mirror_variant};

mirror_variant! {
    /// `method`
    Method = types::Method {
        "get" => Get,
        "head" => Head,
        "post" => Post,
        "put" => Put,
        "delete" => Delete,
        "connect" => Connect,
        "options" => Options,
        "trace" => Trace,
        "patch" => Patch,
        "other" => Other(String),
    }
}

mirror_variant! {
    /// `scheme`
    Scheme = types::Scheme {
        "HTTP" => Http,
        "HTTPS" => Https,
        "other" => Other(String),
    }
}

mirror_variant! {
    /// `header-error`
    HeaderError = types::HeaderError {
        "invalid-syntax" => InvalidSyntax,
        "forbidden" => Forbidden,
        "immutable" => Immutable,
    }
}

mirror_record! {
    /// `DNS-error-payload`
    DnsErrorPayload = types::DnsErrorPayload {
        "rcode" => rcode: Option<String>,
        "info-code" => info_code: Option<u16>,
    }
}

mirror_record! {
    /// `TLS-alert-received-payload`
    TlsAlertReceivedPayload = types::TlsAlertReceivedPayload {
        "alert-id" => alert_id: Option<u8>,
        "alert-message" => alert_message: Option<String>,
    }
}

mirror_record! {
    /// `field-size-payload`
    FieldSizePayload = types::FieldSizePayload {
        "field-name" => field_name: Option<String>,
        "field-size" => field_size: Option<u32>,
    }
}

mirror_variant! {
    /// `error-code`
    ErrorCode = types::ErrorCode {
        "DNS-timeout" => DnsTimeout,
        "DNS-error" => DnsError(DnsErrorPayload),
        "destination-not-found" => DestinationNotFound,
        "destination-unavailable" => DestinationUnavailable,
        "destination-IP-prohibited" => DestinationIpProhibited,
        "destination-IP-unroutable" => DestinationIpUnroutable,
        "connection-refused" => ConnectionRefused,
        "connection-terminated" => ConnectionTerminated,
        "connection-timeout" => ConnectionTimeout,
        "connection-read-timeout" => ConnectionReadTimeout,
        "connection-write-timeout" => ConnectionWriteTimeout,
        "connection-limit-reached" => ConnectionLimitReached,
        "TLS-protocol-error" => TlsProtocolError,
        "TLS-certificate-error" => TlsCertificateError,
        "TLS-alert-received" => TlsAlertReceived(TlsAlertReceivedPayload),
        "HTTP-request-denied" => HttpRequestDenied,
        "HTTP-request-length-required" => HttpRequestLengthRequired,
        "HTTP-request-body-size" => HttpRequestBodySize(Option<u64>),
        "HTTP-request-method-invalid" => HttpRequestMethodInvalid,
        "HTTP-request-URI-invalid" => HttpRequestUriInvalid,
        "HTTP-request-URI-too-long" => HttpRequestUriTooLong,
        "HTTP-request-header-section-size" => HttpRequestHeaderSectionSize(Option<u32>),
        "HTTP-request-header-size" => HttpRequestHeaderSize(Option<FieldSizePayload>),
        "HTTP-request-trailer-section-size" => HttpRequestTrailerSectionSize(Option<u32>),
        "HTTP-request-trailer-size" => HttpRequestTrailerSize(FieldSizePayload),
        "HTTP-response-incomplete" => HttpResponseIncomplete,
        "HTTP-response-header-section-size" => HttpResponseHeaderSectionSize(Option<u32>),
        "HTTP-response-header-size" => HttpResponseHeaderSize(FieldSizePayload),
        "HTTP-response-body-size" => HttpResponseBodySize(Option<u64>),
        "HTTP-response-trailer-section-size" => HttpResponseTrailerSectionSize(Option<u32>),
        "HTTP-response-trailer-size" => HttpResponseTrailerSize(FieldSizePayload),
        "HTTP-response-transfer-coding" => HttpResponseTransferCoding(Option<String>),
        "HTTP-response-content-coding" => HttpResponseContentCoding(Option<String>),
        "HTTP-response-timeout" => HttpResponseTimeout,
        "HTTP-upgrade-failed" => HttpUpgradeFailed,
        "HTTP-protocol-error" => HttpProtocolError,
        "loop-detected" => LoopDetected,
        "configuration-error" => ConfigurationError,
        "internal-error" => InternalError(Option<String>),
    }
}
