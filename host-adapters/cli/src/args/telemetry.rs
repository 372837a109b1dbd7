//! The options for telemetry: where it is sent, and how much is recorded.

use clap::Args;
use clap::ValueEnum;
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use wasmscope_otlp::config::{
    Certificates, Compression, ConfigBuilder, Endpoint, Headers, PrivateKey, Protocol, RequestSize,
    Sampler, redacted_url,
};
use wasmscope_telemetry::LogLevels;

/// The options for telemetry.
#[derive(Debug, Args)]
#[command(next_help_heading = "Telemetry")]
pub(crate) struct Telemetry {
    /// Sends the telemetry to this OTLP endpoint, for example http://127.0.0.1:4318. Without an
    /// endpoint, the telemetry is shown on standard error when the program ends. [env:
    /// OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL", value_parser = expecting::<Endpoint>)]
    pub(crate) otlp_endpoint: Option<Endpoint>,
    /// Selects the protocol: http/protobuf, http/json or grpc.
    /// [env: OTEL_EXPORTER_OTLP_PROTOCOL] [default: http/protobuf]
    #[arg(long, value_name = "PROTOCOL", value_parser = expecting::<Protocol>)]
    pub(crate) otlp_protocol: Option<Protocol>,
    /// Adds a header to each request. Repeatable. [env: OTEL_EXPORTER_OTLP_HEADERS]
    #[arg(long = "otlp-header", value_name = "NAME=VALUE", value_parser = parse_header)]
    pub(crate) otlp_headers: Vec<Headers>,
    /// Selects the compression of requests: gzip or none. [env: OTEL_EXPORTER_OTLP_COMPRESSION]
    /// [default: none]
    #[arg(long, value_name = "COMPRESSION", value_parser = expecting::<Compression>)]
    pub(crate) otlp_compression: Option<Compression>,
    /// Limits the size of a request before compression, for example to 20MiB. From 4KiB to 64MiB.
    /// Larger batches are sent as several requests. [env: WASMSCOPE_OTLP_MAX_REQUEST_SIZE]
    /// [default: 4000000]
    #[arg(long, value_name = "SIZE", value_parser = expecting::<RequestSize>, allow_negative_numbers = true)]
    pub(crate) otlp_max_request_size: Option<RequestSize>,
    /// Reads the certificate authorities to trust for https:// endpoints from a PEM file, instead
    /// of using the system's. [env: OTEL_EXPORTER_OTLP_CERTIFICATE]
    #[arg(long, value_name = "FILE", value_parser = reading(Certificates::read))]
    pub(crate) otlp_certificate: Option<Certificates>,
    /// Reads the client's own certificate and its chain from a PEM file. Set its key as well.
    /// [env: OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE]
    #[arg(long, value_name = "FILE", value_parser = reading(Certificates::read))]
    pub(crate) otlp_client_certificate: Option<Certificates>,
    /// Reads the private key of the client's certificate from a PEM file. [env:
    /// OTEL_EXPORTER_OTLP_CLIENT_KEY]
    #[arg(long, value_name = "FILE", value_parser = reading(PrivateKey::read))]
    pub(crate) otlp_client_key: Option<PrivateKey>,
    /// Sets the service's name. [env: OTEL_SERVICE_NAME] [default: the component's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) service_name: Option<String>,
    /// Selects the traces to record: always_on, always_off, traceidratio=0.25,
    /// parentbased_always_on, parentbased_always_off or parentbased_traceidratio=0.25.
    /// [env: OTEL_TRACES_SAMPLER] [default: parentbased_always_on]
    #[arg(long, value_name = "SAMPLER", value_parser = expecting::<Sampler>)]
    pub(crate) sampler: Option<Sampler>,
    /// Sets the lowest severity of logs to keep, for all scopes and for single ones, for example
    /// warn,shop::db=debug. Severities: trace, debug, info, warn, error, fatal, off. [env:
    /// WASMSCOPE_LOG_LEVEL] [default: info]
    #[arg(long, value_name = "LEVELS", value_parser = expecting::<LogLevels>)]
    pub(crate) log_level: Option<LogLevels>,
    /// Uses small buffers, for hosts with little memory: a queue of 256, batches of 64 every 2 s,
    /// exports of at most 5 s.
    #[arg(long)]
    pub(crate) small: bool,
    /// Limits the time to wait at the end until the telemetry is delivered.
    #[arg(long, value_name = "DURATION", value_parser = super::program::duration, allow_negative_numbers = true, default_value = "5s")]
    pub(crate) flush_timeout: Duration,
    /// Selects how telemetry is shown if there is no endpoint.
    #[arg(long, value_enum, ignore_case = true, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Writes the telemetry to this file if there is no endpoint. An existing file is replaced. By
    /// default it goes to standard error, because the program uses standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Makes everything from the options that set the same value as a method of `ConfigBuilder`.
///
/// A row is `"--option" sets method to |options| value;`. The value is `None` if the option is not
/// given.
macro_rules! define_builder_options {
    ($($option:literal sets $method:ident to $value:expr;)+) => {
        /// The methods of `ConfigBuilder`, each with the option that sets the same value.
        const FLAGS: &[(&str, &str)] = &[$((stringify!($method), $option)),+];

        impl Telemetry {
            /// Sets the values of the given options, and their names for messages.
            pub(crate) fn apply(&self, builder: ConfigBuilder) -> ConfigBuilder {
                let mut builder = builder.flags(FLAGS);
                $(
                    let value: fn(&Self) -> Option<_> = $value;
                    if let Some(value) = value(self) {
                        builder = builder.$method(value);
                    }
                )+
                builder
            }

            /// Lists the given options.
            fn given(&self) -> Vec<&'static str> {
                let mut given = Vec::new();
                $(
                    let value: fn(&Self) -> Option<_> = $value;
                    given.extend(value(self).map(|_| $option));
                )+
                given
            }
        }
    };
}

define_builder_options! {
    "--otlp-endpoint" sets endpoint to |options| options.otlp_endpoint.clone();
    "--otlp-protocol" sets protocol to |options| options.otlp_protocol;
    "--otlp-header" sets headers to Telemetry::headers;
    "--otlp-compression" sets compression to |options| options.otlp_compression;
    "--otlp-max-request-size" sets max_request_size to |options| options.otlp_max_request_size;
    "--otlp-certificate" sets certificate to |options| options.otlp_certificate.clone();
    "--otlp-client-certificate" sets client_certificate to |options| options.otlp_client_certificate.clone();
    "--otlp-client-key" sets client_key to |options| options.otlp_client_key.clone();
    "--service-name" sets service_name to |options| options.service_name.clone();
    "--sampler" sets sampler to |options| options.sampler;
    "--log-level" sets log_levels to |options| options.log_level.clone();
}

impl Telemetry {
    /// Returns the given options that only affect how telemetry is shown.
    pub(crate) fn of_the_view(&self) -> impl Iterator<Item = &'static str> {
        let output = self.output.as_ref().map(|_| "--output");
        let format = (self.format != Format::Text).then_some("--format");
        [output, format].into_iter().flatten()
    }

    /// Returns the given options that have an effect only with an endpoint.
    pub(crate) fn of_the_export(&self) -> impl Iterator<Item = &'static str> {
        self.given()
            .into_iter()
            .filter(|option| option.starts_with("--otlp-") && *option != "--otlp-endpoint")
    }

    /// Returns the headers. Of two with the same name, the last one applies.
    fn headers(&self) -> Option<Headers> {
        let headers = self.otlp_headers.iter().cloned();
        headers.reduce(|before, last| last.over(&before))
    }
}

/// How telemetry is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people: of a program, the trace tree, metrics and logs; of a server, a line for
    /// each request.
    Text,
    /// Text for people, with the trace tree of each request.
    Tree,
    /// OTLP as JSON, one export on each line.
    Json,
}

/// Removes values that may be credentials from an error.
pub(super) fn redact(error: &mut clap::Error) {
    let is_about = |option: &str| {
        let argument = error.get(ContextKind::InvalidArg);
        matches!(argument, Some(ContextValue::String(argument)) if argument.starts_with(option))
    };
    let (endpoint, header) = (is_about("--otlp-endpoint "), is_about("--otlp-header "));
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return;
    };
    let shown = match value.split_once('=') {
        _ if endpoint => redacted_url(value),
        // Without a value, the apparent name may be a token that ends in `=`.
        Some((name, value))
            if header && is_header_name(name) && !value.trim_matches(['=', ' ']).is_empty() =>
        {
            format!("{name}=[redacted]")
        }
        _ if header => String::from("[redacted]"),
        _ => return,
    };
    error.insert(ContextKind::InvalidValue, ContextValue::String(shown));
}

/// Returns true if a text can be a header's name. Other text before a `=` may be a credential, as
/// in `authorization: Basic c2VjcmV0==`.
fn is_header_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn parse_header(text: &str) -> Result<Headers, String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("expected NAME=VALUE".to_owned());
    };
    let mut headers = Headers::default();
    headers
        .insert_given(name.trim(), value.trim())
        .map_err(|expected| format!("expected {expected}"))?;
    Ok(headers)
}

/// Parses a type of the telemetry core. The error has the core's wording.
fn expecting<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|expected| format!("expected {expected}"))
}

/// Reads a type of the telemetry core from a file.
fn reading<T, E>(
    read: impl Fn(&Path) -> Result<T, E> + Clone + Send + Sync + 'static,
) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
    E: Display,
{
    PathBufValueParser::new()
        .try_map(move |path| read(&path).map_err(|expected| format!("expected {expected}")))
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use super::*;
    use clap::{CommandFactory as _, Parser as _};

    /// Each option with an invalid value, or with `None` if every value is valid.
    const WRONG: &[(&str, Option<(&str, &str)>)] = &[
        ("--otlp-endpoint", Some(("ftp://x", "a URL like"))),
        ("--otlp-protocol", Some(("smoke", "one of http/protobuf"))),
        ("--otlp-header", Some(("x", "NAME=VALUE"))),
        ("--otlp-compression", Some(("zstd", "one of none or gzip"))),
        (
            "--otlp-max-request-size",
            Some(("4095", "a size from 4KiB to 64MiB")),
        ),
        (
            "--otlp-certificate",
            Some(("/no/ca.pem", "a PEM file that can be read")),
        ),
        (
            "--otlp-client-certificate",
            Some(("/no/c.pem", "a PEM file that can be read")),
        ),
        (
            "--otlp-client-key",
            Some(("/no/c.key", "a PEM file that can be read")),
        ),
        // The configuration rejects an empty one.
        ("--service-name", None),
        ("--sampler", Some(("jaeger_remote", "one of always_on"))),
        (
            "--log-level",
            Some(("info,shop::=off", "in place of `shop::`")),
        ),
        ("--small", None),
        ("--flush-timeout", Some(("-1", "for example 500ms"))),
        ("--format", Some(("yaml", "text, tree, json"))),
        // Any writable file.
        ("--output", None),
    ];

    #[test]
    fn error_names_the_option_with_the_wrong_value() {
        let command = Cli::command();
        let run = command.find_subcommand("run").expect("run");
        let mut options: Vec<_> = run
            .get_arguments()
            .filter(|argument| argument.get_help_heading() == Some("Telemetry"))
            .filter_map(|argument| argument.get_long())
            .map(|long| format!("--{long}"))
            .collect();
        let mut tried: Vec<_> = WRONG.iter().map(|(option, _)| *option).collect();
        options.sort();
        tried.sort_unstable();
        assert_eq!(options, tried);
        for (option, wrong) in WRONG {
            let Some((value, expected)) = wrong else {
                continue;
            };
            let words = ["wasmscope", "run", &format!("{option}={value}"), "a.wasm"];
            let error = Cli::try_parse_from(words).expect_err(option).to_string();
            assert!(error.contains(option), "{error}");
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn credentials_are_not_repeated() {
        for (option, value) in [
            ("--otlp-endpoint", "https://user:secret@c.example"),
            ("--otlp-endpoint", "user:secret@c.example"),
            ("--otlp-endpoint", "ftp://c.example/?token=secret"),
            ("--otlp-header", "secret"),
            ("--otlp-header", "bad name=secret"),
            ("--otlp-header", "authorization: Basic secret=="),
            ("--otlp-header", "a=secret\nb"),
            ("--otlp-header", "secret="),
            ("--otlp-header", "secret=="),
            ("--otlp-header", "secret= = "),
        ] {
            let words = ["wasmscope", "run", option, value, "a.wasm"];
            let error = Cli::try_parse_from(words).expect_err(value);
            let shown = super::super::with_tip(error).to_string();
            assert!(!shown.contains("secret"), "{shown}");
            assert!(
                shown.contains("[redacted]") && shown.contains(option),
                "{shown}"
            );
        }
    }

    #[test]
    fn every_flag_in_error_messages_exists() {
        let command = Cli::command();
        let run = command.find_subcommand("run").expect("run");
        for (_, flag) in FLAGS {
            let known = run
                .get_arguments()
                .filter_map(|argument| argument.get_long())
                .any(|long| format!("--{long}") == *flag);
            assert!(known, "{flag}");
        }
    }
}
