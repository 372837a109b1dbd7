//! Handles that a guest cannot guess.

use std::hash::{BuildHasher, RandomState};

/// Hashes numbers with SipHash under a random key, so that the results cannot be predicted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mixer(RandomState);

impl Mixer {
    pub(crate) fn mix(&self, number: u64) -> u64 {
        self.0.hash_one(number)
    }

    /// Makes the tag of one kind of handle.
    pub(crate) fn tag(&self, kind: HandleKind) -> Tag {
        // No counter reaches these numbers, so they differ from those that are mixed for spans. The
        // highest bit stays clear: in span handles it means that the span is not recorded, and logs
        // of handles are easier to read if no other handle has it.
        Tag(self.mix(u64::MAX - kind as u64) as u32 & (u32::MAX >> 1))
    }
}

/// A handle with a tag in the upper half and an index in the lower half.
pub(crate) trait Handle: Copy {
    const KIND: HandleKind;

    fn new(bits: u64) -> Self;
    fn bits(self) -> u64;
}

macro_rules! handles {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident;)+) => {
        $(
            $(#[doc = $doc])+
            ///
            /// It comes from a guest, so it may be any number.
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub struct $name(u64);

            impl $name {
                /// Makes a handle from the number that a guest passed.
                #[inline]
                #[must_use]
                pub const fn from_bits(bits: u64) -> Self {
                    Self(bits)
                }

                /// Returns the number for the guest.
                #[inline]
                #[must_use]
                pub const fn to_bits(self) -> u64 {
                    self.0
                }
            }

            impl Handle for $name {
                const KIND: HandleKind = HandleKind::$kind;

                #[inline]
                fn new(bits: u64) -> Self {
                    Self(bits)
                }

                #[inline]
                fn bits(self) -> u64 {
                    self.0
                }
            }
        )+

        /// The kinds of handles with a tag and an index.
        #[derive(Debug, Clone, Copy)]
        pub(crate) enum HandleKind {
            $($kind,)+
        }
    };
}

handles! {
    /// The handle of a tracer (`tracer.get`).
    TracerHandle: Tracer;
    /// The handle of a meter (`meter.get`).
    MeterHandle: Meter;
    /// The handle of an instrument (`meter.create`).
    InstrumentHandle: Instrument;
    /// The handle of a bound series (`meter.bind`).
    SeriesHandle: Series;
    /// The handle of an observer (`meter.create-observer`).
    ObserverHandle: Observer;
    /// The handle of a logger (`logger.get`).
    LoggerHandle: Logger;
    /// The handle of entered baggage (`context.enter-baggage`).
    BaggageHandle: Baggage;
}

/// The handle of a span (`tracer.start`).
///
/// It comes from a guest, so it may be any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanHandle(u64);

impl SpanHandle {
    /// No span.
    pub const NONE: Self = Self(0);

    /// This bit is set if the span is not recorded.
    pub const NOT_RECORDED: u64 = 1 << 63;

    /// This bit of an unrecorded span is set if attributes cannot change that decision.
    pub const ATTRIBUTES_LATER: u64 = 1 << 62;

    /// Makes a handle from the number that a guest passed.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the number for the guest.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Returns whether it is the handle of a recorded span. Guests need not update or end other
    /// spans.
    #[inline]
    #[must_use]
    pub const fn is_recorded(self) -> bool {
        self.0 & Self::NOT_RECORDED == 0
    }
}

/// The upper half of all handles of one kind in one instance. The lower half is an index.
///
/// It distinguishes the handles of different instances and kinds. A guest can guess the indices of
/// its own instance, but gains nothing: it gets the same handle if it asks for an equal scope or
/// instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag(u32);

impl Tag {
    pub(crate) fn handle(self, index: u32) -> u64 {
        u64::from(self.0) << 32 | u64::from(index)
    }

    /// Returns a handle's index, or `None` if it is not of this kind and instance.
    #[inline]
    pub(crate) fn index(self, handle: u64) -> Option<u32> {
        ((handle >> 32) as u32 == self.0).then_some(handle as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_of_other_instances_and_kinds_are_foreign() {
        let (one, other) = (Mixer::default(), Mixer::default());
        let tag = one.tag(HandleKind::Tracer);
        assert_eq!(tag.index(tag.handle(7)), Some(7));
        assert_eq!(other.tag(HandleKind::Tracer).index(tag.handle(7)), None);
        assert_eq!(one.tag(HandleKind::Logger).index(tag.handle(7)), None);
        assert_eq!(tag.index(7), None);
    }
}
