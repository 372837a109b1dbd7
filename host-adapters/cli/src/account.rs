//! The summary of lost, dropped and shortened telemetry at the end of a run.

use crate::messages::say;
use wasmscope_telemetry::Limits;
use wasmscope_telemetry::dropped::DroppedCount;
use wasmscope_telemetry::pipeline::Report;

/// Says what was lost on its way out, and what was dropped or shortened before that.
pub(crate) fn account(report: &Report, limits: &Limits) {
    for line in lines(report, limits) {
        say!("wasmscope: {line}");
    }
}

fn lines(report: &Report, limits: &Limits) -> Vec<String> {
    let mut lines = Vec::new();
    if report.lost() > 0 {
        lines.push(report.to_string());
    }
    if !report.complete {
        lines.push(String::from(
            "the telemetry could not be delivered in time: raise --flush-timeout, or look at the collector",
        ));
    }
    let dropped = || {
        let dropped = report.dropped.iter();
        dropped.filter(|dropped| !dropped.reason.is_of_the_export())
    };
    lines.extend(dropped().map(|dropped| line(dropped, limits)));
    let mut exceeded = dropped().filter_map(|dropped| dropped.reason.limit());
    if let Some(limit) = exceeded.next() {
        let more = if exceeded.next().is_some() {
            ",…"
        } else {
            ""
        };
        lines.push(format!(
            "to raise a limit, set WASMSCOPE_LIMITS={}=NUMBER{more}; docs/telemetry.md lists all reasons",
            limit.name
        ));
    } else if dropped().next().is_some() {
        lines.push(String::from("docs/telemetry.md lists all reasons"));
    }
    lines
}

/// Says how much was dropped for one reason, such as
/// `dropped or shortened: 2 items of traces, span_attributes (limit 128): "a", "b"`.
fn line(dropped: &DroppedCount, limits: &Limits) -> String {
    let DroppedCount {
        signal,
        reason,
        count,
        names,
        ..
    } = dropped;
    let items = if *count == 1 { "item" } else { "items" };
    let mut line = format!(
        "dropped or shortened: {count} {items} of {}, {}",
        signal.as_str(),
        reason.as_str()
    );
    if let Some(value) = reason.limit().and_then(|limit| limit.get(limits)) {
        line += &format!(" (limit {value})");
    }
    // They are escaped already.
    for (at, name) in names.iter().enumerate() {
        line += if at == 0 { ": " } else { ", " };
        line += &format!("\"{name}\"");
    }
    line
}
