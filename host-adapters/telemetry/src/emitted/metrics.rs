//! The metrics of the host.

use opentelemetry_semantic_conventions::attribute::{
    ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE,
    NETWORK_PROTOCOL_VERSION, SERVER_ADDRESS, SERVER_PORT, URL_SCHEME,
};

use super::{MetricInfo, MetricKind, Stability};

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:ident, $unit:literal, [$($key:expr),*], $stability:ident, $description:literal, $note:literal;)+) => {
        /// One constant for each metric.
        pub mod metric {
            use super::*;

            $(
                #[doc = $description]
                pub const $constant: MetricInfo = MetricInfo {
                    name: $name,
                    kind: MetricKind::$kind,
                    unit: $unit,
                    description: $description,
                    attributes: &[$($key),*],
                    note: $note,
                    stability: Stability::$stability,
                };
            )+
        }

        /// Every metric of the host.
        pub const METRICS: &[MetricInfo] = &[$(metric::$constant,)+];
    };
}

metrics! {
    DROPPED = "wasmscope.dropped", Counter, "{item}",
        ["wasmscope.signal", "wasmscope.reason"], Own,
        "Telemetry that was not kept as it was given, or not delivered",
        "Exported only after an item was dropped.";
    MEMORY = "wasmscope.runtime.memory", UpDownCounter, "By", [], Own,
        "Linear memory of all instances", "";
    MEMORY_REFUSALS = "wasmscope.runtime.memory_refusals", Counter, "{refusal}", [], Own,
        "Growths of memories and tables that a limiter refused",
        "Limits: `--max-memory`, 1,000,000 elements of tables, or an embedder's limiter. Exported only after a growth was refused.";
    INSTANCES = "wasmscope.runtime.instances", UpDownCounter, "{instance}", [], Own,
        "Component instances that exist", "";
    TRAPS = "wasmscope.runtime.traps", Counter, "{trap}", [ERROR_TYPE], Own,
        "Calls that ended by a trap",
        "Includes timeouts. Exported only after a call trapped.";
    INSTANTIATION = "wasmscope.runtime.instantiation.duration", Histogram, "s", [ERROR_TYPE], Own,
        "Time to instantiate a component, including its start functions",
        "`error.type` is set only if it failed.";
    FUEL = "wasmscope.runtime.fuel", Counter, "{fuel}", [], Own,
        "Fuel that calls have consumed, if the engine meters it",
        "Exported only with `--fuel`.";

    HTTP_SERVER_DURATION = "http.server.request.duration", Histogram, "s",
        [HTTP_REQUEST_METHOD, URL_SCHEME, HTTP_ROUTE, HTTP_RESPONSE_STATUS_CODE, NETWORK_PROTOCOL_VERSION, ERROR_TYPE], Stable,
        "Duration of HTTP server requests",
        "Requests to components, until the response was sent. Older guides call its count `http.server.requests`, and its sum `http.server.duration`, in milliseconds.";
    HTTP_SERVER_ACTIVE = "http.server.active_requests", UpDownCounter, "{request}",
        [HTTP_REQUEST_METHOD, URL_SCHEME], Development,
        "Number of active HTTP server requests", "";
    HTTP_SERVER_REQUEST_SIZE = "http.server.request.body.size", Histogram, "By",
        [HTTP_REQUEST_METHOD, URL_SCHEME, HTTP_ROUTE, HTTP_RESPONSE_STATUS_CODE, NETWORK_PROTOCOL_VERSION, ERROR_TYPE], Development,
        "Size of HTTP server request bodies", "The part that the component has read.";
    HTTP_SERVER_RESPONSE_SIZE = "http.server.response.body.size", Histogram, "By",
        [HTTP_REQUEST_METHOD, URL_SCHEME, HTTP_ROUTE, HTTP_RESPONSE_STATUS_CODE, NETWORK_PROTOCOL_VERSION, ERROR_TYPE], Development,
        "Size of HTTP server response bodies", "The part that was sent.";
    HTTP_CLIENT_DURATION = "http.client.request.duration", Histogram, "s",
        [HTTP_REQUEST_METHOD, SERVER_ADDRESS, SERVER_PORT, HTTP_RESPONSE_STATUS_CODE, NETWORK_PROTOCOL_VERSION, ERROR_TYPE], Stable,
        "Duration of HTTP client requests",
        "Requests that components send, until the response was received.";

    OPEN_SPANS = "wasmscope.telemetry.open_spans", UpDownCounter, "{span}", [], Own,
        "Open spans of components", "The limit `open_spans` applies to each instance.";
    HELD_INSTRUMENTS = "wasmscope.telemetry.instruments", UpDownCounter, "{instrument}", [], Own,
        "Instruments that components have made", "Limit: `instruments_per_provider`.";
    ATTRIBUTE_SETS = "wasmscope.telemetry.attribute_sets", UpDownCounter, "{attribute_set}", [], Own,
        "Attribute sets of those instruments", "The limit `cardinality` applies to each instrument.";
    METRIC_BYTES = "wasmscope.telemetry.metric_bytes", UpDownCounter, "By", [], Own,
        "Approximate memory that those attribute sets and their buckets take", "Limit: `metric_bytes`.";
    OBSERVATIONS = "wasmscope.telemetry.observations", UpDownCounter, "{observation}", [], Own,
        "Values of observable instruments that are held until they are collected", "Limit: `observations_per_provider`.";
    INTERNED = "wasmscope.telemetry.interned", UpDownCounter, "{text}", [], Own,
        "Event names and severity texts that are remembered", "Limit: `interned`.";
    SPAN_QUEUE = "otel.sdk.processor.span.queue.size", UpDownCounter, "{span}",
        ["otel.component.type"], Development,
        "Spans that wait to be exported", "Exported only if spans go to a collector.";
    SPAN_QUEUE_CAPACITY = "otel.sdk.processor.span.queue.capacity", UpDownCounter, "{span}",
        ["otel.component.type"], Development,
        "Spans that may wait to be exported", "Set by `OTEL_BSP_MAX_QUEUE_SIZE`.";
    LOG_QUEUE = "otel.sdk.processor.log.queue.size", UpDownCounter, "{log_record}",
        ["otel.component.type"], Development,
        "Log records that wait to be exported", "Exported only if log records go to a collector.";
    LOG_QUEUE_CAPACITY = "otel.sdk.processor.log.queue.capacity", UpDownCounter, "{log_record}",
        ["otel.component.type"], Development,
        "Log records that may wait to be exported", "Set by `OTEL_BLRP_MAX_QUEUE_SIZE`.";
}

/// Returns true for metrics about the telemetry core itself. They are for alerts; the console
/// leaves them out.
#[must_use]
pub fn is_of_telemetry(name: &str) -> bool {
    name.starts_with("wasmscope.telemetry.") || name.starts_with("otel.sdk.")
}

/// The name of an instrument that never has a value, so it is never exported.
pub(crate) const COLLECTION: &str = "wasmscope.collection";
