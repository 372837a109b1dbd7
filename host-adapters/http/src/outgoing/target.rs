//! The destination of a request.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme as UriScheme;

use super::address::canonical;

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub(super) fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }
}

/// A host: a name, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Host {
    /// A name, in lower case and without a dot at the end.
    Name(String),
    /// An address that is written as such.
    Address(IpAddr),
}

impl Host {
    /// Reads a host as URLs have it: IPv6 addresses are in brackets.
    pub(super) fn new(text: &str) -> Self {
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        match bare.parse() {
            Ok(address) => Self::Address(canonical(address)),
            Err(_not_an_address) => {
                let name = text.strip_suffix('.').unwrap_or(text);
                Self::Name(name.to_ascii_lowercase())
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// The maximum length of a name in DNS.
pub(super) const NAME_BYTES: usize = 253;

/// The destination of a request: what rules are about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
}

impl Target {
    /// Returns the destination of a URL. `None` if it has no host, one that is too
    /// long, or another scheme.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let scheme = Scheme::named(uri.scheme().map(UriScheme::as_str)?)?;
        let host = uri.host()?;
        if host.is_empty() || host.len() > NAME_BYTES {
            return None;
        }
        Some(Self {
            scheme,
            host: Host::new(host),
            port: uri.port_u16().unwrap_or(scheme.default_port()),
        })
    }

    /// Returns the same destination at an address.
    pub(super) fn at(&self, address: IpAddr) -> Self {
        Self {
            host: Host::Address(canonical(address)),
            ..self.clone()
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}
