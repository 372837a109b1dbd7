//! The rules for the attributes of all signals: keys, lengths, duplicates, and limits on their
//! number and bytes.

use std::borrow::Cow;
use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::{Array, KeyValue, StringValue, Value};

use crate::dropped::{Dropped, Reason, Signal};
use crate::limits::{AHEAD_SECONDS, EARLIEST_SECONDS, Limits};

/// The rules for a guest's attributes and texts.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) dropped: &'a Dropped,
    pub(crate) signal: Signal,
    /// The limit on the characters of a string value. The limit on its bytes applies too.
    pub(crate) value_chars: Option<usize>,
    /// Holds counts back until the item is kept or dropped. `None` counts at once.
    pub(crate) pending: Option<&'a Pending>,
}

/// Counts of the dropped and shortened parts of an item. They apply only if the item is kept: a
/// dropped item counts once, without its parts.
#[derive(Debug, Default)]
pub(crate) struct Pending(RefCell<Vec<(Reason, u64, String)>>);

impl Pending {
    fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Applies the counts, because the item is kept.
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

/// A limit on the number of attributes, and the reason for dropping more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CountLimit(pub(crate) usize, pub(crate) Reason);

/// The result of a merge.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Merged {
    /// The number of attributes beyond the limit. They were dropped and are already counted.
    pub(crate) over: u32,
    /// Whether anything was dropped, replaced or shortened.
    pub(crate) is_changed: bool,
}

/// The decision about an attribute by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is added.
    Added,
    /// It replaces the value of the attribute at this index.
    Replaces(usize),
    /// It is dropped, and counted under this reason.
    Dropped(Reason),
}

/// The number of bytes that are left.
#[derive(Debug)]
pub(crate) struct ByteBudget {
    left: usize,
    reason: Reason,
}

/// A small Bloom filter of the kept keys. With it, most new keys need no comparison.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KeyFilter(u64);

impl KeyFilter {
    /// Adds a key. Returns false if it was not added before, and true if it may have been.
    #[inline]
    fn add(&mut self, key: &str) -> bool {
        let last = key.as_bytes().last().copied().unwrap_or_default();
        let bit = 1 << ((key.len() ^ usize::from(last)) % 64);
        let may_be_known = self.0 & bit != 0;
        self.0 |= bit;
        may_be_known
    }
}

impl<'k> FromIterator<&'k str> for KeyFilter {
    fn from_iter<I: IntoIterator<Item = &'k str>>(keys: I) -> Self {
        let mut filter = Self::default();
        for key in keys {
            filter.add(key);
        }
        filter
    }
}

impl ByteBudget {
    /// Makes a budget of `left` bytes. `reason` is counted if it is exceeded.
    pub(crate) const fn new(left: usize, reason: Reason) -> Self {
        Self { left, reason }
    }

    /// Returns the smaller of two budgets.
    pub(crate) fn or_less(self, other: Self) -> Self {
        if other.left < self.left { other } else { self }
    }

    /// Makes a budget without a limit, for attributes that have another limit.
    pub(crate) const fn unlimited() -> Self {
        Self::new(usize::MAX, Reason::CallBytes)
    }

    pub(crate) const fn left(&self) -> usize {
        self.left
    }

    pub(crate) const fn reason(&self) -> Reason {
        self.reason
    }

    /// Takes `bytes`. Returns false if fewer are left.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        self.exchange(0, bytes)
    }

    /// Replaces a charge of `old` bytes with `new`. Returns false, and changes nothing, if too few
    /// bytes are left.
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

/// Converts a guest's time from nanoseconds since the Unix epoch. Returns `None` if it is
/// implausible: a guest that passes seconds or milliseconds by mistake gives a time in 1970.
pub(crate) fn plausible_time(nanoseconds: u64, now: SystemTime) -> Option<SystemTime> {
    let since_epoch = Duration::from_nanos(nanoseconds);
    let time = UNIX_EPOCH + since_epoch;
    (since_epoch >= EARLIEST && time <= now + AHEAD).then_some(time)
}

impl<'a> Rules<'a> {
    /// Returns the same rules, with counts held back in `pending`.
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

    /// Counts one item, and records its name.
    #[cold]
    pub(crate) fn count_named(&self, reason: Reason, name: &str) {
        match self.pending {
            None => self.dropped.add_named(self.signal, reason, name),
            Some(Pending(counts)) => counts.borrow_mut().push((reason, 1, name.to_owned())),
        }
    }

    /// Converts a guest's time. Returns the current time if the guest gave none. An implausible
    /// time is counted and replaced by the current time.
    pub(crate) fn time(&self, given: Option<u64>) -> SystemTime {
        self.time_at(given, SystemTime::now())
    }

    /// Works like [`time`](Self::time) with a given current time.
    pub(crate) fn time_at(&self, given: Option<u64>, now: SystemTime) -> SystemTime {
        let Some(nanoseconds) = given else {
            return now;
        };
        plausible_time(nanoseconds, now).unwrap_or_else(|| {
            self.count(Reason::Timestamp, 1);
            now
        })
    }

    /// Decides by the key whether an attribute is kept. `kept` yields the `len` keys that are kept
    /// so far. `filter` contains the same keys.
    #[inline]
    pub(crate) fn admit<'k>(
        &self,
        key: &str,
        mut kept: impl Iterator<Item = &'k str>,
        len: usize,
        filter: &mut KeyFilter,
        CountLimit(limit, reason): CountLimit,
    ) -> Admission {
        let may_be_known = filter.add(key);
        if key.is_empty() {
            Admission::Dropped(Reason::EmptyKey)
        } else if key.len() > self.limits.key_bytes {
            Admission::Dropped(Reason::KeyBytes)
        } else if may_be_known && let Some(index) = kept.position(|known| same_text(known, key)) {
            Admission::Replaces(index)
        } else if len >= limit {
            Admission::Dropped(reason)
        } else {
            Admission::Added
        }
    }

    /// Merges attributes. An existing key gets the new value, and new keys are added up to `most`.
    /// Long values are shortened, and attributes with an invalid key are dropped.
    ///
    /// The time is proportional to the number of given attributes times `most`.
    pub(crate) fn merge(
        &self,
        kept: &mut Vec<KeyValue>,
        given: Vec<KeyValue>,
        most: CountLimit,
        budget: &mut ByteBudget,
    ) -> Merged {
        let first = kept.len();
        if first == 0 {
            *kept = given;
        } else {
            kept.extend(given);
        }
        let mut merged = Merged::default();
        let keys = kept.iter().take(first).map(|known| known.key.as_str());
        let mut filter: KeyFilter = keys.collect();
        // The attributes before `len` are kept. Dropped ones are swapped behind them and truncated.
        let mut len = first;
        for next in first..kept.len() {
            let (head, tail) = kept.split_at_mut(next);
            let Some(new) = tail.first_mut() else { break };
            let known = head.iter().take(len).map(|known| known.key.as_str());
            let admission = self.admit(new.key.as_str(), known, len, &mut filter, most);
            if let Admission::Dropped(reason) = admission {
                merged.over += u32::from(reason == most.1);
                merged.is_changed = true;
                self.count_named(reason, new.key.as_str());
                continue;
            }
            let shortened = (!self.is_whole(&new.value)).then(|| self.shorten_value(new));
            let fits = if let Admission::Replaces(index) = admission {
                let old = &mut head[index];
                merged.is_changed = true;
                let fits = budget.exchange(bytes_of_value(&old.value), bytes_of_value(&new.value));
                if fits {
                    std::mem::swap(&mut old.value, &mut new.value);
                }
                fits
            } else if budget.take(bytes_of(new)) {
                if len < next {
                    kept.swap(len, next);
                }
                len += 1;
                true
            } else {
                false
            };
            if fits {
                if let Some(shortened) = shortened {
                    merged.is_changed |= !shortened.is_empty();
                    shortened.count(*self);
                }
            } else {
                merged.is_changed = true;
                self.count_named(budget.reason, kept[next].key.as_str());
            }
        }
        if len < kept.len() {
            kept.truncate(len);
            // The guest may have passed many more attributes, so unused capacity is freed.
            if kept.capacity() > 2 * len + 16 {
                kept.shrink_to_fit();
            }
        }
        merged
    }

    /// Returns the length of a shortened string value, and the limit that it exceeds. `None` if it
    /// is kept whole.
    #[inline]
    pub(crate) fn shortened(&self, text: &str) -> Option<(usize, Reason)> {
        match shortened(text, self.limits.value_bytes, self.value_chars)? {
            (end, Excess::Bytes) => Some((end, Reason::ValueBytes)),
            (end, Excess::Chars) => Some((end, value_chars(self.signal))),
        }
    }

    /// Returns true if a value is certainly kept unchanged.
    #[inline]
    fn is_whole(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.shortened(text.as_str()).is_none(),
            Value::Bool(_) | Value::I64(_) | Value::F64(_) => true,
            Value::Array(_) | _ => false,
        }
    }

    /// Shortens the value of an attribute. Returns the counts, to apply if the attribute is kept.
    #[cold]
    fn shorten_value(&self, attribute: &mut KeyValue) -> Pending {
        let shortened = Pending::default();
        self.pending(&shortened)
            .fit(attribute.key.as_str(), &mut attribute.value);
        shortened
    }

    /// Shortens the value of an attribute to the limits.
    fn fit(&self, key: &str, value: &mut Value) {
        match value {
            Value::String(text) => self.fit_string(key, text),
            Value::Array(array) => self.fit_array(key, array),
            Value::Bool(_) | Value::I64(_) | Value::F64(_) | _ => {}
        }
    }

    #[cold]
    fn fit_array(&self, key: &str, array: &mut Array) {
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
            // The API crate may add kinds later. Guests cannot pass them.
            _ => false,
        };
        if shortened {
            self.count_named(Reason::ArrayElements, key);
        }
    }

    fn fit_string(&self, key: &str, value: &mut StringValue) {
        if let Some((end, reason)) = self.shortened(value.as_str()) {
            *value = value.as_str()[..end].to_owned().into();
            self.count_named(reason, key);
        }
    }

    /// Shortens a name or description to `Limits::text_bytes`, and counts that.
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

    /// Shortens a text of the host, such as a trap's message. It does not count, because no
    /// telemetry of a guest is lost.
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

/// Returns the reason for values with too many characters. Values of metrics have no such limit.
fn value_chars(signal: Signal) -> Reason {
    match signal {
        Signal::Logs => Reason::LogValueChars,
        Signal::Traces | Signal::Metrics => Reason::SpanValueChars,
    }
}

/// The limit that a text exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    Bytes,
    Chars,
}

/// Returns the length of a shortened text, and the stricter of the limits that it exceeds. `None`
/// if it is kept whole.
#[inline]
pub(crate) fn shortened(text: &str, bytes: usize, chars: Option<usize>) -> Option<(usize, Excess)> {
    // A text has no more characters than bytes.
    if text.len() <= bytes.min(chars.unwrap_or(usize::MAX)) {
        return None;
    }
    let end = cut(text, bytes, chars);
    let excess = if end < text.floor_char_boundary(bytes) {
        Excess::Chars
    } else {
        Excess::Bytes
    };
    (end < text.len()).then_some((end, excess))
}

/// Returns the length of the longest prefix within both limits.
fn cut(text: &str, bytes: usize, chars: Option<usize>) -> usize {
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

/// Compares texts. Checks length and pointer first: most texts differ in length, and equal texts
/// are often the same pointer.
#[inline]
fn same_text(a: &str, b: &str) -> bool {
    a.len() == b.len() && (std::ptr::eq(a, b) || a == b)
}

/// Returns the bytes of an attribute.
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
                over += rules.merge(&mut kept, call, CountLimit(limit, Reason::LogAttributes), &mut ByteBudget::unlimited()).over;
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
        fn taken_bytes_are_those_of_the_kept_attributes(
            calls in proptest::collection::vec(proptest::collection::vec(attribute(), 0..6), 0..6),
            own in 0..1_000usize,
        ) {
            let (limits, dropped) = (Limits::default(), Dropped::default());
            let rules = Rules { limits: &limits, dropped: &dropped, signal: Signal::Logs, value_chars: None, pending: None };
            let mut kept = Vec::new();
            let mut budget = ByteBudget::new(own, Reason::LogBytes);
            for call in calls {
                rules.merge(&mut kept, call, CountLimit(usize::MAX, Reason::LogAttributes), &mut budget);
                let taken: usize = kept.iter().map(bytes_of).sum();
                prop_assert_eq!(taken + budget.left(), own);
            }
        }
    }
}
