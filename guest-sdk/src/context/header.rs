//! Baggage as a header (W3C Baggage).

use super::baggage::baggage;
use crate::types::BaggageEntry;

/// The maximum length of a header. Every receiver must accept it.
const MAX_HEADER: usize = 8192;

/// Returns the current baggage as the value of a `baggage` header, for a request to another
/// service, or `None` if there is none.
///
/// Values are percent-encoded: spaces, commas, `%`, and all non-ASCII characters. Entries whose key
/// is not a token are left out, and so are entries that would make the header longer than 8,192
/// bytes.
///
/// ```
/// use wasmscope::BaggageEntry;
///
/// # let mut headers: Vec<(&str, String)> = Vec::new();
/// let _baggage = wasmscope::enter_baggage(&[BaggageEntry::new("user", "Ada Lovelace")]);
/// // "user=Ada%20Lovelace"
/// if let Some(baggage) = wasmscope::baggage_header() {
///     headers.push(("baggage", baggage));
/// }
/// if let Some(context) = wasmscope::current() {
///     headers.push(("traceparent", context.traceparent()));
///     headers.extend(context.tracestate().map(|state| ("tracestate", state.to_owned())));
/// }
/// ```
#[must_use]
pub fn baggage_header() -> Option<String> {
    let mut header = String::new();
    for entry in baggage() {
        let before = header.len();
        if is_token(&entry.key) {
            write_member(&mut header, &entry);
        }
        if header.len() > MAX_HEADER {
            header.truncate(before);
        }
    }
    (!header.is_empty()).then_some(header)
}

/// Parses the value of a `baggage` header, for [`enter_baggage`](crate::enter_baggage).
///
/// Members whose key is not a token, or whose decoded value is not UTF-8, are left out.
#[must_use]
pub fn baggage_from_header(header: &str) -> Vec<BaggageEntry> {
    header.split(',').filter_map(read_member).collect()
}

fn read_member(member: &str) -> Option<BaggageEntry> {
    let (pair, metadata) = member.split_once(';').unwrap_or((member, ""));
    let (key, value) = pair.split_once('=')?;
    let key = key.trim_ascii();
    is_token(key).then_some(BaggageEntry {
        key: key.to_owned(),
        value: decode(value.trim_ascii())?,
        metadata: metadata.trim_ascii().to_owned(),
    })
}

/// Decodes percent-encoding. A percent sign that two digits do not follow is kept.
fn decode(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let encoded = after
            .split_at_checked(2)
            .filter(|_| byte == b'%')
            .and_then(|(digits, after)| Some((hex(digits)?, after)));
        let (byte, after) = encoded.unwrap_or((byte, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0u8, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | digit as u8)
    })
}

/// Returns true if a text is a `token` (RFC 7230), as keys must be.
fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}

/// Returns true if a byte needs no encoding in a value: any `baggage-octet` except the percent
/// sign.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'$' | b'&'..=b'+' | b'-'..=b':' | b'<'..=b'[' | b']'..=b'~')
}

/// Adds a member to a header.
pub(crate) fn write_member(header: &mut String, entry: &BaggageEntry) {
    if !header.is_empty() {
        header.push(',');
    }
    header.push_str(&entry.key);
    header.push('=');
    for byte in entry.value.bytes() {
        if is_plain(byte) {
            header.push(char::from(byte));
        } else {
            header.push('%');
            for digit in [byte >> 4, byte & 15] {
                header.push(char::from(match digit {
                    0..=9 => b'0' + digit,
                    _ => b'A' + digit - 10,
                }));
            }
        }
    }
    // Unchanged, unless it would end the member or the header.
    let metadata = &entry.metadata;
    let fits = |byte: u8| (byte == b'\t' || (b' '..=b'~').contains(&byte)) && byte != b',';
    if !metadata.is_empty() && metadata.bytes().all(fits) {
        header.push(';');
        header.push_str(metadata);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Recorder;

    fn written(entries: &[BaggageEntry]) -> Option<String> {
        let telemetry = Recorder::install();
        telemetry.set_host_baggage(entries.to_vec());
        baggage_header()
    }

    #[test]
    fn values_are_percent_encoded() {
        for (value, expected) in [
            ("plain", "k=plain"),
            ("", "k="),
            ("a b", "k=a%20b"),
            ("a,b;c", "k=a%2Cb%3Bc"),
            ("100%", "k=100%25"),
            ("a=b+c", "k=a=b+c"),
            ("\"\\", "k=%22%5C"),
            ("\u{e9}\u{20ac}", "k=%C3%A9%E2%82%AC"),
            ("\n\u{7f}", "k=%0A%7F"),
        ] {
            let header = written(&[BaggageEntry::new("k", value)]);
            assert_eq!(header.as_deref(), Some(expected));
        }
        assert_eq!(written(&[]), None);
    }

    #[test]
    fn metadata_is_unchanged_and_invalid_or_excess_entries_are_left_out() {
        let entry = |key: &str, value: &str, metadata: &str| BaggageEntry {
            metadata: metadata.to_owned(),
            ..BaggageEntry::new(key, value)
        };
        let header = written(&[
            entry("a", "1", "ttl=5;secure"),
            entry("not a token", "2", ""),
            entry("", "3", ""),
            entry("long", &"x".repeat(MAX_HEADER), ""),
            entry("b", "4", "a,b"),
        ]);
        assert_eq!(header.as_deref(), Some("a=1;ttl=5;secure,b=4"));
    }

    #[test]
    fn headers_of_other_implementations_are_parsed() {
        let read =
            baggage_from_header(" a = 1 ; ttl=5 ,b=x%20y%2c%E2%82%AC,=3,novalue,c=100%,d=%ff");
        let expected = [
            BaggageEntry {
                metadata: "ttl=5".to_owned(),
                ..BaggageEntry::new("a", "1")
            },
            BaggageEntry::new("b", "x y,\u{20ac}"),
            BaggageEntry::new("c", "100%"),
        ];
        assert_eq!(read, expected);
    }

    proptest! {
        #[test]
        fn written_values_are_read_back(value in ".*") {
            let entry = BaggageEntry::new("k", value);
            let mut header = String::new();
            write_member(&mut header, &entry);
            prop_assert!(header.is_ascii());
            prop_assert_eq!(baggage_from_header(&header), [entry]);
        }
    }
}
