//! The host's handles, as separate types, so that one kind cannot be passed for another.

/// Converts between a handle and the integer of the contract.
pub(crate) trait Handle: Copy {
    fn from_raw(raw: u64) -> Self;
    fn raw(self) -> u64;
}

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[repr(transparent)]
        pub(crate) struct $name(u64);

        impl Handle for $name {
            #[inline]
            fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            #[inline]
            fn raw(self) -> u64 {
                self.0
            }
        }
    )*};
}

handles! {
    /// A tracer.
    TracerHandle;
    /// A meter.
    MeterHandle;
    /// A logger.
    LoggerHandle;
    /// An instrument.
    InstrumentHandle;
    /// An instrument that is bound to attributes.
    SeriesHandle;
    /// A reporter of observations.
    ObserverHandle;
    /// Baggage that has been entered.
    BaggageHandle;
}

/// Identifies a span to the host, for as long as the span lives.
///
/// A program gets one from a [`Span`](crate::Span) through [`SpanReference`](crate::SpanReference)
/// and [`LinkTarget`](crate::LinkTarget). It is invalid in other component instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct SpanHandle(u64);

impl SpanHandle {
    /// The span is not recorded. The host is only told when it is entered and exited.
    const NOT_RECORDED: u64 = 1 << 63;
    /// The host decides about recording without attributes, and accepts them after the start.
    const ATTRIBUTES_LATER: u64 = 1 << 62;
    /// The lowest bit of the digest of a notice in the handle of an unrecorded span.
    const DIGEST_SHIFT: u32 = 54;

    /// The handle of every span if there is no recorder.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) const UNRECORDED: Self = Self(Self::NOT_RECORDED);

    #[cfg(target_arch = "wasm32")]
    #[inline]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    #[cfg(target_arch = "wasm32")]
    #[inline]
    pub(crate) const fn raw(self) -> u64 {
        self.0
    }

    /// Returns true if the host records the span.
    #[must_use]
    #[inline]
    pub const fn is_recorded(self) -> bool {
        self.0 & Self::NOT_RECORDED == 0
    }

    /// Returns true if attributes need not be passed with the start of the next span: the host did
    /// not record this one, and decides without attributes.
    #[inline]
    pub(crate) const fn takes_attributes_later(self) -> bool {
        !self.is_recorded() && self.0 & Self::ATTRIBUTES_LATER != 0
    }

    /// Returns the digest of a notice in the handle of an unrecorded span.
    #[inline]
    pub(crate) const fn digest(self) -> NoticeDigest {
        NoticeDigest((self.0 >> Self::DIGEST_SHIFT) as u8)
    }
}

/// Makes the handles of a recorder.
#[cfg(not(target_arch = "wasm32"))]
impl SpanHandle {
    pub(crate) const fn recorded(bits: u64) -> Self {
        Self(bits & ((1 << Self::DIGEST_SHIFT) - 1))
    }

    pub(crate) const fn unrecorded(bits: u64, digest: NoticeDigest) -> Self {
        let digest = (digest.0 as u64) << Self::DIGEST_SHIFT;
        Self(Self::recorded(bits).0 | Self::NOT_RECORDED | Self::ATTRIBUTES_LATER | digest)
    }

    /// Returns the bits that are neither flags nor digest.
    pub(crate) const fn bits(self) -> u64 {
        Self::recorded(self.0).0
    }
}

/// The notice that a call returns: the generation of log thresholds, and the number of the next
/// collection (0 if there is none).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "pass it to `notice::take`"]
#[repr(transparent)]
pub(crate) struct Notice(u64);

impl Notice {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn new(collection: u32, generation: u32) -> Self {
        Self((collection as u64) << 32 | generation as u64)
    }

    #[cfg(target_arch = "wasm32")]
    #[inline]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub(crate) const fn collection(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Returns the four lowest bits of both numbers.
    #[inline]
    pub(crate) const fn digest(self) -> NoticeDigest {
        let (generation, collection) = (self.generation() & 15, self.collection() & 15);
        NoticeDigest((generation << 4 | collection) as u8)
    }
}

/// The four lowest bits of a notice's generation, followed by those of its collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoticeDigest(u8);

impl NoticeDigest {
    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> 4) as u32
    }

    pub(crate) const fn collection(self) -> u32 {
        (self.0 & 15) as u32
    }
}
