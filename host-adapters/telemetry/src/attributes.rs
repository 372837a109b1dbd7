//! What holds for the attributes of every signal: keys, lengths, last value wins, and how much there may be.

use std::borrow::Cow;
use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::{Array, KeyValue, StringValue, Value};

use crate::dropped::{Dropped, Reason, Signal};
use crate::limits::{AHEAD_SECONDS, EARLIEST_SECONDS, Limits};

/// The rules under which a guest's attributes and texts are taken over.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) dropped: &'a Dropped,
    pub(crate) signal: Signal,
    /// Characters of a string value, where they are limited besides its bytes.
    pub(crate) value_chars: Option<usize>,
    /// Where counts go until it is known whether what they are part of is kept.
    pub(crate) pending: Option<&'a Pending>,
}

/// Counts of what was left out of something that may itself be dropped.
///
/// What is dropped is counted once: of something that is dropped as a whole, nothing is counted but
/// that.
#[derive(Debug, Default)]
pub(crate) struct Pending(RefCell<Vec<(Reason, u64, String)>>);

impl Pending {
    /// Counts them, for what they are part of is kept.
    #[inline]
    pub(crate) fn count(self, rules: Rules<'_>) {
        let counts = self.0.into_inner();
        if !counts.is_empty() {
            count_all(counts, rules);
        }
    }
}

#[cold]
fn count_all(counts: Vec<(Reason, u64, String)>, rules: Rules<'_>) {
    for (reason, items, name) in counts {
        if name.is_empty() {
            rules.count(reason, items);
        } else {
            rules.count_named(reason, &name);
        }
    }
}

/// How many attributes something may have, and what counts more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtMost(pub(crate) usize, pub(crate) Reason);

/// How many bytes there is room for.
#[derive(Debug)]
pub(crate) struct Room {
    left: usize,
    reason: Reason,
}

impl Room {
    /// Makes room for `left` bytes. What does not fit is counted under `reason`.
    pub(crate) const fn new(left: usize, reason: Reason) -> Self {
        Self { left, reason }
    }

    /// Returns the one with fewer bytes.
    pub(crate) fn or_less(self, other: Self) -> Self {
        if other.left < self.left { other } else { self }
    }

    /// Makes room without a bound, for what is bounded otherwise.
    pub(crate) const fn endless() -> Self {
        Self::new(usize::MAX, Reason::CallBytes)
    }

    pub(crate) const fn left(&self) -> usize {
        self.left
    }

    pub(crate) const fn reason(&self) -> Reason {
        self.reason
    }

    /// Takes `bytes` if there is room for them.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Exchanges `old` bytes for `new` ones if there is room for those.
    fn exchange(&mut self, old: usize, new: usize) -> bool {
        match self.left.saturating_add(old).checked_sub(new) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

const EARLIEST: Duration = Duration::from_secs(EARLIEST_SECONDS);
const AHEAD: Duration = Duration::from_secs(AHEAD_SECONDS);

/// Returns the time that a guest gave in nanoseconds since the Unix epoch, or `None` if it is
/// implausible: a number of milliseconds or seconds reads as a moment in 1970.
pub(crate) fn plausible_time(nanoseconds: u64, now: SystemTime) -> Option<SystemTime> {
    let since_epoch = Duration::from_nanos(nanoseconds);
    let time = UNIX_EPOCH + since_epoch;
    (since_epoch >= EARLIEST && time <= now + AHEAD).then_some(time)
}

impl<'a> Rules<'a> {
    /// Returns the same rules, whose counts are kept back.
    pub(crate) fn pending<'b>(&self, pending: &'b Pending) -> Rules<'b>
    where
        'a: 'b,
    {
        Rules {
            pending: Some(pending),
            ..*self
        }
    }
}

impl Rules<'_> {
    pub(crate) fn count(&self, reason: Reason, items: u64) {
        match self.pending {
            None => self.dropped.add(self.signal, reason, items),
            Some(_) if items == 0 => {}
            Some(Pending(counts)) => {
                counts.borrow_mut().push((reason, items, String::new()));
            }
        }
    }

    /// Counts one item, and notes its name.
    #[cold]
    pub(crate) fn count_named(&self, reason: Reason, name: &str) {
        match self.pending {
            None => self.dropped.add_named(self.signal, reason, name),
            Some(Pending(counts)) => counts.borrow_mut().push((reason, 1, name.to_owned())),
        }
    }

    /// Returns the time that a guest gave, or now where it gave none. An implausible one is counted
    /// and replaced by now.
    pub(crate) fn time(&self, given: Option<u64>) -> SystemTime {
        self.time_at(given, SystemTime::now())
    }

    /// Does as [`time`](Self::time) where the time is known.
    pub(crate) fn time_at(&self, given: Option<u64>, now: SystemTime) -> SystemTime {
        let Some(nanoseconds) = given else {
            return now;
        };
        plausible_time(nanoseconds, now).unwrap_or_else(|| {
            self.count(Reason::Timestamp, 1);
            now
        })
    }

    /// Takes over the given attributes: those without a valid key are left out, long values shortened, a key that is there
    /// already gets the new value, and new keys are added up to `most`.
    ///
    /// Returns how many were left out for `most`, which have been counted like all others. Takes
    /// time in proportion to the given times `most`.
    pub(crate) fn merge(
        &self,
        kept: &mut Vec<KeyValue>,
        given: Vec<KeyValue>,
        most: AtMost,
        room: &mut Room,
    ) -> u32 {
        let first = kept.len();
        if first == 0 {
            *kept = given;
            if self.takes_whole(kept, most.0, room) {
                return 0;
            }
        } else {
            kept.extend(given);
        }
        self.merge_from(first, kept, most, room)
    }

    /// Merges what lies behind the first so many with those, one by one.
    #[cold]
    fn merge_from(
        &self,
        first: usize,
        kept: &mut Vec<KeyValue>,
        AtMost(limit, reason): AtMost,
        room: &mut Room,
    ) -> u32 {
        let mut len = first;
        let mut over = 0;
        // Everything before `len` is kept; what is not is swapped behind it, and cut off in the end.
        for next in first..kept.len() {
            let (head, tail) = kept.split_at_mut(next);
            let Some(new) = tail.first_mut() else { break };
            if !self.key_is_valid(new) {
                continue;
            }
            let shortened = Pending::default();
            self.pending(&shortened)
                .fit(new.key.as_str(), &mut new.value);
            if let Some(old) = head.iter_mut().take(len).find(|old| old.key == new.key) {
                if room.exchange(bytes_of_value(&old.value), bytes_of_value(&new.value)) {
                    std::mem::swap(&mut old.value, &mut new.value);
                    shortened.count(*self);
                } else {
                    self.count_named(room.reason, new.key.as_str());
                }
            } else if len >= limit {
                over += 1;
                self.count_named(reason, new.key.as_str());
            } else if room.take(bytes_of(new)) {
                shortened.count(*self);
                kept.swap(len, next);
                len += 1;
            } else {
                self.count_named(room.reason, new.key.as_str());
            }
        }
        kept.truncate(len);
        // One call may bring far more than what is kept.
        if kept.capacity() > 2 * len + 16 {
            kept.shrink_to_fit();
        }
        over
    }

    /// Whether there is nothing to leave out and nothing to shorten, as there seldom is; takes the room then, and nothing otherwise.
    pub(crate) fn takes_whole(&self, given: &[KeyValue], limit: usize, room: &mut Room) -> bool {
        if given.len() > limit.min(SEARCHED) {
            return false;
        }
        let mut bytes = 0;
        for (index, KeyValue { key, value, .. }) in given.iter().enumerate() {
            let key = key.as_str();
            let fits = match value {
                Value::String(text) => {
                    bytes += text.as_str().len();
                    self.keeps_text(text.as_str())
                }
                Value::Bool(_) | Value::I64(_) | Value::F64(_) => true,
                Value::Array(_) | _ => false,
            };
            let known = given[..index]
                .iter()
                .any(|known| same_text(known.key.as_str(), key));
            if !fits || known || !self.keeps_key(key) {
                return false;
            }
            bytes += size_of::<KeyValue>() + key.len();
        }
        room.take(bytes)
    }

    /// Whether an attribute with this key is kept, as far as the key goes.
    pub(crate) fn keeps_key(&self, key: &str) -> bool {
        !key.is_empty() && key.len() <= self.limits.key_bytes
    }

    /// Whether a text is sure to be kept as it is: one of so many bytes has no more characters.
    pub(crate) fn keeps_text(&self, text: &str) -> bool {
        let chars = self.value_chars.unwrap_or(usize::MAX);
        text.len() <= self.limits.value_bytes.min(chars)
    }

    fn key_is_valid(&self, attribute: &KeyValue) -> bool {
        let key = attribute.key.as_str();
        if key.is_empty() {
            self.count(Reason::EmptyKey, 1);
            false
        } else if key.len() > self.limits.key_bytes {
            self.count_named(Reason::KeyBytes, key);
            false
        } else {
            true
        }
    }

    /// Shortens the value of an attribute to the limits.
    fn fit(&self, key: &str, value: &mut Value) {
        match value {
            Value::String(text) => self.fit_string(key, text),
            Value::Array(array) => {
                let limit = self.limits.array_elements;
                let shortened = match array {
                    Array::Bool(elements) => shorten_list(elements, limit),
                    Array::I64(elements) => shorten_list(elements, limit),
                    Array::F64(elements) => shorten_list(elements, limit),
                    Array::String(elements) => {
                        let shortened = shorten_list(elements, limit);
                        elements
                            .iter_mut()
                            .for_each(|text| self.fit_string(key, text));
                        shortened
                    }
                    // Kinds that the API crate may add later come from no guest.
                    _ => false,
                };
                if shortened {
                    self.count_named(Reason::ArrayElements, key);
                }
            }
            Value::Bool(_) | Value::I64(_) | Value::F64(_) | _ => {}
        }
    }

    fn fit_string(&self, key: &str, value: &mut StringValue) {
        let text = value.as_str();
        let cut = cut(text, self.limits.value_bytes, self.value_chars);
        if cut < text.len() {
            let reason = if cut < text.floor_char_boundary(self.limits.value_bytes) {
                value_chars(self.signal)
            } else {
                Reason::ValueBytes
            };
            *value = text[..cut].to_owned().into();
            self.count_named(reason, key);
        }
    }

    /// Shortens a name or description to `Limits::text_bytes`.
    pub(crate) fn text(&self, mut text: String) -> String {
        if self.shorten(&mut text) {
            self.count_named(Reason::TextBytes, &text);
        }
        text
    }

    /// Shortens a name as [`text`](Self::text) does.
    pub(crate) fn name(&self, name: Cow<'static, str>) -> Cow<'static, str> {
        if name.len() <= self.limits.text_bytes {
            return name;
        }
        Cow::Owned(self.text(name.into_owned()))
    }

    /// Shortens a description of the host's own, such as a trap's message, of which nothing that a guest gave is lost.
    pub(crate) fn own_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.shorten(&mut text);
        text
    }

    fn shorten(&self, text: &mut String) -> bool {
        let cut = cut(text, self.limits.text_bytes, None);
        if cut == text.len() {
            return false;
        }
        text.truncate(cut);
        text.shrink_to_fit();
        true
    }
}

/// Returns the limit on the characters of a value. Values of metrics have none.
fn value_chars(signal: Signal) -> Reason {
    match signal {
        Signal::Logs => Reason::LogValueChars,
        Signal::Traces | Signal::Metrics => Reason::SpanValueChars,
    }
}

/// Gives the length of the longest prefix of at most so many bytes and characters.
pub(crate) fn cut(text: &str, bytes: usize, chars: Option<usize>) -> usize {
    let end = text.floor_char_boundary(bytes);
    match chars {
        Some(chars) if chars < end => text
            .char_indices()
            .nth(chars)
            .map_or(end, |(at, _)| at.min(end)),
        _ => end,
    }
}

fn shorten_list<T>(list: &mut Vec<T>, limit: usize) -> bool {
    let shorten = list.len() > limit;
    if shorten {
        list.truncate(limit);
        list.shrink_to_fit();
    }
    shorten
}

/// Among how many attributes it is quick to look for a key that is there twice.
pub(crate) const SEARCHED: usize = 32;

/// Compares texts of which most differ in length, and those that are equal are often the same.
#[inline]
pub(crate) fn same_text(a: &str, b: &str) -> bool {
    a.len() == b.len() && (std::ptr::eq(a, b) || a == b)
}

/// Gives how many bytes an attribute occupies.
pub(crate) fn bytes_of(attribute: &KeyValue) -> usize {
    size_of::<KeyValue>() + attribute.key.as_str().len() + bytes_of_value(&attribute.value)
}

fn bytes_of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::Bool(elements)) => elements.len(),
        Value::Array(Array::I64(elements)) => size_of_val(elements.as_slice()),
        Value::Array(Array::F64(elements)) => size_of_val(elements.as_slice()),
        Value::Array(Array::String(elements)) => elements
            .iter()
            .map(|text| size_of::<StringValue>() + text.as_str().len())
            .sum(),
        Value::Bool(_) | Value::I64(_) | Value::F64(_) | Value::Array(_) | _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn attribute() -> impl Strategy<Value = KeyValue> {
        let value = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            proptest::collection::vec(any::<i64>(), 0..5)
                .prop_map(|list| Value::Array(Array::I64(list))),
        ];
        ("[a-e]{0,3}", value).prop_map(|(key, value)| KeyValue::new(key, value))
    }

    proptest! {
        #[test]
        fn merging_keeps_the_first_keys_with_their_last_values(
            calls in proptest::collection::vec(proptest::collection::vec(attribute(), 0..12), 0..6),
            limit in 0..8usize,
        ) {
            let limits = Limits { key_bytes: 2, value_bytes: 6, array_elements: 3, ..Limits::default() };
            let dropped = Dropped::default();
            let rules = Rules { limits: &limits, dropped: &dropped, signal: Signal::Logs, value_chars: Some(4), pending: None };
            let mut kept = Vec::new();
            let mut over = 0;
            let (mut order, mut last, mut expected_over) = (Vec::new(), HashMap::new(), 0);
            for call in calls {
                for KeyValue { key, mut value, .. } in call.clone() {
                    if key.as_str().is_empty() || key.as_str().len() > 2 {
                        continue;
                    }
                    rules.fit(key.as_str(), &mut value);
                    if last.contains_key(&key) || order.len() < limit {
                        if last.insert(key.clone(), value).is_none() {
                            order.push(key);
                        }
                    } else {
                        expected_over += 1;
                    }
                }
                over += rules.merge(&mut kept, call, AtMost(limit, Reason::LogAttributes), &mut Room::endless());
            }
            let expected: Vec<_> =
                order.into_iter().map(|key| KeyValue::new(key.clone(), last[&key].clone())).collect();
            prop_assert_eq!(kept, expected);
            prop_assert_eq!(over, expected_over);
        }

        #[test]
        fn a_cut_is_the_longest_prefix_within_both_limits(
            text in ".{0,20}", bytes in 0..40usize, chars in proptest::option::of(0..30usize),
        ) {
            let end = cut(&text, bytes, chars);
            let fits = |prefix: &str| {
                prefix.len() <= bytes && chars.is_none_or(|chars| prefix.chars().count() <= chars)
            };
            prop_assert!(fits(&text[..end]));
            if let Some(next) = text[end..].chars().next() {
                prop_assert!(!fits(&text[..end + next.len_utf8()]));
            }
        }

        #[test]
        fn the_bytes_taken_are_those_of_what_is_kept(
            calls in proptest::collection::vec(proptest::collection::vec(attribute(), 0..6), 0..6),
            own in 0..1_000usize,
        ) {
            let (limits, dropped) = (Limits::default(), Dropped::default());
            let rules = Rules { limits: &limits, dropped: &dropped, signal: Signal::Logs, value_chars: None, pending: None };
            let mut kept = Vec::new();
            let mut room = Room::new(own, Reason::LogBytes);
            for call in calls {
                rules.merge(&mut kept, call, AtMost(usize::MAX, Reason::LogAttributes), &mut room);
                let taken: usize = kept.iter().map(bytes_of).sum();
                prop_assert_eq!(taken + room.left(), own);
            }
        }
    }
}
