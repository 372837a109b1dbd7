//! Memory for attributes that a span has left behind, for the next one.
//!
//! A span's attributes are collected before the SDK gets them, each time for as long as the span lasts: what one thread needs for that is
//! much the same from span to span.

use std::cell::Cell;

use opentelemetry::KeyValue;

/// For how many attributes memory is kept, and so the most that a span has more than it needs.
const KEPT: usize = 16;

thread_local! {
    static SPARE: Cell<Vec<KeyValue>> = const { Cell::new(Vec::new()) };
}

/// Gives an empty list with room for so many attributes of a span that starts.
#[must_use]
pub fn attributes(count: usize) -> Vec<KeyValue> {
    if count == 0 {
        return Vec::new();
    }
    // A thread that ends has none any more.
    let mut spare = SPARE.try_with(Cell::take).unwrap_or_default();
    spare.reserve_exact(count);
    spare
}

/// Takes back what the list lay in.
pub(crate) fn take_back(mut attributes: Vec<KeyValue>) {
    attributes.clear();
    if (1..=KEPT).contains(&attributes.capacity()) {
        let _ = SPARE.try_with(|spare| spare.set(attributes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_serves_again_unless_it_is_large() {
        let first = attributes(4);
        let place = first.as_ptr();
        take_back(first);
        let mut second = attributes(3);
        assert_eq!(second.as_ptr(), place);
        let third = attributes(3);
        assert_ne!(third.as_ptr(), place, "it is in use");

        second.push(KeyValue::new("k", "v"));
        take_back(second);
        assert_eq!(attributes(1), [], "nothing of the last span is left");

        take_back(attributes(KEPT + 1));
        assert!(attributes(1).capacity() <= KEPT);
        assert_eq!(attributes(0).capacity(), 0);
    }
}
