//! Percent-encoding, as resource attributes, OTLP headers and baggage have it.

use percent_encoding::percent_decode_str;

/// Decodes strictly; `None` where a `%` begins no code, or the result is not UTF-8.
///
/// For resource attributes and headers: the specification takes any decoding error for an error of
/// the whole variable, and W3C Baggage, whose format both have, asks for a `%` of its own to be
/// written as `%25`.
/// <https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable>
pub(crate) fn decode(text: &str) -> Option<String> {
    let whole_codes = text.split('%').skip(1).all(|code| {
        let digits = code.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    whole_codes.then(|| decoded.into_owned())
}

/// Decodes what can be decoded: what is not UTF-8 becomes U+FFFD, and a `%` that begins no code
/// stands for itself.
///
/// For baggage, which comes with requests and is not refused for one value:
/// <https://www.w3.org/TR/baggage/#value>
pub(crate) fn decode_lossy(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_codes_are_refused_or_replaced() {
        let table = [
            ("a%20b", Some("a b"), "a b"),
            ("%C3%A4", Some("ä"), "ä"),
            ("ä", Some("ä"), "ä"),
            ("%25ZZ", Some("%ZZ"), "%ZZ"),
            ("%ZZ", None, "%ZZ"),
            ("100%", None, "100%"),
            ("%2", None, "%2"),
            ("%+1", None, "%+1"),
            ("%%41", None, "%A"),
            ("%FF", None, "\u{fffd}"),
            ("%C3", None, "\u{fffd}"),
            ("", Some(""), ""),
        ];
        for (text, strict, lossy) in table {
            assert_eq!(decode(text).as_deref(), strict, "{text}");
            assert_eq!(decode_lossy(text), lossy, "{text}");
        }
    }
}
