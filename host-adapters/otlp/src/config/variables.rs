//! The published table of environment variables, from which `docs/configuration.md` is generated.

use std::fmt::Write as _;
use std::sync::LazyLock;

use wasmscope_telemetry::Signal;
use wasmscope_telemetry::limits::{FIXED_BOUNDS, FixedBound, Limit, Limits};

use super::settings;

/// Whether a variable has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It has the described effect.
    Honoured,
    /// It has no effect, for the given reason.
    Ignored(&'static str),
}

/// One environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// Its name. For a variable that exists for each signal, the general one.
    pub name: &'static str,
    /// Whether it also exists for each signal, with `TRACES_`, `METRICS_` or `LOGS_` after
    /// `OTEL_EXPORTER_OTLP_`.
    pub per_signal: bool,
    /// The setting.
    pub meaning: &'static str,
    /// The value if it is unset.
    pub default: &'static str,
    /// Whether it has an effect.
    pub status: Status,
}

impl Variable {
    /// Returns all names of the variable.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let signals = Signal::ALL.into_iter().map(Some);
        let signals = std::iter::once(None).chain(signals);
        signals.filter_map(|signal| self.name_for(signal)).collect()
    }

    /// Returns the general name, or that for one signal, if there is one.
    pub(super) fn name_for(&self, signal: Option<Signal>) -> Option<String> {
        let Some(signal) = signal else {
            return Some(String::from(self.name));
        };
        let suffix = self.name.strip_prefix(PREFIX).filter(|_| self.per_signal)?;
        let signal = signal.as_str().to_ascii_uppercase();
        Some(format!("{PREFIX}{signal}_{suffix}"))
    }
}

/// The start of the names of variables that exist for each signal.
const PREFIX: &str = "OTEL_EXPORTER_OTLP_";

pub(super) const fn honoured(
    name: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable {
        name,
        per_signal: false,
        meaning,
        default,
        status: Status::Honoured,
    }
}

pub(super) const fn per_signal(
    name: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable {
        per_signal: true,
        ..honoured(name, default, meaning)
    }
}

const fn ignored(name: &'static str, meaning: &'static str, reason: &'static str) -> Variable {
    Variable {
        status: Status::Ignored(reason),
        ..honoured(name, "", meaning)
    }
}

/// Every variable that is read, and those of the OpenTelemetry specification that are not, with the
/// reason.
pub static VARIABLES: LazyLock<Vec<Variable>> = LazyLock::new(|| {
    [
        settings::VARIABLES,
        RESOURCE_AND_EXPORTERS,
        settings::BATCH_VARIABLES,
        LIMITS_AND_OTHERS,
    ]
    .concat()
});

/// Variables that are not in the table of settings, published before those of batches.
const RESOURCE_AND_EXPORTERS: &[Variable] = &[
    honoured(
        "OTEL_SERVICE_NAME",
        "the component's name, if the embedder gives it, or else `unknown_service:wasmscope`",
        "The resource attribute `service.name`",
    ),
    honoured(
        "OTLP_SERVICE_NAME",
        "",
        "The same, if neither `OTEL_SERVICE_NAME` nor `OTEL_RESOURCE_ATTRIBUTES` sets it",
    ),
    honoured(
        "OTEL_RESOURCE_ATTRIBUTES",
        "",
        "Resource attributes: `key=value,key=value`, percent-encoded",
    ),
    honoured(
        "OTEL_TRACES_SAMPLER_ARG",
        "1.0",
        "The ratio for `traceidratio` and `parentbased_traceidratio`, from 0 to 1",
    ),
    honoured(
        "OTEL_TRACES_EXPORTER",
        "`otlp` if there is an endpoint; without one, the embedder decides: `wasmscope run` uses `console`",
        "Where spans go: `otlp`, `console` or `none`",
    ),
    honoured(
        "OTEL_METRICS_EXPORTER",
        "as above",
        "Where metrics go: `otlp`, `console` or `none`",
    ),
    honoured(
        "OTEL_LOGS_EXPORTER",
        "as above",
        "Where logs go: `otlp`, `console` or `none`",
    ),
    honoured(
        "OTLP_EXPORTER_ENDPOINT",
        "",
        "The same as `OTEL_EXPORTER_OTLP_ENDPOINT`, if that is not set",
    ),
];

/// Further variables that are not in the table of settings, published after those of batches.
const LIMITS_AND_OTHERS: &[Variable] = &[
    // Limits.
    honoured(
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "Attributes of a span, event, link or log record",
    ),
    honoured(
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "none",
        "Characters of a string value in a span, event, link or log record",
    ),
    honoured(
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "Attributes of a span",
    ),
    honoured(
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "none",
        "Characters of a string value in a span, its events and links",
    ),
    honoured("OTEL_SPAN_EVENT_COUNT_LIMIT", "128", "Events of a span"),
    honoured("OTEL_SPAN_LINK_COUNT_LIMIT", "128", "Links of a span"),
    honoured(
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "Attributes of an event",
    ),
    honoured(
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "Attributes of a link",
    ),
    honoured(
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "Attributes of a log record",
    ),
    honoured(
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "none",
        "Characters of a string value in a log record's attributes",
    ),
    honoured(
        "WASMSCOPE_LIMITS",
        "see below",
        "All limits by name, including those above: `open_spans=256,call_bytes=65536`",
    ),
    // Proxies, which the OpenTelemetry specification does not define.
    honoured(
        "HTTP_PROXY",
        "none",
        "The proxy for `http://` endpoints, not for gRPC. Ignored if `REQUEST_METHOD` is set, because in CGI programs the variable holds a header of the request",
    ),
    honoured(
        "HTTPS_PROXY",
        "none",
        "The proxy for `https://` endpoints, not for gRPC",
    ),
    honoured(
        "ALL_PROXY",
        "none",
        "The proxy for endpoints that neither of the two above is set for",
    ),
    honoured("NO_PROXY", "none", "Hosts that are reached without a proxy"),
    honoured(
        "http_proxy",
        "none",
        "The same as `HTTP_PROXY`, and wins over it",
    ),
    honoured(
        "https_proxy",
        "none",
        "The same as `HTTPS_PROXY`, and wins over it",
    ),
    honoured(
        "all_proxy",
        "none",
        "The same as `ALL_PROXY`, and wins over it",
    ),
    honoured(
        "no_proxy",
        "none",
        "The same as `NO_PROXY`, and wins over it",
    ),
    // In the specification, but without effect here.
    ignored(
        "OTEL_LOG_LEVEL",
        "The level of the SDK's own diagnostics",
        "the SDK's diagnostics are not written; important ones become warnings",
    ),
    ignored(
        "OTEL_METRICS_EXEMPLAR_FILTER",
        "Which measurements become exemplars",
        "the SDK makes no exemplars",
    ),
    ignored(
        "OTEL_CONFIG_FILE",
        "A file of declarative configuration",
        "declarative configuration is not supported",
    ),
    ignored(
        "OTEL_EXPERIMENTAL_CONFIG_FILE",
        "The older name of the same variable",
        "declarative configuration is not supported",
    ),
    ignored(
        "OTEL_ENTITIES",
        "Entities of the resource",
        "the specification is still in development",
    ),
    ignored(
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
        "Where the Zipkin exporter sends",
        "there is no Zipkin exporter",
    ),
    ignored(
        "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
        "How long the Zipkin exporter waits",
        "there is no Zipkin exporter",
    ),
    ignored(
        "OTEL_EXPORTER_PROMETHEUS_HOST",
        "Where the Prometheus exporter listens",
        "there is no Prometheus exporter",
    ),
    ignored(
        "OTEL_EXPORTER_PROMETHEUS_PORT",
        "Where the Prometheus exporter listens",
        "there is no Prometheus exporter",
    ),
    ignored(
        "OTEL_EXPORTER_OTLP_SPAN_INSECURE",
        "The obsolete name of `OTEL_EXPORTER_OTLP_TRACES_INSECURE`",
        "it is obsolete",
    ),
    ignored(
        "OTEL_EXPORTER_OTLP_METRIC_INSECURE",
        "The obsolete name of `OTEL_EXPORTER_OTLP_METRICS_INSECURE`",
        "it is obsolete",
    ),
    ignored(
        "OTEL_BSP_MAX_CONCURRENT_EXPORTS",
        "How many batches the SDK for Rust sends at a time",
        "batches are sent one after the other",
    ),
];

/// Formats the table as Markdown for `docs/configuration.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| Variable | Meaning | Default | Status |\n|---|---|---|---|\n");
    for variable in VARIABLES.iter() {
        let signals = if variable.per_signal {
            ", and with `_TRACES`, `_METRICS` or `_LOGS` after `OTLP` for one signal"
        } else {
            ""
        };
        let status = match variable.status {
            Status::Honoured => String::from("honoured"),
            Status::Ignored(reason) => format!("ignored: {reason}"),
        };
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}`{signals} | {} | {} | {status} |",
            variable.name, variable.meaning, variable.default
        );
    }
    text.push_str(LIMITS);
    let defaults = Limits::default();
    for limit in Limits::TABLE {
        let default = limit
            .get(&defaults)
            .map_or_else(|| String::from("none"), grouped);
        let counted = limit.reason.map_or_else(
            || String::from("not counted"),
            |reason| format!("`{}`", reason.as_str()),
        );
        let Limit {
            name,
            meaning,
            variables,
            ..
        } = limit;
        let variables: Vec<_> = variables.iter().map(|name| format!("`{name}`")).collect();
        let set_by = match variables.join(" or ") {
            names if names.is_empty() => names,
            names => format!(" Set by {names}."),
        };
        let _ = writeln!(
            text,
            "| `{name}` | {meaning}{set_by} | {default} | {counted} |"
        );
    }
    text.push_str(FIXED);
    for bound in FIXED_BOUNDS {
        let FixedBound {
            name,
            meaning,
            reason,
            ..
        } = bound;
        let value = usize::try_from(bound.value).map_or_else(|_| String::new(), grouped);
        let _ = writeln!(text, "| `{name}` | {meaning} | {value} | {reason} |");
    }
    text
}

/// The text before the table of limits, and its header.
const LIMITS: &str = "
## Limits

`WASMSCOPE_LIMITS` takes these names. Telemetry beyond a limit is dropped or shortened. The metric `wasmscope.dropped` counts it, with the
limit's name in the attribute `wasmscope.reason` ([telemetry.md](telemetry.md)), so you see which limit to raise. Limits on memory, files,
sockets and time are in [resources.md](resources.md).

| Limit | Meaning | Default | Counted as |
|---|---|---|---|
";

/// The text before the table of fixed bounds, and its header.
const FIXED: &str = "
These bounds are constants (`wasmscope_telemetry::limits`):

| Bound | Meaning | Value | Why it is not configurable |
|---|---|---|---|
";

/// Writes a number with its thousands apart.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
