//! The attributes that the host sets.

use opentelemetry_semantic_conventions::attribute as conventions;

use super::{AttributeInfo, AttributeLocation, Stability, ValueInfo};

/// The beginning of the names that Wasmscope defines. Guests cannot set such attributes on spans of
/// the host.
pub(crate) const OWN_PREFIX: &str = "wasmscope.";

macro_rules! attributes {
    ($($constant:ident = $key:expr, $value:literal, [$($location:ident),+], $stability:ident, $meaning:literal;)+) => {
        /// One constant for each attribute.
        pub mod attribute {
            use super::*;

            $(
                #[doc = $meaning]
                pub const $constant: AttributeInfo = AttributeInfo {
                    key: $key,
                    value: $value,
                    locations: &[$(AttributeLocation::$location),+],
                    meaning: $meaning,
                    stability: Stability::$stability,
                };
            )+
        }

        /// Every attribute that the host sets.
        pub const ATTRIBUTES: &[AttributeInfo] = &[$(attribute::$constant,)+];
    };
}

attributes! {
    SERVICE_NAME = conventions::SERVICE_NAME, "string", [Resource], Stable,
        "The service's name, set by `OTEL_SERVICE_NAME`. By default, `wasmscope run` uses the component's file name.";
    SDK_LANGUAGE = "telemetry.sdk.language", "string", [Resource], Stable,
        "`rust`: the language of the OpenTelemetry SDK in the host, not of the component.";
    SDK_NAME = "telemetry.sdk.name", "string", [Resource], Stable,
        "`opentelemetry`.";
    SDK_VERSION = "telemetry.sdk.version", "string", [Resource], Stable,
        "The version of that SDK.";
    RUNTIME_NAME = conventions::PROCESS_RUNTIME_NAME, "string", [Resource, HostSpan], Development,
        "The WebAssembly runtime, if it is known: `wasmtime` or `wasmedge`.";
    RUNTIME_VERSION = conventions::PROCESS_RUNTIME_VERSION, "string", [Resource, HostSpan], Development,
        "The runtime's version.";
    COMPONENT_NAME = "wasmscope.component.name", "string", [Scope, HostSpan], Own,
        "The component's name, set by the embedder. A guest cannot set it.";
    OUTCOME = "wasmscope.outcome", "string", [HostSpan], Own,
        "How the call ended: see below.";
    EXIT_CODE = conventions::PROCESS_EXIT_CODE, "int", [HostSpan], Development,
        "The exit code, if the program exited with one.";
    MEMORY_KIND = "wasmscope.memory.kind", "string", [HostEvent], Own,
        "What could not grow: `memory`, with sizes in bytes, or `table`, with sizes in elements.";
    MEMORY_SIZE = "wasmscope.memory.size", "int", [HostEvent], Own,
        "The size before the growth.";
    MEMORY_REQUESTED = "wasmscope.memory.requested", "int", [HostEvent], Own,
        "The size that was requested.";
    MEMORY_REFUSALS = "wasmscope.memory.refusals", "int", [HostEvent], Own,
        "How many growths were refused during the call. The event describes the first.";
    END_REASON = "wasmscope.end_reason", "string", [EndedSpan], Own,
        "Why the host ended a span that the guest left open: see below.";
    ERROR_TYPE = conventions::ERROR_TYPE, "string", [HostSpan, EndedSpan, Metric], Stable,
        "The kind of error, if there was one: see below.";
    HTTP_METHOD = conventions::HTTP_REQUEST_METHOD, "string", [HostSpan, Metric], Stable,
        "The method of an HTTP request. `_OTHER` stands for methods that `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` does not list.";
    HTTP_METHOD_ORIGINAL = conventions::HTTP_REQUEST_METHOD_ORIGINAL, "string", [HostSpan], Stable,
        "The method as it was sent, if `http.request.method` is `_OTHER`.";
    HTTP_STATUS = conventions::HTTP_RESPONSE_STATUS_CODE, "int", [HostSpan, Metric], Stable,
        "The status code of the response. For a request to a component, 5xx are errors; for one that it sends, 4xx as well.";
    HTTP_ROUTE = conventions::HTTP_ROUTE, "string", [HostSpan, Metric], Stable,
        "The route of a request to a component, if the component names it: see `tracer.invocation`. It is part of the span's name too.";
    URL_SCHEME = conventions::URL_SCHEME, "string", [HostSpan, Metric], Stable,
        "`http` or `https`.";
    URL_PATH = conventions::URL_PATH, "string", [HostSpan], Stable,
        "The path of a request to a component.";
    URL_QUERY = conventions::URL_QUERY, "string", [HostSpan], Stable,
        "The query of a request to a component. The values of `AWSAccessKeyId`, `Signature`, `sig` and `X-Goog-Signature` are `REDACTED`.";
    URL_FULL = conventions::URL_FULL, "string", [HostSpan], Stable,
        "The URL of a request that a component sends, without credentials. In the query, the same values are `REDACTED` as in `url.query`.";
    SERVER_ADDRESS = conventions::SERVER_ADDRESS, "string", [HostSpan, Metric], Stable,
        "The host that a request is for. Of metrics, only those of requests that a component sends have it.";
    SERVER_PORT = conventions::SERVER_PORT, "int", [HostSpan, Metric], Stable,
        "The port that a request is for. Of metrics, only those of requests that a component sends have it.";
    CLIENT_ADDRESS = conventions::CLIENT_ADDRESS, "string", [HostSpan], Stable,
        "The address of the client of a request to a component: that of the connection.";
    PROTOCOL_VERSION = conventions::NETWORK_PROTOCOL_VERSION, "string", [HostSpan, Metric], Stable,
        "The version of HTTP: `1.0`, `1.1` or `2`.";
    USER_AGENT = conventions::USER_AGENT_ORIGINAL, "string", [HostSpan], Stable,
        "The header `User-Agent` of a request to a component.";
    SIGNAL = "wasmscope.signal", "string", [Metric], Own,
        "The signal of the dropped telemetry: `traces`, `metrics` or `logs`.";
    REASON = "wasmscope.reason", "string", [Metric], Own,
        "Why telemetry was dropped or shortened, or not delivered: see below.";
    COMPONENT_TYPE = "otel.component.type", "string", [Metric], Development,
        "The kind of the SDK's component: `batching_span_processor` or `batching_log_processor`.";
    OVERFLOW = "otel.metric.overflow", "boolean", [GuestMetric], Stable,
        "`true` on one series of an instrument: the series for all measurements beyond the limits `cardinality` and `metric_bytes`.";
    IOSTREAM = conventions::LOG_IOSTREAM, "string", [Log], Development,
        "The stream that the component has printed a line to: `stdout` or `stderr`.";
    EVENT_NAME = "otel.event.name", "string", [Log], Development,
        "The event's name, if the limit `interned` or `interned_bytes` is exceeded. Then the log record's field for the event name stays empty.";
}

/// The values of `error.type`: the host's errors, and the kinds of traps in the current runtimes.
///
/// A later version of a runtime may have other traps. Their values are the runtime's own names, in
/// snake case.
pub const ERROR_TYPES: &[ValueInfo] = &[
    value("exit", "The program exited with a code other than 0."),
    value("error", "The component's function returned an error."),
    value(
        "timeout",
        "The program was stopped at its timeout (`--timeout`).",
    ),
    value(
        "killed",
        "The program was stopped for another reason: a signal, or the embedder dropped the call.",
    ),
    value(
        "DNS-timeout",
        "A request that the component sends failed. The values are the names of the `error-code` in `wasi:http/types`, such as `DNS-timeout`, `connection-refused` or `HTTP-request-denied`. For a response with an error status and no other error, the value is the status code.",
    ),
    value(
        "cancelled",
        "The component dropped a request that it sends, or ended, before the response.",
    ),
    value(
        "unreachable",
        "Trap: an `unreachable` instruction. Aborts, and panics that the SDK did not report, end with one.",
    ),
    value(
        "panic",
        "Trap: a Rust panic, which the component's SDK reported before the trap. The status description is the panic's message.",
    ),
    value(
        "memory_out_of_bounds",
        "Trap: an access outside of linear memory.",
    ),
    value("heap_misaligned", "Trap: an unaligned atomic access."),
    value("table_out_of_bounds", "Trap: an access outside of a table."),
    value(
        "indirect_call_to_null",
        "Trap: a call through an empty table entry.",
    ),
    value(
        "bad_signature",
        "Trap: an indirect call to a function of another type.",
    ),
    value("null_reference", "Trap: a use of a null reference."),
    value(
        "integer_overflow",
        "Trap: the result of an integer division or conversion is too large.",
    ),
    value(
        "integer_division_by_zero",
        "Trap: an integer division by zero.",
    ),
    value(
        "bad_conversion_to_integer",
        "Trap: a conversion of a float to an integer, when the float is NaN or too large.",
    ),
    value("stack_overflow", "Trap: calls are nested too deep."),
    value("out_of_fuel", "Trap: the fuel was used up (`--fuel`)."),
    value("out_of_memory", "The host itself ran out of memory."),
    value(
        "memory_limit",
        "To start, the component needs more memory or larger tables than its limits allow (`--max-memory`, and 1,000,000 elements of tables).",
    ),
    value(
        "invalid_argument",
        "The component broke the canonical ABI in a call to `wasmscope:otel`.",
    ),
    value(
        "host_error",
        "A host function failed, or the runtime reported an error of its own.",
    ),
    value(
        "invalid_handle",
        "The component used a resource handle that it does not have.",
    ),
    value(
        "handle_lent",
        "The component transferred or dropped a resource while it was lent.",
    ),
    value(
        "borrow_leaked",
        "The component kept a borrowed resource after the end of the call.",
    ),
    value(
        "too_many_handles",
        "The component holds more resource handles than the limit allows.",
    ),
    value(
        "string_out_of_bounds",
        "The component passed a string outside of its memory.",
    ),
    value(
        "list_out_of_bounds",
        "The component passed a list outside of its memory.",
    ),
    value(
        "unaligned_pointer",
        "The component passed an unaligned pointer.",
    ),
    value(
        "invalid_discriminant",
        "The component passed a case number that the variant or enum does not have.",
    ),
    value(
        "invalid_char",
        "The component passed a `char` that is not a Unicode scalar value.",
    ),
    value(
        "invalid_string",
        "The component passed a string that is not valid in its encoding.",
    ),
    value(
        "budget_exceeded",
        "The component passed more data in one call than the limit allows.",
    ),
    value(
        "cannot_leave_component",
        "The component called an import at a time when the canonical ABI forbids it.",
    ),
    value(
        "cannot_enter_component",
        "The component was called again at a time when the canonical ABI forbids it.",
    ),
    value(
        "signature",
        "A function was called with values of the wrong types.",
    ),
    value(
        "adapter",
        "The adapter code between two components of a composition failed.",
    ),
    value(
        "client_disconnected",
        "The client of a request to the component went away before the end of the response.",
    ),
    value(
        "no_response",
        "The component ended without a response to a request.",
    ),
    value(
        "response_incomplete",
        "The component did not complete its response to a request.",
    ),
    value(
        "invalid_response",
        "The component gave a response with a status code below 200.",
    ),
    value(
        "server_shutdown",
        "The server shut down, and the request took longer than `--shutdown-timeout`.",
    ),
    value("poisoned", "The instance was called again after a trap."),
    value("engine", "The runtime reported an error of its own."),
];

const fn value(value: &'static str, meaning: &'static str) -> ValueInfo {
    ValueInfo::new(value, meaning)
}
