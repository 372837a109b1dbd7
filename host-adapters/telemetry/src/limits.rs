//! How much a guest may make the host hold, and how much one call may bring.

/// The limits on everything that a guest can grow.
///
/// What exceeds one is dropped or shortened, and counted in [`crate::dropped::Dropped`] under the
/// [`crate::dropped::Reason`] that each field names. Lengths of text are in bytes of UTF-8 unless said otherwise;
/// text is cut at a character boundary.
///
/// # Examples
///
/// ```
/// let mut limits = wasmscope_telemetry::Limits::default();
/// limits.open_spans = 256;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes that one call may bring, strings and list elements together; `CallBytes`. Default 1 MiB.
    pub call_bytes: usize,

    /// Tracers of an instance, and meters, one for each scope; `Scopes`. Default 64.
    pub scopes: usize,
    /// Loggers of an instance, one for each scope; `Scopes`. Default 256: log doors make a scope of each record's target.
    pub log_scopes: usize,
    /// Scopes that are remembered by a [`crate::Telemetry`] for each signal. Tracers beyond it are made anew for
    /// each instance, meters beyond it drop; `Scopes`. Default 1,024.
    pub scopes_per_provider: usize,
    /// Attributes of a scope; `Attributes`. Default 32.
    pub scope_attributes: usize,
    /// Bytes of a scope's attributes; `RecordBytes`. Default 4 KiB.
    pub scope_bytes: usize,
    /// Length of a scope's name, version or schema URL, of a span's or event's name, or of a status description;
    /// `TextLength`. Default 1,024.
    pub text_bytes: usize,
    /// Length of an attribute's key; a longer one loses the attribute; `KeyLength`. Default 256.
    pub key_bytes: usize,
    /// Length of a string value, in an array too; `ValueLength`. Default 16 KiB.
    pub value_bytes: usize,
    /// Elements of an array value; `ArrayLength`. Default 1,024.
    pub array_elements: usize,

    /// Open spans of an instance; `OpenSpans`. Default 1,024, at most 1,000,000.
    pub open_spans: usize,
    /// Entered spans of an instance, each `enter` counted; `EnteredSpans`. Default 1,024.
    pub entered_spans: usize,
    /// Traces whose unrecorded spans an instance remembers, the oldest forgotten first. Default 256, at most 4,096.
    pub unrecorded_traces: usize,
    /// Attributes of a span; `Attributes`. Default 128 (`OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`).
    pub span_attributes: usize,
    /// Events of a span; `Events`. Default 128 (`OTEL_SPAN_EVENT_COUNT_LIMIT`).
    pub span_events: usize,
    /// Links of a span; `Links`. Default 128 (`OTEL_SPAN_LINK_COUNT_LIMIT`).
    pub span_links: usize,
    /// Attributes of an event; `Attributes`. Default 128 (`OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`).
    pub event_attributes: usize,
    /// Attributes of a link; `Attributes`. Default 128 (`OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`).
    pub link_attributes: usize,
    /// Characters of a string value in spans, events and links; `ValueLength`. Default none
    /// (`OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`).
    pub span_value_chars: Option<usize>,
    /// Bytes of one span with its attributes, events and links; `RecordBytes`. Default 64 KiB.
    pub span_bytes: usize,
    /// Bytes of all open spans of an instance; `InstanceBytes`. Default 8 MiB.
    pub open_span_bytes: usize,
    /// Length of a `tracestate`; entries beyond it are left out; `InvalidTraceState`. Default 512.
    pub trace_state_bytes: usize,

    /// Baggage entries; `Baggage`. Default 64.
    pub baggage_entries: usize,
    /// Bytes of all baggage entries: keys, values and properties; `Baggage`. Default 8,192.
    pub baggage_bytes: usize,
    /// Baggage that is entered and not exited, each `enter-baggage` counted; `Baggage`. Default 64.
    pub baggage_scopes: usize,

    /// Instruments of an instance; `Instruments`. Default 256.
    pub instruments: usize,
    /// Instruments of a [`crate::Telemetry`]; `Instruments`. Default 1,024.
    pub instruments_per_provider: usize,
    /// Bound series of an instance; `Series`. Default 1,024.
    pub series: usize,
    /// Attributes of a measurement; `Attributes`. Default 64.
    pub measurement_attributes: usize,
    /// Attribute sets of an instrument; `Cardinality`. Default 2,000, at most 100,000.
    pub cardinality: usize,
    /// Bytes of all attribute sets and buckets of a [`crate::Telemetry`], about; beyond it attribute sets that are new
    /// count as too many; `Cardinality`. Default 64 MiB.
    pub metric_bytes: usize,
    /// Bucket boundaries of a histogram; `Boundaries`. Default 256.
    pub boundaries: usize,
    /// Observed values that an instance holds; `Observations`. Default 1,024.
    pub observations: usize,
    /// Observed values that a [`crate::Telemetry`] holds; `Observations`. Default 16,384.
    pub observations_per_provider: usize,

    /// Attributes of a log record; `Attributes`. Default 128 (`OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`).
    pub log_attributes: usize,
    /// Characters of a string value in log attributes; `ValueLength`. Default none
    /// (`OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`).
    pub log_value_chars: Option<usize>,
    /// Nodes of a record's nested values; `NestedValue`. Default 1,024.
    pub log_nodes: usize,
    /// Levels of a record's nested values, the body or attribute itself being the first; `NestedValue`. Default 32: more
    /// would exceed the 100 nested messages that Protobuf's readers accept by default, which costs the whole request.
    pub log_depth: usize,
    /// Bytes of one log record; `RecordBytes`. Default 64 KiB.
    pub log_bytes: usize,
    /// Event names and severity texts that a [`crate::Telemetry`] remembers; `Interned`. Default 1,024.
    pub interned: usize,
    /// Bytes of those; `Interned`. Default 64 KiB.
    pub interned_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_bytes: 1 << 20,
            scopes: 64,
            log_scopes: 256,
            scopes_per_provider: 1_024,
            scope_attributes: 32,
            scope_bytes: 4 << 10,
            text_bytes: 1_024,
            key_bytes: 256,
            value_bytes: 16 << 10,
            array_elements: 1_024,
            open_spans: 1_024,
            entered_spans: 1_024,
            unrecorded_traces: 256,
            span_attributes: 128,
            span_events: 128,
            span_links: 128,
            event_attributes: 128,
            link_attributes: 128,
            span_value_chars: None,
            span_bytes: 64 << 10,
            open_span_bytes: 8 << 20,
            trace_state_bytes: 512,
            baggage_entries: 64,
            baggage_bytes: 8_192,
            baggage_scopes: 64,
            instruments: 256,
            instruments_per_provider: 1_024,
            series: 1_024,
            measurement_attributes: 64,
            cardinality: 2_000,
            metric_bytes: 64 << 20,
            boundaries: 256,
            observations: 1_024,
            observations_per_provider: 16_384,
            log_attributes: 128,
            log_value_chars: None,
            log_nodes: 1_024,
            log_depth: 32,
            log_bytes: 64 << 10,
            interned: 1_024,
            interned_bytes: 64 << 10,
        }
    }
}

/// What one call may still bring: adapters ask it before they copy anything out of a guest.
///
/// A guest says how long its lists and strings are; nothing is allocated on its word alone. An adapter asks
/// for a string's bytes or a list's elements, and copies what it is granted. What it leaves out adds up in
/// [`Budget::left_out`], for [`crate::Instance::count_dropped`] with [`crate::dropped::Reason::CallBytes`].
///
/// # Examples
///
/// ```
/// use wasmscope_telemetry::limits::{Budget, Grant};
///
/// let mut budget = Budget::new(100);
/// assert_eq!(budget.take(60), Grant::All);
/// assert_eq!(budget.take(60), Grant::Prefix(40));
/// assert_eq!(budget.take(1), Grant::Nothing);
/// assert_eq!(budget.left_out(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct Budget {
    left: usize,
    left_out: u64,
}

/// How much of what was asked for may be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// All of it.
    All,
    /// The first bytes (or elements), at least one, and fewer than were asked for.
    Prefix(usize),
    /// Nothing.
    Nothing,
}

impl Grant {
    /// Gives how much of `len` it is.
    #[must_use]
    pub const fn of(self, len: usize) -> usize {
        match self {
            Self::All => len,
            Self::Prefix(granted) => granted,
            Self::Nothing => 0,
        }
    }
}

impl Budget {
    /// Makes a budget of `bytes`, usually [`Limits::call_bytes`].
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self {
            left: bytes,
            left_out: 0,
        }
    }

    /// Takes `len` bytes of a string or byte string, or as many as are left. One that is cut short, or left out, counts as
    /// one item left out. For a string the caller backs up from a [`Grant::Prefix`] to a character boundary.
    pub fn take(&mut self, len: usize) -> Grant {
        if len <= self.left {
            self.left -= len;
            return Grant::All;
        }
        self.left_out = self.left_out.saturating_add(1);
        match std::mem::take(&mut self.left) {
            0 => Grant::Nothing,
            left => Grant::Prefix(left),
        }
    }

    /// Takes all but what is `left`, of which there is no more than before.
    pub fn keep(&mut self, left: usize) {
        self.left = self.left.min(left);
    }

    /// Takes one element of a list that needs so many bytes on the host before anything that it owns. One that does not fit counts as
    /// one item left out.
    pub fn take_element(&mut self, element_bytes: usize) -> bool {
        match self.left.checked_sub(element_bytes.max(1)) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.left_out = self.left_out.saturating_add(1);
                false
            }
        }
    }

    /// Takes `len` elements of a list that need `element_bytes` each on the host before anything that they own, or as many as
    /// fit. Each element that does not fit counts as one item left out.
    ///
    /// What is granted is the only length for which memory may be reserved. An element's own strings and
    /// lists are asked for as they come, and get less and less.
    pub fn take_list(&mut self, len: usize, element_bytes: usize) -> Grant {
        let element_bytes = element_bytes.max(1);
        let granted = len.min(self.left / element_bytes);
        self.left -= granted * element_bytes;
        if granted == len {
            return Grant::All;
        }
        self.left_out = self.left_out.saturating_add((len - granted) as u64);
        match granted {
            0 => Grant::Nothing,
            granted => Grant::Prefix(granted),
        }
    }

    /// Gives how many bytes are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.left
    }

    /// Gives how many items did not fit, or not wholly.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lists_claimed_length_never_exceeds_the_budget() {
        let mut budget = Budget::new(100);
        assert_eq!(budget.take_list(usize::MAX, 48), Grant::Prefix(2));
        assert_eq!(budget.left(), 4);
        assert_eq!(budget.left_out(), (usize::MAX - 2) as u64);
        assert_eq!(budget.take_list(usize::MAX, 48), Grant::Nothing);
        assert_eq!(budget.left_out(), u64::MAX);
    }

    #[test]
    fn elements_without_size_still_cost() {
        let mut budget = Budget::new(3);
        assert_eq!(budget.take_list(10, 0), Grant::Prefix(3));
    }

    #[test]
    fn nested_lists_share_what_is_left() {
        let mut budget = Budget::new(100);
        assert_eq!(budget.take_list(3, 20), Grant::All);
        assert_eq!(budget.take(30), Grant::All);
        assert_eq!(budget.take(30), Grant::Prefix(10));
        assert_eq!(budget.take(30), Grant::Nothing);
        assert_eq!(budget.take(0), Grant::All);
        assert_eq!(budget.left_out(), 2);
    }
}
