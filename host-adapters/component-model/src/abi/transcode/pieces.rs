//! Reading and writing strings piece by piece.

use crate::abi::memory::Memory;
use crate::abi::{check_pointer, out_of_bounds};
use crate::error::{Trap, TrapCode};

/// The number of bytes of a string that are read at a time. Even, so that UTF-16 code units are not
/// split. Small in tests of this crate, so that most of their strings are split.
pub(super) const PIECE: usize = if cfg!(test) { 16 } else { 8192 };

/// Checks whether a long copy may continue, and traps if not.
pub(super) type Proceed<'a> = &'a mut dyn FnMut() -> Result<(), Trap>;

/// The position of a string. The size is in bytes.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    memory: &'a dyn Memory,
    pointer: u32,
    size: u64,
}

/// The result of processing a piece.
pub(super) struct Consumed {
    /// The number of bytes consumed. The rest is at the front of the next piece.
    pub(super) bytes: usize,
    /// True if no more pieces are needed.
    pub(super) stop: bool,
}

impl Consumed {
    pub(super) fn all_of(bytes: usize) -> Self {
        Self { bytes, stop: false }
    }

    /// Stops unless the whole piece was consumed.
    pub(super) fn of(bytes: usize, piece: &[u8]) -> Self {
        Self {
            bytes,
            stop: bytes < piece.len(),
        }
    }
}

impl<'a> Source<'a> {
    /// Checks the position of a string of this many code units of `width` bytes.
    pub(super) fn new(
        memory: &'a dyn Memory,
        pointer: u32,
        length: u32,
        width: u32,
    ) -> Result<Self, Trap> {
        let size = u64::from(length).saturating_mul(width.into());
        check_pointer(memory, pointer, width, size, TrapCode::StringOutOfBounds)?;
        Ok(Self {
            memory,
            pointer,
            size,
        })
    }

    /// Passes the string on in pieces: the bytes, the number of bytes before them, and whether they
    /// are the last. Returns the number of bytes consumed in all.
    pub(super) fn each(
        self,
        proceed: Proceed<'_>,
        mut take: impl FnMut(&[u8], u64, bool) -> Result<Consumed, Trap>,
    ) -> Result<u64, Trap> {
        let mut buffer = [0; PIECE];
        let mut done = 0u64;
        while done < self.size {
            if done > 0 {
                proceed()?;
            }
            let left = self.size.saturating_sub(done);
            let piece = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            let piece = buffer.get_mut(..piece).unwrap_or_default();
            let at = u64::from(self.pointer).saturating_add(done);
            let at = u32::try_from(at).map_err(|_overflow| too_long())?;
            self.memory.read(at, piece).map_err(out_of_bounds)?;
            let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            let taken = take(piece, done, size == left)?;
            done = done.saturating_add(u64::try_from(taken.bytes).unwrap_or(u64::MAX));
            if taken.stop || taken.bytes == 0 {
                break;
            }
        }
        Ok(done)
    }
}

/// The target of a string.
pub(super) struct Target<'a> {
    pub(super) memory: &'a mut dyn Memory,
    at: u32,
    start: u32,
}

impl<'a> Target<'a> {
    /// Checks that a pointer to code units of `align` bytes is aligned and in the memory. Writes
    /// are checked when they happen.
    pub(super) fn new(memory: &'a mut dyn Memory, pointer: u32, align: u32) -> Result<Self, Trap> {
        check_pointer(memory, pointer, align, 0, TrapCode::StringOutOfBounds)?;
        Ok(Self {
            memory,
            at: pointer,
            start: pointer,
        })
    }

    /// Returns the number of bytes written.
    pub(super) fn written(&self) -> u32 {
        self.at.saturating_sub(self.start)
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Trap> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let code = TrapCode::StringOutOfBounds;
        check_pointer(self.memory, self.at, 1, size, code)?;
        self.memory.write(self.at, bytes).map_err(out_of_bounds)?;
        let size = u32::try_from(bytes.len()).map_err(|_overflow| too_long())?;
        self.skip(size)
    }

    /// Skips bytes that were written before.
    pub(super) fn skip(&mut self, bytes: u32) -> Result<(), Trap> {
        self.at = self.at.checked_add(bytes).ok_or_else(too_long)?;
        Ok(())
    }

    /// Widens the Latin-1 at the front to UTF-16, in slot. Starts at the end, so that nothing is
    /// overwritten before it is read.
    pub(super) fn widen(&mut self, length: u32, proceed: Proceed<'_>) -> Result<(), Trap> {
        let code = TrapCode::StringOutOfBounds;
        let size = u64::from(length).saturating_mul(2);
        check_pointer(self.memory, self.start, 2, size, code)?;
        let mut end = length;
        let mut narrow = [0; PIECE];
        let mut wide = Units::new();
        while end > 0 {
            let piece = usize::try_from(end).map_or(PIECE, |end| end.min(PIECE));
            let piece = narrow.get_mut(..piece).unwrap_or_default();
            end = end.saturating_sub(u32::try_from(piece.len()).unwrap_or(u32::MAX));
            let from = self.start.saturating_add(end);
            let to = self.start.saturating_add(end.saturating_mul(2));
            self.memory.read(from, piece).map_err(out_of_bounds)?;
            wide.clear();
            piece.iter().for_each(|byte| wide.push((*byte).into()));
            self.memory.write(to, wide.bytes()).map_err(out_of_bounds)?;
            proceed()?;
        }
        self.at = self.start;
        self.skip(length.saturating_mul(2))
    }

    /// Narrows the written UTF-16 to Latin-1, in slot. All units must be Latin-1.
    pub(super) fn narrow(&mut self, proceed: Proceed<'_>) -> Result<(), Trap> {
        let size = u64::from(self.written());
        let start = u64::from(self.start);
        let mut buffer = [0; PIECE];
        let mut done = 0u64;
        while done < size {
            let left = size.saturating_sub(done);
            let piece = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            let piece = buffer.get_mut(..piece).unwrap_or_default();
            let at = |offset: u64| u32::try_from(start.saturating_add(offset));
            let from = at(done).map_err(|_overflow| too_long())?;
            let to = at(done / 2).map_err(|_overflow| too_long())?;
            self.memory.read(from, piece).map_err(out_of_bounds)?;
            let mut narrow = [0; PIECE / 2];
            let (units, _) = piece.as_chunks::<2>();
            for (byte, [low, _]) in narrow.iter_mut().zip(units) {
                *byte = *low;
            }
            let narrow = narrow.get(..units.len()).unwrap_or_default();
            self.memory.write(to, narrow).map_err(out_of_bounds)?;
            done = done.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            proceed()?;
        }
        self.at = self.start;
        self.skip(u32::try_from(size / 2).map_err(|_overflow| too_long())?)
    }
}

/// A buffer for the output of a piece, large enough for a piece of any encoding.
pub(super) struct Units {
    bytes: [u8; 2 * PIECE],
    length: usize,
}

impl Units {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; 2 * PIECE],
            length: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Adds a UTF-16 code unit.
    pub(super) fn push(&mut self, unit: u16) {
        self.extend(&unit.to_le_bytes());
    }

    /// Adds bytes. A piece never produces more than the buffer holds.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if let Some(slot) = self.bytes.get_mut(self.length..end) {
            slot.copy_from_slice(bytes);
            self.length = end;
        } else {
            debug_assert!(false, "the output of a piece exceeds the buffer");
        }
    }
}

/// Returns the valid text at the front of a piece: everything, except for a character that
/// continues in the next piece.
pub(super) fn utf8(piece: &[u8], before: u64, is_last: bool) -> Result<&str, Trap> {
    match str::from_utf8(piece) {
        Ok(text) => Ok(text),
        Err(error) if error.error_len().is_none() && !is_last && error.valid_up_to() > 0 => {
            let valid = piece.get(..error.valid_up_to()).unwrap_or_default();
            Ok(str::from_utf8(valid).unwrap_or_default())
        }
        Err(error) => {
            let valid = u64::try_from(error.valid_up_to()).unwrap_or(u64::MAX);
            let at = before.saturating_add(valid);
            Err(Trap::new(
                TrapCode::InvalidString,
                format!("invalid utf-8 after {at} bytes of a string"),
            ))
        }
    }
}

pub(super) fn units(bytes: &[u8]) -> impl Iterator<Item = u16> + Clone + use<'_> {
    let (units, _) = bytes.as_chunks::<2>();
    units.iter().map(|unit| u16::from_le_bytes(*unit))
}

/// Returns the units at the front of a piece: all of them, except for a surrogate whose other half
/// is in the next piece.
pub(super) fn whole_utf16(piece: &[u8], is_last: bool) -> &[u8] {
    match piece {
        [front @ .., _, 0xd8..=0xdb] if !is_last && !front.is_empty() => front,
        _ => piece,
    }
}

/// Decodes UTF-16 into characters.
pub(super) fn decode(units: impl Iterator<Item = u16>) -> impl Iterator<Item = Result<char, Trap>> {
    char::decode_utf16(units).map(|char| {
        char.map_err(|error| {
            Trap::new(
                TrapCode::InvalidString,
                format!(
                    "invalid utf-16: unpaired surrogate {:#x}",
                    error.unpaired_surrogate()
                ),
            )
        })
    })
}

pub(super) fn too_long() -> Trap {
    Trap::new(TrapCode::StringOutOfBounds, "a string is too long")
}
