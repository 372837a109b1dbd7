//! Data that is propagated between processes: span contexts (W3C Trace Context) and baggage (W3C
//! Baggage).

/// Identifies a trace: 128 bits as two halves. All zero is invalid (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct TraceId {
    /// The 64 most significant bits: the first 16 digits of the usual hexadecimal form.
    pub high: u64,
    /// The 64 least significant bits.
    pub low: u64,
}

/// Holds the trace flags of the W3C Trace Context recommendation, level 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// Bit 0: the sender of the context records the trace.
    pub const SAMPLED: Self = Self(1);
    /// Bit 1: at least the low 56 bits of the trace id are random.
    pub const RANDOM: Self = Self(2);

    /// Returns flags with no bit set.
    #[must_use]
    pub const fn empty() -> Self {
        Self(0)
    }

    /// Creates flags from the bits of a byte, including unknown bits.
    #[must_use]
    pub const fn from_bits_retain(bits: u8) -> Self {
        Self(bits)
    }

    /// Returns the flags as a byte.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.0
    }

    /// Returns true if the trace is sampled.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.0 & 1 != 0
    }
}

impl core::ops::BitOr for TraceFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Identifies a span across processes: the content of the headers `traceparent` and `tracestate`.
///
/// See [`from_traceparent`](Self::from_traceparent) and [`traceparent`](Self::traceparent).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SpanContext {
    /// The trace that the span belongs to.
    pub trace_id: TraceId,
    /// The span itself; zero is invalid.
    pub span_id: u64,
    /// Whether the trace is sampled.
    pub trace_flags: TraceFlags,
    /// The value of the header `tracestate`, empty if there is none.
    pub trace_state: String,
}

impl SpanContext {
    /// Returns true if neither id is zero. The host ignores an invalid context.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        (self.trace_id.high != 0 || self.trace_id.low != 0) && self.span_id != 0
    }
}

/// An entry of W3C Baggage.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct BaggageEntry {
    /// The name: a token (RFC 7230), not empty.
    pub key: String,
    /// The value, decoded.
    pub value: String,
    /// The properties that follow the value in the header, unchanged. Empty if there are none.
    pub metadata: String,
}

impl BaggageEntry {
    /// Creates an entry without properties.
    #[must_use]
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
            metadata: String::new(),
        }
    }
}
