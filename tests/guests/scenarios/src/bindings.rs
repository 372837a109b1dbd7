//! The imports of the world `wasmscope:otel/observability`, generated without changes, as for
//! authors without the SDK.
#![expect(missing_docs, reason = "the contract documents them")]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "wasmscope:otel/observability",
    generate_all,
});
