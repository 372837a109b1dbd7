//! Types of single settings. Each holds only valid values.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use opentelemetry_sdk::metrics::Temporality;

/// The expected value of a setting whose text is invalid. Reads as a continuation of "expected ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Expected(pub(crate) String);

impl Expected {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Returns the name in the OpenTelemetry specification.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Expected;

            /// Parses the name, ignoring case.
            fn from_str(text: &str) -> Result<Self, Expected> {
                $(if text.eq_ignore_ascii_case($text) { return Ok(Self::$variant); })+
                Err(one_of(&[$($text),+]))
            }
        }
    };
}

fn one_of(names: &[&str]) -> Expected {
    let mut text = String::from("one of ");
    for (index, name) in names.iter().enumerate() {
        let separator = match index {
            0 => "",
            index if index + 1 == names.len() => " or ",
            _ => ", ",
        };
        text.push_str(separator);
        text.push_str(name);
    }
    Expected(text)
}

choice! {
    /// The protocol of OTLP.
    Protocol {
        /// Protocol Buffers over HTTP. The default.
        HttpProtobuf = "http/protobuf",
        /// JSON over HTTP.
        HttpJson = "http/json",
        /// gRPC.
        Grpc = "grpc",
    }
}

choice! {
    /// The compression of requests.
    Compression {
        /// No compression. The default.
        None = "none",
        /// The gzip format.
        Gzip = "gzip",
    }
}

choice! {
    /// The exporter of a signal.
    Exporter {
        /// Exports to a collector over OTLP.
        Otlp = "otlp",
        /// Exports to the console of the pipeline, such as the terminal.
        Console = "console",
        /// Does not export.
        None = "none",
    }
}

choice! {
    /// The temporality of sums and histograms.
    TemporalityPreference {
        /// Values since the start. The default.
        Cumulative = "cumulative",
        /// Values since the last export, except for up-down counters.
        Delta = "delta",
        /// Values since the last export for synchronous counters and histograms, and since the
        /// start for observable instruments.
        LowMemory = "lowmemory",
    }
}

impl From<TemporalityPreference> for Temporality {
    fn from(preference: TemporalityPreference) -> Self {
        match preference {
            TemporalityPreference::Cumulative => Self::Cumulative,
            TemporalityPreference::Delta => Self::Delta,
            TemporalityPreference::LowMemory => Self::LowMemory,
        }
    }
}

choice! {
    /// The aggregation of histograms.
    HistogramAggregation {
        /// Explicit bucket boundaries. The default.
        ExplicitBuckets = "explicit_bucket_histogram",
        /// Base-2 exponential buckets. Boundaries that a guest sets have no effect.
        Base2Exponential = "base2_exponential_bucket_histogram",
    }
}

impl From<HistogramAggregation> for wasmscope_telemetry::HistogramAggregation {
    fn from(aggregation: HistogramAggregation) -> Self {
        match aggregation {
            HistogramAggregation::ExplicitBuckets => Self::ExplicitBuckets,
            HistogramAggregation::Base2Exponential => Self::Base2Exponential,
        }
    }
}

/// A fraction of all traces, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    /// All traces.
    pub const ALL: Self = Self(1.0);

    /// Returns a ratio, or `None` if `value` is not from 0 to 1.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Ratio {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let value: Option<f64> = text.parse().ok();
        value
            .and_then(Self::new)
            .ok_or_else(|| Expected::new("a number from 0 to 1"))
    }
}

/// The sampler of traces.
///
/// Parses the specification's names, with a ratio after `=`: `always_on`,
/// `parentbased_traceidratio=0.1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    /// Records all traces.
    AlwaysOn,
    /// Records no traces.
    AlwaysOff,
    /// Records a fraction of traces, chosen by trace id.
    TraceIdRatio(Ratio),
    /// Follows the parent. Records all root spans. The default.
    ParentBasedAlwaysOn,
    /// Follows the parent. Records no root spans.
    ParentBasedAlwaysOff,
    /// Follows the parent. Records a fraction of root spans.
    ParentBasedTraceIdRatio(Ratio),
}

impl Sampler {
    /// Returns the ratio of a sampler that has one.
    pub(super) fn ratio_mut(&mut self) -> Option<&mut Ratio> {
        match self {
            Self::TraceIdRatio(ratio) | Self::ParentBasedTraceIdRatio(ratio) => Some(ratio),
            Self::AlwaysOn
            | Self::AlwaysOff
            | Self::ParentBasedAlwaysOn
            | Self::ParentBasedAlwaysOff => None,
        }
    }
}

impl fmt::Display for Sampler {
    /// Formats the sampler as it is parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlwaysOn => f.write_str("always_on"),
            Self::AlwaysOff => f.write_str("always_off"),
            Self::TraceIdRatio(Ratio(ratio)) => write!(f, "traceidratio={ratio}"),
            Self::ParentBasedAlwaysOn => f.write_str("parentbased_always_on"),
            Self::ParentBasedAlwaysOff => f.write_str("parentbased_always_off"),
            Self::ParentBasedTraceIdRatio(Ratio(ratio)) => {
                write!(f, "parentbased_traceidratio={ratio}")
            }
        }
    }
}

impl FromStr for Sampler {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let (name, argument) = match text.split_once('=') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let mut sampler = match name.to_ascii_lowercase().as_str() {
            "always_on" => Self::AlwaysOn,
            "always_off" => Self::AlwaysOff,
            "traceidratio" => Self::TraceIdRatio(Ratio::ALL),
            "parentbased_always_on" => Self::ParentBasedAlwaysOn,
            "parentbased_always_off" => Self::ParentBasedAlwaysOff,
            "parentbased_traceidratio" => Self::ParentBasedTraceIdRatio(Ratio::ALL),
            _ => {
                return Err(one_of(&[
                    "always_on",
                    "always_off",
                    "traceidratio",
                    "parentbased_always_on",
                    "parentbased_always_off",
                    "parentbased_traceidratio",
                ]));
            }
        };
        match (argument, sampler.ratio_mut()) {
            (None, _) => {}
            (Some(argument), Some(ratio)) => *ratio = argument.parse()?,
            (Some(_), None) => {
                return Err(Expected(format!("`{name}` alone, since it takes no ratio")));
            }
        }
        Ok(sampler)
    }
}

impl From<Sampler> for opentelemetry_sdk::trace::Sampler {
    fn from(sampler: Sampler) -> Self {
        let parent_based = |root: Self| Self::ParentBased(Box::new(root));
        match sampler {
            Sampler::AlwaysOn => Self::AlwaysOn,
            Sampler::AlwaysOff => Self::AlwaysOff,
            Sampler::TraceIdRatio(ratio) => Self::TraceIdRatioBased(ratio.get()),
            Sampler::ParentBasedAlwaysOn => parent_based(Self::AlwaysOn),
            Sampler::ParentBasedAlwaysOff => parent_based(Self::AlwaysOff),
            Sampler::ParentBasedTraceIdRatio(ratio) => {
                parent_based(Self::TraceIdRatioBased(ratio.get()))
            }
        }
    }
}

/// The headers that propagate context between processes.
///
/// Parses a list like `tracecontext,baggage`, or `none`. Other propagators are not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Propagators {
    /// W3C Trace Context: `traceparent` and `tracestate`.
    pub trace_context: bool,
    /// W3C Baggage.
    pub baggage: bool,
}

impl Default for Propagators {
    /// Enables both.
    fn default() -> Self {
        Self {
            trace_context: true,
            baggage: true,
        }
    }
}

impl FromStr for Propagators {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let mut found = Self {
            trace_context: false,
            baggage: false,
        };
        for name in text.split(',').map(str::trim) {
            match name.to_ascii_lowercase().as_str() {
                "tracecontext" => found.trace_context = true,
                "baggage" => found.baggage = true,
                "none" if text.trim().eq_ignore_ascii_case("none") => {}
                _ => return Err(Expected::new("a list of tracecontext and baggage, or none")),
            }
        }
        Ok(found)
    }
}

/// `true` or `false`, ignoring case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag(pub(super) bool);

impl FromStr for Flag {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(Expected::new("true or false")),
        }
    }
}

/// A time limit in milliseconds. 0 means no limit, which is an hour here, since no wait may be
/// endless.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeout(pub(super) Duration);

/// The value of "no limit", and the longest time limit.
pub(super) const LONGEST: Duration = Duration::from_secs(60 * 60);

impl FromStr for Timeout {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text.parse::<u64>() {
            Ok(0) => Ok(Self(LONGEST)),
            Ok(millis) => Ok(Self(Duration::from_millis(millis).min(LONGEST))),
            Err(_) => Err(Expected::new(
                "a whole number of milliseconds, 0 for an hour",
            )),
        }
    }
}

/// The time between two exports, in milliseconds. Never 0, which would make the thread spin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interval(pub(super) Duration);

/// The longest interval. Adding a much longer one to a clock's time could overflow.
pub(super) const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

impl FromStr for Interval {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        match text.parse::<u64>() {
            Ok(millis) if millis > 0 => {
                Ok(Self(Duration::from_millis(millis).min(LONGEST_INTERVAL)))
            }
            Ok(_) | Err(_) => Err(Expected::new("a whole number of milliseconds, 1 or more")),
        }
    }
}

/// The length of a queue or batch. The SDK allocates a queue at once, so a mistyped number must not
/// exhaust memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueueLength(pub(super) usize);

/// The longest queue.
pub(super) const LONGEST_QUEUE: usize = 1_000_000;

impl FromStr for QueueLength {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        text.parse()
            .ok()
            .and_then(Self::new)
            .ok_or_else(Self::expected)
    }
}

impl QueueLength {
    pub(super) fn new(length: usize) -> Option<Self> {
        (1..=LONGEST_QUEUE)
            .contains(&length)
            .then_some(Self(length))
    }

    pub(super) fn expected() -> Expected {
        Expected(format!("a whole number from 1 to {LONGEST_QUEUE}"))
    }
}

/// The largest size of an export request in bytes, before compression: from 4 KiB to 64 MiB, the
/// upper limit that OTLP over HTTP recommends. Each request repeats the resource and the scope, so
/// a smaller one would leave no space for an item.
///
/// Parses a number of bytes, or a size like `4MB` or `20MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSize(usize);

impl RequestSize {
    /// The smallest allowed size.
    pub const MIN: Self = Self(4 << 10);

    /// The largest allowed size.
    pub const MAX: Self = Self(64 << 20);

    /// Returns a size in bytes, or `None` if it is out of range.
    #[must_use]
    pub const fn new(bytes: usize) -> Option<Self> {
        if bytes < Self::MIN.0 || bytes > Self::MAX.0 {
            return None;
        }
        Some(Self(bytes))
    }

    /// Returns the number of bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Default for RequestSize {
    /// Returns 4,000,000 bytes. An OpenTelemetry Collector accepts 4 MiB (4,194,304 bytes) over
    /// gRPC and 20 MiB over HTTP.
    fn default() -> Self {
        Self(4_000_000)
    }
}

impl FromStr for RequestSize {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let size = text.parse::<ByteSize>().ok();
        size.and_then(|size| Self::new(usize::try_from(size.as_u64()).ok()?))
            .ok_or_else(|| Expected::new("a size from 4KiB to 64MiB, such as 4000000 or 20MiB"))
    }
}

/// A number that may be 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count(pub(super) usize);

impl FromStr for Count {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        // The SDK and OTLP count in 32 bits.
        match text.parse::<u32>() {
            Ok(count) => Ok(Self(count as usize)),
            Err(_) => Err(Expected(format!("a whole number from 0 to {}", u32::MAX))),
        }
    }
}
