//! Texts that come again and again: keys of attributes, and names of spans and events.
//!
//! A program says the same few of them with every call. What has been seen twice by a thread is kept for the life of the process,
//! as the SDK's types can hold it without taking memory; so a key costs a comparison instead of an allocation and a check. The process keeps a
//! bounded number of them, and whatever has no place is copied as any other text, so that nothing but time depends on it.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::{LazyLock, PoisonError, RwLock};

/// How long a text may be to be kept.
const TEXT_BYTES: usize = 96;

/// How many texts the process keeps.
const PROCESS_ENTRIES: usize = 8_192;

/// How many texts a thread finds without asking the process: a power of two.
const THREAD_ENTRIES: usize = 512;

static PROCESS: LazyLock<RwLock<HashSet<&'static str>>> = LazyLock::new(RwLock::default);

thread_local! {
    static THREAD: [Cell<Place>; THREAD_ENTRIES] =
        const { [const { Cell::new(Place { hash: 0, text: None }) }; THREAD_ENTRIES] };
}

/// What a thread has seen last of the texts that have the same place.
#[derive(Clone, Copy)]
struct Place {
    hash: u64,
    /// From the second time on, if there was room.
    text: Option<&'static str>,
}

/// Gives a text as the process keeps it, if it does: bytes that are found are UTF-8.
#[must_use]
#[inline]
pub fn find(bytes: &[u8]) -> Option<&'static str> {
    if bytes.len() > TEXT_BYTES {
        return None;
    }
    let hash = hash(bytes);
    THREAD.with(|places| {
        let place = &places[(hash >> 32) as usize % THREAD_ENTRIES];
        let Place {
            hash: known_hash,
            text,
        } = place.get();
        match text {
            // Different texts may have the same hash.
            Some(text) if known_hash == hash && text.as_bytes() == bytes => Some(text),
            _ => find_elsewhere(bytes, hash, place),
        }
    })
}

/// Hashes by words. Whoever chooses texts for their hash makes his own calls slower, and nothing else.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(29) ^ word).wrapping_mul(FACTOR);
    let length = bytes.len() as u64;
    // First and last words overlap where they must, so that nothing is left over.
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

/// Gives a text as the process keeps it, from the first time on, or the text itself where there is no room for it: for what is passed once and
/// then copied again and again.
pub(crate) fn kept(text: String) -> Cow<'static, str> {
    let known = Some(&*text).filter(|text| text.len() <= TEXT_BYTES);
    known.and_then(keep).map_or(Cow::Owned(text), Cow::Borrowed)
}

fn find_elsewhere(bytes: &[u8], hash: u64, place: &Cell<Place>) -> Option<&'static str> {
    let seen = place.get();
    if seen.hash != hash || seen.text.is_some() {
        // Seen once: a text that never comes again shall take nobody's room.
        place.set(Place { hash, text: None });
        return None;
    }
    let text = keep(str::from_utf8(bytes).ok()?);
    place.set(Place { hash, text });
    text
}

/// Gives a text with the life of the process; `None` where there is no room for it.
fn keep(text: &str) -> Option<&'static str> {
    let known = PROCESS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(text) {
        return Some(known);
    }
    let is_full = known.len() >= PROCESS_ENTRIES;
    drop(known);
    if is_full {
        return None;
    }
    let mut known = PROCESS.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(text) {
        return Some(known);
    }
    if known.len() >= PROCESS_ENTRIES {
        return None;
    }
    let kept: &'static str = Box::leak(Box::from(text));
    known.insert(kept);
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_found_as_the_same_text() {
        let bytes = b"recurring.test.key";
        assert_eq!(find(bytes), None, "seen once");
        let found = find(bytes).expect("seen twice");
        assert_eq!(found.as_bytes(), bytes);
        assert!(std::ptr::eq(found, find(bytes).expect("kept")));
        let elsewhere = std::thread::spawn(|| {
            assert_eq!(find(b"recurring.test.key"), None);
            find(b"recurring.test.key").expect("seen twice by this thread too")
        });
        assert!(std::ptr::eq(found, elsewhere.join().expect("no panic")));
    }

    #[test]
    fn what_is_long_or_not_utf8_is_never_found() {
        let long = vec![b'a'; TEXT_BYTES + 1];
        for _ in 0..3 {
            assert_eq!(find(&long), None);
            assert_eq!(find(b"\xff\xfe"), None);
        }
        assert_eq!(find(&long[..TEXT_BYTES]), None);
        assert!(find(&long[..TEXT_BYTES]).is_some());
    }

    #[test]
    fn the_empty_text_is_a_text() {
        let _ = find(b"");
        assert_eq!(find(b""), Some(""));
    }

    #[test]
    fn many_texts_are_never_taken_for_each_other() {
        for _ in 0..3 {
            for number in 0..20_000 {
                let text = format!("recurring.test.{number}");
                if let Some(found) = find(text.as_bytes()) {
                    assert_eq!(found, text);
                }
            }
        }
        let kept = PROCESS.read().unwrap_or_else(PoisonError::into_inner).len();
        assert!(kept <= PROCESS_ENTRIES);
    }
}
