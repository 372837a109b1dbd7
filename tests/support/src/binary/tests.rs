use super::*;

fn shell(script: &str) -> Cli {
    Cli::program("/bin/sh").args(["-c", script])
}

#[test]
fn streams_arguments_environment_and_exit_code_pass_through() {
    let output = Cli::program("/bin/sh")
        .args([
            "-c",
            "cat; echo \"$1 $VARIABLE\" >&2; exit 7",
            "sh",
            "argument",
        ])
        .env("VARIABLE", "value")
        .stdin("input")
        .run()
        .expect_code(7);
    assert_eq!(output.stdout(), "input");
    assert_eq!(output.stderr, "argument value\n");
}

#[test]
fn more_output_than_a_pipe_holds_does_not_hang() {
    let input = vec![b'x'; 1 << 20];
    let output = shell("tee /dev/stderr").stdin(&input).run().expect_code(0);
    assert_eq!(output.stdout.len(), input.len());
    assert_eq!(output.stderr.len(), input.len());
}

#[test]
fn a_program_that_does_not_read_its_input_is_no_error() {
    shell("exit 3")
        .stdin(vec![b'x'; 1 << 20])
        .run()
        .expect_code(3);
}

#[test]
fn telemetry_settings_are_not_inherited() {
    let foreign = |name: &str| FOREIGN.iter().any(|foreign| name.starts_with(foreign));
    assert!(foreign("OTEL_SERVICE_NAME") && foreign("TRACEPARENT") && !foreign("PATH"));
    // The test's own environment may have such variables; the child's must not.
    let output = shell("env").run();
    let names = output
        .stdout()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name);
    assert_eq!(names.filter(|name| foreign(name)).count(), 0, "{output}");
    let output = shell("echo $OTEL_SERVICE_NAME")
        .env("OTEL_SERVICE_NAME", "given")
        .run();
    assert_eq!(output.stdout(), "given\n");
}

#[test]
#[should_panic(expected = "was killed at its deadline\nstdout:\nbefore")]
fn a_program_that_does_not_end_is_killed_with_its_output_shown() {
    shell("echo before; exec tail -f /dev/null")
        .deadline(Duration::from_millis(300))
        .run();
}

#[test]
fn a_program_that_closes_its_streams_early_is_waited_for() {
    // It ends when it reads the end of its input. The closing of its streams does not show that.
    shell("exec >&- 2>&-; cat >/dev/null; exit 5")
        .run()
        .expect_code(5);
}

#[test]
fn a_signal_reaches_the_program() {
    for (name, code, send) in [
        ("INT", 130, Running::interrupt as fn(&Running)),
        ("TERM", 143, Running::terminate),
    ] {
        let script = format!(
            "trap 'echo got it; exit {code}' {name}; echo ready; while :; do sleep 0.01; done"
        );
        let running = shell(&script).spawn();
        running.wait_for_stdout(|text| text.contains("ready"));
        send(&running);
        let output = running.finish().expect_code(code);
        assert_eq!(output.stdout(), "ready\ngot it\n");
    }
}

#[test]
#[should_panic(expected = "standard output is not as expected\nstdout:\nother")]
fn waiting_for_other_output_fails_at_the_deadline() {
    let running = shell("echo other; exec tail -f /dev/null")
        .deadline(Duration::from_millis(300))
        .spawn();
    running.wait_for_stdout(|text| text.contains("this"));
}

#[test]
fn the_binary_is_that_of_the_tests_profile() {
    let folder = cargo::target_dir().join("release");
    let artifact = artifact(&folder.join("deps").join("test-0123"));
    assert_eq!(artifact.files, [folder.join("wasmscope")]);
    assert!(
        artifact
            .command()
            .ends_with("--bin wasmscope --profile release")
    );

    let running = std::env::current_exe().unwrap();
    let folder = running.parent().and_then(Path::parent).unwrap();
    assert_eq!(super::artifact(&running).files, [folder.join("wasmscope")]);
}

#[test]
fn a_missing_named_binary_is_an_error_with_the_command() {
    let error = find(Some("/no/such/wasmscope".into())).unwrap_err();
    assert!(
        error.contains("`cargo build --package wasmscope-cli --bin wasmscope"),
        "{error}"
    );
}

#[test]
fn held_input_stays_open_until_the_program_is_ended() {
    let held = Cli::program("/bin/cat").stdin("line").hold_stdin().spawn();
    held.wait_for_stdout(|text| text == "line");
    held.terminate();
    assert_eq!(
        held.finish().code(),
        None,
        "it was still reading when the signal came"
    );
    assert_eq!(
        Cli::program("/bin/cat")
            .stdin("line")
            .run()
            .expect_code(0)
            .stdout(),
        "line"
    );
}

#[test]
fn standard_input_that_is_held_open_can_be_written_to_and_closed() {
    let mut cat = Cli::program("/bin/cat").stdin("a").hold_stdin().spawn();
    cat.wait_for_stdout(|stdout| stdout == "a");
    cat.write("b");
    cat.wait_for_stdout(|stdout| stdout == "ab");
    cat.write("c");
    cat.close_stdin();
    let output = cat.finish().expect_code(0);
    assert_eq!(output.stdout(), "abc");
}
