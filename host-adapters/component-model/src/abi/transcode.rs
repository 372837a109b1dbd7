//! Strings that pass from one guest to another: the host functions that fused adapters call.
//!
//! The adapters, which the translator generates, allocate and call `realloc` themselves. The host
//! copies code units from one memory to the other, in the steps of `store_string_into_range` in the
//! [specification](https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md#storing).
//! Adapters check pointers before the call; they are checked again here.
//!
//! Strings are copied through small buffers, piece by piece, and only as far as needed: a string
//! may cover gigabytes of memory that neither guest has touched. They are therefore not charged to
//! the call's [`Budget`](super::Budget), which limits the bytes that a call copies into the host's
//! memory. Of an invalid string, the part before the error may have been copied.

mod pieces;

use super::memory::Memory;
use super::string::UTF16_TAG;
use crate::error::{Trap, TrapCode};
use pieces::{
    Consumed, Proceed, Source, Target, Units, decode, too_long, units, utf8, whole_utf16,
};

/// The operation of a transcoder. All pointers are in bytes, all lengths in code units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transcode {
    /// `(from, length, to)`: copies valid UTF-8.
    CopyUtf8,
    /// `(from, length, to)`: copies valid UTF-16.
    CopyUtf16,
    /// `(from, length, to)`: copies Latin-1.
    CopyLatin1,
    /// `(from, length, to)`: widens Latin-1 to UTF-16.
    Latin1ToUtf16,
    /// `(from, length, to) -> written`.
    Utf8ToUtf16,
    /// `(from, length, to, to_length, first_pass) -> (read, written)`: stops when the space is used
    /// up, and in the first pass also at the first character that is not ASCII.
    Latin1ToUtf8,
    /// As [`Latin1ToUtf8`](Self::Latin1ToUtf8).
    Utf16ToUtf8,
    /// `(from, length, to) -> tagged length`: copies UTF-16, and narrows it to Latin-1 if that can
    /// represent all of it.
    Utf16ToCompactProbablyUtf16,
    /// `(from, length, to) -> (read, written)`: stops at the first character that is not Latin-1.
    Utf8ToLatin1,
    /// As [`Utf8ToLatin1`](Self::Utf8ToLatin1).
    Utf16ToLatin1,
    /// `(from, length, to, to_length, latin1_so_far) -> length`: widens the output of the previous
    /// step, and continues in UTF-16.
    Utf8ToCompactUtf16,
    /// As [`Utf8ToCompactUtf16`](Self::Utf8ToCompactUtf16).
    Utf16ToCompactUtf16,
}

impl Transcode {
    /// Returns the number of parameters of the core function.
    pub fn params(self) -> usize {
        match self {
            Self::CopyUtf8
            | Self::CopyUtf16
            | Self::CopyLatin1
            | Self::Latin1ToUtf16
            | Self::Utf8ToUtf16 => 3,
            Self::Utf16ToCompactProbablyUtf16 | Self::Utf8ToLatin1 | Self::Utf16ToLatin1 => 3,
            Self::Latin1ToUtf8
            | Self::Utf16ToUtf8
            | Self::Utf8ToCompactUtf16
            | Self::Utf16ToCompactUtf16 => 5,
        }
    }

    /// Returns the number of results of the core function.
    pub fn results(self) -> usize {
        match self {
            Self::CopyUtf8 | Self::CopyUtf16 | Self::CopyLatin1 | Self::Latin1ToUtf16 => 0,
            Self::Utf8ToUtf16 | Self::Utf16ToCompactProbablyUtf16 => 1,
            Self::Utf8ToCompactUtf16 | Self::Utf16ToCompactUtf16 => 1,
            Self::Latin1ToUtf8 | Self::Utf16ToUtf8 | Self::Utf8ToLatin1 | Self::Utf16ToLatin1 => 2,
        }
    }

    /// Runs the transcoder with the arguments of the adapter. Returns as many results as
    /// [`results`](Self::results) says.
    ///
    /// # Errors
    ///
    /// A trap if the string is invalid, a pointer is not aligned or out of bounds, or the number of
    /// arguments is wrong.
    pub fn run(
        self,
        from: &dyn Memory,
        to: &mut dyn Memory,
        arguments: &[u32],
    ) -> Result<Vec<u32>, Trap> {
        self.run_while(from, to, arguments, &mut || Ok(()))
    }

    /// Runs the transcoder as [`run`](Self::run) does, and calls `proceed` between the pieces of a
    /// long string.
    ///
    /// `from` and `to` may represent the same memory of the engine. Then the string and its target
    /// must not overlap.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and any error that `proceed` returns.
    pub fn run_while(
        self,
        from: &dyn Memory,
        to: &mut dyn Memory,
        arguments: &[u32],
        proceed: &mut dyn FnMut() -> Result<(), Trap>,
    ) -> Result<Vec<u32>, Trap> {
        let arguments = Arguments::new(arguments)?;
        let (source_width, target_width) = self.widths();
        let source = Source::new(from, arguments.pointer, arguments.length, source_width)?;
        let mut target = Target::new(to, arguments.target, target_width)?;
        let to = &mut target;
        match self {
            Self::CopyUtf8 | Self::CopyUtf16 | Self::CopyLatin1 | Self::Latin1ToUtf16 => {
                self.copy(source, to, proceed)?;
                Ok(Vec::new())
            }
            Self::Utf8ToUtf16 => {
                utf8_to_utf16(source, to, u32::MAX, proceed)?;
                Ok(vec![to.written() / 2])
            }
            Self::Latin1ToUtf8 => {
                let read = latin1_to_utf8(source, to, arguments.space()?, proceed)?;
                Ok(vec![count(read)?, to.written()])
            }
            Self::Utf16ToUtf8 => {
                let read = utf16_to_utf8(source, to, arguments.space()?, proceed)?;
                Ok(vec![count(read / 2)?, to.written()])
            }
            Self::Utf16ToCompactProbablyUtf16 => {
                if copy_utf16(source, to, u32::MAX, proceed)? {
                    to.narrow(proceed)?;
                    Ok(vec![to.written()])
                } else {
                    Ok(vec![(to.written() / 2) | UTF16_TAG])
                }
            }
            Self::Utf8ToLatin1 => {
                let read = utf8_to_latin1(source, to, proceed)?;
                Ok(vec![count(read)?, to.written()])
            }
            Self::Utf16ToLatin1 => {
                let read = utf16_to_latin1(source, to, proceed)?;
                Ok(vec![count(read / 2)?, to.written()])
            }
            Self::Utf8ToCompactUtf16 | Self::Utf16ToCompactUtf16 => {
                let Space {
                    space,
                    extra: so_far,
                } = arguments.space()?;
                if so_far > space {
                    return Err(no_space());
                }
                to.widen(so_far, proceed)?;
                if matches!(self, Self::Utf8ToCompactUtf16) {
                    utf8_to_utf16(source, to, space, proceed)?;
                } else {
                    copy_utf16(source, to, space, proceed)?;
                }
                Ok(vec![to.written() / 2])
            }
        }
    }

    /// Returns the size of a code unit of the source, and the alignment of the target.
    fn widths(self) -> (u32, u32) {
        match self {
            Self::CopyUtf8 | Self::CopyLatin1 | Self::Latin1ToUtf8 | Self::Utf8ToLatin1 => (1, 1),
            Self::Latin1ToUtf16 | Self::Utf8ToUtf16 | Self::Utf8ToCompactUtf16 => (1, 2),
            Self::Utf16ToUtf8 | Self::Utf16ToLatin1 => (2, 1),
            Self::CopyUtf16 | Self::Utf16ToCompactProbablyUtf16 | Self::Utf16ToCompactUtf16 => {
                (2, 2)
            }
        }
    }

    /// Copies a string of known length.
    fn copy(
        self,
        source: Source<'_>,
        to: &mut Target<'_>,
        proceed: Proceed<'_>,
    ) -> Result<(), Trap> {
        if matches!(self, Self::CopyUtf16) {
            copy_utf16(source, to, u32::MAX, proceed)?;
            return Ok(());
        }
        let mut wide = Units::new();
        source.each(proceed, |piece, before, is_last| {
            if matches!(self, Self::Latin1ToUtf16) {
                wide.clear();
                piece.iter().for_each(|byte| wide.push((*byte).into()));
                to.write(wide.bytes())?;
                return Ok(Consumed::all_of(piece.len()));
            }
            let piece = if matches!(self, Self::CopyUtf8) {
                utf8(piece, before, is_last)?.as_bytes()
            } else {
                piece
            };
            to.write(piece)?;
            Ok(Consumed::all_of(piece.len()))
        })?;
        Ok(())
    }
}

/// The arguments of a transcoder.
#[derive(Debug, Clone, Copy)]
struct Arguments {
    pointer: u32,
    length: u32,
    target: u32,
    space: Option<Space>,
}

/// The space in the target, and one more argument.
#[derive(Debug, Clone, Copy)]
struct Space {
    space: u32,
    extra: u32,
}

impl Arguments {
    fn new(arguments: &[u32]) -> Result<Self, Trap> {
        let (pointer, length, target, space) = match *arguments {
            [pointer, length, target] => (pointer, length, target, None),
            [pointer, length, target, space, extra] => {
                (pointer, length, target, Some(Space { space, extra }))
            }
            _ => {
                return Err(Trap::new(
                    TrapCode::Signature,
                    "a transcoder takes three or five arguments",
                ));
            }
        };
        Ok(Self {
            pointer,
            length,
            target,
            space,
        })
    }

    fn space(self) -> Result<Space, Trap> {
        self.space
            .ok_or_else(|| Trap::new(TrapCode::Signature, "a transcoder has too few arguments"))
    }
}

fn count(units: u64) -> Result<u32, Trap> {
    u32::try_from(units).map_err(|_overflow| too_long())
}

fn no_space() -> Trap {
    Trap::new(
        TrapCode::StringOutOfBounds,
        "a string is longer than its allocation",
    )
}

/// Writes UTF-16 code units, at most `space` in all.
fn write_units(to: &mut Target<'_>, wide: &[u8], space: u32) -> Result<(), Trap> {
    let size = u64::try_from(wide.len()).unwrap_or(u64::MAX);
    let size = u64::from(to.written()).saturating_add(size);
    if size / 2 > u64::from(space) {
        return Err(no_space());
    }
    to.write(wide)
}

/// Returns true if all of it is Latin-1.
fn copy_utf16(
    source: Source<'_>,
    to: &mut Target<'_>,
    space: u32,
    proceed: Proceed<'_>,
) -> Result<bool, Trap> {
    let mut all_latin1 = true;
    source.each(proceed, |piece, _, is_last| {
        let piece = whole_utf16(piece, is_last);
        for char in decode(units(piece)) {
            all_latin1 &= u32::from(char?) <= 0xff;
        }
        write_units(to, piece, space)?;
        Ok(Consumed::all_of(piece.len()))
    })?;
    Ok(all_latin1)
}

fn utf8_to_utf16(
    source: Source<'_>,
    to: &mut Target<'_>,
    space: u32,
    proceed: Proceed<'_>,
) -> Result<(), Trap> {
    let mut wide = Units::new();
    source.each(proceed, |piece, before, is_last| {
        let text = utf8(piece, before, is_last)?;
        wide.clear();
        text.encode_utf16().for_each(|unit| wide.push(unit));
        write_units(to, wide.bytes(), space)?;
        Ok(Consumed::all_of(text.len()))
    })?;
    Ok(())
}

/// Writes Latin-1 as UTF-8 while there is space. Returns the number of bytes read.
fn latin1_to_utf8(
    source: Source<'_>,
    to: &mut Target<'_>,
    space: Space,
    proceed: Proceed<'_>,
) -> Result<u64, Trap> {
    let mut out = Units::new();
    source.each(proceed, |piece, _, _| {
        let chars = piece.iter().map(|byte| Ok(char::from(*byte)));
        let read = Utf8Writer::new(&mut out, to, space).take(chars, |_| 1)?;
        to.write(out.bytes())?;
        Ok(Consumed::of(read, piece))
    })
}

/// Writes UTF-16 as UTF-8 while there is space. Returns the number of bytes read.
fn utf16_to_utf8(
    source: Source<'_>,
    to: &mut Target<'_>,
    space: Space,
    proceed: Proceed<'_>,
) -> Result<u64, Trap> {
    let mut out = Units::new();
    source.each(proceed, |piece, _, is_last| {
        let piece = whole_utf16(piece, is_last);
        let chars = decode(units(piece));
        let width = |char: char| char.len_utf16().saturating_mul(2);
        let read = Utf8Writer::new(&mut out, to, space).take(chars, width)?;
        to.write(out.bytes())?;
        Ok(Consumed::of(read, piece))
    })
}

/// Collects characters in a piece of UTF-8 until the space in the target is used up, or in the
/// first pass, until a character is not ASCII.
struct Utf8Writer<'a> {
    out: &'a mut Units,
    left: usize,
    first_pass: bool,
}

impl<'a> Utf8Writer<'a> {
    fn new(out: &'a mut Units, to: &Target<'_>, space: Space) -> Self {
        out.clear();
        let left = space.space.saturating_sub(to.written());
        Self {
            out,
            left: usize::try_from(left).unwrap_or(usize::MAX),
            first_pass: space.extra != 0,
        }
    }

    /// Takes characters while there is space. `width` returns the size of one in the source.
    /// Returns the size of those taken.
    fn take(
        &mut self,
        chars: impl Iterator<Item = Result<char, Trap>>,
        width: impl Fn(char) -> usize,
    ) -> Result<usize, Trap> {
        let mut read = 0usize;
        for char in chars {
            let char = char?;
            if !self.push(char) {
                break;
            }
            read = read.saturating_add(width(char));
        }
        Ok(read)
    }

    /// Returns true if there was space.
    fn push(&mut self, char: char) -> bool {
        if self.first_pass && !char.is_ascii() {
            return false;
        }
        let Some(left) = self.left.checked_sub(char.len_utf8()) else {
            return false;
        };
        self.left = left;
        self.out.extend(char.encode_utf8(&mut [0; 4]).as_bytes());
        true
    }
}

/// Narrows the Latin-1 part at the front. Returns the number of bytes that it takes.
///
/// The rest, including invalid bytes, is checked by the next step.
fn utf8_to_latin1(
    source: Source<'_>,
    to: &mut Target<'_>,
    proceed: Proceed<'_>,
) -> Result<u64, Trap> {
    let mut out = Units::new();
    source.each(proceed, |piece, before, is_last| {
        // The valid text at the front, even if invalid bytes follow.
        let (text, is_valid) = match utf8(piece, before, is_last) {
            Ok(text) => (text, true),
            Err(_) => {
                let valid = str::from_utf8(piece).err().map(|error| error.valid_up_to());
                let valid = valid.and_then(|end| str::from_utf8(piece.get(..end)?).ok());
                (valid.unwrap_or_default(), false)
            }
        };
        out.clear();
        let mut read = 0usize;
        for char in text.chars() {
            let Ok(byte) = u8::try_from(u32::from(char)) else {
                break;
            };
            out.extend(&[byte]);
            read = read.saturating_add(char.len_utf8());
        }
        to.write(out.bytes())?;
        Ok(Consumed {
            bytes: read,
            stop: !is_valid || read < text.len(),
        })
    })
}

/// Narrows the Latin-1 part at the front. Returns the number of bytes that it takes.
fn utf16_to_latin1(
    source: Source<'_>,
    to: &mut Target<'_>,
    proceed: Proceed<'_>,
) -> Result<u64, Trap> {
    let mut out = Units::new();
    source.each(proceed, |piece, _, _| {
        out.clear();
        for unit in units(piece) {
            let Ok(byte) = u8::try_from(unit) else {
                break;
            };
            out.extend(&[byte]);
        }
        to.write(out.bytes())?;
        let read = out.bytes().len().saturating_mul(2);
        Ok(Consumed::of(read, piece))
    })
}
