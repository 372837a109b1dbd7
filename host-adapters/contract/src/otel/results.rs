//! The results of the functions of `wasmscope:otel`, for an adapter to lower.

use wasmscope_telemetry::model::{self, BaggageEntry};
use wasmscope_telemetry::severity::{SEVERITY_NAMES, severity_index};

use crate::abi::returned;

returned! {
    u64,
    bool,
    Option<SpanContext>,
    Vec<BaggageEntry>,
    LogThreshold,
}

/// `types.span-context` of a span in this instance, or of the span around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanContext {
    /// `trace-id`: its high and its low half.
    pub trace_id: (u64, u64),
    /// `span-id`.
    pub span_id: u64,
    /// `trace-flags`: bit 0 is `sampled`, bit 1 is `random`. No other bit is set.
    pub trace_flags: u8,
    /// `trace-state`.
    pub trace_state: String,
}

impl SpanContext {
    /// Returns whether the flag `sampled` is set.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.trace_flags & 0b01 != 0
    }

    /// Returns whether the flag `random` is set.
    #[must_use]
    pub const fn is_random(&self) -> bool {
        self.trace_flags & 0b10 != 0
    }
}

impl From<&model::LocalContext> for SpanContext {
    fn from(context: &model::LocalContext) -> Self {
        let trace_id = u128::from_be_bytes(context.trace_id().to_bytes());
        Self {
            trace_id: ((trace_id >> 64) as u64, trace_id as u64),
            span_id: u64::from_be_bytes(context.span_id().to_bytes()),
            trace_flags: context.trace_flags().to_u8() & 0b11,
            trace_state: context.trace_state().header(),
        }
    }
}

/// `logger.log-threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogThreshold {
    /// `severity` as the index of its case, which is 0 for `trace`. See also
    /// [`Self::severity_name`].
    pub severity: Option<u8>,
    /// `generation`.
    pub generation: u32,
}

impl LogThreshold {
    /// Returns the WIT name of the severity.
    #[must_use]
    pub fn severity_name(&self) -> Option<&'static str> {
        SEVERITY_NAMES.get(usize::from(self.severity?)).copied()
    }
}

impl From<model::LogThreshold> for LogThreshold {
    fn from(threshold: model::LogThreshold) -> Self {
        Self {
            severity: threshold
                .severity
                .map(|severity| severity_index(severity) as u8),
            generation: threshold.generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};

    use super::*;
    use wasmscope_telemetry::severity::SEVERITIES;

    #[test]
    fn context_has_trace_id_halves_and_only_known_flags() {
        let context = opentelemetry::trace::SpanContext::new(
            TraceId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
            SpanId::from_bytes([16, 17, 18, 19, 20, 21, 22, 23]),
            TraceFlags::new(0b1111_1110),
            true,
            TraceState::from_key_value([("a", "b"), ("c", "d")]).unwrap(),
        );
        let expected = SpanContext {
            trace_id: (0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f),
            span_id: 0x1011_1213_1415_1617,
            trace_flags: 0b10,
            trace_state: "a=b,c=d".to_owned(),
        };
        assert_eq!(SpanContext::from(&context), expected);
    }

    #[test]
    fn threshold_severity_is_the_index_of_the_case() {
        for (case, severity) in SEVERITIES.into_iter().enumerate() {
            let threshold = LogThreshold::from(model::LogThreshold {
                severity: Some(severity),
                generation: 7,
            });
            assert_eq!(threshold.severity.map(usize::from), Some(case));
            let name = severity.name().to_lowercase();
            assert_eq!(threshold.severity_name(), Some(&*name));
            assert_eq!(threshold.generation, 7);
        }
        let disabled = LogThreshold {
            severity: None,
            generation: 0,
        };
        assert_eq!(disabled.severity_name(), None);
    }
}
