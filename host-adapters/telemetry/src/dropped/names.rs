//! The first few names of dropped items. They help a reader to find the cause.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use super::{REASONS, Reason, SIGNALS, Signal};
use crate::limits::{DROPPED_NAME_CHARS, DROPPED_NAMES};

/// Names are compared by their first 256 bytes.
const COMPARED_BYTES: usize = 256;

/// Names by signal and reason: at most [`DROPPED_NAMES`] each, of at most [`DROPPED_NAME_CHARS`]
/// characters.
#[derive(Debug)]
pub(super) struct Names {
    /// Hashes of the kept names, so that a known name needs no lock. 0 is a free slot.
    hashes: [[[AtomicU64; DROPPED_NAMES]; REASONS]; SIGNALS],
    texts: Mutex<Texts>,
}

/// The printable names, by the numbers of signal and reason.
type Texts = BTreeMap<(usize, usize), Vec<Box<str>>>;

impl Default for Names {
    fn default() -> Self {
        Self {
            hashes: [const { [const { [const { AtomicU64::new(0) }; DROPPED_NAMES] }; REASONS] };
                SIGNALS],
            texts: Mutex::default(),
        }
    }
}

impl Names {
    /// Keeps a name, unless [`DROPPED_NAMES`] names are kept already. Skips the name if another
    /// thread holds the lock.
    pub(super) fn add(&self, signal: Signal, reason: Reason, name: &str) {
        let slots = &self.hashes[signal as usize][reason as usize];
        let hash = hash(name);
        for slot in slots {
            match slot.load(Ordering::Relaxed) {
                0 => return self.add_new(signal, reason, name, hash),
                known if known == hash => return,
                _ => {}
            }
        }
    }

    #[cold]
    fn add_new(&self, signal: Signal, reason: Reason, name: &str, hash: u64) {
        let mut texts = match self.texts.try_lock() {
            Ok(texts) => texts,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let slots = &self.hashes[signal as usize][reason as usize];
        for slot in slots {
            match slot.load(Ordering::Relaxed) {
                0 => {
                    slot.store(hash, Ordering::Relaxed);
                    let known = texts.entry((signal as usize, reason as usize)).or_default();
                    known.push(printable_name(name));
                    return;
                }
                known if known == hash => return,
                _ => {}
            }
        }
    }

    pub(super) fn get(&self, signal: Signal, reason: Reason) -> Vec<Box<str>> {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = texts.get(&(signal as usize, reason as usize));
        known.cloned().unwrap_or_default()
    }
}

/// Returns a hash of the name, never 0.
fn hash(name: &str) -> u64 {
    use std::hash::BuildHasher as _;
    let compared = name.get(..name.floor_char_boundary(COMPARED_BYTES));
    foldhash::fast::FixedState::default()
        .hash_one(compared)
        .max(1)
}

/// Returns a name that is safe to print: shortened, on one line, with control characters escaped.
fn printable_name(name: &str) -> Box<str> {
    let mut text = String::new();
    let mut chars = 0;
    for character in name.chars() {
        let escaped = character.escape_debug();
        // The name is printed between double quotes, so a single quote needs no escape.
        let plain = character == '\'';
        chars += if plain { 1 } else { escaped.len() };
        if chars > DROPPED_NAME_CHARS {
            text.push('…');
            break;
        }
        if plain {
            text.push(character);
        } else {
            text.extend(escaped);
        }
    }
    text.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(given: &[&str]) -> Vec<Box<str>> {
        let names = Names::default();
        for name in given {
            names.add(Signal::Logs, Reason::KeyBytes, name);
        }
        assert!(names.get(Signal::Traces, Reason::KeyBytes).is_empty());
        assert!(names.get(Signal::Logs, Reason::EmptyKey).is_empty());
        names.get(Signal::Logs, Reason::KeyBytes)
    }

    #[test]
    fn first_different_names_are_kept_in_order() {
        let kept = names(&["b", "a", "b", "b", "c", "d", "a"]);
        assert_eq!(kept, ["b".into(), "a".into(), "c".into()]);
    }

    #[test]
    fn names_are_short_and_harmless() {
        let long = "x".repeat(100_000);
        let kept = names(&["a\x1b[2J\n'b'", "\u{202e}\u{85}é", &long]);
        assert_eq!(&*kept[0], "a\\u{1b}[2J\\n'b'");
        assert_eq!(&*kept[1], "\\u{202e}\\u{85}é");
        assert_eq!(*kept[2], format!("{}…", "x".repeat(DROPPED_NAME_CHARS)));
        assert!(
            names(&[&"\u{202e}".repeat(1_000)])[0].len() <= DROPPED_NAME_CHARS + '…'.len_utf8()
        );
    }
}
