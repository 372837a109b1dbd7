//! Help texts and `inspect`.

use wasmscope_test_support::Cli;
use wasmscope_tests::guest;

#[test]
fn help_lists_every_option_with_its_variable() {
    let output = Cli::new().args(["run", "--help"]).run().expect_code(0);
    for word in [
        "--otlp-endpoint",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "--otlp-protocol",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http/protobuf, http/json or grpc",
        "--service-name",
        "OTEL_SERVICE_NAME",
        "--sampler",
        "OTEL_TRACES_SAMPLER",
        "--log-level",
        "WASMSCOPE_LOG_LEVEL",
        "--max-memory",
        "--timeout",
        "--fuel",
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

#[test]
fn inspect_shows_worlds_imports_and_exports() {
    let output = Cli::new()
        .arg("inspect")
        .arg(guest("sdk-direct"))
        .run()
        .expect_code(0);
    for word in [
        "wasi:cli/command",
        "wasmscope:otel/tracing@0.1.0",
        "wasmscope:otel/metrics@0.1.0",
        "wasmscope:otel/logging@0.1.0",
        "wasmscope:otel/context@0.1.0",
        "wasi:cli/run@0.2.",
        "This host has everything",
    ] {
        assert!(output.stdout().contains(word), "no {word:?} in {output}");
    }
}

#[test]
fn a_guest_without_wasi_imports_nothing_but_the_contract() {
    let output = Cli::new()
        .arg("inspect")
        .arg(guest("scenario_bare.wasm32-unknown-unknown"))
        .run()
        .expect_code(0);
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

#[test]
fn inspect_names_what_is_missing_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("needy.wasm");
    let component = wat::parse_str(
        r#"(component
            (import "acme:store/kv@1.2.3" (instance (export "get" (func (param "key" string) (result string))))))"#,
    )
    .unwrap();
    std::fs::write(&file, component).unwrap();
    let output = Cli::new().arg("inspect").arg(&file).run().expect_code(1);
    for word in ["lacks", "interface `acme:store/kv@1.2.3`", "not a command"] {
        assert!(output.stdout().contains(word), "no {word:?} in {output}");
    }
}

#[test]
fn inspect_of_what_is_no_component_is_an_error() {
    let output = Cli::new()
        .args(["inspect", "no/such.wasm"])
        .run()
        .expect_code(2);
    assert_eq!(output.stdout(), "", "{output}");
    assert!(output.stderr.starts_with("error: "), "{output}");
    assert!(output.stderr.contains("no/such.wasm"), "{output}");
}
