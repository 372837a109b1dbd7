//! Parses the values of the program's options, with error messages for wrong ones.

use bytesize::ByteSize;
use std::path::PathBuf;
use std::time::Duration;
use wasi_bounds::MAX_DESCRIPTORS;
use wasmscope_http::outgoing::{Rule, RuleError};

/// A directory for the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) host: PathBuf,
    pub(crate) guest: String,
    pub(crate) read_only: bool,
}

impl Directory {
    /// Returns the guest's path in the form that the program's library compares: `./data/` becomes
    /// `data`.
    pub(crate) fn mounted_at(&self) -> &str {
        let mut path = self.guest.as_str();
        while let Some(rest) = path.strip_prefix("./") {
            path = rest.trim_start_matches('/');
        }
        if path == "." { "" } else { path }
    }
}

const DIRECTORY: &str = "expected HOST or HOST::GUEST, optionally followed by :ro, for example data::/data:ro; \
    write a colon within a path as \\:";

/// Parses `HOST[::GUEST][:ro]`. In a path, `\:` stands for a colon.
pub(super) fn directory(text: &str) -> Result<Directory, String> {
    let parts = split(text);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (host, guest, access) = match parts[..] {
        [host] => (host, host, None),
        [host, access] => (host, host, Some(access)),
        [host, "", guest] => (host, guest, None),
        [host, "", guest, access] => (host, guest, Some(access)),
        _ => return Err(DIRECTORY.to_owned()),
    };
    if host.is_empty() || guest.is_empty() {
        return Err(DIRECTORY.to_owned());
    }
    let read_only = match access {
        None => false,
        Some("ro") => true,
        Some(other) => return Err(format!("{DIRECTORY}; found `:{other}`")),
    };
    Ok(Directory {
        host: host.into(),
        // A program that looks for `/in` would not find `/in/`.
        guest: match guest.trim_end_matches('/') {
            "" => "/".to_owned(),
            guest => guest.to_owned(),
        },
        read_only,
    })
}

/// Splits at colons, except those after a backslash. The backslash is removed.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            ':' => parts.push(String::new()),
            _ => {
                let escaped = next == '\\' && rest.next_if_eq(&':').is_some();
                if let Some(part) = parts.last_mut() {
                    part.push(if escaped { ':' } else { next });
                }
            }
        }
    }
    parts
}

/// Parses `NAME=VALUE`, or a name alone.
pub(super) fn variable(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    if name.is_empty() {
        return Err("expected NAME or NAME=VALUE, for example LANG or LANG=C.UTF-8".to_owned());
    }
    Ok((name.to_owned(), value))
}

/// Parses a rule about the destinations of requests.
pub(super) fn rule(text: &str) -> Result<Rule, RuleError> {
    text.parse()
}

/// Parses a time limit.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("expected a duration above 0, for example 30s".to_owned()),
        timeout => Ok(timeout),
    }
}

/// The maximum duration. Much longer ones exceed the range of clocks.
const MAX_DURATION: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Parses a duration.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a duration with its unit, for example 500ms, 30s or 1m30s";
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= MAX_DURATION => Ok(duration),
        Ok(_) => Err("expected a duration of at most 100 years, for example 30s".to_owned()),
        Err(_) if text.parse::<u64>().is_ok() => Err(format!("{EXPECTED}; for seconds, {text}s")),
        Err(_in_its_own_words) => Err(EXPECTED.to_owned()),
    }
}

/// Parses a size of memory.
pub(super) fn size(text: &str) -> Result<ByteSize, String> {
    text.parse()
        .map_err(|_words_about_floats: String| "expected a size like 64MiB".to_owned())
}

/// Parses a number of file descriptors.
pub(super) fn descriptors(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=MAX_DESCRIPTORS).contains(number))
        .ok_or_else(|| {
            format!("expected a whole number from 1 to {MAX_DESCRIPTORS}, for example 512")
        })
}

/// Parses an amount of fuel.
pub(super) fn fuel(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|units| *units > 0)
        .ok_or_else(|| "expected a whole number of units above 0, for example 1000000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_not_zero() {
        assert_eq!(timeout("1m30s"), Ok(Duration::from_secs(90)));
        assert!(timeout("0s").is_err());
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn maximum_of_descriptors_is_the_engines_handle_limit() {
        assert_eq!(descriptors("1"), Ok(1));
        assert_eq!(descriptors("100000"), Ok(100_000));
        #[cfg(feature = "wasmedge")]
        assert_eq!(wasmedge_component::DEFAULT_HANDLE_LIMIT, MAX_DESCRIPTORS);
    }

    #[test]
    fn errors_contain_an_example() {
        for (error, example) in [
            (timeout("soon").map(drop), "30s"),
            (timeout("5").map(drop), "5s"),
            (timeout("").map(drop), "30s"),
            (timeout("-1s").map(drop), "30s"),
            (timeout("18446744073709551615s").map(drop), "30s"),
            (duration("99999999999999999999y").map(drop), "30s"),
            (size("much").map(drop), "64MiB"),
            (size("-1MiB").map(drop), "64MiB"),
            (fuel("lots").map(drop), "1000000"),
            (fuel("0").map(drop), "1000000"),
            (fuel("-1").map(drop), "1000000"),
            (fuel("1.5").map(drop), "1000000"),
            (fuel("99999999999999999999").map(drop), "1000000"),
            (descriptors("many").map(drop), "512"),
            (descriptors("0").map(drop), "512"),
            (descriptors("-1").map(drop), "512"),
            (descriptors("100001").map(drop), "512"),
            (descriptors("99999999999999999999").map(drop), "512"),
            (variable("=x").map(drop), "LANG=C.UTF-8"),
            (directory("").map(drop), "data::/data:ro"),
        ] {
            let error = error.expect_err("refused");
            assert!(error.starts_with("expected "), "{error}");
            assert!(error.contains(example), "no {example} in {error}");
        }
    }

    #[test]
    fn directories_have_a_guest_name_and_may_be_read_only() {
        for (text, host, guest, read_only) in [
            ("data", "data", "data", false),
            ("data::/in", "data", "/in", false),
            ("data::/in:ro", "data", "/in", true),
            ("data:ro", "data", "data", true),
            (r"a\:b::/c\:d:ro", "a:b", "/c:d", true),
            (r"a\:\:b", "a::b", "a::b", false),
            (r"a\b::x", r"a\b", "x", false),
            ("data/", "data/", "data", false),
            ("/::/", "/", "/", false),
            ("data::/in//", "data", "/in", false),
        ] {
            let expected = Directory {
                host: host.into(),
                guest: guest.to_owned(),
                read_only,
            };
            assert_eq!(directory(text), Ok(expected), "{text}");
        }
        for text in [
            "::/in",
            "a::",
            "a::/x:ro:ro",
            "a:ro:ro",
            "a:rw",
            "a::/x:rw",
            "a:b",
            "a:",
            "a::/x:",
            "a:::ro",
            "a::b::c",
            ":",
            "ro:",
            "a::/x: ro",
            "a::/x:RO",
        ] {
            let error = directory(text).expect_err(text);
            assert!(error.contains(":ro"), "{error}");
        }
    }

    #[test]
    fn guest_paths_are_normalised() {
        let place = |text| {
            directory(text)
                .expect("a directory")
                .mounted_at()
                .to_owned()
        };
        for (text, expected) in [
            ("a::/in", "/in"),
            ("a::/in//", "/in"),
            ("a::./in/", "in"),
            ("a::.", ""),
            ("a::./", ""),
            ("a::/", "/"),
            ("a", "a"),
        ] {
            assert_eq!(place(text), expected, "{text}");
        }
    }
}
