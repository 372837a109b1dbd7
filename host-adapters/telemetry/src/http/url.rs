//! Removes secrets from URLs, as the semantic conventions demand.

use std::borrow::Cow;

/// The value of a secret.
const REDACTED: &str = "REDACTED";

/// The parameters whose values are secrets: signatures of AWS, Azure and Google Cloud.
const SECRETS: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];

/// Removes the values of secret parameters from a query.
pub(super) fn query(query: &str) -> Cow<'_, str> {
    let is_secret = |parameter: &str| {
        let name = parameter.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| SECRETS.contains(&name))
    };
    if !query.split('&').any(is_secret) {
        return query.into();
    }
    let parameters = query.split('&').map(|parameter| {
        let name = parameter.split_once('=').map(|(name, _)| name);
        match name.filter(|name| SECRETS.contains(name)) {
            Some(name) => format!("{name}={REDACTED}").into(),
            None => Cow::from(parameter),
        }
    });
    parameters.collect::<Vec<_>>().join("&").into()
}

/// Removes credentials and the values of secret parameters from an absolute URL.
pub(super) fn full(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(authority_end);
    let mut redacted = String::with_capacity(url.len());
    if !scheme.is_empty() {
        redacted.push_str(scheme);
        redacted.push_str("://");
    }
    match authority.rsplit_once('@') {
        Some((credentials, host)) => {
            redacted.push_str(REDACTED);
            if credentials.contains(':') {
                redacted.push(':');
                redacted.push_str(REDACTED);
            }
            redacted.push('@');
            redacted.push_str(host);
        }
        None => redacted.push_str(authority),
    }
    let (rest, fragment) = rest
        .split_once('#')
        .map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
    match rest.split_once('?') {
        Some((path, parameters)) => {
            redacted.push_str(path);
            redacted.push('?');
            redacted.push_str(&query(parameters));
        }
        None => redacted.push_str(rest),
    }
    if let Some(fragment) = fragment {
        redacted.push('#');
        redacted.push_str(fragment);
    }
    redacted
}
