//! The calling half of the shop: reads requests as JSON lines, checks them, calls the component
//! `pricing` to answer them, and writes the answers.
//!
//! `pricing` is another component, which this one imports. `cargo xtask guests` composes the two,
//! as `wac plug` would. In the trace, the spans of `pricing` are children of this component's.

mod answer;
mod request;
mod sessions;
mod telemetry;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::process::ExitCode;

use answer::{Answer, Outcome};
use request::{Problem, Request};
use sessions::Sessions;

mod imported {
    wit_bindgen::generate!({
        path: "../pricing/wit",
        world: "client",
    });
}

const USAGE: &str = "\
usage: gateway [FILE]

Reads requests from FILE, or from standard input, one JSON object a line, and writes an answer to each to standard output.";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let file = args.next().filter(|file| file != "-");
    if args.next().is_some() || file.as_ref().is_some_and(|file| file.starts_with('-')) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let _telemetry = telemetry::start();
    match serve(file.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers the requests in sequence.
#[tracing::instrument(name = "serve", skip_all, err, fields(source = file.unwrap_or("stdin")))]
fn serve(file: Option<&str>) -> io::Result<()> {
    let input: Box<dyn BufRead> = match file {
        Some(path) => Box::new(BufReader::new(File::open(path)?)),
        None => Box::new(io::stdin().lock()),
    };
    let mut output = io::stdout().lock();
    let mut sessions = Sessions::default();
    let mut requests = 0_u32;
    for line in input.lines() {
        let line = line?;
        telemetry::read(line.len() + 1);
        if line.trim().is_empty() {
            continue;
        }
        requests += 1;
        serde_json::to_writer(&mut output, &handle(&line, &mut sessions))?;
        output.write_all(b"\n")?;
        // The client may be waiting for the answer.
        output.flush()?;
    }
    tracing::info!(requests, "all requests are answered");
    Ok(())
}

/// Answers one request.
#[tracing::instrument(name = "request", skip_all, fields(otel.kind = "server", request.id, request.action, error.type))]
fn handle(line: &str, sessions: &mut Sessions) -> Answer {
    let mut action = "none";
    let (id, result) = match Request::parse(line) {
        Ok(request) => {
            action = request.action.name();
            tracing::Span::current()
                .record("request.id", &request.id)
                .record("request.action", action);
            // Baggage reaches every call into the other component, which adds it to its logs.
            let _baggage = telemetry::name_request(&request.id);
            let checked = request.action.check();
            let result = checked.and_then(|()| sessions.act(request.action));
            (Some(request.id), result)
        }
        Err(problem) => (None, Err(problem)),
    };
    telemetry::answered(action, result.as_ref().err().map(Problem::reason));
    let outcome = result.unwrap_or_else(|problem| {
        // The error is the client's and not the gateway's, so the span is not marked as failed.
        tracing::Span::current().record("error.type", problem.reason());
        tracing::warn!(reason = problem.reason(), "request refused: {problem}");
        Outcome::Refused {
            reason: problem.reason(),
            detail: problem.to_string(),
        }
    });
    Answer { id, outcome }
}
