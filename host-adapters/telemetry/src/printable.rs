//! Text from outside, made safe for a message: what controls a terminal or reorders text is
//! escaped, what is long is shortened, and credentials in URLs are hidden.

use std::fmt::Write as _;

/// Stands where a credential was.
const REDACTED: &str = "[redacted]";

/// Returns at most `limit` characters of `text`, with control characters and those that reorder
/// text escaped.
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    for (index, letter) in text.chars().enumerate() {
        if index == limit {
            shown.push('…');
            break;
        }
        match letter {
            // `escape_debug` would escape these, and they do no harm.
            '"' | '\'' | '\\' => shown.push(letter),
            // Writing into a string cannot fail.
            _ => drop(write!(shown, "{}", letter.escape_debug())),
        }
    }
    shown
}

/// Returns `text`, a URL or what was meant to be one, without a user name, password, query or
/// fragment.
///
/// A text that is no URL may hold them anywhere: where it is not clear which part is which, all of
/// it is hidden.
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
    fn what_would_control_a_terminal_is_escaped_and_long_text_ends() {
        assert_eq!(printable("a\u{1b}[2J\nb", 99), "a\\u{1b}[2J\\nb");
        assert_eq!(printable("a\u{202e}b", 99), "a\\u{202e}b");
        assert_eq!(printable("größer \"x\" C:\\y", 99), "größer \"x\" C:\\y");
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable("abc", 3), "abc");
    }
}
