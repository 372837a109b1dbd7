//! Draws log records, one paragraph each.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use wasmscope_otlp::memory::{Record, Snapshot};

use super::fold::FAILED;
use super::layout::{Line, Page, Piece, glued, spaced, width, words};
use super::style::{Paint, Style};
use super::text::{NAME, attributes, body, clean, count, hex, offset, scope_name};
use super::traces::Names;

/// The width of the time column.
const TIME: usize = 10;

/// The most ordinary records in the view, and the most warnings and errors.
const RECORDS: usize = 200;

/// Draws all log records in order of time, with times relative to `start`.
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
    let mut seen: HashMap<SimilarityKey<'_>, usize> = HashMap::new();
    let mut shown = [0, 0];
    let mut left_out = [0, 0];
    for record in records {
        let severe = usize::from(is_warning_or_worse(&record.item));
        let limit = repeats.limit(severe == 1);
        let alike = repeats.of(record);
        let number = alike.as_ref().map_or(0, |(similarity_key, _)| {
            let seen = seen.entry(*similarity_key).or_default();
            *seen += 1;
            *seen
        });
        if shown[severe] >= repeats.in_all {
            left_out[severe] += 1;
            continue;
        }
        let folds = alike.filter(|(_, group)| group.number > limit + 1);
        if folds.is_none() || number <= limit {
            draw_record(page, record, names, start);
            shown[severe] += 1;
        }
        if let Some((_, group)) = folds.filter(|_| number == limit) {
            let ellipsis = page.fold();
            let more = group.number - limit;
            let text = format!(
                "{ellipsis} {more} more like it, the last at {}",
                offset(style, start, group.last)
            );
            page.text(TIME + 7, words(0, &text, Paint::Faint));
        }
    }
    rest(page, left_out);
}

/// Reports how many ordinary records and how many warnings and errors were left out for length.
fn rest(page: &mut Page<'_>, [ordinary, severe]: [usize; 2]) {
    if ordinary + severe == 0 {
        return;
    }
    let ellipsis = page.fold();
    let mut text = format!("{ellipsis} {}", count(ordinary + severe, "more record"));
    if severe > 0 {
        text.push_str(&format!(", {severe} of them warnings or errors"));
    }
    page.text(TIME + 7, words(0, &text, Paint::Warning));
}

/// The key of similar records: scope, severity, event name and message, but not attributes.
type SimilarityKey<'a> = (&'a str, i32, &'a str, &'a str);

/// Counts of similar records.
#[derive(Debug, Default)]
struct SimilarCount {
    number: usize,
    last: u64,
}

/// How often similar records occur.
#[derive(Debug)]
struct Repeats<'a> {
    /// How many similar ordinary records are shown.
    ordinary: usize,
    /// How many ordinary records are shown in total, and how many warnings and errors.
    in_all: usize,
    groups: HashMap<SimilarityKey<'a>, SimilarCount>,
}

impl<'a> Repeats<'a> {
    fn count(style: &Style, records: &[&'a Record<LogRecord>]) -> Self {
        let mut groups: HashMap<SimilarityKey<'a>, SimilarCount> = HashMap::new();
        if style.repeats.is_some() {
            for &record in records {
                if let Some(similarity_key) = similarity_key(record) {
                    let group = groups.entry(similarity_key).or_default();
                    group.number += 1;
                    group.last = time(&record.item);
                }
            }
        }
        Self {
            // At least one record is shown, for the summary to refer to.
            ordinary: style.repeats.map_or(usize::MAX, |limit| limit.max(1)),
            in_all: style.repeats.map_or(usize::MAX, |_| RECORDS),
            groups,
        }
    }

    /// Returns how many similar records are shown.
    fn limit(&self, severe: bool) -> usize {
        if severe {
            self.ordinary.max(FAILED)
        } else {
            self.ordinary
        }
    }

    fn of(&self, record: &'a Record<LogRecord>) -> Option<(SimilarityKey<'a>, &SimilarCount)> {
        let similarity_key = similarity_key(record)?;
        self.groups
            .get(&similarity_key)
            .map(|group| (similarity_key, group))
    }
}

/// Returns the key that similar records share, or `None` if there is neither an event name nor a
/// message.
fn similarity_key(record: &Record<LogRecord>) -> Option<SimilarityKey<'_>> {
    let log = &record.item;
    let message = match log.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::StringValue(text)) => text.as_str(),
        _ => "",
    };
    if log.event_name.is_empty() && message.is_empty() {
        return None;
    }
    let scope = &record.scope.scope.name;
    Some((scope, log.severity_number, &log.event_name, message))
}

/// Returns whether a record is a warning or worse. More of these are shown.
fn is_warning_or_worse(log: &LogRecord) -> bool {
    log.severity_number >= i32::from(SeverityNumber::Warn)
}

/// Returns a record's own time, or else the time when it was received.
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
    let lines = log.body.as_ref().map(|value| body(style, value));
    let mut lines = lines.unwrap_or_default().into_iter();
    if let Some(line) = lines.next() {
        pieces.extend(words(1, &line, Paint::Plain));
    }
    let (indent, further) = (TIME + 9, lines.len());
    let put = |page: &mut Page<'_>, first, pieces| {
        page.line(Line {
            first,
            rest: vec![spaced(indent, "", Paint::Plain)],
            pieces,
            tail: Vec::new(),
        });
    };
    let first = if further > 0 {
        put(page, first, std::mem::take(&mut pieces));
        for line in lines {
            // A line's indentation is kept, so it is one piece instead of words.
            put(
                page,
                vec![spaced(indent, "", Paint::Plain)],
                vec![glued(line, Paint::Plain)],
            );
        }
        vec![spaced(indent, "", Paint::Plain)]
    } else {
        first
    };
    pieces.extend(attributes(style, &log.attributes, 2));
    pieces.extend(span(style, log, names));
    if !pieces.is_empty() {
        put(page, first, pieces);
    }
}

/// Returns the name and colour of a severity number.
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

/// Returns the name of a record's span, or its id if the name is not known.
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
