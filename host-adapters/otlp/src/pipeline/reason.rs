//! Extracts a collector's reason for refusing a request. It is untrusted text, so it is shortened
//! and escaped.

use std::fmt;

use http::HeaderValue;
use prost::Message;
use serde_json::Value;
use wasmscope_telemetry::printable::printable;

use crate::config::Otlp;

/// The most characters of a collector's text that a message repeats.
const LONGEST: usize = 200;

/// Longer bodies are not read: an answer of the protocol is never that long.
const LONGEST_BODY: usize = 64 << 10;

/// Parts of requests that may be credentials. A collector's answer may repeat them, so they are
/// hidden there.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

/// Shorter parts of headers and queries are ordinary words, not credentials.
const SHORTEST_SECRET: usize = 6;

impl Secrets {
    /// Collects the parts of the headers' values and of the URL's query.
    pub(super) fn of(otlp: &Otlp) -> Self {
        let values = otlp.headers.as_map().values();
        let values = values.filter_map(|value| value.to_str().ok());
        let query = otlp.url.as_str().split_once('?').map(|(_, query)| query);
        // `Bearer token`: the scheme is not secret.
        let values = values.map(|value| value.split_once(' ').map_or(value, |(_, token)| token));
        let pairs = query.into_iter().flat_map(|query| query.split('&'));
        let parts = pairs.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
        let parts = values.chain(parts);
        let mut parts: Vec<String> = parts
            .filter(|part| part.len() >= SHORTEST_SECRET)
            .map(String::from)
            .collect();
        // Longest first: a shorter part may occur within a longer one.
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        Self(parts)
    }

    /// Returns a collector's text in a form that can be shown, or `None` if it is empty.
    pub(super) fn shown(&self, words: &str) -> Option<String> {
        let words = words.trim();
        let words = &words[..words.floor_char_boundary(LONGEST_BODY)];
        let hide = |words: String, secret: &String| words.replace(secret.as_str(), "[redacted]");
        let words = self.0.iter().fold(String::from(words), hide);
        (!words.is_empty()).then(|| printable(&words, LONGEST))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// Returns the reason in the body of an HTTP answer: a `google.rpc.Status` in Protocol Buffers or
/// JSON, as the protocol specifies, or plain text, as proxies and backends send it.
pub(super) fn of_body(
    content_type: Option<&HeaderValue>,
    body: &[u8],
    secrets: &Secrets,
) -> Option<String> {
    let body = body.get(..LONGEST_BODY).unwrap_or(body);
    let content_type = content_type.map_or("", |value| value.to_str().unwrap_or_default());
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let words = match media_type.to_ascii_lowercase().as_str() {
        "application/x-protobuf" | "application/protobuf" => protobuf(body),
        kind if kind.ends_with("json") => json(body).or_else(|| text(body)),
        "text/plain" | "" => text(body),
        _ => None,
    };
    secrets.shown(&words?)
}

/// The shown part of a `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
}

fn protobuf(body: &[u8]) -> Option<String> {
    Some(Status::decode(body).ok()?.message)
}

/// Reads a `google.rpc.Status`, or the JSON that backends commonly send instead: `{"error": "..."}`
/// or `{"error": {"message": "..."}}`.
fn json(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let message = |value: &Value| Some(String::from(value.get("message")?.as_str()?));
    let error = value.get("error");
    message(&value)
        .or_else(|| Some(String::from(error?.as_str()?)))
        .or_else(|| message(error?))
}

/// Reads plain text, but no HTML page.
fn text(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    (!text.trim_start().starts_with('<') && !text.contains('\0')).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content_type: &str, body: &[u8]) -> Option<String> {
        let content_type = HeaderValue::from_str(content_type).unwrap();
        of_body(Some(&content_type), body, &Secrets::default())
    }

    #[test]
    fn reason_is_read_in_every_format() {
        let message = "no such tenant";
        // The fields `code`, `message` and `details`.
        let mut status = vec![1 << 3, 3, 2 << 3 | 2, message.len() as u8];
        status.extend(message.bytes());
        status.extend([3 << 3 | 2, 0]);
        let table: &[(&str, &[u8])] = &[
            ("application/x-protobuf", &status),
            (
                "application/json",
                br#"{"code":3,"message":"no such tenant"}"#,
            ),
            (
                "application/json; charset=utf-8",
                br#"{"error":"no such tenant"}"#,
            ),
            (
                "application/problem+json",
                br#"{"error":{"message":"no such tenant"}}"#,
            ),
            ("application/json", b"no such tenant"),
            ("text/plain", b"no such tenant\n"),
            ("Text/Plain; charset=utf-8", b" no such tenant"),
        ];
        for (content_type, body) in table {
            let reason = of(content_type, body);
            assert_eq!(reason.as_deref(), Some("no such tenant"), "{content_type}");
        }
        assert_eq!(
            of_body(None, b"no such tenant", &Secrets::default()).as_deref(),
            Some("no such tenant")
        );
    }

    #[test]
    fn reason_of_a_hostile_body_is_bounded_and_escaped() {
        let long = "x".repeat(1 << 20);
        let table: &[(&str, &[u8], Option<usize>)] = &[
            ("text/plain", long.as_bytes(), Some(LONGEST + 1)),
            ("text/plain", b"\x1b[2J\n\x07", Some(16)),
            ("text/plain", b"\xff\xfe", Some(2)),
            ("text/plain", b"a\0b", None),
            ("text/html", b"<html>", None),
            ("", b"<html>", None),
            ("image/png", b"\x89PNG", None),
            ("application/x-protobuf", b"\xff\xff\xff", None),
            ("application/x-protobuf", b"", None),
            ("application/json", b"{\"message\":7}", Some(13)),
            ("application/json", b"", None),
        ];
        for (content_type, body, length) in table {
            let reason = of(content_type, body);
            let shown = reason.as_ref().map(|reason| reason.chars().count());
            assert_eq!(shown, *length, "{content_type}: {reason:?}");
            assert!(!reason.unwrap_or_default().contains(char::is_control));
        }
    }
}
