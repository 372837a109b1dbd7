//! Rules that name destinations.

use std::net::IpAddr;
use std::str::FromStr;

use super::address::canonical;
use super::target::{Host, Scheme, Target};

/// A rule that names destinations: `[SCHEME://]HOST[:PORT]`.
///
/// | part | meaning |
/// |---|---|
/// | scheme | `http` or `https`. Without one, both |
/// | host | A name, an address, or `*` for all hosts. With `*.` in front, all names that end in the rest, at any depth, but not the rest itself. IPv6 addresses are in brackets |
/// | port | A number, or `*` for all. Without one, that of the scheme |
///
/// ```
/// use wasmscope_http::outgoing::Rule;
///
/// for rule in ["https://api.example.com", "https://*.example.com", "http://127.0.0.1:8081"] {
///     assert!(rule.parse::<Rule>().is_ok());
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    scheme: Option<Scheme>,
    host: HostRule,
    port: PortRule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostRule {
    Any,
    /// The names that end in this text, which begins with a dot.
    Below(String),
    Exactly(Host),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortRule {
    Any,
    OfScheme,
    Exactly(u16),
}

impl Rule {
    /// Returns whether it names a destination.
    pub(super) fn names(&self, target: &Target) -> bool {
        let host = match (&self.host, &target.host) {
            (HostRule::Any, _) => true,
            (HostRule::Below(end), Host::Name(name)) => name.ends_with(end.as_str()),
            (HostRule::Below(_), Host::Address(_)) => false,
            (HostRule::Exactly(host), target) => host == target,
        };
        host && self.fits(target)
    }

    /// Returns whether it names an address: by the address itself, or by a name for the own
    /// machine. `target` is the destination that was resolved to it.
    pub(super) fn names_address(&self, target: &Target, address: IpAddr) -> bool {
        let address = canonical(address);
        match &self.host {
            HostRule::Exactly(Host::Address(named)) => *named == address && self.fits(target),
            HostRule::Exactly(Host::Name(name)) if is_local(name) => {
                address.is_loopback() && self.names(target)
            }
            HostRule::Below(end) if is_local(end) => address.is_loopback() && self.names(target),
            HostRule::Any | HostRule::Below(_) | HostRule::Exactly(Host::Name(_)) => false,
        }
    }

    /// Returns whether the scheme and the port fit.
    fn fits(&self, target: &Target) -> bool {
        let scheme = self.scheme.is_none_or(|scheme| scheme == target.scheme);
        let port = match self.port {
            PortRule::Any => true,
            PortRule::OfScheme => target.port == target.scheme.default_port(),
            PortRule::Exactly(port) => port == target.port,
        };
        scheme && port
    }
}

/// Returns whether a name stands for the own machine (RFC 6761).
fn is_local(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// An error in a rule. Its text says what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError(String);

impl RuleError {
    fn new(found: impl std::fmt::Display) -> Self {
        Self(format!(
            "expected [SCHEME://]HOST[:PORT], for example https://api.example.com, https://*.example.com or http://127.0.0.1:8081; {found}"
        ))
    }
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RuleError {}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (scheme, rest) = match text.split_once("://") {
            None => (None, text),
            Some((name, rest)) => {
                let error = || RuleError::new(format!("found the scheme `{name}`"));
                (Some(Scheme::named(name).ok_or_else(error)?), rest)
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if let Some(at) = rest.find(['/', '?', '#']) {
            let (_, path) = rest.split_at(at);
            return Err(RuleError::new(format!(
                "a rule is about a whole host, so leave out `{path}`"
            )));
        }
        if rest.contains('@') {
            return Err(RuleError::new("a rule has no user or password"));
        }
        let (host, port) = split_port(rest);
        Ok(Self {
            scheme,
            host: host_rule(host)?,
            port: port_rule(port)?,
        })
    }
}

/// Splits a port off, but not the last part of an IPv6 address.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn port_rule(port: Option<&str>) -> Result<PortRule, RuleError> {
    match port {
        None => Ok(PortRule::OfScheme),
        Some("*") => Ok(PortRule::Any),
        Some(port) => {
            let number = port.parse().ok().filter(|number| *number != 0);
            let error = || RuleError::new(format!("found the port `{port}`"));
            number.map(PortRule::Exactly).ok_or_else(error)
        }
    }
}

fn host_rule(host: &str) -> Result<HostRule, RuleError> {
    if host.is_empty() {
        return Err(RuleError::new("found no host"));
    }
    if host == "*" {
        return Ok(HostRule::Any);
    }
    if host.contains(':') && !host.starts_with('[') {
        return Err(RuleError::new(format!(
            "write an IPv6 address in brackets, [{host}]"
        )));
    }
    let (is_below, name) = match host.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, host),
    };
    match (is_below, Host::new(name)) {
        (false, Host::Address(address)) => Ok(HostRule::Exactly(Host::Address(address))),
        (true, Host::Address(_)) => Err(RuleError::new("`*.` goes before a name")),
        (is_below, Host::Name(name)) => {
            if !name.is_ascii() {
                return Err(RuleError::new(
                    "write an international name in its ASCII form, with xn--",
                ));
            }
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if !name.bytes().all(is_name) || name.split('.').any(str::is_empty) {
                return Err(RuleError::new(format!("found the host `{host}`")));
            }
            Ok(if is_below {
                HostRule::Below(format!(".{name}"))
            } else {
                HostRule::Exactly(Host::Name(name))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        text.parse().expect(text)
    }

    fn target(url: &str) -> Target {
        Target::of(&url.parse().expect(url)).expect(url)
    }

    #[test]
    fn a_rule_names_scheme_host_and_port() {
        for (text, named, others) in [
            (
                "https://api.example.com",
                &[
                    "https://api.example.com/x?y",
                    "https://API.example.com.:443/",
                    "https://user:secret@api.example.com",
                ][..],
                &[
                    "http://api.example.com",
                    "https://api.example.com:8443",
                    "https://example.com",
                    "https://x.api.example.com",
                    "https://api.example.com.evil.example",
                ][..],
            ),
            (
                "https://*.example.com/",
                &["https://a.example.com", "https://a.b.example.com"],
                &["https://example.com", "https://badexample.com"],
            ),
            (
                "api.example.com",
                &["http://api.example.com", "https://api.example.com"],
                &["http://api.example.com:443", "https://api.example.com:80"],
            ),
            (
                "localhost:3000",
                &["http://localhost:3000", "https://localhost:3000"],
                &["http://localhost", "http://127.0.0.1:3000"],
            ),
            (
                "http://127.0.0.1:*",
                &["http://127.0.0.1:1", "http://[::ffff:127.0.0.1]:80"],
                &["https://127.0.0.1:1", "http://localhost:1"],
            ),
            (
                "HTTP://[::1]:8080",
                &["http://[::1]:8080", "http://[0:0::1]:8080"],
                &["http://[::2]:8080"],
            ),
            (
                "https://*",
                &["https://any.example", "https://1.1.1.1"],
                &["http://any.example", "https://any.example:8443"],
            ),
            ("*:*", &["https://a:1", "http://[::1]:9"], &[]),
        ] {
            let rule = rule(text);
            for url in named {
                assert!(rule.names(&target(url)), "{text} names {url}");
            }
            for url in others {
                assert!(!rule.names(&target(url)), "{text} does not name {url}");
            }
        }
    }

    #[test]
    fn a_rule_names_addresses_by_themselves_or_as_the_own_machine() {
        for (text, url, address, expected) in [
            ("http://127.0.0.1:80", "http://a", "127.0.0.1", true),
            ("http://127.0.0.1:80", "http://a", "::ffff:127.0.0.1", true),
            ("http://127.0.0.1:80", "http://a", "127.0.0.2", false),
            ("http://127.0.0.1:81", "http://a", "127.0.0.1", false),
            ("https://127.0.0.1", "http://a", "127.0.0.1", false),
            ("localhost", "http://localhost", "127.0.0.1", true),
            ("localhost", "http://localhost", "::1", true),
            ("localhost", "http://localhost", "10.0.0.1", false),
            ("localhost", "http://a", "127.0.0.1", false),
            ("*.localhost", "http://a.localhost", "127.0.0.1", true),
            ("http://a", "http://a", "127.0.0.1", false),
            ("*", "http://a", "127.0.0.1", false),
        ] {
            let address = address.parse().expect("an address");
            let named = rule(text).names_address(&target(url), address);
            assert_eq!(named, expected, "{text} {url} {address}");
        }
    }

    #[test]
    fn errors_say_what_to_write() {
        for (text, hint) in [
            ("", "no host"),
            ("https://", "no host"),
            ("ftp://a", "scheme `ftp`"),
            ("https://a/b", "leave out `/b`"),
            ("https://a?b", "leave out `?b`"),
            ("https://u:p@a", "user"),
            ("https://a:0", "port `0`"),
            ("https://a:65536", "port `65536`"),
            ("https://a:", "port ``"),
            ("a:b:c", "brackets"),
            ("::1", "brackets"),
            ("https://*.1.1.1.1", "before a name"),
            ("https://a.*.b", "host `a.*.b`"),
            ("https://*a", "host `*a`"),
            ("https://*.", "host `*.`"),
            ("https://a..b", "host `a..b`"),
            ("https://b\u{fc}cher.example", "xn--"),
            ("https://a b", "host `a b`"),
        ] {
            let error = text.parse::<Rule>().expect_err(text).to_string();
            assert!(error.starts_with("expected "), "{error}");
            assert!(error.contains("https://api.example.com"), "{error}");
            assert!(error.contains(hint), "no {hint} in {error}");
        }
    }
}
