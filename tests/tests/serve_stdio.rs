//! What the instances of a server print, on every engine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use wasmscope_test_support::{Cli, LogView, Output, Value};
use wasmscope_tests::service::{Answer, send};
use wasmscope_tests::{Runtime, Service, guest, on_each_engine};

on_each_engine! {
    lines_are_whole_and_have_the_trace_of_their_request,
    lines_outside_of_a_request_have_no_trace,
    lines_stay_on_their_line,
    bytes_can_be_passed_on_as_they_are,
    lines_become_log_records_of_the_request,
    log_records_are_shown_with_their_request,
    a_reader_that_does_not_read_stops_nobody,
    a_reader_that_goes_away_stops_nobody,
    there_is_no_standard_input,
}

const SERVICE: &str = "http-service";

/// Sends a request in the trace with this number.
fn get_in_trace(service: SocketAddr, path: &str, number: usize) -> Answer {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
         traceparent: 00-{}-b7ad6b7169203331-01\r\n\r\n",
        trace(number)
    );
    send(service, request)
}

fn trace(number: usize) -> String {
    format!("{number:032x}")
}

/// Returns the lines of each request, by the text between the brackets. Each line has some.
fn by_trace(output: &str) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for line in output.lines() {
        let found = line
            .strip_prefix('[')
            .and_then(|line| line.split_once("] "));
        let Some((trace, text)) = found else {
            panic!("`{line}` has no trace in\n{output}")
        };
        all.entry(trace.to_owned())
            .or_default()
            .push(text.to_owned());
    }
    all
}

fn lines_are_whole_and_have_the_trace_of_their_request(runtime: Runtime) {
    const REQUESTS: usize = 24;
    for options in [&[][..], &["--max-instance-reuse", "100"]] {
        let service = Service::start(runtime, SERVICE, options);
        thread::scope(|scope| {
            for first in 1..=4 {
                let address = service.address;
                scope.spawn(move || {
                    for number in (first..=REQUESTS).step_by(4) {
                        let path = if number % 5 == 0 {
                            "print-and-trap"
                        } else {
                            "print"
                        };
                        let answer = get_in_trace(address, &format!("/{path}?n{number}"), number);
                        let expected = if number % 5 == 0 { 500 } else { 200 };
                        assert_eq!(answer.status, expected);
                    }
                });
            }
        });
        let output = service.stop().0.expect_code(0);
        let (stdout, mut stderr) = (by_trace(output.stdout()), BTreeMap::<_, Vec<_>>::new());
        for line in output.stderr.lines().filter(|line| line.starts_with('[')) {
            let (trace, texts) = by_trace(line).pop_first().expect("a line");
            stderr.entry(trace).or_default().extend(texts);
        }
        assert_eq!(stdout.len(), REQUESTS, "{output}");
        assert_eq!(stderr.len(), REQUESTS, "{output}");
        for number in 1..=REQUESTS {
            let lines = |word| (0..20).map(move |line| format!("{word} {line} of n{number}"));
            let unfinished = format!("unfinished n{number}");
            let printed: Vec<_> = lines("line").chain([unfinished]).collect();
            assert_eq!(stdout[&trace(number)], printed);
            assert_eq!(stderr[&trace(number)], lines("error").collect::<Vec<_>>());
        }
    }
}

fn lines_outside_of_a_request_have_no_trace(runtime: Runtime) {
    let options = ["--env", "ANNOUNCE=1", "--spare-instances", "1"];
    let service = Service::start(runtime, SERVICE, &options);
    assert_eq!(get_in_trace(service.address, "/print?x", 7).status, 200);
    let output = service.stop().0.expect_code(0);
    let all = by_trace(output.stdout());
    assert_eq!(all.keys().collect::<Vec<_>>(), ["-", &trace(7)], "{output}");
    // Several instances are made, perhaps at the same time.
    let first: BTreeSet<_> = all["-"].iter().map(String::as_str).collect();
    assert_eq!(first, BTreeSet::from(["made", "unfinished at first"]));
    assert_eq!(all[&trace(7)].len(), 21);
}

fn lines_stay_on_their_line(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &[]);
    assert_eq!(get_in_trace(service.address, "/print-odd", 1).status, 200);
    let output = service.stop().0.expect_code(0);
    let (first, second) = ("x".repeat(8192), "x".repeat(10_000 - 8192));
    let expected = ["\u{fffd}red\\u{1b}[2J\\rover", "", "next", &first, &second];
    assert_eq!(by_trace(output.stdout())[&trace(1)], expected);
}

fn bytes_can_be_passed_on_as_they_are(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &["--stdio", "inherit"]);
    assert_eq!(service.get("/print-odd").status, 200);
    assert_eq!(service.get("/print?it").status, 200);
    let output = service.stop().0.expect_code(0);
    let begin = b"\xff\x1b[31mred\x1b[0m\x1b[2J\rover\n\nnext\r\nxxxxx";
    assert!(output.stdout.starts_with(begin), "{output}");
    assert!(output.stdout.ends_with(b"\nunfinished it"), "{output}");
    assert!(output.stderr.contains("\nerror 19 of it\n"), "{output}");
}

fn lines_become_log_records_of_the_request(runtime: Runtime) {
    let service = Service::start(runtime, SERVICE, &["--stdio", "logs"]);
    assert_eq!(get_in_trace(service.address, "/print?it", 5).status, 200);
    let (output, collector) = service.stop();
    let output = output.expect_code(0);
    assert_eq!(output.stdout(), "");
    assert!(!output.stderr.contains("error 1 of it"), "{output}");

    let printed = |log: &LogView| log.scope.name == "wasmscope.stdio";
    let logs: Vec<_> = collector.logs().into_iter().filter(printed).collect();
    assert_eq!(logs.len(), 41);
    let spans = collector.spans();
    let server = spans.iter().find(|span| span.scope.name == "wasmscope");
    let server = server.expect("the span of the request");
    let of = |stream: &str| {
        let stream = Value::Str(stream.to_owned());
        let logs = logs.iter();
        logs.filter(move |log| log.attr("log.iostream") == Some(stream.clone()))
            .collect::<Vec<_>>()
    };
    let (stdout, stderr) = (of("stdout"), of("stderr"));
    assert_eq!((stdout.len(), stderr.len()), (21, 20));
    for (log, text, severity, is_in) in [
        (stdout[0], "line 0 of it", 9, &collector.span("handle")),
        (stderr[19], "error 19 of it", 0, &collector.span("handle")),
        // The guest's span has ended.
        (stdout[20], "unfinished it", 9, server),
    ] {
        assert_eq!(log.body_value(), Some(Value::Str(text.to_owned())));
        assert_eq!(log.severity_number, severity, "{text}");
        assert!(log.is_in(is_in), "{text}");
        let name = log.scope.attr("wasmscope.component.name");
        assert_eq!(name, Some(Value::Str("http_service".to_owned())));
    }
    assert_eq!(server.trace_id, 5_u128.to_be_bytes());
}

fn log_records_are_shown_with_their_request(runtime: Runtime) {
    let shown = |format: &str| {
        let running = runtime
            .serve()
            .args(["--stdio", "logs", "--format", format])
            .arg(guest(SERVICE))
            .spawn();
        let address = Service::address_of(&running);
        assert_eq!(get_in_trace(address, "/print?it", 1).status, 200);
        running.wait_for_stderr(|text| text.contains(&trace(1)));
        running.terminate();
        running.finish().expect_code(0).stderr
    };
    let warning = "wasmscope: warning: what the program prints is only counted here: \
                   add --format tree";
    let text = shown("text");
    assert!(text.contains(warning), "{text}");
    assert!(text.contains("41 log records"), "{text}");
    let tree = shown("tree");
    assert!(!tree.contains(warning), "{tree}");
    assert!(tree.contains("error 19 of it"), "{tree}");
}

fn a_reader_that_does_not_read_stops_nobody(runtime: Runtime) {
    let options = ["--timeout", "20s", "--shutdown-timeout", "500ms"];
    let service = Service::start_as(runtime, SERVICE, |command| {
        command.args(options).leave_stdout()
    });
    let address = service.address;
    let in_background = move |path| thread::spawn(move || get_in_trace(address, path, 1).status);
    let much = in_background("/print-much");
    // Others are answered meanwhile, even if they print.
    let started = Instant::now();
    for _ in 0..10 {
        assert_eq!(service.get("/ok").status, 200);
    }
    assert_eq!(service.get("/print?it").status, 200);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(much.join().expect("a response"), 200);
    // A guest that prints without end is stopped with the server.
    let endless = in_background("/print-endless");
    thread::sleep(Duration::from_secs(1));
    assert_eq!(service.get("/print?it").status, 200);
    service.terminate();
    let started = Instant::now();
    let output = service.finish().0.expect_code(0);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_ne!(endless.join().expect("an end"), 200);
    assert!(dropped(&output) > 6000, "{output}");
}

/// Returns the number of lines that the server has dropped, and warned of.
#[track_caller]
fn dropped(output: &Output) -> u64 {
    let warning = "wasmscope: warning: standard output is closed or not read fast enough: \
                   lines of the program are dropped\n";
    assert_eq!(output.stderr.matches(warning).count(), 1, "{output}");
    let dropped = output.stderr.lines().find_map(|line| {
        let rest = line.strip_prefix("wasmscope: dropped ")?;
        let (count, rest) = rest.split_once(' ')?;
        let expected = "lines of the program: standard output was closed or not read in time";
        count.parse().ok().filter(|_| rest == expected)
    });
    dropped.unwrap_or_else(|| panic!("no count in\n{output}"))
}

fn a_reader_that_goes_away_stops_nobody(runtime: Runtime) {
    let service = Service::start_as(runtime, SERVICE, Cli::close_stdout);
    for _ in 0..5 {
        assert_eq!(service.get("/print?it").status, 200);
    }
    let output = service.stop().0.expect_code(0);
    assert_eq!(dropped(&output), 5 * 21, "{output}");
    // Standard error has a reader.
    assert_eq!(output.stderr.matches("] error 19 of it\n").count(), 5);
}

fn there_is_no_standard_input(runtime: Runtime) {
    let service = Service::start_as(runtime, SERVICE, |command| command.stdin("some"));
    assert_eq!(service.get("/stdin").text(), "0 bytes\n");
    let _ = service.stop().0.expect_code(0);
}
