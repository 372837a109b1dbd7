//! Handles that a guest cannot guess, and that are known again.

use std::hash::{BuildHasher, RandomState};

/// Mixes numbers with a key of its own, so that what comes out cannot be foretold: SipHash under a random key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mixer(RandomState);

impl Mixer {
    pub(crate) fn mix(&self, number: u64) -> u64 {
        self.0.hash_one(number)
    }

    /// Makes the tag of one kind of handle.
    pub(crate) fn tag(&self, kind: HandleKind) -> Tag {
        // Numbers that no counter reaches, apart from those that are mixed for spans. The highest bit stays clear: in
        // spans it has a meaning, and a log of handles reads more easily without exceptions.
        Tag(self.mix(u64::MAX - kind as u64) as u32 & (u32::MAX >> 1))
    }
}

/// The kinds of handles that are an index beneath a tag.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HandleKind {
    Tracer,
    Meter,
    Instrument,
    Series,
    Observer,
    Logger,
    Baggage,
}

/// The upper half of all handles of one kind in one instance; the lower half is an index.
///
/// It tells handles of other instances, and of other kinds, from one's own. Within an instance
/// indices can be guessed, which does no more than asking for an equal scope or instrument does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag(u32);

impl Tag {
    /// The index in handles for what is beyond a limit: they are known as such, and lead nowhere.
    pub(crate) const NOWHERE: u32 = u32::MAX;

    pub(crate) fn handle(self, index: u32) -> u64 {
        u64::from(self.0) << 32 | u64::from(index)
    }

    /// Gives a handle's index, or `None` if it is not of this kind and instance.
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
