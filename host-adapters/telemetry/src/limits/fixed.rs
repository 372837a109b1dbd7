//! Bounds that are constants, with the reasons why they are not in [`Limits`](super::Limits).

/// A bound that is not configurable.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FixedBound {
    /// The constant's name.
    pub name: &'static str,
    /// Its value.
    pub value: u64,
    /// A description of the bounded quantity.
    pub meaning: &'static str,
    /// The reason why it is not a field of [`Limits`](super::Limits).
    pub reason: &'static str,
}

/// Defines the constants and their table.
macro_rules! fixed_bounds {
    ($($name:ident: $type:ty = $value:expr, $meaning:literal, $reason:literal;)+) => {
        $(
            #[doc = concat!($meaning, " Not configurable: ", $reason)]
            pub const $name: $type = $value;
        )+

        /// All bounds that are constants.
        ///
        /// | bound | value | meaning | why it is not configurable |
        /// |---|---|---|---|
        $(#[doc = concat!("| [`", stringify!($name), "`] | `", stringify!($value), "` | ", $meaning, " | ", $reason, " |")])+
        pub const FIXED_BOUNDS: &[FixedBound] = &[
            $(FixedBound {
                name: stringify!($name),
                value: $value as u64,
                meaning: $meaning,
                reason: $reason,
            },)+
        ];
    };
}

fixed_bounds! {
    CHECKED_BYTES: usize = 16 << 20,
        "How many bytes beyond `call_bytes` the host still checks for invalid text in one call.",
        "The canonical ABI demands a trap for invalid text, even if the text is not kept.";
    RECENT_SPANS: usize = 64,
        "Recently ended spans of an instance that can still be a parent or link.",
        "Guests cannot avoid this race, and nothing is dropped.";
    SEARCHED_TRACES: usize = 8,
        "Latest traces that are searched for the trace of an unrecorded span.",
        "It bounds time. A trace that is not found is stored again, within `unrecorded_traces`.";
    SERIES_CACHE_ENTRIES: usize = 256,
        "Attribute sets for which an instance finds the series without decoding them.",
        "It is a cache: further measurements take longer, and nothing is dropped.";
    SERIES_CACHE_KEY_BYTES: usize = 512,
        "Bytes of an attribute set in that cache.",
        "It is a cache: measurements beyond it take longer, and nothing is dropped.";
    STRING_CACHE_SLOTS: usize = 512,
        "Texts in the cache of a thread, which needs no lock.",
        "It is a cache: further texts take longer, and nothing is dropped.";
    PROCESS_TEXTS: usize = 65_536,
        "Texts that the process keeps for ever.",
        "All tenants of the process share it.";
    PROCESS_TEXT_BYTES: usize = 4 << 20,
        "Bytes of the texts that the process keeps for ever.",
        "All tenants of the process share it.";
    DROPPED_NAMES: usize = 3,
        "Names of dropped items that are kept for each signal and reason.",
        "Only keeps messages short.";
    DROPPED_NAME_CHARS: usize = 64,
        "Characters of such a name.",
        "Only keeps messages short.";
    GUEST_WARNINGS: usize = 8,
        "Warnings of guest SDKs that are kept.",
        "The SDK has fewer.";
    GUEST_WARNING_BYTES: usize = 512,
        "Bytes of such a warning.",
        "The SDK's are shorter.";
    INSTRUMENT_WARNINGS: usize = 32,
        "Warnings about instruments of the same name.",
        "Only keeps messages short.";
    WARNING_TEXT_CHARS: usize = 80,
        "Characters of a guest's text in such a warning.",
        "Only keeps messages short.";
    WARNING_BOUNDARIES: usize = 8,
        "Bucket boundaries in such a warning.",
        "Only keeps messages short.";
    INSTRUMENT_NAME_BYTES: usize = 255,
        "Bytes of an instrument's name.",
        "OpenTelemetry's metrics API sets it.";
    INSTRUMENT_UNIT_BYTES: usize = 63,
        "Bytes of an instrument's unit.",
        "OpenTelemetry's metrics API sets it.";
    EXPONENTIAL_BUCKETS: usize = 160,
        "Buckets of an exponential histogram on either side of zero.",
        "OpenTelemetry's metrics SDK recommends it.";
    TRACE_STATE_ENTRIES: usize = 32,
        "Entries of a `tracestate`.",
        "W3C Trace Context sets it.";
    HTTP_METHODS: usize = 64,
        "Methods in `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`.",
        "Each is a value of an attribute of metrics. There are fewer registered methods.";
    REPORTED_ATTRIBUTES: u32 = 1 << 16,
        "Attributes beyond `span_attributes` that a span's `dropped_attributes_count` includes.",
        "The SDK takes time for each one. `wasmscope.dropped` counts all of them.";
    PANIC_SECONDS: u64 = 10,
        "Seconds between the report of a panic and its trap.",
        "It separates the cause of a trap from an unrelated panic. Nothing is dropped.";
    ENDER_SECONDS: u64 = 1,
        "Seconds that an `Ender` waits for a call in progress.",
        "A call takes microseconds unless an embedder's processor hangs.";
    EARLIEST_SECONDS: u64 = 946_684_800,
        "The earliest time that a guest may give, in seconds since the Unix epoch: the year 2000.",
        "It detects times in the wrong unit. Nothing is dropped.";
    AHEAD_SECONDS: u64 = 24 * 60 * 60,
        "Seconds by which a guest's time may be ahead of the host's clock.",
        "It detects times in the wrong unit. Nothing is dropped.";
}
