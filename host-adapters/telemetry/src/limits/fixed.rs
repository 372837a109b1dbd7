//! Bounds that are constants, and why none of them is a limit.

/// A bound that is not a setting.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FixedBound {
    /// The constant's name.
    pub name: &'static str,
    /// Its value.
    pub value: u64,
    /// The thing that it bounds.
    pub meaning: &'static str,
    /// Why it is no field of [`Limits`](super::Limits).
    pub reason: &'static str,
}

/// Defines the constants, and the table of them.
macro_rules! fixed_bounds {
    ($($name:ident: $type:ty = $value:expr, $meaning:literal, $reason:literal;)+) => {
        $(
            #[doc = concat!($meaning, " No limit: ", $reason)]
            pub const $name: $type = $value;
        )+

        /// All bounds that are constants.
        ///
        /// | bound | value | meaning | no limit, because |
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
        "Bytes of guest memory that a call has checked though they exceed `call_bytes`.",
        "Invalid text must trap whether it is kept or not, so this decides what is a valid call.";
    RESTING_SPANS: usize = 64,
        "Ended spans of an instance whose context is still known.",
        "It is the price of a race that guests cannot avoid, and nothing is dropped.";
    SEARCHED_TRACES: usize = 8,
        "Latest traces that are searched for the one of an unrecorded span.",
        "It bounds time. A trace that is not found is remembered once more, within `unrecorded_traces`.";
    SERIES_CACHE_ENTRIES: usize = 256,
        "Attribute sets by which an instance finds a series without reading them.",
        "It is a cache: measurements beyond it take longer, and nothing is dropped.";
    SERIES_CACHE_KEY_BYTES: usize = 512,
        "Bytes of an attribute set in that cache.",
        "It is a cache: measurements beyond it take longer, and nothing is dropped.";
    STRING_CACHE_SLOTS: usize = 512,
        "Texts that a thread finds without a lock.",
        "It is a cache: further texts take longer, and nothing is dropped.";
    PROCESS_TEXTS: usize = 65_536,
        "Texts that the process keeps for ever.",
        "The tenants share it, so the limits of one cannot set it.";
    PROCESS_TEXT_BYTES: usize = 4 << 20,
        "Bytes of the texts that the process keeps for ever.",
        "The tenants share it, so the limits of one cannot set it.";
    DROPPED_NAMES: usize = 3,
        "Names of dropped items that are kept for each signal and reason.",
        "They are examples for a reader.";
    DROPPED_NAME_CHARS: usize = 64,
        "Characters of such a name.",
        "They are examples for a reader.";
    GUEST_WARNINGS: usize = 8,
        "Warnings of guest SDKs that are kept.",
        "The SDK has fewer.";
    GUEST_WARNING_BYTES: usize = 512,
        "Bytes of such a warning.",
        "The SDK's are shorter.";
    INSTRUMENT_WARNINGS: usize = 32,
        "Warnings about instruments of the same name.",
        "They are for a reader.";
    WARNING_TEXT_CHARS: usize = 80,
        "Characters of a guest's text in such a warning.",
        "They are for a reader.";
    WARNING_BOUNDARIES: usize = 8,
        "Bucket boundaries in such a warning.",
        "They are for a reader.";
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
    REPORTED_ATTRIBUTES: u32 = 1 << 16,
        "Attributes beyond `span_attributes` of which a span's `dropped_attributes_count` knows.",
        "The SDK takes time for each, and `wasmscope.dropped` counts all of them.";
    PANIC_SECONDS: u64 = 10,
        "Seconds between the report of a panic and its trap.",
        "It tells cause from coincidence, and nothing is dropped.";
    ENDER_SECONDS: u64 = 1,
        "Seconds that an `Ender` waits for a call in progress.",
        "The call takes microseconds unless an embedder's processor hangs.";
    EARLIEST_SECONDS: u64 = 946_684_800,
        "The earliest time that a guest may give, in seconds since the Unix epoch: the year 2000.",
        "It finds times in the wrong unit, and nothing is dropped.";
    AHEAD_SECONDS: u64 = 24 * 60 * 60,
        "Seconds by which a guest's time may be ahead of the host's clock.",
        "It finds times in the wrong unit, and nothing is dropped.";
}
