//! Interns texts for the lifetime of the process.
//!
//! The SDK takes event names and severity texts only as `&'static str`, but guests choose them at
//! run time. Static attribute keys and names are cheaper too, because they need no copy. A leaked
//! text is never freed, so the process, each [`Telemetry`](crate::Telemetry) and each instance have
//! a limit. The limit of an instance keeps one guest from using up the limit of its tenant.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};

use crate::dropped::Reason;
use crate::limits::{Limits, PROCESS_TEXT_BYTES, PROCESS_TEXTS};
use crate::string_cache;

/// All leaked texts, so that equal texts are leaked once.
static PROCESS: LazyLock<Mutex<Texts>> = LazyLock::new(Mutex::default);

#[derive(Debug, Default)]
struct Texts {
    known: HashSet<&'static str, foldhash::fast::RandomState>,
    bytes: usize,
}

impl Texts {
    /// Interns `text` for the life of the process. `None` beyond the limits.
    fn keep(&mut self, text: &str, max_texts: usize, max_bytes: usize) -> Option<&'static str> {
        if let Some(known) = self.known.get(text) {
            return Some(known);
        }
        let bytes = self.bytes.saturating_add(text.len());
        if self.known.len() >= max_texts || bytes > max_bytes {
            return None;
        }
        let kept: &'static str = Box::leak(Box::from(text));
        self.known.insert(kept);
        self.bytes = bytes;
        Some(kept)
    }
}

/// The purpose of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The SDK takes the text only as `&'static str`.
    Required,
    /// It saves copies. Only half of the process's bounds is for this purpose, so that cached texts
    /// cannot displace required ones.
    Cached,
}

/// The texts of one [`Telemetry`](crate::Telemetry).
#[derive(Debug)]
pub(crate) struct Interner {
    known: RwLock<HashSet<&'static str, foldhash::fast::RandomState>>,
    required: Usage,
    cached: Usage,
    limits: InternerLimits,
}

/// The number of texts and their bytes.
#[derive(Debug, Default)]
struct Usage {
    texts: AtomicUsize,
    bytes: AtomicUsize,
}

impl Usage {
    fn texts(&self) -> usize {
        self.texts.load(Ordering::Relaxed)
    }

    fn bytes_with(&self, text: &str) -> usize {
        self.bytes
            .load(Ordering::Relaxed)
            .saturating_add(text.len())
    }

    fn add(&self, text: &str) {
        self.texts.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(text.len(), Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy)]
struct InternerLimits {
    required: usize,
    required_bytes: usize,
    required_per_instance: usize,
    required_bytes_per_instance: usize,
    cached: usize,
    cached_per_instance: usize,
    cached_text_bytes: usize,
}

impl Interner {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            known: RwLock::default(),
            required: Usage::default(),
            cached: Usage::default(),
            limits: InternerLimits {
                required: limits.interned,
                required_bytes: limits.interned_bytes,
                required_per_instance: limits.interned_per_instance,
                required_bytes_per_instance: limits.interned_bytes_per_instance,
                cached: limits.cached_texts,
                cached_per_instance: limits.cached_texts_per_instance,
                cached_text_bytes: limits.cached_text_bytes,
            },
        }
    }

    /// Returns the number of required texts.
    pub(crate) fn len(&self) -> usize {
        self.required.texts()
    }

    fn find(&self, text: &str) -> Option<&'static str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(text).copied()
    }

    /// Keeps a text if `check` allows it, and adds it to the usage of its purpose.
    fn keep(
        &self,
        text: &str,
        purpose: Purpose,
        share: &Usage,
        check: impl FnOnce() -> Result<(), Reason>,
    ) -> Result<&'static str, Reason> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(text) {
            return Ok(known);
        }
        check()?;
        let (max_texts, max_bytes, usage) = match purpose {
            Purpose::Required => (PROCESS_TEXTS, PROCESS_TEXT_BYTES, &self.required),
            Purpose::Cached => (PROCESS_TEXTS / 2, PROCESS_TEXT_BYTES / 2, &self.cached),
        };
        let mut process = PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = process.keep(text, max_texts, max_bytes);
        let kept = kept.ok_or(Reason::ProcessTexts)?;
        known.insert(kept);
        usage.add(text);
        share.add(text);
        Ok(kept)
    }
}

/// Interns the texts of one instance. It shares the texts of its [`Interner`], and adds a limited
/// number of them.
#[derive(Debug)]
pub(crate) struct InstanceTexts {
    interner: Arc<Interner>,
    required: Usage,
    cached: Usage,
}

impl InstanceTexts {
    pub(crate) fn new(interner: &Arc<Interner>) -> Self {
        Self {
            interner: Arc::clone(interner),
            required: Usage::default(),
            cached: Usage::default(),
        }
    }

    /// Interns an event name or severity text for the SDK.
    ///
    /// # Errors
    ///
    /// Returns the limit that is exceeded.
    pub(crate) fn required(&self, text: &str) -> Result<&'static str, Reason> {
        if let Some(known) = self.interner.find(text) {
            return Ok(known);
        }
        let (all, limits) = (&self.interner.required, &self.interner.limits);
        let check = || {
            if all.texts() >= limits.required {
                Err(Reason::Interned)
            } else if all.bytes_with(text) > limits.required_bytes {
                Err(Reason::InternedBytes)
            } else if self.required.texts() >= limits.required_per_instance {
                Err(Reason::InternedPerInstance)
            } else if self.required.bytes_with(text) > limits.required_bytes_per_instance {
                Err(Reason::InternedBytesPerInstance)
            } else {
                Ok(())
            }
        };
        self.interner
            .keep(text, Purpose::Required, &self.required, check)
    }

    /// Interns a text that is used repeatedly. `None` if it is new and the limits allow no more.
    pub(crate) fn cached(&self, text: &str) -> Option<&'static str> {
        let (all, limits) = (&self.interner.cached, &self.interner.limits);
        if text.len() > limits.cached_text_bytes {
            return None;
        }
        if let Some(known) = self.interner.find(text) {
            return Some(known);
        }
        let check = || {
            let is_full =
                all.texts() >= limits.cached || self.cached.texts() >= limits.cached_per_instance;
            // Nothing is dropped, so the reason does not matter.
            if is_full {
                Err(Reason::Interned)
            } else {
                Ok(())
            }
        };
        check().ok()?;
        let kept = self
            .interner
            .keep(text, Purpose::Cached, &self.cached, check);
        kept.ok()
    }

    /// Interns a text that was used twice, and adds it to the cache of this thread.
    #[cold]
    pub(crate) fn cache(&self, bytes: &[u8]) -> Option<&'static str> {
        let text = self.cached(str::from_utf8(bytes).ok()?)?;
        string_cache::insert(text);
        Some(text)
    }

    /// Prepares a text that the SDK will copy repeatedly. Interns it if the limits allow, so that a
    /// copy costs nothing.
    pub(crate) fn shared(&self, text: String) -> Cow<'static, str> {
        self.cached(&text).map_or(Cow::Owned(text), Cow::Borrowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interner(change: impl FnOnce(&mut Limits)) -> Arc<Interner> {
        Arc::new(Interner::new(&Limits::default().with(change)))
    }

    #[test]
    fn equal_texts_are_kept_once_in_the_process() {
        let [one, other] = [interner(|_| {}), interner(|_| {})];
        let (one, other) = (InstanceTexts::new(&one), InstanceTexts::new(&other));
        let name = one.required("interned-once").unwrap();
        let again = one.required(&String::from("interned-once")).unwrap();
        assert!(std::ptr::eq(name, again));
        assert!(std::ptr::eq(name, other.required("interned-once").unwrap()));
        assert!(std::ptr::eq(name, one.cached("interned-once").unwrap()));
    }

    #[test]
    fn texts_and_bytes_are_limited() {
        let few = interner(|limits| limits.interned = 2);
        let few = InstanceTexts::new(&few);
        assert_eq!(
            ["limit-a", "limit-b", "limit-c", "limit-a"].map(|name| few.required(name).err()),
            [None, None, Some(Reason::Interned), None]
        );
        let small = interner(|limits| limits.interned_bytes = 10);
        let small = InstanceTexts::new(&small);
        let too_long = Some(Reason::InternedBytes);
        assert_eq!(
            ["12345", "1234567", "54321", "1"].map(|name| small.required(name).err()),
            [None, too_long, None, too_long]
        );
    }

    #[test]
    fn instance_leaves_texts_to_the_others() {
        let interner = interner(|limits| {
            limits.interned_per_instance = 2;
            limits.cached_texts_per_instance = 1;
        });
        let hostile = InstanceTexts::new(&interner);
        let taken = (0..10_000).map(|i| hostile.required(&format!("share-{i}")));
        let reasons: Vec<_> = taken.filter_map(Result::err).collect();
        assert_eq!(reasons, [Reason::InternedPerInstance; 9_998]);
        assert!(hostile.cached("share-cached-a").is_some());
        assert!(hostile.cached("share-cached-b").is_none());
        let other = InstanceTexts::new(&interner);
        assert!(other.required("share-of-another").is_ok());
        assert!(other.cached("share-cached-b").is_some());
        assert!(
            hostile.cached("share-cached-b").is_some(),
            "already interned"
        );
        assert!(
            hostile.required("share-of-another").is_ok(),
            "already interned"
        );
    }

    #[test]
    fn bytes_of_an_instance_are_limited() {
        let interner = interner(|limits| limits.interned_bytes_per_instance = 3);
        let texts = InstanceTexts::new(&interner);
        let too_long = Some(Reason::InternedBytesPerInstance);
        assert_eq!(
            ["abc", "d", "abc"].map(|text| texts.required(text).err()),
            [None, too_long, None]
        );
    }

    #[test]
    fn fresh_names_of_ten_thousand_guests_take_no_more_than_allowed() {
        let interner = interner(|_| {});
        let kept = |i| InstanceTexts::new(&interner).required(&format!("fresh-name-{i}"));
        assert_eq!((0..10_000).filter(|i| kept(*i).is_ok()).count(), 1_024);
        let kept = |i| InstanceTexts::new(&interner).cached(&format!("fresh-key-{i}"));
        assert_eq!((0..10_000).filter_map(kept).count(), 2_048);
        assert_eq!(interner.len(), 1_024);
    }

    #[test]
    fn process_keeps_no_more_than_its_table_holds() {
        let mut texts = Texts::default();
        assert!(texts.keep("ab", 2, 5).is_some());
        assert!(texts.keep("abcd", 2, 5).is_none());
        assert!(texts.keep("abc", 2, 5).is_some());
        assert!(texts.keep("", 2, 5).is_none());
        assert!(texts.keep("ab", 2, 5).is_some());
    }
}
