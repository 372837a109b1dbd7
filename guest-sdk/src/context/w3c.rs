//! Span contexts as headers (W3C Trace Context, level 2).

use crate::types::{SpanContext, TraceFlags, TraceId};

impl SpanContext {
    /// Parses a `traceparent` header, with the value of `tracestate` (empty if there is none).
    ///
    /// Returns `None` for a header that is invalid by the recommendation, for example with a zero
    /// id. Of a later version, it reads the fields of version 00. The host checks the trace state.
    #[must_use]
    pub fn from_traceparent(traceparent: &str, tracestate: &str) -> Option<Self> {
        let header = traceparent.trim_ascii().as_bytes();
        let (known, rest) = header.split_at_checked(55)?;
        let version = hex(known.get(..2)?)?;
        let later = version != 0 && rest.first() == Some(&b'-');
        if version == 0xff || !(rest.is_empty() || later) {
            return None;
        }
        let dashes = [2, 35, 52].iter().all(|&at| known.get(at) == Some(&b'-'));
        let context = Self {
            trace_id: TraceId {
                high: hex(known.get(3..19)?)?,
                low: hex(known.get(19..35)?)?,
            },
            span_id: hex(known.get(36..52)?)?,
            // Two digits fit into a byte.
            trace_flags: TraceFlags::from_bits_retain(hex(known.get(53..)?)? as u8),
            trace_state: tracestate.trim_ascii().into(),
        };
        (dashes && context.is_valid()).then_some(context)
    }

    /// Returns the value of the `tracestate` header (the field [`trace_state`](Self::trace_state)),
    /// or `None` if it is empty.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        Some(self.trace_state.as_str()).filter(|state| !state.is_empty())
    }

    /// Returns the value of the `traceparent` header.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let mut header = String::with_capacity(55);
        header.push_str("00-");
        push_hex(&mut header, self.trace_id.high, 16);
        push_hex(&mut header, self.trace_id.low, 16);
        header.push('-');
        push_hex(&mut header, self.span_id, 16);
        header.push('-');
        push_hex(&mut header, u64::from(self.trace_flags.bits() & 3), 2);
        header
    }
}

/// Parses lower-case hexadecimal digits, at most 16.
fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

fn push_hex(to: &mut String, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = (value >> (place * 4) & 15) as u8;
        to.push(char::from(if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        }));
    }
}
