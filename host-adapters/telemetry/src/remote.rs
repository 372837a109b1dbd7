//! Validates remote contexts by the rules of W3C Trace Context (level 2) and W3C Baggage.
//!
//! The SDK's propagators cannot be used: they lose the random flag, values that contain `=`, the
//! order of baggage, and the fact that a part was invalid, which must be counted.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::attributes::Rules;
use crate::dropped::Reason;
use crate::limits::TRACE_STATE_ENTRIES;
use crate::model::{BaggageEntry, RemoteContext};

/// The flags of level 2: sampled and random.
const KNOWN_FLAGS: u8 = 0b11;

/// Entries longer than this are dropped first if a `tracestate` is too long.
const LONG_TRACE_STATE_MEMBER: usize = 128;

/// Validates a remote context. Returns `None` and counts the drop if it is invalid.
pub(crate) fn context(remote: &RemoteContext, rules: Rules<'_>) -> Option<SpanContext> {
    let (high, low) = remote.trace_id;
    let trace_id = TraceId::from(u128::from(high) << 64 | u128::from(low));
    let span_id = SpanId::from(remote.span_id);
    if trace_id == TraceId::INVALID || span_id == SpanId::INVALID {
        rules.count(Reason::InvalidContext, 1);
        return None;
    }
    let flags = TraceFlags::new(remote.trace_flags & KNOWN_FLAGS);
    let state = trace_state(&remote.trace_state, rules);
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}

/// Parses a `traceparent` and a `tracestate` header. Returns `None` and counts the drop if the
/// `traceparent` is malformed.
pub(crate) fn headers(
    traceparent: &str,
    tracestate: &str,
    rules: Rules<'_>,
) -> Option<SpanContext> {
    let Some(remote) = parse_traceparent(traceparent.trim_matches([' ', '\t'])) else {
        rules.count(Reason::InvalidContext, 1);
        return None;
    };
    context(
        &RemoteContext {
            trace_state: tracestate.to_owned(),
            ..remote
        },
        rules,
    )
}

/// Returns the trace of a `traceparent` header. `None` if the header is malformed.
pub(crate) fn trace_id(header: &str) -> Option<TraceId> {
    let (high, low) = parse_traceparent(header.trim_matches([' ', '\t']))?.trace_id;
    Some(TraceId::from(u128::from(high) << 64 | u128::from(low)))
}

/// Writes a `traceparent` header.
pub(crate) fn traceparent_of(context: &SpanContext) -> String {
    let flags = context.trace_flags().to_u8() & KNOWN_FLAGS;
    let (trace, span) = (context.trace_id(), context.span_id());
    format!("00-{trace}-{span}-{flags:02x}")
}

/// Returns whether a `traceparent` header is valid.
pub(crate) fn is_traceparent(header: &str) -> bool {
    let remote = parse_traceparent(header.trim_matches([' ', '\t']));
    remote.is_some_and(|remote| remote.trace_id != (0, 0) && remote.span_id != 0)
}

/// Returns whether a `tracestate` header is valid.
pub(crate) fn is_trace_state(header: &str) -> bool {
    trace_state_members(header).is_some()
}

/// Returns the number of malformed members of a `baggage` header.
pub(crate) fn malformed_baggage(header: &str) -> usize {
    let members = header
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']))
        .filter(|member| !member.is_empty());
    let is_malformed =
        |member: &&str| !baggage_member(member).is_some_and(|entry| is_token(&entry.key));
    members.filter(is_malformed).count()
}

fn parse_traceparent(header: &str) -> Option<RemoteContext> {
    // Version 00 has exactly these 55 bytes. Later versions may have more after another dash.
    let (fixed, rest) = header.split_at_checked(55)?;
    let mut fields = fixed.split('-');
    let version = hex(fields.next()?, 2)?;
    let trace_id = fields.next().filter(|field| field.len() == 32)?;
    let (high, low) = trace_id.split_at_checked(16)?;
    let trace_id = (hex(high, 16)?, hex(low, 16)?);
    let span_id = hex(fields.next()?, 16)?;
    let trace_flags = u8::try_from(hex(fields.next()?, 2)?).ok()?;
    let rest_is_valid = rest.is_empty() || version > 0 && rest.starts_with('-');
    (version != 0xff && fields.next().is_none() && rest_is_valid).then(|| RemoteContext {
        trace_id,
        span_id,
        trace_flags,
        trace_state: String::new(),
    })
}

/// Parses exactly `digits` lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u64> {
    let valid =
        text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    // `from_str_radix` alone would accept a sign and capitals.
    valid.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// Parses a `tracestate`. Returns an empty one and counts the drop if it is invalid.
fn trace_state(header: &str, rules: Rules<'_>) -> TraceState {
    if header.is_empty() {
        return TraceState::NONE;
    }
    let Some(mut members) = trace_state_members(header) else {
        rules.count(Reason::InvalidTraceState, 1);
        return TraceState::NONE;
    };
    let left_out = shorten_trace_state(&mut members, rules.limits.trace_state_bytes);
    match TraceState::from_key_value(members) {
        Ok(state) => {
            rules.count(Reason::TraceStateBytes, left_out);
            state
        }
        Err(_) => {
            // The API crate is stricter than level 2 about `@` in a key.
            rules.count(Reason::InvalidTraceState, 1);
            TraceState::NONE
        }
    }
}

fn trace_state_members(header: &str) -> Option<Vec<(&str, &str)>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    for member in header.split(',') {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        let known = members.iter().any(|(other, _)| *other == key);
        if known
            || members.len() == TRACE_STATE_ENTRIES
            || !trace_state_key_is_valid(key)
            || !trace_state_value_is_valid(value)
        {
            return None;
        }
        members.push((key, value));
    }
    Some(members)
}

/// <https://www.w3.org/TR/trace-context-2/#key>
fn trace_state_key_is_valid(key: &str) -> bool {
    let starts = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let continues = |b: u8| starts(b) || matches!(b, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= 256 && key.bytes().next().is_some_and(starts) && key.bytes().all(continues)
}

/// <https://www.w3.org/TR/trace-context-2/#value>
fn trace_state_value_is_valid(value: &str) -> bool {
    let printable = |b: u8| matches!(b, 0x20..=0x7e) && b != b',' && b != b'=';
    !value.is_empty() && value.len() <= 256 && value.bytes().all(printable) && !value.ends_with(' ')
}

/// Drops long members first, then the last ones, as section 3.3.1.5 of the recommendation says.
/// Returns the number of dropped members.
fn shorten_trace_state(members: &mut Vec<(&str, &str)>, limit: usize) -> u64 {
    let length = |(key, value): &(&str, &str)| key.len() + 1 + value.len();
    let mut total = members
        .iter()
        .map(|member| length(member) + 1)
        .sum::<usize>()
        .saturating_sub(1);
    let mut left_out = 0;
    while total > limit && !members.is_empty() {
        let last_long = members
            .iter()
            .rposition(|member| length(member) > LONG_TRACE_STATE_MEMBER);
        let member = members.remove(last_long.unwrap_or(members.len() - 1));
        total = total.saturating_sub(length(&member) + 1);
        left_out += 1;
    }
    left_out
}

/// Validates baggage entries. A later entry replaces an earlier one with the same key. Invalid
/// entries and entries beyond the limits are dropped and counted.
pub(crate) fn baggage(
    given: impl IntoIterator<Item = BaggageEntry>,
    rules: Rules<'_>,
) -> Vec<BaggageEntry> {
    let mut kept: Vec<BaggageEntry> = Vec::new();
    let mut bytes = 0usize;
    for mut entry in given {
        if !is_token(&entry.key) {
            rules.count_named(Reason::InvalidBaggage, &entry.key);
            continue;
        }
        let is_valid = |b: u8| matches!(b, b'\t' | 0x20..=0x7e) && b != b',';
        let has_valid_properties = entry.metadata.bytes().all(is_valid);
        if !has_valid_properties {
            entry.metadata = String::new();
        }
        let known = kept.iter().position(|other| other.key == entry.key);
        let freed = known.map_or(0, |known| baggage_bytes(&kept[known]));
        let total = bytes - freed + baggage_bytes(&entry);
        if total > rules.limits.baggage_bytes {
            rules.count_named(Reason::BaggageBytes, &entry.key);
            continue;
        }
        if known.is_none() && kept.len() >= rules.limits.baggage_entries {
            rules.count_named(Reason::BaggageEntries, &entry.key);
            continue;
        }
        if !has_valid_properties {
            rules.count_named(Reason::InvalidBaggage, &entry.key);
        }
        match known {
            Some(known) => kept[known] = entry,
            None => kept.push(entry),
        }
        bytes = total;
    }
    kept
}

fn baggage_bytes(entry: &BaggageEntry) -> usize {
    entry.key.len() + entry.value.len() + entry.metadata.len()
}

/// Parses a `baggage` header.
pub(crate) fn baggage_header(header: &str, rules: Rules<'_>) -> Vec<BaggageEntry> {
    let members = header
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']));
    let entries = members
        .filter(|member| !member.is_empty())
        .filter_map(|member| {
            let entry = baggage_member(member);
            if entry.is_none() {
                rules.count(Reason::InvalidBaggage, 1);
            }
            entry
        });
    baggage(entries, rules)
}

fn baggage_member(member: &str) -> Option<BaggageEntry> {
    let (pair, properties) = member.split_once(';').unwrap_or((member, ""));
    let (key, value) = pair.split_once('=')?;
    // Bytes that are not UTF-8 become U+FFFD, and a `%` without a valid code stays as it is (W3C
    // Baggage, "value"): one bad value must not lose the rest.
    let value = percent_decode_str(value.trim_matches([' ', '\t']))
        .decode_utf8_lossy()
        .into_owned();
    Some(BaggageEntry {
        key: key.trim_matches([' ', '\t']).to_owned(),
        value,
        metadata: properties.trim_matches([' ', '\t']).to_owned(),
    })
}

/// The bytes of a value that are percent-encoded: all but the `baggage-octet`s, and `%` itself.
/// <https://www.w3.org/TR/baggage/#definition>
const ENCODED_IN_BAGGAGE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b',')
    .add(b';')
    .add(b'\\')
    .add(b'%');

/// Writes a `baggage` header.
pub(crate) fn baggage_header_of(entries: &[BaggageEntry]) -> String {
    let mut header = String::new();
    for entry in entries {
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(&entry.key);
        header.push('=');
        header.extend(utf8_percent_encode(&entry.value, ENCODED_IN_BAGGAGE));
        if !entry.metadata.is_empty() {
            header.push(';');
            header.push_str(&entry.metadata);
        }
    }
    header
}

/// Returns whether a text is a token: <https://www.rfc-editor.org/rfc/rfc7230#section-3.2.6>.
fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}

#[cfg(test)]
mod tests;
