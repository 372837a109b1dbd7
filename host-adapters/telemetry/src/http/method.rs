//! The methods that telemetry names.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use opentelemetry::KeyValue;

use crate::attributes::Rules;
use crate::emitted::attribute;
use crate::limits::HTTP_METHODS;

/// The default: the methods of RFC 9110, PATCH (RFC 5789) and QUERY.
const STANDARD: &str = "GET,POST,PUT,DELETE,HEAD,OPTIONS,PATCH,CONNECT,TRACE,QUERY";

/// The value of `http.request.method` for all other methods, because a caller can invent any
/// number of them.
const OTHER_METHOD: &str = "_OTHER";

/// The span name for them.
const OTHER_NAME: &str = "HTTP";

/// The methods of HTTP that are values of `http.request.method`, and names of spans. All others
/// count as `_OTHER`.
///
/// Parses a list with commas, as `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` has it: methods are
/// case-sensitive tokens (RFC 9110, section 5.6.2), and the list replaces the default one. The
/// default has the methods of RFC 9110, PATCH and QUERY. Clones share the list.
///
/// # Examples
///
/// ```
/// use wasmscope_telemetry::http::KnownMethods;
///
/// assert!("GET,PROPFIND".parse::<KnownMethods>().is_ok());
/// assert!("GET PROPFIND".parse::<KnownMethods>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownMethods(Arc<[Arc<str>]>);

impl Default for KnownMethods {
    fn default() -> Self {
        Self(STANDARD.split(',').map(Arc::from).collect())
    }
}

/// A text is not a list of methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotMethods;

impl fmt::Display for NotMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a list of up to {HTTP_METHODS} methods like GET,POST,PROPFIND"
        )
    }
}

impl Error for NotMethods {}

impl FromStr for KnownMethods {
    type Err = NotMethods;

    fn from_str(text: &str) -> Result<Self, NotMethods> {
        let is_token = |method: &&str| {
            let mut bytes = method.bytes();
            bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        };
        let methods = text.split(',').map(str::trim);
        let methods: Vec<_> = methods.filter(|method| !method.is_empty()).collect();
        let are_few = (1..=HTTP_METHODS).contains(&methods.len());
        if are_few && methods.iter().all(is_token) {
            Ok(Self(methods.into_iter().map(Arc::from).collect()))
        } else {
            Err(NotMethods)
        }
    }
}

/// A method as the conventions record it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method<'a> {
    sent: &'a str,
    known: Option<&'a Arc<str>>,
}

impl<'a> Method<'a> {
    pub(super) fn new(sent: &'a str, known: &'a KnownMethods) -> Self {
        let known = known.0.iter().find(|known| ***known == *sent);
        Self { sent, known }
    }

    /// Returns `http.request.method`.
    pub(super) fn attribute(self) -> KeyValue {
        let key = attribute::HTTP_METHOD.key;
        match self.known {
            Some(known) => KeyValue::new(key, Arc::clone(known)),
            None => KeyValue::new(key, OTHER_METHOD),
        }
    }

    /// Returns `http.request.method_original`, if it differs. It may be as long as the sender
    /// wants, so it is shortened.
    pub(super) fn original(self, rules: Rules<'_>) -> Option<KeyValue> {
        let key = attribute::HTTP_METHOD_ORIGINAL.key;
        let sent = || KeyValue::new(key, rules.own_text(self.sent));
        self.known.is_none().then(sent)
    }

    pub(super) fn span_name(self) -> &'a str {
        self.known.map_or(OTHER_NAME, |known| known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_a_list_of_tokens() {
        let known: KnownMethods = "GET, PROPFIND,,M-SEARCH".parse().unwrap();
        for (sent, name) in [
            ("PROPFIND", "PROPFIND"),
            ("M-SEARCH", "M-SEARCH"),
            ("propfind", "HTTP"),
            ("POST", "HTTP"),
        ] {
            assert_eq!(Method::new(sent, &known).span_name(), name);
        }
        for wrong in ["", ",", "GET POST", "GET;POST", "GÉT", &"A,".repeat(65)] {
            assert_eq!(wrong.parse::<KnownMethods>(), Err(NotMethods), "{wrong}");
        }
        assert_eq!(STANDARD.parse(), Ok(KnownMethods::default()));
    }
}
