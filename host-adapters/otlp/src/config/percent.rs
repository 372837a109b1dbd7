//! Percent-encoding of resource attributes and OTLP headers.

use percent_encoding::percent_decode_str;

/// Decodes strictly. Returns `None` if a `%` is not followed by a code, or if the result is not
/// UTF-8.
///
/// The specification treats a decoding error in resource attributes and headers as an error of the
/// whole variable. Both use the format of W3C Baggage, which writes a literal `%` as `%25`.
/// <https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable>
pub(super) fn decode(text: &str) -> Option<String> {
    let whole_codes = text.split('%').skip(1).all(|code| {
        let digits = code.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    whole_codes.then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_codes_are_refused() {
        let table = [
            ("a%20b", Some("a b")),
            ("%C3%A4", Some("ä")),
            ("ä", Some("ä")),
            ("%25ZZ", Some("%ZZ")),
            ("%ZZ", None),
            ("100%", None),
            ("%2", None),
            ("%+1", None),
            ("%%41", None),
            ("%FF", None),
            ("%C3", None),
            ("", Some("")),
        ];
        for (text, decoded) in table {
            assert_eq!(decode(text).as_deref(), decoded, "{text}");
        }
    }
}
