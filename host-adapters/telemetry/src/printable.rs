//! Makes text from outside safe for messages: escapes control characters, shortens long text, and
//! removes credentials from URLs.

use std::fmt::Write as _;

/// Replaces a credential.
const REDACTED: &str = "[redacted]";

/// Returns at most `limit` characters of `text`. Escapes control characters and characters that
/// reorder text.
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    for (index, letter) in text.chars().enumerate() {
        if index == limit {
            shown.push('…');
            break;
        }
        match letter {
            // These are harmless, but `escape_debug` would escape them.
            '"' | '\'' | '\\' => shown.push(letter),
            // Writing into a string cannot fail.
            _ => drop(write!(shown, "{}", letter.escape_debug())),
        }
    }
    shown
}

/// Returns a URL without its user name, password, query and fragment.
///
/// `text` may be an invalid URL, with credentials anywhere. If the parts are not clear, everything
/// after the scheme is removed.
#[must_use]
pub fn redacted_url(text: &str) -> String {
    let is_scheme = |scheme: &str| scheme.chars().all(|c| c.is_ascii_alphanumeric());
    let (scheme, rest) = match text.find("://") {
        Some(end) if is_scheme(text[..end].trim_start()) => text.split_at(end + "://".len()),
        _ => ("", text),
    };
    let at = rest.rfind('@');
    let query = rest.find(['?', '#']);
    if let (Some(at), Some(query)) = (at, query)
        && query < at
    {
        return format!("{scheme}{REDACTED}");
    }
    let (user, host) = match at {
        Some(at) => ("@", &rest[at + 1..query.unwrap_or(rest.len())]),
        None => ("", &rest[..query.unwrap_or(rest.len())]),
    };
    let hidden_user = if user.is_empty() { "" } else { REDACTED };
    let query = match query {
        Some(query) => format!("{}{REDACTED}", &rest[query..=query]),
        None => String::new(),
    };
    format!("{scheme}{hidden_user}{user}{host}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_urls_are_hidden_wherever_they_are() {
        let table = [
            ("http://c.example:4318/x", "http://c.example:4318/x"),
            ("https://u:pw@c.example/x", "https://[redacted]@c.example/x"),
            ("https://u:p/w@c.example", "https://[redacted]@c.example"),
            ("https://u:p@w@c.example", "https://[redacted]@c.example"),
            ("u:pw@c.example:4317", "[redacted]@c.example:4317"),
            ("http//u:pw@c.example", "[redacted]@c.example"),
            ("u:p://w@c.example", "[redacted]@c.example"),
            (
                "http://c.example/x?token=s",
                "http://c.example/x?[redacted]",
            ),
            ("http://c.example/#s", "http://c.example/#[redacted]"),
            ("c.example?token=s", "c.example?[redacted]"),
            ("http://u:p?w@c.example", "http://[redacted]"),
            ("http://c.example?mail=a@b", "http://[redacted]"),
            ("", ""),
            ("@", "[redacted]@"),
            ("://", "://"),
        ];
        for (text, expected) in table {
            assert_eq!(redacted_url(text), expected, "{text}");
        }
    }

    #[test]
    fn control_characters_are_escaped_and_long_text_is_shortened() {
        assert_eq!(printable("a\u{1b}[2J\nb", 99), "a\\u{1b}[2J\\nb");
        assert_eq!(printable("a\u{202e}b", 99), "a\\u{202e}b");
        assert_eq!(printable("größer \"x\" C:\\y", 99), "größer \"x\" C:\\y");
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable("abc", 3), "abc");
    }
}
