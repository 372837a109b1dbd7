//! Help texts and `inspect`.

#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::path::Path;

use wasmscope_test_support::{Cli, Output};
use wasmscope_tests::guests::guests_folder;
use wasmscope_tests::{Runtime, guest, on_each_runtime};

on_each_runtime! {
    inspect_shows_worlds_imports_and_exports,
    a_guest_without_wasi_imports_nothing_but_the_contract,
    inspect_names_what_is_missing_and_fails,
    inspect_of_an_invalid_component_is_an_error,
}

fn inspect(runtime: Runtime, component: &Path) -> Output {
    Cli::new()
        .arg("inspect")
        .args(runtime.options)
        .arg(component)
        .run()
}

#[test]
fn help_lists_every_option_with_its_variable() {
    let output = Cli::new().args(["run", "--help"]).run().expect_code(0);
    for word in [
        "--otlp-endpoint",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "--otlp-protocol",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http/protobuf, http/json or grpc",
        "--otlp-compression",
        "[env: OTEL_EXPORTER_OTLP_COMPRESSION]",
        "--otlp-certificate",
        "[env: OTEL_EXPORTER_OTLP_CERTIFICATE]",
        "--otlp-client-certificate",
        "[env: OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE]",
        "--otlp-client-key",
        "[env: OTEL_EXPORTER_OTLP_CLIENT_KEY]",
        "--service-name",
        "OTEL_SERVICE_NAME",
        "--sampler",
        "OTEL_TRACES_SAMPLER",
        "--log-level",
        "WASMSCOPE_LOG_LEVEL",
        "--otlp-header",
        "[env: OTEL_EXPORTER_OTLP_HEADERS]",
        "--otlp-max-request-size",
        "[env: WASMSCOPE_OTLP_MAX_REQUEST_SIZE]",
        "--small",
        "--flush-timeout",
        "--format",
        "--output",
        "--max-memory",
        "--max-descriptors",
        "--timeout",
        "--fuel",
        "--aot",
        "--aot-cache",
        "--allow-precompiled",
        "--network",
        "--outbound",
        "--outbound-private",
        "--propagate-to",
        "--stdio",
        "--prepare-timeout",
        "--size-limit",
        "--runtime",
        "--env",
        "--dir",
        "Examples:",
        "exit code",
    ] {
        assert!(output.stdout().contains(word), "no {word:?} in {output}");
    }
    assert!(!output.stdout().contains('\u{1b}'), "no colours in a file");
}

#[test]
fn the_version_is_shown() {
    let output = Cli::new().arg("--version").run().expect_code(0);
    assert!(output.stdout().starts_with("wasmscope 0."), "{output}");
}

fn inspect_shows_worlds_imports_and_exports(runtime: Runtime) {
    let output = inspect(runtime, &guest("sdk-direct")).expect_code(0);
    for word in [
        "wasi:cli/command",
        "wasmscope:otel/tracing@0.1.0",
        "wasmscope:otel/metrics@0.1.0",
        "wasmscope:otel/logging@0.1.0",
        "wasmscope:otel/context@0.1.0",
        "wasi:cli/run@0.2.",
        "This host has all of its imports",
    ] {
        assert!(output.stdout().contains(word), "no {word:?} in {output}");
    }
}

fn a_guest_without_wasi_imports_nothing_but_the_contract(runtime: Runtime) {
    let output = inspect(runtime, &guest("scenario_bare.wasm32-unknown-unknown")).expect_code(0);
    let (_, rest) = output.stdout().split_once("\nimports\n").expect("imports");
    let (imports, _) = rest.split_once("\n\n").expect("the end of the imports");
    assert!(!imports.is_empty());
    for import in imports.lines() {
        assert!(
            import.trim_start().starts_with("wasmscope:otel/"),
            "{output}"
        );
    }
}

fn inspect_names_what_is_missing_and_fails(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("needy.wasm");
    let component = wat::parse_str(
        r#"(component
            (import "acme:store/kv@1.2.3" (instance (export "get" (func (param "key" string) (result string))))))"#,
    )
    .unwrap();
    std::fs::write(&file, component).unwrap();
    let output = inspect(runtime, &file).expect_code(1);
    for word in ["lacks", "interface `acme:store/kv@1.2.3`", "not a command"] {
        assert!(output.stdout().contains(word), "no {word:?} in {output}");
    }
}

#[test]
fn inspect_shows_the_same_on_every_runtime() {
    let folder = guests_folder();
    let mut compared = 0;
    for entry in folder.read_dir().expect("the guests") {
        let file = entry.expect("a guest").path();
        if file.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let [wasmtime, wasmedge] =
            [Runtime::WASMTIME, Runtime::WASMEDGE].map(|runtime| inspect(runtime, &file));
        assert_eq!(wasmtime.code(), wasmedge.code(), "{}", file.display());
        assert_eq!(wasmtime.stderr, wasmedge.stderr, "{}", file.display());
        assert_eq!(wasmtime.stdout(), wasmedge.stdout(), "{}", file.display());
        compared += 1;
    }
    assert!(
        compared > 20,
        "{compared} guests in {}; run `cargo xtask guests`",
        folder.display()
    );
}

fn inspect_of_an_invalid_component_is_an_error(runtime: Runtime) {
    let output = inspect(runtime, Path::new("no/such.wasm")).expect_code(2);
    assert_eq!(output.stdout(), "", "{output}");
    assert!(output.stderr.starts_with("wasmscope: error: "), "{output}");
    assert!(output.stderr.contains("no/such.wasm"), "{output}");
}
