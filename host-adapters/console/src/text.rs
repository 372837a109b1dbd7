//! Formats guests' strings and values so that they are safe to show: escapes characters that
//! control a terminal or reorder text, and shortens long texts.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use unicode_width::UnicodeWidthChar;
use wasmscope_otlp::memory::{ResourceInfo, ScopeInfo};
use wasmscope_telemetry::emitted::attribute;

use super::layout::{Piece, glued, spaced, width};
use super::location::Location;
use super::style::{Paint, Style};

/// The longest name, in columns.
pub(super) const NAME: usize = 80;

/// The longest value of an attribute, in columns.
pub(super) const VALUE: usize = 160;

/// The longest log body, in columns.
pub(super) const BODY: usize = 600;

/// The most lines of a log body.
const BODY_LINES: usize = 24;

/// The deepest nesting of a value that is shown. The core allows 32 levels; other sources may allow
/// more.
const DEPTH: usize = 40;

/// Text with a limit on its columns, beyond which it ends in an ellipsis.
#[derive(Debug)]
struct Limited<'s> {
    style: &'s Style,
    text: String,
    column: usize,
    letters: usize,
    limit: usize,
    full: bool,
}

impl<'s> Limited<'s> {
    fn new(style: &'s Style, limit: usize) -> Self {
        Self {
            style,
            text: String::new(),
            column: 0,
            letters: 0,
            limit,
            full: false,
        }
    }

    fn push(&mut self, part: &str) {
        for letter in part.chars() {
            let wide = letter.width().unwrap_or(0);
            // Characters are limited too: combining marks take no column and can be stacked without
            // end.
            if self.full || self.column + wide > self.limit || self.letters >= self.limit * 4 {
                self.full = true;
                return;
            }
            self.column += wide;
            self.letters += 1;
            self.text.push(letter);
        }
    }

    /// Appends a guest's text, escaped.
    fn push_escaped(&mut self, text: &str, quoted: bool) {
        let mut buffer = [b'x', 0, 0, 0, 0];
        for letter in text.chars() {
            if self.full {
                return;
            }
            match letter {
                '"' | '\\' if quoted => {
                    self.push("\\");
                    self.push(letter.encode_utf8(&mut buffer));
                }
                ' '..='~' => self.push(letter.encode_utf8(&mut buffer)),
                _ if !self.style.unicode || letter.is_ascii() => {
                    self.push(&letter.escape_default().to_string());
                }
                // `str::escape_debug` escapes non-printable characters, including those that
                // reorder text. It also escapes a combining mark at the start, so a letter is put
                // before it.
                _ => {
                    buffer[0] = b'x';
                    let end = 1 + letter.encode_utf8(&mut buffer[1..]).len();
                    let with_letter = std::str::from_utf8(&buffer[..end]).unwrap_or("x?");
                    let escaped: String = with_letter.escape_debug().skip(1).collect();
                    self.push(&escaped);
                }
            }
        }
    }

    fn finish(mut self) -> String {
        if self.full {
            self.text.push_str(self.style.pick("…", "..."));
        }
        self.text
    }
}

/// Escapes a guest's text, and shortens it to `limit` columns.
pub(super) fn clean(style: &Style, text: &str, limit: usize) -> String {
    let mut limited = Limited::new(style, limit);
    limited.push_escaped(text, false);
    limited.finish()
}

/// Escapes a guest's path. Keeps the end of a long path, from a `/` if possible, because the file
/// name is there.
fn clean_end(style: &Style, path: &str, limit: usize) -> String {
    // An escaped character takes at least one column.
    let start = path.char_indices().rev().nth(limit - 1);
    let end = start.map_or(path, |(at, _)| &path[at..]);
    let whole = clean(style, end, usize::MAX / 8);
    if end.len() == path.len() && width(&whole) <= limit {
        return whole;
    }
    let mut kept: &str = &whole;
    while width(kept) > limit {
        kept = kept.get(kept.ceil_char_boundary(1)..).unwrap_or_default();
    }
    let kept = kept.find('/').map_or(kept, |at| &kept[at..]);
    format!("{}{kept}", style.pick("…", "..."))
}

/// Formats a value. A string is quoted only if it could be mistaken for another kind of value.
pub(super) fn value(style: &Style, value: Option<&AnyValue>, limit: usize) -> String {
    let mut limited = Limited::new(style, limit);
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) if is_bare(text) => limited.push_escaped(text, false),
        other => push_value(&mut limited, other, 0),
    }
    limited.finish()
}

/// Formats a log's body as lines of text. A string is never quoted, because it cannot be mistaken
/// there.
///
/// Shows the first lines of a long text, and how many more there are.
pub(super) fn body(style: &Style, body: &AnyValue) -> Vec<String> {
    let Some(Value::StringValue(text)) = &body.value else {
        return vec![value(style, Some(body), BODY)];
    };
    let all = text.trim_end().lines().count();
    if all <= 1 {
        return vec![clean(style, text.trim_end_matches(['\r', '\n']), BODY)];
    }
    // Tabs are shown as indentation.
    let shown = text.lines().take(BODY_LINES);
    let mut lines: Vec<String> = shown
        .map(|line| clean(style, &line.replace('\t', "    "), VALUE))
        .collect();
    lines.truncate(all);
    if all > BODY_LINES {
        lines.push(format!(
            "{} {} more lines",
            style.pick("…", "..."),
            all - BODY_LINES
        ));
    }
    lines
}

fn is_bare(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(|letter: char| {
            letter.is_whitespace() || letter.is_control() || "\"\\={}[],".contains(letter)
        })
        && text.parse::<f64>().is_err()
        && !matches!(text, "true" | "false" | "null")
}

fn push_value(out: &mut Limited<'_>, value: Option<&Value>, depth: usize) {
    if out.full {
        return;
    }
    if depth > DEPTH {
        out.full = true;
        return;
    }
    match value {
        None => out.push("null"),
        Some(Value::StringValue(text)) => {
            out.push("\"");
            out.push_escaped(text, true);
            out.push("\"");
        }
        Some(Value::BoolValue(value)) => out.push(if *value { "true" } else { "false" }),
        Some(Value::IntValue(value)) => out.push(&value.to_string()),
        Some(Value::DoubleValue(value)) => out.push(&double(*value)),
        Some(Value::StringValueStrindex(index)) => out.push(&format!("string #{index}")),
        Some(Value::BytesValue(bytes)) => {
            out.push("0x");
            for byte in bytes {
                if out.full {
                    return;
                }
                out.push(&format!("{byte:02x}"));
            }
        }
        Some(Value::ArrayValue(array)) => {
            out.push("[");
            for (index, value) in array.values.iter().enumerate() {
                if out.full {
                    return;
                }
                out.push(if index == 0 { "" } else { ", " });
                push_value(out, value.value.as_ref(), depth + 1);
            }
            out.push("]");
        }
        Some(Value::KvlistValue(map)) => {
            out.push("{");
            for (index, entry) in map.values.iter().enumerate() {
                if out.full {
                    return;
                }
                out.push(if index == 0 { "" } else { ", " });
                if is_bare(&entry.key) && !entry.key.contains(':') {
                    out.push_escaped(&entry.key, false);
                } else {
                    push_value(out, Some(&Value::StringValue(entry.key.clone())), depth);
                }
                out.push(": ");
                let value = entry.value.as_ref().and_then(|value| value.value.as_ref());
                push_value(out, value, depth + 1);
            }
            out.push("}");
        }
    }
}

/// Formats attributes as pieces `key=value`, the first after `gap` blanks. The source location
/// comes last, as one piece.
pub(super) fn attributes(style: &Style, attributes: &[KeyValue], gap: usize) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(attributes.len() * 2);
    let location = Location::of(attributes);
    for attribute in attributes {
        if location
            .as_ref()
            .is_some_and(|location| location.covers(attribute))
        {
            continue;
        }
        let key = clean(style, &attribute.key, NAME);
        let gap = if pieces.is_empty() { gap } else { 2 };
        pieces.push(spaced(gap, format!("{key}="), Paint::Key));
        pieces.push(glued(
            value(style, attribute.value.as_ref(), VALUE),
            Paint::Plain,
        ));
    }
    if let Some(location) = location {
        let gap = if pieces.is_empty() { gap } else { 2 };
        let (file, line) = location.parts();
        let file = clean_end(style, file, NAME);
        pieces.push(spaced(gap, format!("at {file}:{line}"), Paint::Faint));
    }
    pieces
}

/// Formats a floating-point number exactly, without hundreds of digits.
pub(super) fn double(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && size.is_finite() && !(1e-5..1e16).contains(&size) {
        format!("{value:e}")
    } else if size.is_finite() && value.fract() == 0.0 {
        format!("{value:.1}")
    } else {
        value.to_string()
    }
}

/// Formats a metric's number: without `.0`, and with an exponent only if it would have many digits.
pub(super) fn number(value: f64) -> String {
    let text = double(value);
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Formats a duration in nanoseconds with three digits and a suitable unit.
pub(super) fn duration(style: &Style, nanoseconds: u64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "three digits are shown, and all of them are right"
    )]
    let value = nanoseconds as f64;
    let three = |value: f64, unit: &str| {
        if value < 9.995 {
            format!("{value:.2} {unit}")
        } else if value < 99.95 {
            format!("{value:.1} {unit}")
        } else {
            format!("{value:.0} {unit}")
        }
    };
    let seconds = nanoseconds / 1_000_000_000;
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..999_500 => three(value / 1e3, style.pick("µs", "us")),
        999_500..999_500_000 => three(value / 1e6, "ms"),
        999_500_000..60_000_000_000 => three(value / 1e9, "s"),
        60_000_000_000..3_600_000_000_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600_000_000_000..86_400_000_000_000 => {
            format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60)
        }
        86_400_000_000_000.. => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Formats the time between two moments with its sign: guests may set any times.
pub(super) fn offset(style: &Style, from: u64, to: u64) -> String {
    let sign = if to < from { '-' } else { '+' };
    format!("{sign}{}", duration(style, to.abs_diff(from)))
}

/// Returns the name of the service that a resource describes.
pub(super) fn service(style: &Style, resource: &ResourceInfo) -> Option<String> {
    let mut attributes = resource.resource.attributes.iter();
    let name = attributes.find(|known| known.key == attribute::SERVICE_NAME.key)?;
    Some(value(style, name.value.as_ref(), NAME))
}

/// Formats a scope's name, its version and, if it has a different name, its component.
pub(super) fn scope_label(style: &Style, scope: &ScopeInfo) -> String {
    let version = match scope.scope.version.as_str() {
        "" => String::new(),
        version => format!(" {}", clean(style, version, NAME)),
    };
    let (name, component) = scope_name(style, scope);
    format!("{name}{version}{component}")
}

/// Returns a scope's name, and ` in ` with its component unless the name starts with that.
pub(super) fn scope_name(style: &Style, scope: &ScopeInfo) -> (String, String) {
    let name = if scope.scope.name.is_empty() {
        "unnamed scope".to_owned()
    } else {
        clean(style, &scope.scope.name, NAME)
    };
    let component = scope
        .scope
        .attributes
        .iter()
        .find(|given| given.key == attribute::COMPONENT_NAME.key)
        .map(|attribute| value(style, attribute.value.as_ref(), NAME))
        .filter(|component| name.split(':').next() != Some(component))
        .map(|component| format!(" in {component}"))
        .unwrap_or_default();
    (name, component)
}

/// Formats a count such as `1 span` or `2 spans`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Formats an id in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{clean_end, double, duration, number, offset, width};
    use crate::Style;

    #[test]
    fn durations_have_three_digits_and_a_suitable_unit() {
        let style = Style::default();
        for (nanoseconds, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_996, "10.0 µs"),
            (99_960, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (999_500_000, "1.00 s"),
            (59_990_000_000, "60.0 s"),
            (60_000_000_000, "1m00s"),
            (3_599_999_999_999, "59m59s"),
            (3_600_000_000_000, "1h00m"),
            (86_400_000_000_000, "1d00h"),
            (u64::MAX, "213503d23h"),
        ] {
            assert_eq!(duration(&style, nanoseconds), expected);
        }
        assert_eq!(offset(&style, 5, 3), "-2 ns");
        assert_eq!(offset(&style, 0, u64::MAX), "+213503d23h");
    }

    #[test]
    fn metric_numbers_have_one_format() {
        for (value, expected) in [
            (48_000.0, "48000"),
            (-0.0, "-0"),
            (0.00086, "0.00086"),
            (8.6e-4, "0.00086"),
            (2.5, "2.5"),
            (1e16, "1e16"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn a_long_path_keeps_its_end() {
        let style = Style::default();
        let path = format!("/home/{}src/stock.rs", "deep/".repeat(30));
        let shown = clean_end(&style, &path, 30);
        assert_eq!(shown, "…/deep/deep/deep/src/stock.rs");
        assert_eq!(clean_end(&style, "src/a.rs", 30), "src/a.rs");
        let hostile = "\u{1b}[2J".repeat(50);
        let shown = clean_end(&style, &hostile, 30);
        assert!(width(&shown) <= 31 && !shown.contains('\u{1b}'), "{shown}");
        assert!(clean_end(&style, &"x".repeat(100), 30).ends_with("xxx"));
    }

    #[test]
    fn numbers_are_exact_and_short() {
        for (number, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (42.0, "42.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e16"),
            (1.5e-7, "1.5e-7"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(double(number), expected);
        }
    }
}
