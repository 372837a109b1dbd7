//! A cache of repeated texts: attribute keys, and names of spans and events.
//!
//! A program passes the same few texts with every call. A text that a thread has seen twice is
//! interned as `&'static str`, which the SDK takes without a copy, within the limits of the
//! instance ([`Instance::cache_text`](crate::Instance::cache_text)). After that, the text costs a
//! comparison instead of a UTF-8 check and an allocation.

use std::cell::Cell;

use crate::limits::STRING_CACHE_SLOTS;

thread_local! {
    static SLOTS: [Cell<Slot>; STRING_CACHE_SLOTS] =
        const { [const { Cell::new(Slot { hash: 0, text: None }) }; STRING_CACHE_SLOTS] };
}

/// The latest text with a hash that belongs to this slot.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u64,
    /// `None` until the text is interned.
    text: Option<&'static str>,
}

/// The reason why a text is not in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// The thread has not seen the text lately.
    New,
    /// The thread has seen the text before, so it is worth interning.
    Repeated,
}

/// Looks up a text by its bytes. Bytes that are found are valid UTF-8.
///
/// # Errors
///
/// Returns the reason if the text is not in the cache.
#[inline]
pub fn find(bytes: &[u8]) -> Result<&'static str, Miss> {
    let hash = hash(bytes);
    SLOTS.with(|slots| {
        let cell = &slots[slot_of(hash)];
        let slot = cell.get();
        match slot.text {
            // Different texts may have the same hash.
            Some(text) if slot.hash == hash && text.as_bytes() == bytes => Ok(text),
            _ => Err(miss(cell, hash)),
        }
    })
}

#[inline(never)]
fn miss(cell: &Cell<Slot>, hash: u64) -> Miss {
    let seen = cell.get();
    if seen.hash == hash && seen.text.is_none() {
        return Miss::Repeated;
    }
    cell.set(Slot { hash, text: None });
    Miss::New
}

/// Adds a text to the cache of this thread.
pub(crate) fn insert(text: &'static str) {
    let hash = hash(text.as_bytes());
    let text = Some(text);
    SLOTS.with(|slots| slots[slot_of(hash)].set(Slot { hash, text }));
}

#[inline]
const fn slot_of(hash: u64) -> usize {
    (hash >> 32) as usize % STRING_CACHE_SLOTS
}

/// Hashes by words. Texts that are chosen to have equal hashes slow down only the guest's own
/// calls.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(29) ^ word).wrapping_mul(FACTOR);
    let length = bytes.len() as u64;
    // The last word may overlap the one before it, so that all bytes are in a word.
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let hash = mix(length, u64::from_le_bytes(*first));
        let words = bytes.as_chunks::<8>().0.iter().skip(1);
        let hash = words.fold(hash, |hash, word| mix(hash, u64::from_le_bytes(*word)));
        return mix(hash, u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [*first, *last].map(|half| u64::from(u32::from_le_bytes(half)));
        return mix(length, first << 32 | last);
    }
    let word = bytes
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    mix(length, word)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::interner::{InstanceTexts, Interner};
    use crate::limits::Limits;

    fn texts(limits: &Limits) -> InstanceTexts {
        InstanceTexts::new(&Arc::new(Interner::new(limits)))
    }

    /// Looks up a text, and interns it if it was used twice.
    fn find_or_keep(texts: &InstanceTexts, bytes: &[u8]) -> Option<&'static str> {
        match find(bytes) {
            Ok(text) => Some(text),
            Err(Miss::New) => None,
            Err(Miss::Repeated) => texts.cache(bytes),
        }
    }

    #[test]
    fn text_used_twice_is_found_by_every_thread() {
        let texts = texts(&Limits::default());
        let bytes = b"string-cache.key";
        assert_eq!(find_or_keep(&texts, bytes), None);
        let found = find_or_keep(&texts, bytes).expect("used twice");
        assert_eq!(found.as_bytes(), bytes);
        assert!(std::ptr::eq(found, find(bytes).unwrap()));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(find_or_keep(&texts, bytes), None);
                let again = find_or_keep(&texts, bytes).expect("used twice on this thread too");
                assert!(std::ptr::eq(found, again));
            });
        });
    }

    #[test]
    fn long_texts_and_bytes_that_are_not_utf8_are_never_found() {
        let limits = Limits::default();
        let texts = texts(&limits);
        let long = vec![b'a'; limits.cached_text_bytes + 1];
        for _ in 0..3 {
            assert_eq!(find_or_keep(&texts, &long), None);
            assert_eq!(find_or_keep(&texts, b"\xff\xfe"), None);
        }
        let longest = &long[1..];
        assert_eq!(find_or_keep(&texts, longest), None);
        assert!(find_or_keep(&texts, longest).is_some());
    }

    #[test]
    fn empty_text_is_cached() {
        let texts = texts(&Limits::default());
        let _ = find_or_keep(&texts, b"");
        assert_eq!(find_or_keep(&texts, b""), Some(""));
    }

    #[test]
    fn texts_are_never_confused_and_stay_within_the_share() {
        let limits = Limits::default();
        let texts = texts(&limits);
        let mut found = std::collections::HashSet::new();
        for number in 0..20_000 {
            let text = format!("string-cache.{number}");
            for _ in 0..3 {
                if let Some(known) = find_or_keep(&texts, text.as_bytes()) {
                    assert_eq!(known, text);
                    found.insert(known);
                }
            }
        }
        assert_eq!(found.len(), limits.cached_texts_per_instance);
    }
}
