//! The attributes that the host sets.

use opentelemetry_semantic_conventions::attribute as conventions;

use super::{AttributeInfo, Place, Stability, ValueInfo};

macro_rules! attributes {
    ($($constant:ident = $key:expr, $value:literal, [$($place:ident),+], $stability:ident, $meaning:literal;)+) => {
        /// The attributes, by constant.
        pub mod attribute {
            use super::*;

            $(
                #[doc = $meaning]
                pub const $constant: AttributeInfo = AttributeInfo {
                    key: $key,
                    value: $value,
                    places: &[$(Place::$place),+],
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
        "The service: see `OTEL_SERVICE_NAME`. `wasmscope run` takes the component's file name.";
    SDK_LANGUAGE = "telemetry.sdk.language", "string", [Resource], Stable,
        "`rust`: the language of the OpenTelemetry SDK in the host, not of the component.";
    SDK_NAME = "telemetry.sdk.name", "string", [Resource], Stable,
        "`opentelemetry`.";
    SDK_VERSION = "telemetry.sdk.version", "string", [Resource], Stable,
        "The version of that SDK.";
    RUNTIME_NAME = conventions::PROCESS_RUNTIME_NAME, "string", [Resource, HostSpan], Development,
        "The WebAssembly runtime, where it is known: `wasmtime` or `wasmedge`.";
    RUNTIME_VERSION = conventions::PROCESS_RUNTIME_VERSION, "string", [Resource, HostSpan], Development,
        "The runtime's version.";
    COMPONENT_NAME = "wasmscope.component.name", "string", [Scope, HostSpan], Own,
        "The component, as the embedder names it. A guest cannot set it.";
    OUTCOME = "wasmscope.outcome", "string", [HostSpan], Own,
        "How the call ended: see below.";
    EXIT_CODE = conventions::PROCESS_EXIT_CODE, "int", [HostSpan], Development,
        "The exit code, where the program asked to end with one.";
    MEMORY_KIND = "wasmscope.memory.kind", "string", [HostEvent], Own,
        "What was refused to grow: `memory`, measured in bytes, or `table`, measured in elements.";
    MEMORY_SIZE = "wasmscope.memory.size", "int", [HostEvent], Own,
        "The size that it had.";
    MEMORY_REQUESTED = "wasmscope.memory.requested", "int", [HostEvent], Own,
        "The size that was asked for.";
    MEMORY_REFUSALS = "wasmscope.memory.refusals", "int", [HostEvent], Own,
        "How many growths were refused during the call. The event is the first.";
    END_REASON = "wasmscope.end_reason", "string", [EndedSpan], Own,
        "Why the host ended a span that the guest had left open: see below.";
    ERROR_TYPE = conventions::ERROR_TYPE, "string", [HostSpan, EndedSpan, Metric], Stable,
        "The kind of error, where there is one: see below.";
    SIGNAL = "wasmscope.signal", "string", [Metric], Own,
        "What kind of telemetry something belonged to: `traces`, `metrics` or `logs`.";
    REASON = "wasmscope.reason", "string", [Metric], Own,
        "Why something was not kept as it was given, or not delivered: see below.";
    COMPONENT_TYPE = "otel.component.type", "string", [Metric], Development,
        "The kind of a part of the SDK: `batching_span_processor` or `batching_log_processor`.";
    OVERFLOW = "otel.metric.overflow", "boolean", [GuestMetric], Stable,
        "`true` on the one series of an instrument that holds all measurements beyond the limits `cardinality` and `metric_bytes`.";
    EVENT_NAME = "event.name", "string", [Log], Own,
        "An event's name, where it is beyond the limits `interned` and `interned_bytes` and cannot be the record's own.";
}

/// The values of `error.type`: those of the host, and the kinds of traps that the runtimes know.
///
/// A runtime's next version may know others: they are its own names, in snake case.
pub const ERROR_TYPES: &[ValueInfo] = &[
    value(
        "exit",
        "The program asked to end with an exit code other than 0.",
    ),
    value("error", "The component's function returned an error."),
    value(
        "timeout",
        "The program was stopped because its time was over.",
    ),
    value(
        "killed",
        "The program was stopped for another reason: a signal, or the embedder dropped the call.",
    ),
    value(
        "unreachable",
        "Trap: an `unreachable` instruction, which is how an abort ends, and a panic that was not reported.",
    ),
    value(
        "panic",
        "Trap: a panic of Rust, which the component's SDK reported before. The description is its message.",
    ),
    value(
        "memory_out_of_bounds",
        "Trap: an access outside of the linear memory.",
    ),
    value(
        "heap_misaligned",
        "Trap: an atomic access that is not aligned.",
    ),
    value("table_out_of_bounds", "Trap: an access outside of a table."),
    value(
        "indirect_call_to_null",
        "Trap: a call through an empty place of a table.",
    ),
    value(
        "bad_signature",
        "Trap: a call through a table to a function of another type.",
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
        "Trap: a float that is no number, or too large, as an integer.",
    ),
    value("stack_overflow", "Trap: calls are nested too deep."),
    value("out_of_fuel", "Trap: the fuel was used up (`--fuel`)."),
    value("out_of_memory", "The host itself had no memory left."),
    value(
        "memory_limit",
        "The limit on memory leaves no room for what the component needs to begin with (`--max-memory`).",
    ),
    value(
        "invalid_argument",
        "The component broke the canonical ABI in a call to `wasmscope:otel`.",
    ),
    value(
        "host_error",
        "A function of the host failed, or the runtime for a reason of its own.",
    ),
    value(
        "invalid_handle",
        "The component used a resource handle that it does not have.",
    ),
    value(
        "handle_lent",
        "The component gave away or dropped a resource that it had lent.",
    ),
    value(
        "borrow_leaked",
        "The component kept a borrowed resource beyond the call that it came with.",
    ),
    value(
        "too_many_handles",
        "The component holds more resource handles than it may.",
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
        "The component passed a pointer that is not aligned.",
    ),
    value(
        "invalid_discriminant",
        "The component passed a variant with a case that it does not have.",
    ),
    value(
        "invalid_char",
        "The component passed a `char` that is none.",
    ),
    value(
        "invalid_string",
        "The component passed a string that is not in its encoding.",
    ),
    value(
        "budget_exceeded",
        "The component passed more data in one call than it may.",
    ),
    value(
        "cannot_leave_component",
        "The component called out where it may not.",
    ),
    value(
        "cannot_enter_component",
        "The component was called again where it may not be.",
    ),
    value(
        "signature",
        "A function was called with values of other types than its own.",
    ),
    value(
        "adapter",
        "The glue between two components of a composition failed.",
    ),
    value("poisoned", "The instance was called again after a trap."),
    value("engine", "The runtime failed for a reason of its own."),
];

const fn value(value: &'static str, meaning: &'static str) -> ValueInfo {
    ValueInfo::new(value, meaning)
}
