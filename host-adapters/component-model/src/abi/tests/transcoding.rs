//! Strings that are copied between guests in pieces of 16 bytes.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use super::*;
use crate::abi::transcode::Transcode::{self, *};

/// Converts a string from every encoding to every other in the steps of a fused adapter.
pub(super) fn keeps(string: &str) {
    use Transcode::*;
    let utf8 = string.as_bytes().to_vec();
    let utf16: Vec<u8> = string.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin1: Option<Vec<u8>> = string
        .chars()
        .map(|char| u8::try_from(u32::from(char)).ok())
        .collect();
    let (bytes, units) = (utf8.len() as u32, utf16.len() as u32 / 2);
    let mut to = vec![0u8; 1024];

    CopyUtf8.run(&utf8, &mut to, &[0, bytes, 8]).unwrap();
    assert_eq!(&to[8..8 + utf8.len()], &utf8);
    CopyUtf16.run(&utf16, &mut to, &[0, units, 8]).unwrap();
    assert_eq!(&to[8..8 + utf16.len()], &utf16);
    assert_eq!(
        Utf8ToUtf16.run(&utf8, &mut to, &[0, bytes, 8]).unwrap(),
        [units]
    );
    assert_eq!(&to[8..8 + utf16.len()], &utf16);

    // Too little space at first, then the rest.
    let passes = |op: Transcode, from: &Vec<u8>, length: u32, width: u32, to: &mut Vec<u8>| {
        let first = op.run(from, to, &[0, length, 8, length, 1]).unwrap();
        let (read, written) = (first[0], first[1]);
        let rest = op
            .run(
                from,
                to,
                &[read * width, length - read, 8 + written, 900 - written, 0],
            )
            .unwrap();
        assert_eq!(read + rest[0], length);
        range(8, written + rest[1])
    };
    let written = passes(Utf16ToUtf8, &utf16, units, 2, &mut to);
    assert_eq!(&to[written], &utf8);

    // Latin-1 as far as possible, then UTF-16.
    for (narrow, wide, from, length, width) in [
        (Utf8ToLatin1, Utf8ToCompactUtf16, &utf8, bytes, 1),
        (Utf16ToLatin1, Utf16ToCompactUtf16, &utf16, units, 2),
    ] {
        let first = narrow.run(from, &mut to, &[0, length, 8]).unwrap();
        let (read, written) = (first[0], first[1]);
        assert_eq!(read == length, latin1.is_some());
        match &latin1 {
            Some(latin1) => assert_eq!(&to[range(8, written)], latin1),
            None => {
                let total = wide
                    .run(
                        from,
                        &mut to,
                        &[read * width, length - read, 8, 500, written],
                    )
                    .unwrap();
                assert_eq!(total, [units]);
                assert_eq!(&to[8..8 + utf16.len()], &utf16);
            }
        }
    }

    let tagged = Utf16ToCompactProbablyUtf16
        .run(&utf16, &mut to, &[0, units, 8])
        .unwrap()[0];
    match &latin1 {
        Some(latin1) => {
            assert_eq!(tagged, units);
            assert_eq!(&to[range(8, tagged)], latin1);
            let length = latin1.len() as u32;
            CopyLatin1.run(latin1, &mut to, &[0, length, 8]).unwrap();
            assert_eq!(&to[range(8, length)], latin1);
            Latin1ToUtf16.run(latin1, &mut to, &[0, length, 8]).unwrap();
            assert_eq!(&to[8..8 + utf16.len()], &utf16);
            let written = passes(Latin1ToUtf8, latin1, length, 1, &mut to);
            assert_eq!(&to[written], &utf8);
        }
        None => {
            assert_eq!(tagged, units | 1 << 31);
            assert_eq!(&to[8..8 + utf16.len()], &utf16);
        }
    }
}

fn range(start: usize, length: u32) -> Range<usize> {
    start..start + length as usize
}

#[test]
#[cfg_attr(miri, ignore = "many pieces of 8 KiB are too slow")]
fn characters_across_two_pieces_stay_whole() {
    for text in ["é", "€", "𝄞", "é€𝄞é€𝄞é€𝄞é€𝄞", "ééééééééééééééééé"]
    {
        for before in 0..40 {
            for after in [0, 1, 15, 16, 17, 40] {
                keeps(&format!(
                    "{}{text}{}",
                    "x".repeat(before),
                    "y".repeat(after)
                ));
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "many pieces of 8 KiB are too slow")]
fn invalid_text_traps_at_any_position() {
    let utf16 = |units: &[u16]| units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    for before in 0..40usize {
        for after in [0usize, 1, 7, 8, 30] {
            for bad in [
                &[0xff][..],
                &[0xc3],
                &[0xe2, 0x82],
                &[0xf0, 0x9f, 0x98],
                &[0xed, 0xa0, 0x80],
            ] {
                let text = [&b"x".repeat(before)[..], bad, &b"y".repeat(after)[..]].concat();
                let length = text.len() as u32;
                for (op, rest) in [
                    (CopyUtf8, &[][..]),
                    (Utf8ToUtf16, &[]),
                    (Utf8ToCompactUtf16, &[400, 0]),
                ] {
                    let trap = run(op, &text, &[&[0, length, 0], rest].concat()).unwrap_err();
                    let found = (trap.code(), trap.message());
                    let message = format!("invalid utf-8 after {before} bytes of a string");
                    assert_eq!(found, (TrapCode::InvalidString, &*message), "{op:?}");
                }
                // The next step finds the invalid text.
                let read = run(Utf8ToLatin1, &text, &[0, length, 0]).unwrap();
                assert_eq!(read, [before as u32; 2]);
            }
            for bad in [
                &[0xd800][..],
                &[0xdc00],
                &[0xdbff, 0xd800],
                &[0xdc00, 0xd800],
            ] {
                let units = [&vec![0x78; before][..], bad, &vec![0x79; after][..]].concat();
                let (text, length): (Vec<u8>, _) = (utf16(&units), units.len() as u32);
                for (op, rest) in [
                    (CopyUtf16, &[][..]),
                    (Utf16ToCompactProbablyUtf16, &[]),
                    (Utf16ToUtf8, &[400, 0]),
                    (Utf16ToCompactUtf16, &[400, 0]),
                ] {
                    let trap = run(op, &text, &[&[0, length, 0], rest].concat()).unwrap_err();
                    assert_eq!(trap.code(), TrapCode::InvalidString, "{op:?}");
                }
                let read = run(Utf16ToLatin1, &text, &[0, length, 0]).unwrap();
                assert_eq!(read, [before as u32; 2]);
            }
        }
    }
}

#[test]
fn writes_stay_within_the_space() {
    let text = "é".repeat(50);
    for (op, from, length) in [
        (Utf8ToCompactUtf16, text.as_bytes().to_vec(), 100),
        (
            Utf16ToCompactUtf16,
            text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            50,
        ),
    ] {
        for (space, so_far, fits) in [
            (50, 0, true),
            (49, 0, false),
            (53, 3, true),
            (52, 3, false),
            (2, 3, false),
        ] {
            let found = run(op, &from, &[0, length, 0, space, so_far]);
            let expected = if fits {
                Ok(vec![space])
            } else {
                Err(TrapCode::StringOutOfBounds)
            };
            assert_eq!(
                found.map_err(|trap| trap.code()),
                expected,
                "{op:?} {space}"
            );
        }
    }
    for (space, expected) in [
        (0, [0, 0]),
        (1, [0, 0]),
        (2, [1, 2]),
        (99, [49, 98]),
        (100, [50, 100]),
    ] {
        let from = text
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>();
        assert_eq!(
            run(Utf16ToUtf8, &from, &[0, 50, 0, space, 0]).unwrap(),
            expected
        );
        assert_eq!(
            run(Latin1ToUtf8, &[0xe9; 50], &[0, 50, 0, space, 0]).unwrap(),
            expected
        );
    }
    // The end of the memory comes before the end of the string.
    for (op, rest) in [
        (CopyUtf8, &[][..]),
        (CopyLatin1, &[]),
        (Latin1ToUtf16, &[]),
        (Utf8ToUtf16, &[]),
    ] {
        let trap = run(op, &[b'x'; 100], &[&[0, 100, 450], rest].concat()).unwrap_err();
        assert_eq!(trap.code(), TrapCode::StringOutOfBounds, "{op:?}");
    }
}

fn run(op: Transcode, from: &[u8], arguments: &[u32]) -> Result<Vec<u32>, Trap> {
    op.run(&from.to_vec(), &mut vec![0u8; 512], arguments)
}

/// A memory of 4 GiB that is zero except for its first unit, and counts the bytes read.
struct Untouched {
    first: u16,
    read: Cell<usize>,
}

impl Memory for Untouched {
    fn length(&self) -> u64 {
        1 << 32
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        self.read.set(self.read.get() + bytes.len());
        bytes.fill(0);
        if let (0, [low, high, ..]) = (offset, bytes) {
            [*low, *high] = self.first.to_le_bytes();
        }
        Ok(())
    }

    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), OutOfBounds> {
        Ok(())
    }
}

#[test]
fn strings_are_read_only_as_far_as_needed() {
    let length = (1 << 30) - 1;
    for (op, rest) in [(Utf16ToLatin1, &[][..]), (Utf16ToUtf8, &[length, 1])] {
        let from = Untouched {
            first: 0x100,
            read: Cell::new(0),
        };
        let done = op.run(&from, &mut vec![0; 16], &[&[0, length, 0], rest].concat());
        assert_eq!(done.unwrap(), [0, 0]);
        assert!(from.read.get() <= 16, "{op:?}: {} bytes", from.read.get());
    }
}

#[test]
fn a_long_copy_checks_whether_to_proceed() {
    let from = vec![b'x'; 400];
    for (op, rest) in [
        (CopyUtf8, &[][..]),
        (Utf8ToUtf16, &[]),
        (Latin1ToUtf8, &[512, 0]),
        (Utf8ToLatin1, &[]),
    ] {
        let mut pieces = 0;
        let stopped = op.run_while(
            &from,
            &mut vec![0; 1024],
            &[&[0, 400, 0], rest].concat(),
            &mut || {
                pieces += 1;
                if pieces < 5 {
                    Ok(())
                } else {
                    Err(Trap::new(TrapCode::Interrupt, "interrupt"))
                }
            },
        );
        assert_eq!(stopped.unwrap_err().code(), TrapCode::Interrupt, "{op:?}");
    }
}

/// One memory as both source and target.
#[derive(Clone)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Memory for Shared {
    fn length(&self) -> u64 {
        self.0.borrow().length()
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        self.0.borrow().read(offset, bytes)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.0.borrow_mut().write(offset, bytes)
    }
}

#[test]
fn source_and_target_may_be_one_memory() {
    let text = "x€é".repeat(10);
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(512, 0);
    let from = Shared(Rc::new(RefCell::new(bytes)));
    let mut to = from.clone();
    let units = Utf8ToUtf16
        .run(&from, &mut to, &[0, text.len() as u32, 128])
        .unwrap();
    assert_eq!(units, [30]);
    let back = Utf16ToUtf8
        .run(&from, &mut to, &[128, 30, 256, 128, 0])
        .unwrap();
    assert_eq!(back, [30, text.len() as u32]);
    assert_eq!(&from.0.borrow()[256..256 + text.len()], text.as_bytes());
}
