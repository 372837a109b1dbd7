//! The address of a collector, and the headers of requests.

use std::fmt;
use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use wasmscope_telemetry::Signal;
use wasmscope_telemetry::printable::redacted_url;

use super::percent;
use super::values::{Expected, Protocol};

/// The address of a collector: `http://` or `https://`, a host, and optionally a port, a path and a
/// query.
///
/// For gRPC the scheme may be missing; then the setting `insecure` decides. The query is never
/// shown, because some backends take a token in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    secure: Option<bool>,
    /// Host and port.
    authority: String,
    /// Begins with a `/`, or is empty.
    path: String,
    /// The part after the `?`.
    query: Option<String>,
}

const EXPECTED: &str = "a URL like http://localhost:4318 or https://collector.example";

impl FromStr for Endpoint {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let text = text.trim();
        let (secure, rest) = split_scheme(text)?;
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(Expected::new(
                "a URL without a user name and password; send credentials in a header, such as `authorization`",
            ));
        }
        if rest.contains('#') {
            return Err(Expected::new(
                "a URL without a fragment (`#`), which is never sent; write `%23` for a `#` in a path or query",
            ));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Expected::new(
                "a URL of visible ASCII without spaces; percent-encode everything else",
            ));
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(String::from(query))),
            None => (rest, None),
        };
        let endpoint = Self {
            secure,
            authority: String::from(authority),
            path: String::from(path),
            query,
        };
        let uri = endpoint.url(false, path).parse::<Uri>();
        if !uri.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty())) {
            return Err(Expected::new(EXPECTED));
        }
        // `Uri` accepts invalid ports.
        let port = match authority.rsplit_once(']') {
            Some((_, port)) => port.strip_prefix(':'),
            None => authority.split_once(':').map(|(_, port)| port),
        };
        match port {
            Some(port) if port.parse::<u16>().is_ok_and(|port| port > 0) => Ok(endpoint),
            None => Ok(endpoint),
            Some(_) => Err(Expected::new("a URL with a port from 1 to 65535")),
        }
    }
}

/// Splits off `http://` or `https://`. The flag is true for the latter.
fn split_scheme(text: &str) -> Result<(Option<bool>, &str), Expected> {
    match text.split_once("://") {
        // A `://` after the host is part of a path or query.
        Some((scheme, _)) if scheme.contains(['/', '?', '#']) => Ok((None, text)),
        Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
            "http" => Ok((Some(false), rest)),
            "https" => Ok((Some(true), rest)),
            _ => Err(Expected::new(EXPECTED)),
        },
        None => Ok((None, text)),
    }
}

/// Whether an endpoint is for all signals or for one. Over HTTP, the signal's path is appended only
/// to the former.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    One,
}

impl Endpoint {
    /// Returns the URL to which `protocol` sends. `signal_path`, such as `v1/traces`, goes before
    /// the query.
    pub(super) fn resolve(
        &self,
        protocol: Protocol,
        scope: Scope,
        signal_path: &str,
        insecure: bool,
    ) -> Result<Url, Expected> {
        match (protocol, self.secure) {
            (Protocol::Grpc, _) if self.query.is_some() => Err(Expected::new(
                "a URL without a query, which gRPC does not send; send credentials in a header",
            )),
            (Protocol::Grpc, secure) => Ok(Url(self.url(secure.unwrap_or(!insecure), ""))),
            (Protocol::HttpProtobuf | Protocol::HttpJson, None) => Err(Expected(format!(
                "{EXPECTED}, since {protocol} needs http:// or https:// before the host"
            ))),
            (Protocol::HttpProtobuf | Protocol::HttpJson, Some(secure)) => {
                let path = match scope {
                    Scope::One if self.path.is_empty() => String::from("/"),
                    Scope::One => self.path.clone(),
                    Scope::All => format!("{}/{signal_path}", self.path.trim_end_matches('/')),
                };
                Ok(Url(self.url(secure, &path)))
            }
        }
    }

    /// Returns the end of the path if it is a signal's path.
    pub(super) fn signals_path(&self) -> Option<String> {
        Signal::ALL
            .into_iter()
            .map(|signal| format!("/v1/{}", signal.as_str()))
            .find(|path| self.path.trim_end_matches('/').ends_with(path))
    }

    /// Returns the path, unless it is empty or `/`.
    pub(super) fn path(&self) -> Option<&str> {
        (self.path.len() > 1).then_some(&self.path)
    }

    fn url(&self, secure: bool, path: &str) -> String {
        let scheme = if secure { "https" } else { "http" };
        let mut url = format!("{scheme}://{}{path}", self.authority);
        if let (Some(query), false) = (&self.query, path.is_empty()) {
            url.push('?');
            url.push_str(query);
        }
        url
    }
}

impl fmt::Display for Endpoint {
    /// Formats the endpoint without its query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.secure {
            Some(true) => f.write_str("https://")?,
            Some(false) => f.write_str("http://")?,
            None => {}
        }
        f.write_str(&self.authority)?;
        f.write_str(&self.path)?;
        match self.query {
            Some(_) => f.write_str("?[redacted]"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// The URL to which one signal is sent. Shown without its query, which may hold a token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url(String);

impl Url {
    pub(super) fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Returns the whole URL. Use it for the request only.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted_url(&self.0))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

/// The headers (for gRPC, the metadata) of every request.
///
/// Parses a list like `api-key=secret,tenant=a%20b` with percent-encoded values. Values are never
/// shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(HeaderMap);

impl Headers {
    /// Sets one header. Replaces one of the same name.
    ///
    /// # Errors
    ///
    /// Returns an error if `name` or `value` is not valid in a header, or if the transport sets
    /// this header itself.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), Expected> {
        let header = header_name(name)?;
        let Ok(mut content) = HeaderValue::from_str(value) else {
            return Err(Expected(format!(
                "a value for `{header}` that is visible ASCII"
            )));
        };
        content.set_sensitive(true);
        self.0.insert(header, content);
        Ok(())
    }

    /// Sets one header that a user gave as `name=value`. Unlike [`insert`](Self::insert), it
    /// refuses an empty value.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is empty, or in the cases of [`insert`](Self::insert).
    pub fn insert_given(&mut self, name: &str, value: &str) -> Result<(), Expected> {
        header_name(name)?;
        // The text may be a token whose `=` padding looks like the `=` after a name, so it is not
        // repeated.
        if value.trim_matches(['=', ' ']).is_empty() {
            return Err(Expected::new(
                "a value after the first `=`, as in name=value; the name of a header, such as `authorization`, goes before a token",
            ));
        }
        self.insert(name, value)
    }

    pub(crate) fn as_map(&self) -> &HeaderMap {
        &self.0
    }

    /// Returns these headers merged over `others`, name by name.
    #[must_use]
    pub fn over(&self, others: &Self) -> Self {
        let mut merged = others.clone();
        for (name, value) in &self.0 {
            merged.0.insert(name, value.clone());
        }
        merged
    }
}

/// Headers that the transport sets itself. Another value would break the request.
const RESERVED: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "grpc-timeout",
    "host",
    "te",
    "transfer-encoding",
];

/// Parses the name of a header that may be set.
///
/// The error does not repeat an invalid name: in `authorization: Basic c2VjcmV0==` it contains the
/// credentials.
fn header_name(text: &str) -> Result<HeaderName, Expected> {
    let name = HeaderName::from_str(text).ok().ok_or_else(|| {
        Expected::new(
            "the name of a header before the first `=`, as in name=value; a colon does not end it",
        )
    })?;
    if RESERVED.contains(&name.as_str()) {
        return Err(Expected(format!(
            "the name of another header, since the transport sets `{name}` itself"
        )));
    }
    Ok(name)
}

impl FromStr for Headers {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let mut headers = Self::default();
        for entry in text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            let (name, value) = entry
                .split_once('=')
                .ok_or_else(|| Expected::new("a list like name=value,other=value"))?;
            let name = header_name(name.trim())?;
            let value = percent::decode(value.trim()).ok_or_else(|| {
                Expected(format!(
                    "a value for `{name}` that is percent-encoded UTF-8"
                ))
            })?;
            headers.insert_given(name.as_str(), &value)?;
        }
        Ok(headers)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str, protocol: Protocol, scope: Scope, insecure: bool) -> String {
        let endpoint: Endpoint = text.parse().unwrap();
        endpoint
            .resolve(protocol, scope, "v1/traces", insecure)
            .unwrap()
            .as_str()
            .to_owned()
    }

    #[test]
    fn general_endpoint_gets_the_signal_path_over_http() {
        let table = [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("https://c.example/otlp", "https://c.example/otlp/v1/traces"),
            (
                "HTTPS://c.example/otlp//",
                "https://c.example/otlp/v1/traces",
            ),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
            ("http://c.example?k=v", "http://c.example/v1/traces?k=v"),
            (
                "http://c.example/in/?k=v&u=http://x/y",
                "http://c.example/in/v1/traces?k=v&u=http://x/y",
            ),
            ("http://c.example/?", "http://c.example/v1/traces?"),
        ];
        for (text, expected) in table {
            assert_eq!(
                url(text, Protocol::HttpProtobuf, Scope::All, false),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn signal_endpoint_is_used_unchanged_over_http() {
        assert_eq!(
            url(
                "http://c.example:1/x",
                Protocol::HttpJson,
                Scope::One,
                false
            ),
            "http://c.example:1/x"
        );
        for (text, expected) in [
            ("http://c.example", "http://c.example/"),
            ("http://c.example?k=v", "http://c.example/?k=v"),
            ("http://c.example/x?k=v?w", "http://c.example/x?k=v?w"),
        ] {
            assert_eq!(url(text, Protocol::HttpJson, Scope::One, false), expected);
        }
    }

    #[test]
    fn grpc_sends_no_path_and_insecure_applies_without_a_scheme() {
        let table = [
            ("http://c.example:4317/v1", false, "http://c.example:4317"),
            ("https://c.example:4317", true, "https://c.example:4317"),
            ("c.example:4317", false, "https://c.example:4317"),
            ("c.example:4317", true, "http://c.example:4317"),
        ];
        for (text, insecure, expected) in table {
            assert_eq!(
                url(text, Protocol::Grpc, Scope::All, insecure),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn grpc_refuses_a_query() {
        let endpoint: Endpoint = "https://c.example:4317?token=secret".parse().unwrap();
        let error = endpoint
            .resolve(Protocol::Grpc, Scope::All, "v1/traces", false)
            .unwrap_err();
        assert!(error.to_string().contains("without a query"), "{error}");
    }

    #[test]
    fn query_is_sent_and_never_shown() {
        let endpoint: Endpoint = "http://c.example/x?token=secret".parse().unwrap();
        let url = endpoint
            .resolve(Protocol::HttpJson, Scope::All, "v1/logs", false)
            .unwrap();
        assert_eq!(url.as_str(), "http://c.example/x/v1/logs?token=secret");
        let shown = format!("{endpoint} {endpoint:?} {url} {url:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("http://c.example/x/v1/logs?[redacted]"));
    }

    #[test]
    fn http_without_a_scheme_is_an_error() {
        let endpoint: Endpoint = "localhost:4318".parse().unwrap();
        let error = endpoint
            .resolve(Protocol::HttpProtobuf, Scope::All, "v1/traces", true)
            .unwrap_err();
        assert!(
            error.to_string().contains("needs http:// or https://"),
            "{error}"
        );
    }

    #[test]
    fn broken_urls_are_refused() {
        for text in [
            "",
            "http://",
            "ftp://host",
            "unix:///run/otlp.sock",
            "http://host:99999",
            "http://host:",
            "http://host:0",
            "http://host/#part",
            "http://host?q=1#part",
            "http://ho st",
            "http://host/a b",
            "http://host/?q=a b",
            "http://host/\u{1b}[2J",
            "http://h\u{f6}st",
            "http://:4318",
            "http://?q=1",
            "https://user:secret@c.example",
            "https://token@c.example",
            "user:secret@c.example",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn headers_are_decoded_and_never_shown() {
        let headers: Headers = "api-key = s%20e=c , ,x=%65".parse().unwrap();
        assert_eq!(headers.as_map()["api-key"], "s e=c");
        assert_eq!(headers.as_map()["x"], "e");
        assert!(!format!("{headers:?}").contains("s e=c"));
    }

    #[test]
    fn broken_headers_are_refused() {
        for text in [
            "novalue",
            "a b=c",
            "a=%ff",
            "a=%ZZ",
            "a=100%",
            "host=x",
            "a=%0a",
            "a=%0D%0Ab",
            "a=b\nc",
            "=x",
        ] {
            assert!(text.parse::<Headers>().is_err(), "{text}");
        }
    }

    #[test]
    fn headers_over_others_win_by_name() {
        let builder: Headers = "a=1,b=2".parse().unwrap();
        let environment: Headers = "B=9,c=3".parse().unwrap();
        let merged = builder.over(&environment);
        assert_eq!(merged.as_map()["a"], "1");
        assert_eq!(merged.as_map()["b"], "2");
        assert_eq!(merged.as_map()["c"], "3");
    }
}
