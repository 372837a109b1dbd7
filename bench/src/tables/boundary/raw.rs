//! Raw host functions of a runtime, for core modules without the component model. Arguments are
//! copied from the guest's memory, as a careful embedder would write it by hand.

use std::hint::black_box;

use super::CORE;

pub(super) mod wasmedge;
pub(super) mod wasmtime;

/// The core module with its own memory.
fn module() -> String {
    format!("(module {CORE} (memory (export \"memory\") 1))")
}

/// The bytes of a pair in the list: pointer and length of the key and of the value.
const PAIR: u32 = 16;

struct Named {
    name: String,
    pairs: Vec<Pair>,
}

struct Pair {
    key: String,
    value: String,
}

/// Copies a text from the guest and returns its length in bytes. `memory` returns a part of the
/// guest's memory if it is in bounds.
fn text<'a>(
    memory: impl Fn(u32, u32) -> Option<&'a [u8]>,
    [at, length]: [u32; 2],
) -> Option<usize> {
    let text = copied(&memory, at, length)?;
    // Keeps the compiler from removing the unused copy.
    Some(black_box(&text).len())
}

/// Copies a record with a name and pairs from the guest, and returns the number of bytes of its
/// texts.
fn attributes<'a>(
    memory: impl Fn(u32, u32) -> Option<&'a [u8]>,
    [at, length, list, count]: [u32; 4],
) -> Option<usize> {
    let name = copied(&memory, at, length)?;
    let (numbers, _) = memory(list, count.checked_mul(PAIR)?)?.as_chunks::<4>();
    let (entries, _) = numbers.as_chunks::<4>();
    let mut pairs = Vec::with_capacity(entries.len());
    for entry in entries {
        let [key, key_length, value, value_length] = entry.map(u32::from_le_bytes);
        pairs.push(Pair {
            key: copied(&memory, key, key_length)?,
            value: copied(&memory, value, value_length)?,
        });
    }
    let named = Named { name, pairs };
    let Named { name, pairs } = black_box(&named);
    let pairs = pairs.iter().map(|pair| pair.key.len() + pair.value.len());
    Some(name.len() + pairs.sum::<usize>())
}

fn copied<'a>(
    memory: impl Fn(u32, u32) -> Option<&'a [u8]>,
    at: u32,
    length: u32,
) -> Option<String> {
    let text = std::str::from_utf8(memory(at, length)?).ok()?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two texts, and a list of one pair of them.
    const MEMORY: &[u8] = b"key\xffvalue\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\x04\0\0\0\x05\0\0\0";

    fn memory(at: u32, length: u32) -> Option<&'static [u8]> {
        MEMORY.get(at as usize..)?.get(..length as usize)
    }

    #[test]
    fn texts_are_read_within_bounds_and_as_utf8() {
        assert_eq!(text(memory, [0, 3]), Some(3));
        assert_eq!(text(memory, [0, 4]), None);
        assert_eq!(text(memory, [4, u32::MAX]), None);
    }

    #[test]
    fn records_are_read_with_their_pairs() {
        assert_eq!(attributes(memory, [0, 3, 16, 1]), Some(3 + 3 + 5));
        assert_eq!(attributes(memory, [0, 3, 16, 2]), None);
        assert_eq!(attributes(memory, [0, 3, 16, 1 << 28]), None);
    }
}
