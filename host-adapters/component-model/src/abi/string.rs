//! Strings in the three encodings of the canonical ABI.

use std::char::DecodeUtf16Error;

use super::checked_slice;
use super::lift::LiftContext;
use super::lower::LowerContext;
use crate::error::{CallError, HostError, Trap, TrapCode};

/// The maximum size of a string in a guest's memory, in bytes: 2³¹ - 1.
pub const MAX_STRING_BYTES: u32 = (1 << 31) - 1;

/// The bit of the length that marks a string as UTF-16 in the encoding `latin1+utf16`.
pub(super) const UTF16_TAG: u32 = 1 << 31;

/// The number of bytes assembled before they are written to a guest's memory. Even, so that UTF-16
/// code units are not split.
pub(super) const PIECE: usize = if cfg!(test) { 16 } else { 8192 };

/// The string encoding of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StringEncoding {
    /// UTF-8; lengths are in bytes.
    #[default]
    Utf8,
    /// UTF-16, little-endian; lengths are in code units of two bytes.
    Utf16,
    /// Latin-1, or UTF-16 if the highest bit of the length is set.
    CompactUtf16,
}

/// Loads a string from the guest's memory; `length` is in the units of the encoding.
///
/// # Errors
///
/// A trap if the pointer is not aligned, the bytes are out of bounds or not valid in the encoding,
/// or the budget is exceeded.
pub(crate) fn load_string(
    cx: &mut LiftContext<'_>,
    pointer: u32,
    length: u32,
) -> Result<String, Trap> {
    let (units, wide, align) = match cx.encoding {
        StringEncoding::Utf8 => (length, false, 1),
        StringEncoding::Utf16 => (length, true, 2),
        StringEncoding::CompactUtf16 if length & UTF16_TAG == 0 => (length, false, 2),
        StringEncoding::CompactUtf16 => (length ^ UTF16_TAG, true, 2),
    };
    let size = u64::from(units).saturating_mul(if wide { 2 } else { 1 });
    let memory = cx.memory()?;
    let bytes = checked_slice(memory, pointer, align, size, TrapCode::StringOutOfBounds)?;
    if size > u64::from(MAX_STRING_BYTES) {
        return Err(Trap::new(
            TrapCode::StringOutOfBounds,
            format!("a string of {size} bytes is too long"),
        ));
    }
    match (cx.encoding, wide) {
        (StringEncoding::Utf8, _) => {
            cx.budget.charge(bytes.len())?;
            str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
                let at = error.valid_up_to();
                Trap::new(
                    TrapCode::InvalidString,
                    format!("invalid utf-8 after {at} bytes of a string"),
                )
            })
        }
        (_, false) => {
            let chars = bytes.iter().copied().map(char::from);
            charged_string(cx, bytes.len(), chars.map(Ok))
        }
        (_, true) => {
            let (units, _) = bytes.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
            charged_string(cx, bytes.len(), char::decode_utf16(units))
        }
    }
}

/// Makes a string from characters. It may take more bytes in the host than the `size` in the guest;
/// the larger number is charged.
fn charged_string(
    cx: &mut LiftContext<'_>,
    size: usize,
    chars: impl Iterator<Item = Result<char, DecodeUtf16Error>> + Clone,
) -> Result<String, Trap> {
    cx.budget.charge(size)?;
    let mut length = 0usize;
    for char in chars.clone() {
        let char = char.map_err(|error| {
            Trap::new(
                TrapCode::InvalidString,
                format!(
                    "invalid utf-16: unpaired surrogate {:#x}",
                    error.unpaired_surrogate()
                ),
            )
        })?;
        length = length.saturating_add(char.len_utf8());
    }
    cx.budget.charge(length.saturating_sub(size))?;
    let mut string = String::with_capacity(length);
    string.extend(chars.flatten());
    Ok(string)
}

/// Writes a string to memory that the guest allocates. Returns its pointer and its length in the
/// units of the encoding.
///
/// # Errors
///
/// A trap if the guest's allocator traps or returns an invalid pointer, a [`HostError`] if the
/// string may be too long for a guest.
pub(crate) fn store_string(
    cx: &mut LowerContext<'_>,
    string: &str,
) -> Result<(u32, u32), CallError> {
    match cx.encoding {
        StringEncoding::Utf8 => {
            let size = checked_size(Some(string.len()))?;
            let pointer = cx.allocate(1, size)?;
            cx.write(pointer, string.as_bytes())?;
            Ok((pointer, size))
        }
        StringEncoding::Utf16 => store_utf16(cx, string),
        StringEncoding::CompactUtf16 => store_compact(cx, string),
    }
}

/// Allocates for the worst case and gives back the rest, as `store_utf8_to_utf16` in the
/// specification does.
fn store_utf16(cx: &mut LowerContext<'_>, string: &str) -> Result<(u32, u32), CallError> {
    let worst_case = checked_size(string.len().checked_mul(2))?;
    let pointer = cx.allocate(2, worst_case)?;
    let size = write_utf16(cx, pointer, string)?;
    let pointer = if size < worst_case {
        cx.reallocate(pointer, worst_case, 2, size)?
    } else {
        pointer
    };
    Ok((pointer, size / 2))
}

/// Tries Latin-1 first, as `store_string_to_latin1_or_utf16` in the specification does.
fn store_compact(cx: &mut LowerContext<'_>, string: &str) -> Result<(u32, u32), CallError> {
    let given = checked_size(Some(string.len()))?;
    let pointer = cx.allocate(2, given)?;
    let is_latin1 = string.chars().all(|char| u32::from(char) <= 0xff);
    if is_latin1 {
        let bytes = string.chars().map(|char| u8::try_from(u32::from(char)));
        let size = write_pieces(cx, pointer, bytes.map(|byte| [byte.unwrap_or_default()]))?;
        let pointer = if size < given {
            cx.reallocate(pointer, given, 2, size)?
        } else {
            pointer
        };
        return Ok((pointer, size));
    }
    let worst_case = checked_size(string.len().checked_mul(2))?;
    let pointer = cx.reallocate(pointer, given, 2, worst_case)?;
    let size = write_utf16(cx, pointer, string)?;
    let pointer = if size < worst_case {
        cx.reallocate(pointer, worst_case, 2, size)?
    } else {
        pointer
    };
    Ok((pointer, (size / 2) | UTF16_TAG))
}

fn write_utf16(cx: &mut LowerContext<'_>, pointer: u32, string: &str) -> Result<u32, CallError> {
    write_pieces(cx, pointer, string.encode_utf16().map(u16::to_le_bytes))
}

/// Writes code units in pieces. Returns the number of bytes written.
fn write_pieces<const N: usize>(
    cx: &mut LowerContext<'_>,
    pointer: u32,
    units: impl Iterator<Item = [u8; N]>,
) -> Result<u32, CallError> {
    let mut piece = Vec::new();
    let mut size = 0u32;
    let mut write = |piece: &mut Vec<u8>| {
        let at = pointer.checked_add(size).ok_or_else(too_long)?;
        cx.write(at, piece)?;
        let more = checked_size(Some(piece.len()))?;
        size = size.checked_add(more).ok_or_else(too_long)?;
        piece.clear();
        Ok::<_, CallError>(())
    };
    for unit in units {
        piece.extend_from_slice(&unit);
        if piece.len() >= PIECE {
            write(&mut piece)?;
        }
    }
    write(&mut piece)?;
    Ok(size)
}

fn too_long() -> HostError {
    HostError::new("a string is too long to be copied into a guest")
}

fn checked_size(size: Option<usize>) -> Result<u32, HostError> {
    let size = size
        .and_then(|size| u32::try_from(size).ok())
        .filter(|size| *size <= MAX_STRING_BYTES);
    size.ok_or_else(too_long)
}
