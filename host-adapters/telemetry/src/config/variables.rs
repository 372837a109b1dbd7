//! The published table of environment variables, from which `docs/configuration.md` is made.

use std::fmt::Write as _;

use crate::dropped::Signal;
use crate::limits::{Limit, Limits};

/// Whether a variable has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It has the one that its meaning says.
    Honoured,
    /// It has none, for the reason given.
    Ignored(&'static str),
}

/// One environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// Its name; where it exists for each signal too, that of the general one.
    pub name: &'static str,
    /// Whether there is one for each signal, with `TRACES_`, `METRICS_` and `LOGS_` after `OTEL_EXPORTER_OTLP_`.
    pub per_signal: bool,
    /// What it sets.
    pub meaning: &'static str,
    /// What holds without it.
    pub default: &'static str,
    /// Whether it has an effect.
    pub status: Status,
}

impl Variable {
    /// Gives all the names for which it stands.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = vec![String::from(self.name)];
        if let (true, Some(suffix)) = (
            self.per_signal,
            self.name.strip_prefix("OTEL_EXPORTER_OTLP_"),
        ) {
            for signal in Signal::ALL {
                names.push(format!(
                    "OTEL_EXPORTER_OTLP_{}_{suffix}",
                    signal.as_str().to_ascii_uppercase()
                ));
            }
        }
        names
    }
}

const fn honoured(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        per_signal: false,
        meaning,
        default,
        status: Status::Honoured,
    }
}

const fn per_signal(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        per_signal: true,
        meaning,
        default,
        status: Status::Honoured,
    }
}

const fn ignored(name: &'static str, meaning: &'static str, reason: &'static str) -> Variable {
    Variable {
        name,
        per_signal: false,
        meaning,
        default: "",
        status: Status::Ignored(reason),
    }
}

/// Every variable that is read, and those of the OpenTelemetry specification that are not, with the reason.
pub const VARIABLES: &[Variable] = &[
    // General.
    honoured(
        "OTEL_SDK_DISABLED",
        "false",
        "`true` switches all three signals off",
    ),
    honoured(
        "OTEL_SERVICE_NAME",
        "the component's name, where the embedder gives it, or else `unknown_service:wasmscope`",
        "The resource attribute `service.name`",
    ),
    honoured(
        "OTLP_SERVICE_NAME",
        "",
        "The same, where neither `OTEL_SERVICE_NAME` nor `OTEL_RESOURCE_ATTRIBUTES` says it",
    ),
    honoured(
        "OTEL_RESOURCE_ATTRIBUTES",
        "",
        "Resource attributes: `key=value,key=value`, percent-encoded",
    ),
    honoured(
        "OTEL_PROPAGATORS",
        "tracecontext,baggage",
        "Which of `TRACEPARENT` with `TRACESTATE`, and `BAGGAGE`, a program that is run continues; `none` for neither. Others are left out, with a warning",
    ),
    honoured(
        "OTEL_TRACES_SAMPLER",
        "parentbased_always_on",
        "`always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio`. For Jaeger's and X-Ray's the default is used, with a warning",
    ),
    honoured(
        "OTEL_TRACES_SAMPLER_ARG",
        "1.0",
        "The ratio of the samplers that take one, from 0 to 1",
    ),
    honoured(
        "WASMSCOPE_LOG_LEVEL",
        "info",
        "The lowest level at which guests' logs are kept, and others by scope: `warn,my_crate::db=debug,noisy=off`",
    ),
    // Exporters.
    honoured(
        "OTEL_TRACES_EXPORTER",
        "otlp with an endpoint; without one the embedder's choice: `wasmscope run` takes `console`",
        "Where spans go: `otlp`, `console` or `none`",
    ),
    honoured(
        "OTEL_METRICS_EXPORTER",
        "as above",
        "Where metrics go, likewise",
    ),
    honoured("OTEL_LOGS_EXPORTER", "as above", "Where logs go, likewise"),
    per_signal(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://localhost:4318, for gRPC http://localhost:4317",
        "The collector's URL. Over HTTP, `v1/traces`, `v1/metrics` and `v1/logs` are put after the path of the general one; a signal's own is taken as it stands",
    ),
    honoured(
        "OTLP_EXPORTER_ENDPOINT",
        "",
        "The same as `OTEL_EXPORTER_OTLP_ENDPOINT`, where that is not set",
    ),
    per_signal(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http/protobuf",
        "`http/protobuf`, `http/json` or `grpc`",
    ),
    per_signal(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "",
        "Headers of every request, over gRPC metadata: `name=value,name=value`, percent-encoded. The builder's are put over them, name by name",
    ),
    per_signal(
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "10000",
        "How long an export may take with all its retries, in milliseconds; 0 for an hour",
    ),
    per_signal("OTEL_EXPORTER_OTLP_COMPRESSION", "none", "`gzip` or `none`"),
    honoured(
        "WASMSCOPE_OTLP_MAX_REQUEST_SIZE",
        "4000000",
        "The most bytes of a request before compression, from `4KiB` to `64MiB`. Larger batches are sent as several requests, and an item that is larger by itself is dropped, counted as `too_large`. Collectors have limits of their own: an OpenTelemetry Collector takes 4 MiB over gRPC (`max_recv_msg_size_mib`) and 20 MiB over HTTP (`max_request_body_size`), each before compression",
    ),
    per_signal(
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "the system's authorities",
        "A PEM file of the authorities to trust, in place of the system's",
    ),
    per_signal(
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        "",
        "A PEM file of the host's own certificate and chain; needs the key",
    ),
    per_signal(
        "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        "",
        "A PEM file of that certificate's private key",
    ),
    per_signal(
        "OTEL_EXPORTER_OTLP_INSECURE",
        "false",
        "For gRPC and an endpoint without `http://` or `https://`: whether to do without TLS",
    ),
    honoured(
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "cumulative",
        "`cumulative`, `delta` or `lowmemory`",
    ),
    honoured(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "explicit_bucket_histogram",
        "How histograms are aggregated: `explicit_bucket_histogram`, or `base2_exponential_bucket_histogram`, with which the boundaries that a guest gives have no effect",
    ),
    // Batches.
    honoured(
        "OTEL_BSP_SCHEDULE_DELAY",
        "5000",
        "How long spans wait for others, in milliseconds, 1 or more",
    ),
    honoured(
        "OTEL_BSP_EXPORT_TIMEOUT",
        "30000",
        "How long the export of a batch of spans may take, in milliseconds; the shorter of this and the exporter's timeout holds; 0 for an hour",
    ),
    honoured(
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "2048",
        "How many spans wait at most, up to 1000000; more are dropped and counted",
    ),
    honoured(
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "512",
        "How many are sent at once; at most the queue's size",
    ),
    honoured(
        "OTEL_BLRP_SCHEDULE_DELAY",
        "1000",
        "The same for log records",
    ),
    honoured(
        "OTEL_BLRP_EXPORT_TIMEOUT",
        "30000",
        "The same for log records",
    ),
    honoured(
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "2048",
        "The same for log records",
    ),
    honoured(
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "512",
        "The same for log records",
    ),
    honoured(
        "OTEL_METRIC_EXPORT_INTERVAL",
        "60000",
        "How often metrics are exported, in milliseconds, 1 or more",
    ),
    honoured(
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "30000",
        "How long that may take, in milliseconds; the shorter of this and the exporter's timeout holds; 0 for an hour",
    ),
    // Limits.
    honoured(
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "Attributes of a span, event, link or log record",
    ),
    honoured(
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "none",
        "Characters of a string value of theirs",
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
        "Every other limit, and those above, by name: `open_spans=256,call_bytes=65536`",
    ),
    // Proxies, which no OpenTelemetry specification knows.
    honoured(
        "HTTP_PROXY",
        "none",
        "The proxy for `http://` endpoints, not for gRPC. Not read where `REQUEST_METHOD` is set, since it is a request's header there",
    ),
    honoured(
        "HTTPS_PROXY",
        "none",
        "The proxy for `https://` endpoints, not for gRPC",
    ),
    honoured(
        "ALL_PROXY",
        "none",
        "The proxy where neither of the two above is set",
    ),
    honoured("NO_PROXY", "none", "Hosts that are reached without a proxy"),
    honoured("http_proxy", "none", "`HTTP_PROXY`, and wins over it"),
    honoured("https_proxy", "none", "`HTTPS_PROXY`, and wins over it"),
    honoured("all_proxy", "none", "`ALL_PROXY`, and wins over it"),
    honoured("no_proxy", "none", "`NO_PROXY`, and wins over it"),
    // Known to the specification, without effect here.
    ignored(
        "OTEL_LOG_LEVEL",
        "The level of the SDK's own diagnostics",
        "the SDK's diagnostics are not written; what matters of them is told as a warning",
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
        "The same, by its older name",
        "declarative configuration is not supported",
    ),
    ignored(
        "OTEL_ENTITIES",
        "Entities of the resource",
        "it is still in development",
    ),
    ignored(
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
        "Where the Zipkin exporter sends",
        "there is no Zipkin exporter",
    ),
    ignored(
        "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
        "How long it waits",
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

/// Writes the table as Markdown, as it stands in `docs/configuration.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| Variable | Meaning | Default | Status |\n|---|---|---|---|\n");
    for variable in VARIABLES {
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
        let Limit { name, meaning, .. } = limit;
        let _ = writeln!(text, "| `{name}` | {meaning} | {default} | {counted} |");
    }
    text
}

/// What stands before the table of limits, with its head.
const LIMITS: &str = "
## Limits

The names in `WASMSCOPE_LIMITS`. What exceeds a limit is dropped or shortened, and counted by the metric `wasmscope.dropped` under
the limit's name as `wasmscope.reason` ([telemetry.md](telemetry.md)). So that attribute says which limit to raise. Limits on memory, files,
sockets and time are in [resources.md](resources.md).

| Limit | Meaning | Default | Counted as |
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
