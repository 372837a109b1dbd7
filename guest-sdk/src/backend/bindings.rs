//! The imports of the world `wasmscope:otel/observability`, generated.
//!
//! Most types are ours (`with`), so what the author's code builds is what is lowered. Those with
//! attributes are not: ours hold more than the contract has (`Value::UnsignedValue`), and the
//! functions that take them are our own ([`imports`](super::imports)). A component imports only the
//! functions that it calls: the rest is left out when the component is made.
wit_bindgen::generate!({
    path: "wit",
    world: "wasmscope:otel/observability",
    ownership: Borrowing { duplicate_if_necessary: false },
    generate_all,
    with: {
        "wasmscope:otel/types@0.1.0/trace-id": crate::TraceId,
        "wasmscope:otel/types@0.1.0/trace-flags": crate::TraceFlags,
        "wasmscope:otel/types@0.1.0/span-context": crate::SpanContext,
        "wasmscope:otel/types@0.1.0/span-reference": crate::SpanReference,
        "wasmscope:otel/tracer@0.1.0/span-kind": crate::SpanKind,
        "wasmscope:otel/tracer@0.1.0/status": crate::Status,
        "wasmscope:otel/tracer@0.1.0/link-target": crate::LinkTarget,
        "wasmscope:otel/meter@0.1.0/instrument-kind": crate::metrics::types::InstrumentKind,
        "wasmscope:otel/meter@0.1.0/instrument-descriptor": crate::metrics::types::InstrumentDescriptor,
        "wasmscope:otel/meter@0.1.0/number": crate::metrics::types::Number,
        "wasmscope:otel/logger@0.1.0/severity": crate::Severity,
        "wasmscope:otel/logger@0.1.0/log-value": crate::logs::types::LogValue,
        "wasmscope:otel/logger@0.1.0/map-entry": crate::logs::types::MapEntry,
        "wasmscope:otel/logger@0.1.0/log-attribute": crate::logs::types::LogAttribute,
        "wasmscope:otel/context@0.1.0/baggage-entry": crate::BaggageEntry,
    },
});
