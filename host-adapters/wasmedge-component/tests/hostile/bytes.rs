//! Truncated and modified components.

use crate::exercise::{engine, load, run};
use crate::with_stack;

/// Two guests that pass handles to each other, and a third that passes strings between encodings.
fn components() -> [Vec<u8>; 2] {
    [
        include_str!("../../../../tests/differential/tests/kept/handles.wat"),
        include_str!("../../../../tests/differential/tests/kept/strings-utf8.wat"),
    ]
    .map(|text| wat::parse_str(text).unwrap())
}

/// Pseudo-random numbers with a fixed seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        // As in https://en.wikipedia.org/wiki/Xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % below
    }
}

#[test]
fn truncated_components_are_refused() {
    let engine = engine();
    for bytes in components() {
        load(&engine, &bytes).unwrap();
        let mut loaded = 0;
        for part in 0..50 {
            let length = bytes.len() * part / 50;
            // Cut between two sections, it may still be a component.
            if let Ok(component) = load(&engine, &bytes[..length]) {
                run(&component);
                loaded += 1;
            }
        }
        assert!(loaded <= 5, "{loaded} of 50 parts are components");
    }
}

#[test]
fn modified_components_are_refused_or_run_within_limits() {
    with_stack(|| {
        let engine = engine();
        let mut loaded = 0;
        for (seed, bytes) in (1..).zip(components()) {
            let mut numbers = Numbers(0x2545_f491_4f6c_dd1d * seed);
            for _ in 0..2000 {
                let mut bytes = bytes.clone();
                for _ in 0..=numbers.next(3) {
                    let at = numbers.next(bytes.len());
                    bytes[at] = match numbers.next(3) {
                        0 => u8::try_from(numbers.next(256)).unwrap(),
                        1 => bytes[at] ^ (1 << numbers.next(8)),
                        _ => [0, 1, 0x7f, 0x80, 0xff][numbers.next(5)],
                    };
                }
                if let Ok(component) = load(&engine, &bytes) {
                    run(&component);
                    loaded += 1;
                }
            }
        }
        assert!(loaded >= 200, "{loaded} of 4000 are still components");
    });
}
