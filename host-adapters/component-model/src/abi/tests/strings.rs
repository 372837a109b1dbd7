//! Strings in the three encodings.

use super::*;

#[test]
fn strings_survive_every_encoding_with_the_allocations_of_the_specification() {
    use StringEncoding::{CompactUtf16, Utf8, Utf16};
    for (string, encoding, length, sizes) in [
        ("", Utf8, 0, vec![0]),
        ("aé€𝄞", Utf8, 10, vec![10]),
        ("abc", Utf16, 3, vec![6]),
        ("aé€𝄞", Utf16, 5, vec![20, 10]),
        ("abc", CompactUtf16, 3, vec![3]),
        ("é", CompactUtf16, 1, vec![2, 1]),
        ("é€", CompactUtf16, 2 | 1 << 31, vec![5, 10, 4]),
        ("𝄞", CompactUtf16, 2 | 1 << 31, vec![4, 8, 4]),
    ] {
        let guest = &mut Guest::new(64);
        let (pointer, stored) = lowering(guest, encoding, |cx| store_string(cx, string)).unwrap();
        assert_eq!(stored, length, "{string:?} in {encoding:?}");
        assert_eq!(
            guest.calls.iter().map(|call| call.3).collect::<Vec<_>>(),
            sizes,
            "{string:?} in {encoding:?}"
        );
        let loaded = lifting(&guest.memory, encoding, |cx| {
            load_string(cx, pointer, stored)
        });
        assert_eq!(loaded.as_deref(), Ok(string));
    }
}

#[test]
fn bad_strings_trap() {
    use StringEncoding::{CompactUtf16, Utf8, Utf16};
    let tag = 1 << 31;
    let memory = vec![0xff, 0xff, 0x00, 0xd8, 0x41, 0x00, 0xc3, 0xa9];
    for (encoding, pointer, length, expected) in [
        (Utf8, 0, 1, Err(TrapCode::InvalidString)),
        (Utf8, 6, 1, Err(TrapCode::InvalidString)),
        (Utf8, 6, 2, Ok("é")),
        (Utf8, 8, 0, Ok("")),
        (Utf8, 9, 0, Err(TrapCode::StringOutOfBounds)),
        (Utf8, 0, u32::MAX, Err(TrapCode::StringOutOfBounds)),
        (Utf16, 2, 1, Err(TrapCode::InvalidString)),
        (Utf16, 2, 2, Err(TrapCode::InvalidString)),
        (Utf16, 4, 1, Ok("A")),
        (Utf16, 3, 1, Err(TrapCode::UnalignedPointer)),
        (Utf16, 4, 3, Err(TrapCode::StringOutOfBounds)),
        (Utf16, 0, u32::MAX, Err(TrapCode::StringOutOfBounds)),
        (CompactUtf16, 6, 2, Ok("Ã©")),
        (CompactUtf16, 5, 1, Err(TrapCode::UnalignedPointer)),
        (CompactUtf16, 4, 1 | tag, Ok("A")),
        (CompactUtf16, 2, 1 | tag, Err(TrapCode::InvalidString)),
        (CompactUtf16, 0, u32::MAX, Err(TrapCode::StringOutOfBounds)),
    ] {
        let loaded = lifting(&memory, encoding, |cx| load_string(cx, pointer, length))
            .map_err(|trap| trap.code());
        assert_eq!(
            loaded.as_deref(),
            expected.as_deref(),
            "{length:#x} at {pointer} in {encoding:?}"
        );
    }
}
