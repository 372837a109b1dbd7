//! The imports of the world `wasmscope:otel/observability`, generated with nothing changed: as an author without the SDK has them.
#![expect(missing_docs, reason = "the contract documents them")]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "wasmscope:otel/observability",
    generate_all,
});
