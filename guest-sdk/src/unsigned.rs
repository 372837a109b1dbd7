//! Unsigned integers that are too large for `i64`. The contract has no such value, so the host
//! receives them as text: the OpenTelemetry specification maps integers beyond signed 64 bits to
//! strings.
//!
//! The first such integer sets a pointer to the code for them, so guests without such integers do
//! not link it.

use std::cell::Cell;

use crate::local;
use crate::types::{KeyValue, Link, Notice, Unsigned, Value};

/// A list that is rarely needed. Boxed, so that its absence is one null pointer. The code that
/// drops it is inlined into every call of the host.
type Rare<T> = Option<Box<Vec<T>>>;

/// A call of the host with links.
type LinksCall<'c> = &'c mut dyn FnMut(&[Link<'_>]) -> Notice;

struct Lowering {
    digits: fn(u64) -> String,
    all: fn(&[KeyValue<'_>]) -> Rare<String>,
    list: for<'a> fn(&[KeyValue<'a>], &'a [String]) -> Rare<KeyValue<'a>>,
    lend_links: fn(&[Link<'_>], LinksCall<'_>) -> Notice,
    leak: fn(&'static [KeyValue<'static>]) -> &'static [KeyValue<'static>],
}

thread_local! {
    static LOWERING: Cell<Option<&'static Lowering>> = const { Cell::new(None) };
}

impl From<u64> for Value<'_> {
    #[inline]
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(value) => Self::Int(value),
            Err(_) => unsigned(value),
        }
    }
}

#[cold]
fn unsigned(value: u64) -> Value<'static> {
    static LOWER: Lowering = Lowering {
        digits: |value| value.to_string(),
        all,
        list,
        lend_links: lend_lowered_links,
        leak: leak_lowered,
    };
    local::set(&LOWERING, Some(&LOWER));
    Value::Unsigned(Unsigned::new(value))
}

impl From<usize> for Value<'_> {
    #[inline]
    fn from(value: usize) -> Self {
        #[cfg(target_pointer_width = "32")]
        return Self::Int(value as i64);
        #[cfg(not(target_pointer_width = "32"))]
        return (value as u64).into();
    }
}

impl From<isize> for Value<'_> {
    #[inline]
    fn from(value: isize) -> Self {
        Self::Int(value as i64)
    }
}

/// Returns the digits of an integer from which [`Value`] was created.
pub(crate) fn digits(value: Unsigned) -> Option<String> {
    LOWERING
        .get()
        .map(|lowering| (lowering.digits)(value.get()))
}

/// Returns the digits of all such integers among the attributes. `None` if there are none.
#[inline]
pub(crate) fn of(attributes: &[KeyValue<'_>]) -> Rare<String> {
    LOWERING
        .get()
        .and_then(|lowering| (lowering.all)(attributes))
}

/// Returns the attributes with texts for such integers. `digits` must come from the same
/// attributes. `None` if there are none.
#[inline]
pub(crate) fn lowered<'a>(
    attributes: &[KeyValue<'a>],
    digits: &'a Rare<String>,
) -> Rare<KeyValue<'a>> {
    let digits = digits.as_ref()?;
    (LOWERING.get()?.list)(attributes, digits)
}

/// Calls the host with links whose attributes have texts for such integers.
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "native code copies links and lowers them then")
)]
pub(crate) fn lend_links(links: &[Link<'_>], call: LinksCall<'_>) -> Notice {
    match LOWERING.get() {
        Some(lowering) => (lowering.lend_links)(links, call),
        None => call(links),
    }
}

fn lend_lowered_links(links: &[Link<'_>], call: LinksCall<'_>) -> Notice {
    let digits: Vec<_> = links.iter().map(|link| all(link.attributes)).collect();
    let lowered: Vec<_> = links
        .iter()
        .zip(&digits)
        .map(|(link, digits)| list(link.attributes, digits.as_deref()?))
        .collect();
    let links: Vec<_> = links
        .iter()
        .zip(&lowered)
        .map(|(link, lowered)| Link {
            attributes: lowered.as_ref().map_or(link.attributes, |list| list),
            ..*link
        })
        .collect();
    call(&links)
}

/// Returns the attributes of a scope, with texts for such integers. The texts are leaked, because a
/// scope lives as long as the program.
pub(crate) fn of_scope(attributes: &'static [KeyValue<'static>]) -> &'static [KeyValue<'static>] {
    match LOWERING.get() {
        Some(lowering) => (lowering.leak)(attributes),
        None => attributes,
    }
}

fn leak_lowered(attributes: &'static [KeyValue<'static>]) -> &'static [KeyValue<'static>] {
    let lowered = all(attributes).and_then(|digits| list(attributes, Vec::leak(*digits)));
    lowered.map_or(attributes, |lowered| Vec::leak(*lowered))
}

fn all(attributes: &[KeyValue<'_>]) -> Rare<String> {
    let digits = attributes.iter().filter_map(|attribute| {
        if let Value::Unsigned(value) = attribute.value {
            Some(value.get().to_string())
        } else {
            None
        }
    });
    let digits: Vec<_> = digits.collect();
    (!digits.is_empty()).then(|| Box::new(digits))
}

fn list<'a>(attributes: &[KeyValue<'a>], digits: &'a [String]) -> Rare<KeyValue<'a>> {
    let mut digits = digits.iter();
    let lower = |attribute: &KeyValue<'a>| {
        let value = if let Value::Unsigned(_) = attribute.value {
            Value::String(digits.next().map(String::as_str).unwrap_or_default())
        } else {
            attribute.value
        };
        KeyValue {
            key: attribute.key,
            value,
        }
    };
    Some(Box::new(attributes.iter().map(lower).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_that_fit_stay_integers_and_others_become_text() {
        let most = i64::MAX.cast_unsigned();
        let attributes: &[KeyValue<'_>] = crate::attributes![
            "zero" => 0u64,
            "most" => most,
            "beyond" => most + 1,
            "text" => "a",
            "all" => u64::MAX,
            "size" => usize::MAX,
            "signed" => isize::MIN,
        ];
        let digits = of(attributes);
        let list = lowered(attributes, &digits).unwrap();
        let values: Vec<_> = list.iter().map(|attribute| attribute.value).collect();
        let expected = [
            Value::Int(0),
            Value::Int(i64::MAX),
            Value::String("9223372036854775808"),
            Value::String("a"),
            Value::String("18446744073709551615"),
            Value::String("18446744073709551615"),
            Value::Int(i64::MIN),
        ];
        assert_eq!(values, expected);
        let plain = crate::attributes!["a" => 1u64];
        assert!(lowered(plain, &of(plain)).is_none());
    }
}
