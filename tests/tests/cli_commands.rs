//! Which components are commands. Exports and imports are checked before anything is started.

#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::path::{Path, PathBuf};

use wasmscope_test_support::{Cli, Output};
use wasmscope_tests::{Attempt, Runtime, assert_stderr_contains, on_each_runtime};

on_each_runtime! {
    an_export_of_the_wrong_type_is_no_command,
    a_component_that_is_no_command_is_named_by_its_kind,
    a_command_may_export_more_than_it_must,
    the_highest_supported_version_is_run,
    an_asynchronous_run_is_refused,
    imports_that_the_host_lacks_are_named_in_full,
    a_function_that_the_hosts_version_lacks_is_named,
    items_of_another_type_are_named_with_the_expected_type,
    other_versions_of_interfaces_get_a_hint,
    unknown_packages_get_no_hint_of_versions,
    a_component_that_needs_another_http_gets_advice,
    re_exported_resources_are_not_reported_as_missing,
    an_import_of_another_type_is_reported_as_missing,
}

fn component(attempt: &Attempt, wat: &str) -> PathBuf {
    attempt.write("guest.wasm", wat::parse_str(wat).expect("a component"))
}

fn inspect(attempt: &Attempt, component: &Path) -> Output {
    Cli::new()
        .arg("inspect")
        .args(attempt.runtime.options)
        .arg(component)
        .run()
}

/// Checks that `run` refuses a component, and that `inspect` gives the same reason and an exit
/// code.
#[track_caller]
fn refused(runtime: Runtime, wat: &str, code: i32, words: &[&str]) {
    let attempt = Attempt::on(runtime);
    let file = component(&attempt, wat);
    let output = attempt.fails(&[], &file, &[]);
    assert_stderr_contains(&output, &["guest.wasm"]);
    assert_stderr_contains(&output, words);
    let output = inspect(&attempt, &file).expect_code(code);
    for word in words {
        assert!(output.stdout().contains(word), "no {word:?} in {output}");
    }
}

/// Returns a component that exports `NAME` with a function `run` of the given type. The core
/// function returns zero.
fn command(name: &str, ty: &str) -> String {
    let core = match ty.contains("string") {
        true => "(result i32) (i32.const 64)",
        false => "(result i32) (i32.const 0)",
    };
    let params = if ty.contains("param") {
        "(param i32)"
    } else {
        ""
    };
    let core = if ty.contains("result") { core } else { "" };
    format!(
        r#"(component
            (core module $program (memory (export "memory") 1) (func (export "run") {params} {core}))
            (core instance $program (instantiate $program))
            (func $run {ty} (canon lift (core func $program "run") (memory (core memory $program "memory"))))
            (instance $exported (export "run" (func $run)))
            (export "{name}" (instance $exported)))"#
    )
}

fn an_export_of_the_wrong_type_is_no_command(runtime: Runtime) {
    let right = "(result (result))";
    let two_hundred = "wasi:cli/run@0.2.0";
    for (wat, words) in [
        (
            command("wasi:cli/run@0.2.0-rc-2023-12-05", right),
            &["wasi:cli/run@0.2.0-rc-2023-12-05", "before WASI 0.2.0"][..],
        ),
        (command("wasi:cli/run@0.3.0", right), &["WASI 0.3"]),
        (
            command("wasi:cli/run@1.0.0", right),
            &["wasi:cli/run@1.0.0"],
        ),
        (command("wasi:cli/run", right), &["no version"]),
        (
            command(two_hundred, r#"(param "n" u32) (result (result))"#),
            &["`func(n: u32) -> result`, expected `func() -> result`"],
        ),
        (
            command(two_hundred, "(result u32)"),
            &["`func() -> u32`, expected `func() -> result`"],
        ),
        (command(two_hundred, ""), &["`func()`, expected"]),
        (
            command(two_hundred, "(result (result u32))"),
            &["`func() -> result<u32>`, expected"],
        ),
        (
            command(two_hundred, "(result (result (error string)))"),
            &["`func() -> result<_, string>`, expected"],
        ),
        (
            command(two_hundred, right).replace(r#"(export "run" (func $run))"#, ""),
            &["has no function `run`"],
        ),
        (
            command(two_hundred, right).replace("(instance $exported))", "(func $run))"),
            &["`wasi:cli/run@0.2.0` is a function"],
        ),
        (
            r#"(component (core module $m) (export "wasi:cli/run@0.2.0" (core module $m)))"#
                .to_owned(),
            &["`wasi:cli/run@0.2.0` is a module"],
        ),
    ] {
        // A result with a payload is returned through memory.
        let wat = wat.replace("(i32.const 0)", "(i32.const 64)");
        refused(runtime, &wat, 1, &[&["not a command: "], words].concat());
    }
}

fn a_component_that_is_no_command_is_named_by_its_kind(runtime: Runtime) {
    let right = "(result (result))";
    for (wat, words) in [
        (
            "(component)".to_owned(),
            &["it exports nothing", "wasi:cli/run@0.2"][..],
        ),
        (
            command("acme:store/kv@1.2.3", right),
            &["it exports: acme:store/kv@1.2.3"],
        ),
        (
            command("wasi:cli/run@0.2.0", right).replace(
                r#"(export "wasi:cli/run@0.2.0" (instance $exported))"#,
                r#"(export "run" (func $run))"#,
            ),
            &["a function `run` by itself"],
        ),
    ] {
        refused(runtime, &wat, 0, &[&["not a command: "], words].concat());
    }
}

#[track_caller]
fn runs(runtime: Runtime, wat: &str, code: i32) {
    let attempt = Attempt::on(runtime);
    let file = component(&attempt, wat);
    let _ = inspect(&attempt, &file).expect_code(0);
    let _ = runtime
        .run()
        .arg(file)
        .env("OTEL_SDK_DISABLED", "true")
        .run()
        .expect_code(code);
}

fn a_command_may_export_more_than_it_must(runtime: Runtime) {
    let wat = command("wasi:cli/run@0.2.0", "(result (result))").replace(
        r#"(export "run" (func $run))"#,
        r#"(export "stop" (func $run)) (export "run" (func $run))"#,
    );
    runs(runtime, &wat, 0);
}

fn the_highest_supported_version_is_run(runtime: Runtime) {
    let wat = r#"(component
        (core module $program
            (func (export "fails") (result i32) (i32.const 1))
            (func (export "runs") (result i32) (i32.const 0)))
        (core instance $program (instantiate $program))
        (func $fails (result (result)) (canon lift (core func $program "fails")))
        (func $runs (result (result)) (canon lift (core func $program "runs")))
        (instance $lower (export "run" (func $fails)))
        (instance $higher (export "run" (func $runs)))
        (instance $without)
        (export "wasi:cli/run@0.2.0" (instance $lower))
        (export "wasi:cli/run@0.2.10" (instance $higher))
        (export "wasi:cli/run@0.2.9" (instance $lower))
        (export "wasi:cli/run@0.2.11" (instance $without))
        (export "wasi:cli/run@0.3.0" (instance $lower)))"#;
    runs(runtime, wat, 0);
}

fn an_asynchronous_run_is_refused(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let file = component(
        &attempt,
        r#"(component
            (core module $program
                (func (export "run") (result i32) unreachable)
                (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
            (core instance $program (instantiate $program))
            (func $run async (result (result))
                (canon lift (core func $program "run") async (callback (core func $program "callback"))))
            (instance $exported (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $exported)))"#,
    );
    let output = attempt.fails(&[], &file, &[]);
    assert_stderr_contains(&output, &["async"]);
}

fn a_function_that_the_hosts_version_lacks_is_named(runtime: Runtime) {
    // A missing function alone, one beside functions that the host has, and one in an interface of
    // a newer SDK.
    for (wat, words) in [
        (
            r#"(component (import "wasi:clocks/monotonic-clock@0.2.9" (instance
                (export "now-ish" (func (result u64))))))"#,
            "function `now-ish` of interface `wasi:clocks/monotonic-clock@0.2.9`",
        ),
        (
            r#"(component (import "wasi:clocks/monotonic-clock@0.2.99" (instance
                (export "now" (func (result u64)))
                (export "now-ish" (func (result u64))))))"#,
            "function `now-ish` of interface `wasi:clocks/monotonic-clock@0.2.99`",
        ),
        (
            r#"(component (import "wasi:io/streams@0.2.9" (instance
                (export "pipe" (type (sub resource))))))"#,
            "resource `pipe` of interface `wasi:io/streams@0.2.9`",
        ),
        (
            r#"(component (import "wasi:io/streams@0.2.9" (instance
                (export "input-stream" (type $stream (sub resource)))
                (export "[method]input-stream.peek" (func (param "self" (borrow $stream)) (result u64))))))"#,
            "function `[method]input-stream.peek` of interface `wasi:io/streams@0.2.9`",
        ),
        (
            r#"(component (import "wasmscope:otel/tracer@0.1.7" (instance
                (export "summon" (func)))))"#,
            "function `summon` of interface `wasmscope:otel/tracer@0.1.7`",
        ),
    ] {
        refused(runtime, wat, 1, &[words]);
        if words.contains("wasmscope:otel") {
            refused(runtime, wat, 1, &["newer SDK"]);
        }
    }
}

fn items_of_another_type_are_named_with_the_expected_type(runtime: Runtime) {
    for (wat, words) in [
        (
            r#"(component (import "wasi:clocks/monotonic-clock@0.2.9" (instance
                (export "now" (func (result string)))
                (export "resolution" (func (param "of" u32) (result u64))))))"#,
            &[
                "function `now` of interface `wasi:clocks/monotonic-clock@0.2.9`",
                "`func() -> string`",
                "expected u64, found string",
                "function `resolution`",
                "`func(of: u32) -> u64`",
            ][..],
        ),
        // Both missing items and items of another type, with resources of another interface.
        (
            r#"(component
                (import "wasi:io/poll@0.2.9" (instance $poll (export "pollable" (type (sub resource)))))
                (alias export $poll "pollable" (type $pollable))
                (import "wasi:clocks/monotonic-clock@0.2.9" (instance
                    (alias outer 1 $pollable (type $theirs))
                    (export "pollable" (type $mine (eq $theirs)))
                    (export "gone" (func))
                    (export "subscribe-instant" (func (param "when" u64) (result (own $mine))))
                    (export "subscribe-duration" (func (param "when" string) (result (own $mine)))))))"#,
            &[
                "function `gone` of interface",
                "function `subscribe-duration` of interface",
                "`func(when: string) -> pollable`",
                "expected u64, found string",
            ],
        ),
        (
            r#"(component (import "wasmscope:otel/tracer@0.1.0" (instance
                (export "exit" (type (sub resource))))))"#,
            &["resource `exit`", "expected resource, found func"],
        ),
        // Another kind of item where the host has an interface.
        (
            r#"(component (import "wasi:clocks/monotonic-clock@0.2.9" (func)))"#,
            &[
                "function `wasi:clocks/monotonic-clock@0.2.9`",
                "`func()`",
                "expected function, found instance",
            ],
        ),
        (
            r#"(component (import "wasi:clocks/monotonic-clock@0.2.9" (type (sub resource))))"#,
            &[
                "resource `wasi:clocks/monotonic-clock@0.2.9`",
                "expected resource, found instance",
            ],
        ),
        (
            r#"(component (import "wasi:clocks/monotonic-clock@0.2.9" (core module)))"#,
            &[
                "module `wasi:clocks/monotonic-clock@0.2.9`",
                "expected module, found instance",
            ],
        ),
        // An interface where the host's interface has a function, and an interface that the host
        // lacks.
        (
            r#"(component (import "wasi:clocks/monotonic-clock@0.2.9" (instance
                (export "now" (instance (export "f" (func)))))))"#,
            &[
                "interface `now` of interface `wasi:clocks/monotonic-clock@0.2.9`",
                "expected instance, found func",
            ],
        ),
        (
            r#"(component (import "wasi:clocks/monotonic-clock@0.2.9" (instance
                (export "inner" (instance (export "f" (func)))))))"#,
            &["interface `inner` of interface `wasi:clocks/monotonic-clock@0.2.9`"],
        ),
    ] {
        refused(runtime, wat, 1, words);
        let attempt = Attempt::on(runtime);
        let output = attempt.fails(&[], &component(&attempt, wat), &[]);
        assert!(!output.stderr.contains("subscribe-instant"), "{output}");
    }
}

fn other_versions_of_interfaces_get_a_hint(runtime: Runtime) {
    for (import, words) in [
        (
            "wasi:clocks/monotonic-clock@0.3.0",
            "This host has WASI 0.2",
        ),
        (
            "wasi:clocks/monotonic-clock@0.2.0-rc-2023-11-10",
            "This host has WASI 0.2",
        ),
        (
            "wasmscope:otel/tracer@0.2.0",
            "This host has wasmscope:otel@0.1",
        ),
    ] {
        let wat = format!(
            r#"(component (import "{import}" (instance (export "now" (func (result u64))))))"#
        );
        // A pre-release of 0.2.0 has the same prefix as a version 0.2.x.
        refused(runtime, &wat, 1, &[&format!("interface `{import}`"), words]);
    }
}

/// There is no version of these packages that the host supports.
fn unknown_packages_get_no_hint_of_versions(runtime: Runtime) {
    let wat = r#"(component
        (import "wasi:keyvalue/store@0.2.0-draft" (instance (export "open" (func)))))"#;
    refused(
        runtime,
        wat,
        1,
        &["interface `wasi:keyvalue/store@0.2.0-draft`"],
    );
    let attempt = Attempt::on(runtime);
    let output = attempt.fails(&[], &component(&attempt, wat), &[]);
    assert!(!output.stderr.contains("This host has WASI"), "{output}");
}

fn a_component_that_needs_another_http_gets_advice(runtime: Runtime) {
    let wat = r#"(component
        (import "wasi:http/types@0.3.0" (instance (export "fields" (type (sub resource)))))
        (import "wasi:http/client@0.3.0" (instance (export "send" (func)))))"#;
    refused(
        runtime,
        wat,
        1,
        &[
            "interface `wasi:http/types@0.3.0`",
            "interface `wasi:http/client@0.3.0`",
            "This host has WASI 0.2",
        ],
    );
    // A handler that has no function `handle`.
    let wat = command("wasi:http/incoming-handler@0.2.3", "(result (result))");
    let use_serve = "`wasi:http/incoming-handler@0.2.3`: use `wasmscope serve`";
    refused(runtime, &wat, 1, &["not a command: ", use_serve]);
}

fn imports_that_the_host_lacks_are_named_in_full(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let component = wat::parse_str(
        r#"(component
            (import "acme:store/kv@1.2.3" (instance
                (export "get" (func (param "key" string) (result string)))
                (export "put" (func (param "key" string)))))
            (import "wasmscope:otel/tracer@0.1.0" (instance
                (export "exit" (func (param "span" u64) (result u64)))
                (export "summon" (func))))
            (import "lonely" (func)))"#,
    )
    .unwrap();
    let file = attempt.write("needy.wasm", component);
    let output = attempt.fails(&[], &file, &[]);
    assert_stderr_contains(
        &output,
        &[
            "needy.wasm",
            "interface `acme:store/kv@1.2.3`",
            "function `summon` of interface `wasmscope:otel/tracer@0.1.0`",
            "function `lonely`",
            "wasmscope inspect",
        ],
    );
    assert!(!output.stderr.contains("`exit`"), "{output}");
}

fn re_exported_resources_are_not_reported_as_missing(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let component = wat::parse_str(
        r#"(component
            (import "wasi:io/error@0.2.12" (instance $errors (export "error" (type (sub resource)))))
            (alias export $errors "error" (type $error))
            (import "wasi:io/streams@0.2.12" (instance $streams
                (alias outer 1 $error (type $theirs))
                (export "error" (type (eq $theirs)))
                (export "input-stream" (type (sub resource)))))
            (alias export $streams "input-stream" (type $stream))
            (import "acme:http/types@0.2.12" (instance
                (alias outer 1 $stream (type $theirs))
                (export "input-stream" (type (eq $theirs)))
                (export "request" (type (sub resource))))))"#,
    )
    .unwrap();
    let file = attempt.write("http.wasm", component);
    let output = attempt.fails(&[], &file, &[]);
    assert_stderr_contains(&output, &["interface `acme:http/types@0.2.12`"]);
    assert!(!output.stderr.contains("wasi:io"), "{output}");
}

fn an_import_of_another_type_is_reported_as_missing(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let component = wat::parse_str(
        r#"(component
            (import "wasmscope:otel/tracer@0.1.0" (instance
                (export "exit" (func (param "span" u64) (result string))))))"#,
    )
    .unwrap();
    let file = attempt.write("typed.wasm", component);
    let output = attempt.fails(&[], &file, &[]);
    assert_stderr_contains(&output, &["wasmscope:otel/tracer@0.1.0", "exit"]);
}
