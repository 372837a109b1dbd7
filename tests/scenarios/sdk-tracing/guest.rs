//! The `tracing` API with its defaults.

use std::fmt;

use tracing::{Level, Span, debug, error, event, field, info, info_span, instrument, trace, warn};

fn main() {
    let _telemetry = wasmscope::init();
    let outer = info_span!(
        "outer",
        text = "a",
        yes = true,
        int = -1i64,
        big = u64::MAX,
        float = 0.5,
        later = field::Empty
    );
    outer.in_scope(|| {
        Span::current().record("later", "recorded");
        let total = sum(&[1, 2, 3]);
        println!("sum {total}");
        let failed = parse("x");
        println!("parse failed: {}", failed.is_err());
        otel_fields();
        links();
        events();
    });
}

#[instrument(fields(count = numbers.len()), ret)]
fn sum(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

#[instrument(err)]
fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

fn otel_fields() {
    let span = info_span!(
        "static name",
        otel.name = "dynamic name",
        otel.kind = "client",
        otel.status_code = "error",
        otel.status_description = "no answer",
    );
    span.in_scope(|| {});
    let span = info_span!("ok", otel.status_code = field::Empty);
    span.record("otel.status_code", "ok");
    drop(span);
}

fn links() {
    let first = info_span!("first");
    let second = info_span!("second, follows from the first");
    second.follows_from(&first);
    drop(first);
    let _entered = second.enter();
    info_span!(parent: None, "root").in_scope(|| info_span!("beneath the root").in_scope(|| {}));
}

#[derive(Debug)]
struct Broken(std::num::ParseIntError);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is broken")
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn events() {
    let _span = info_span!("events").entered();
    trace!("below the threshold");
    debug!("at the threshold");
    info!(int = 1, float = 0.5, yes = true, text = "a", debugged = ?Some(1), shown = %2, "with fields: {}", 3);
    info!(target: "quiet", "not listened to");
    info!(target: "another::target", "with a target of its own");
    info!(name: "named.event", { answer = 42 }, "an event with a name");
    event!(Level::WARN, "a warning");
    let broken = Broken("x".parse::<u8>().expect_err("not a number"));
    warn!(error = &broken as &dyn std::error::Error, "with an error");
    let bytes: &[u8] = &[0, 255];
    info!(bytes = bytes, "bytes");
    let failed = info_span!("an error event makes it an error");
    failed.in_scope(|| error!("went wrong"));
    let failed = info_span!("an exception");
    failed.in_scope(|| error!(error = &broken as &dyn std::error::Error));
    warn!(parent: &failed, "of a given span");
}
