//! Logs, a paragraph each.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};

use super::collector::{Record, Snapshot};
use super::layout::{Line, Page, Piece, glued, spaced, width, words};
use super::style::{Paint, Style};
use super::text::{NAME, attributes, body, clean, count, hex, offset, scope_name};
use super::traces::Names;

/// The columns of the times.
const TIME: usize = 10;

/// Draws all log records in order of time. `start` is the moment that times are counted from.
pub(super) fn draw(page: &mut Page<'_>, snapshot: &Snapshot, names: &Names<'_>, start: u64) {
    if snapshot.logs.is_empty() {
        return;
    }
    let style = page.style();
    page.blank();
    let separator = style.pick(" · ", ", ");
    page.text(
        0,
        vec![
            glued("Logs", Paint::Title),
            glued(
                format!("{separator}{}", count(snapshot.logs.len(), "record")),
                Paint::Faint,
            ),
        ],
    );
    let mut records: Vec<&Record<LogRecord>> =
        snapshot.logs.iter().map(|record| &**record).collect();
    records.sort_by_key(|record| time(&record.item));
    let repeats = Repeats::count(style, &records);
    let mut seen: HashMap<Likeness<'_>, usize> = HashMap::new();
    for record in records {
        let Some((likeness, group)) = repeats.of(record) else {
            draw_record(page, record, names, start);
            continue;
        };
        let seen = seen.entry(likeness).or_default();
        *seen += 1;
        if *seen <= repeats.limit {
            draw_record(page, record, names, start);
        }
        if *seen == repeats.limit && group.number > repeats.limit {
            let ellipsis = style.pick("…", "...");
            let more = group.number - repeats.limit;
            let text = format!(
                "{ellipsis} {more} more like it, the last at {}",
                offset(style, start, group.last)
            );
            page.text(TIME + 7, words(0, &text, Paint::Faint));
        }
    }
}

/// What makes records alike: scope, event name and message, but not attributes.
type Likeness<'a> = (&'a str, i32, &'a str, &'a str);

/// Records that are alike.
#[derive(Debug, Default)]
struct Alike {
    number: usize,
    last: u64,
}

/// How often records come that are alike.
#[derive(Debug)]
struct Repeats<'a> {
    limit: usize,
    groups: HashMap<Likeness<'a>, Alike>,
}

impl<'a> Repeats<'a> {
    fn count(style: &Style, records: &[&'a Record<LogRecord>]) -> Self {
        let mut groups: HashMap<Likeness<'a>, Alike> = HashMap::new();
        // At least one, for the others to be like.
        let limit = style.repeats.map(|limit| limit.max(1));
        if limit.is_some() {
            for &record in records {
                if let Some(likeness) = likeness(record) {
                    let group = groups.entry(likeness).or_default();
                    group.number += 1;
                    group.last = time(&record.item);
                }
            }
        }
        Self {
            limit: limit.unwrap_or(usize::MAX),
            groups,
        }
    }

    fn of(&self, record: &'a Record<LogRecord>) -> Option<(Likeness<'a>, &Alike)> {
        let likeness = likeness(record)?;
        self.groups.get(&likeness).map(|group| (likeness, group))
    }
}

/// Gives what a record has in common with others; nothing for warnings and worse, which are all worth a look, and
/// where there is neither an event name nor a message.
fn likeness(record: &Record<LogRecord>) -> Option<Likeness<'_>> {
    let log = &record.item;
    let message = match log.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::StringValue(text)) => text.as_str(),
        _ => "",
    };
    let grave = log.severity_number >= i32::from(SeverityNumber::Warn);
    if grave || (log.event_name.is_empty() && message.is_empty()) {
        return None;
    }
    let scope = &record.scope.scope.name;
    Some((scope, log.severity_number, &log.event_name, message))
}

/// When a record was made: what it says itself, or else when it was received.
pub(super) fn time(log: &LogRecord) -> u64 {
    if log.time_unix_nano == 0 {
        log.observed_time_unix_nano
    } else {
        log.time_unix_nano
    }
}

fn draw_record(page: &mut Page<'_>, record: &Record<LogRecord>, names: &Names<'_>, start: u64) {
    let style = page.style();
    let log = &record.item;
    let at = offset(style, start, time(log));
    let gap = TIME.saturating_sub(width(&at));
    let (severity, paint) = severity(log);
    let first = vec![
        spaced(gap, at, Paint::Faint),
        spaced(1, format!("{severity:<5}"), paint),
        spaced(1, "", Paint::Plain),
    ];
    let mut pieces: Vec<Piece> = Vec::new();
    let word = clean(style, &log.severity_text, NAME);
    if !word.is_empty() && !word.eq_ignore_ascii_case(severity) {
        pieces.extend(words(1, &format!("({word})"), paint));
    }
    let (scope, component) = scope_name(style, &record.scope);
    pieces.extend(words(1, &format!("{scope}{component}:"), Paint::Faint));
    if !log.event_name.is_empty() {
        let name = clean(style, &log.event_name, NAME);
        pieces.extend(words(1, &name, Paint::Strong));
    }
    if let Some(value) = &log.body {
        pieces.extend(words(1, &body(style, value), Paint::Plain));
    }
    pieces.extend(attributes(style, &log.attributes, 2));
    pieces.extend(span(style, log, names));
    page.line(Line {
        first,
        rest: vec![spaced(TIME + 9, "", Paint::Plain)],
        pieces,
        tail: Vec::new(),
    });
}

/// The severity by its number.
fn severity(log: &LogRecord) -> (&'static str, Paint) {
    match SeverityNumber::try_from(log.severity_number).unwrap_or_default() {
        SeverityNumber::Unspecified => ("", Paint::Plain),
        SeverityNumber::Trace => ("TRACE", Paint::Faint),
        SeverityNumber::Trace2 => ("TRACE2", Paint::Faint),
        SeverityNumber::Trace3 => ("TRACE3", Paint::Faint),
        SeverityNumber::Trace4 => ("TRACE4", Paint::Faint),
        SeverityNumber::Debug => ("DEBUG", Paint::Key),
        SeverityNumber::Debug2 => ("DEBUG2", Paint::Key),
        SeverityNumber::Debug3 => ("DEBUG3", Paint::Key),
        SeverityNumber::Debug4 => ("DEBUG4", Paint::Key),
        SeverityNumber::Info => ("INFO", Paint::Good),
        SeverityNumber::Info2 => ("INFO2", Paint::Good),
        SeverityNumber::Info3 => ("INFO3", Paint::Good),
        SeverityNumber::Info4 => ("INFO4", Paint::Good),
        SeverityNumber::Warn => ("WARN", Paint::Warning),
        SeverityNumber::Warn2 => ("WARN2", Paint::Warning),
        SeverityNumber::Warn3 => ("WARN3", Paint::Warning),
        SeverityNumber::Warn4 => ("WARN4", Paint::Warning),
        SeverityNumber::Error => ("ERROR", Paint::Bad),
        SeverityNumber::Error2 => ("ERROR2", Paint::Bad),
        SeverityNumber::Error3 => ("ERROR3", Paint::Bad),
        SeverityNumber::Error4 => ("ERROR4", Paint::Bad),
        SeverityNumber::Fatal => ("FATAL", Paint::Bad),
        SeverityNumber::Fatal2 => ("FATAL2", Paint::Bad),
        SeverityNumber::Fatal3 => ("FATAL3", Paint::Bad),
        SeverityNumber::Fatal4 => ("FATAL4", Paint::Bad),
    }
}

/// The span that a record belongs to: its name where it is known.
fn span(style: &Style, log: &LogRecord, names: &Names<'_>) -> Vec<Piece> {
    if log.span_id.iter().all(|&byte| byte == 0) {
        return Vec::new();
    }
    let arrow = style.pick("← ", "< ");
    let mut pieces = vec![spaced(2, arrow, Paint::Faint)];
    match names.get(&(log.trace_id.as_slice(), log.span_id.as_slice())) {
        Some(name) => pieces.extend(words(0, &clean(style, name, NAME), Paint::Faint)),
        None => pieces.push(glued(format!("span {}", hex(&log.span_id)), Paint::Faint)),
    }
    pieces
}
