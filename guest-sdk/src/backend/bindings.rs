//! The generated imports of the world `wasmscope:otel/observability`.
//!
//! They describe the world to `wit-component`, and lift the results that contain texts. All other
//! functions are declared in [`imports`](super::imports), because the SDK's types can hold more
//! than the contract's (`Value::Unsigned`). A component imports only the functions that it calls.
wit_bindgen::generate!({
    path: "wit",
    world: "wasmscope:otel/observability",
    ownership: Borrowing { duplicate_if_necessary: false },
    generate_all,
    with: {
        "wasmscope:otel/types@0.1.0/trace-id": crate::types::TraceId,
        "wasmscope:otel/types@0.1.0/trace-flags": crate::types::TraceFlags,
        "wasmscope:otel/types@0.1.0/span-context": crate::types::SpanContext,
        "wasmscope:otel/context@0.1.0/baggage-entry": crate::types::BaggageEntry,
    },
});
