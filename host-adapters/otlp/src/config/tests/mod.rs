//! Tests how the environment is parsed, and which setting takes precedence.

mod bad;
mod precedence;
mod table;
mod unusable;
mod wrong;

use std::collections::HashMap;
use std::ffi::OsString;

use opentelemetry::Key;

use super::tls::Tls;
use super::*;

/// Returns a builder that reads only these variables.
fn with_env<const N: usize>(variables: [(&str, &str); N]) -> ConfigBuilder {
    let variables: HashMap<String, OsString> = variables
        .into_iter()
        .map(|(name, value)| (String::from(name), OsString::from(value)))
        .collect();
    Config::builder().with_env(move |name| variables.get(name).cloned())
}

fn build<const N: usize>(variables: [(&str, &str); N]) -> Config {
    let config = with_env(variables).build().unwrap();
    assert_eq!(config.warnings(), [], "{variables:?}");
    config
}

fn otlp(config: &Config, signal: Signal) -> &Otlp {
    match config.targets.get(signal) {
        Target::Otlp(otlp) => otlp,
        Target::Console | Target::None => panic!("{signal:?} does not go over OTLP"),
    }
}

fn attribute(config: &Config, key: &'static str) -> Option<String> {
    config
        .resource()
        .get(&Key::from_static_str(key))
        .map(|value| value.to_string())
}
