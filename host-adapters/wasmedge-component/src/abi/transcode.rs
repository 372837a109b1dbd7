//! Strings that pass from one guest to another: the host functions that fused adapters call.
//!
//! The adapters, which the translator generates, allocate and call `realloc` themselves; what is left to the host is to copy code
//! units from one memory to the other, in the steps that `store_string_into_range` of the
//! [specification](https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md#storing) has.
//! Adapters check pointers before; here they are checked again.

use super::memory::Memory;
use super::string::UTF16_TAG;
use super::{check_pointer, out_of_bounds};
use crate::error::{Trap, TrapCode};

/// What a transcoder does. All pointers are in bytes, all lengths in code units.
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
    /// `(from, length, to, to_length, first_pass) -> (read, written)`: as far as there is space; in the first pass only up to the first
    /// character that is not ASCII.
    Latin1ToUtf8,
    /// As [`Latin1ToUtf8`](Self::Latin1ToUtf8).
    Utf16ToUtf8,
    /// `(from, length, to) -> tagged length`: copies UTF-16, and narrows it to Latin-1 where that holds all of it.
    Utf16ToCompactProbablyUtf16,
    /// `(from, length, to) -> (read, written)`: up to the first character that is not Latin-1.
    Utf8ToLatin1,
    /// As [`Utf8ToLatin1`](Self::Utf8ToLatin1).
    Utf16ToLatin1,
    /// `(from, length, to, to_length, latin1_so_far) -> length`: widens what the step before wrote, and goes on in UTF-16.
    Utf8ToCompactUtf16,
    /// As [`Utf8ToCompactUtf16`](Self::Utf8ToCompactUtf16).
    Utf16ToCompactUtf16,
}

impl Transcode {
    /// Returns how many parameters the core function has.
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

    /// Returns how many results the core function has.
    pub fn results(self) -> usize {
        match self {
            Self::CopyUtf8 | Self::CopyUtf16 | Self::CopyLatin1 | Self::Latin1ToUtf16 => 0,
            Self::Utf8ToUtf16 | Self::Utf16ToCompactProbablyUtf16 => 1,
            Self::Utf8ToCompactUtf16 | Self::Utf16ToCompactUtf16 => 1,
            Self::Latin1ToUtf8 | Self::Utf16ToUtf8 | Self::Utf8ToLatin1 | Self::Utf16ToLatin1 => 2,
        }
    }

    /// Runs the transcoder with the arguments that the adapter passed; returns as many results as [`results`](Self::results) says.
    ///
    /// `from` and `to` may stand for one and the same memory of the engine.
    ///
    /// # Errors
    ///
    /// A trap if the string is invalid, a pointer is not aligned or out of bounds, or the arguments are not as many as they should be.
    pub fn run(
        self,
        from: &dyn Memory,
        to: &mut dyn Memory,
        arguments: &[u32],
    ) -> Result<Vec<u32>, Trap> {
        let (source, target) = Parts::new(arguments)?;
        match self {
            Self::CopyUtf8 => {
                let string = utf8(read(from, source, 1)?)?;
                write(to, target.pointer, 1, string.as_bytes())?;
                Ok(Vec::new())
            }
            Self::CopyUtf16 => {
                let units = utf16(&read(from, source, 2)?)?.0;
                write_utf16(to, target.pointer, units)?;
                Ok(Vec::new())
            }
            Self::CopyLatin1 => {
                write(to, target.pointer, 1, &read(from, source, 1)?)?;
                Ok(Vec::new())
            }
            Self::Latin1ToUtf16 => {
                let bytes = read(from, source, 1)?;
                write_utf16(to, target.pointer, bytes.into_iter().map(u16::from))?;
                Ok(Vec::new())
            }
            Self::Utf8ToUtf16 => {
                let string = utf8(read(from, source, 1)?)?;
                Ok(vec![write_utf16(
                    to,
                    target.pointer,
                    string.encode_utf16(),
                )?])
            }
            Self::Latin1ToUtf8 => {
                let bytes = read(from, source, 1)?;
                to_utf8(
                    to,
                    target.spilled()?,
                    bytes.into_iter().map(|byte| Ok((char::from(byte), 1))),
                )
            }
            Self::Utf16ToUtf8 => {
                let bytes = read(from, source, 2)?;
                to_utf8(to, target.spilled()?, decode(units(&bytes)))
            }
            Self::Utf16ToCompactProbablyUtf16 => {
                let (units, chars) = utf16(&read(from, source, 2)?)?;
                match latin1(chars.into_iter()) {
                    Some(bytes) => Ok(vec![write(to, target.pointer, 2, &bytes)?]),
                    None => Ok(vec![write_utf16(to, target.pointer, units)? | UTF16_TAG]),
                }
            }
            Self::Utf8ToLatin1 => {
                let string = read(from, source, 1)?;
                let (read, bytes) = latin1_prefix_of_utf8(&string)?;
                Ok(vec![read, write(to, target.pointer, 1, &bytes)?])
            }
            Self::Utf16ToLatin1 => {
                let bytes = read(from, source, 2)?;
                let narrow: Vec<u8> = units(&bytes)
                    .map_while(|unit| u8::try_from(unit).ok())
                    .collect();
                let written = write(to, target.pointer, 1, &narrow)?;
                Ok(vec![written, written])
            }
            Self::Utf8ToCompactUtf16 => {
                let string = utf8(read(from, source, 1)?)?;
                inflate(to, target.spilled()?, string.encode_utf16().collect())
            }
            Self::Utf16ToCompactUtf16 => {
                let units = utf16(&read(from, source, 2)?)?.0;
                inflate(to, target.spilled()?, units)
            }
        }
    }
}

/// Where a string lies.
#[derive(Debug, Clone, Copy)]
struct Parts {
    pointer: u32,
    length: u32,
}

/// Where a string goes, and for transcoders that take it, how much space there is and one more argument.
#[derive(Debug, Clone, Copy)]
struct Target {
    pointer: u32,
    rest: Option<(u32, u32)>,
}

impl Parts {
    fn new(arguments: &[u32]) -> Result<(Self, Target), Trap> {
        let (source, target, rest) = match *arguments {
            [pointer, length, target] => (Self { pointer, length }, target, None),
            [pointer, length, target, space, extra] => {
                (Self { pointer, length }, target, Some((space, extra)))
            }
            _ => {
                return Err(Trap::new(
                    TrapCode::Signature,
                    "a transcoder takes three or five arguments",
                ));
            }
        };
        Ok((
            source,
            Target {
                pointer: target,
                rest,
            },
        ))
    }
}

/// A target with its space and the extra argument.
#[derive(Debug, Clone, Copy)]
struct Space {
    pointer: u32,
    space: u32,
    extra: u32,
}

impl Target {
    fn spilled(self) -> Result<Space, Trap> {
        let (space, extra) = self
            .rest
            .ok_or_else(|| Trap::new(TrapCode::Signature, "a transcoder lacks arguments"))?;
        Ok(Space {
            pointer: self.pointer,
            space,
            extra,
        })
    }
}

fn read(from: &dyn Memory, source: Parts, width: u32) -> Result<Vec<u8>, Trap> {
    let size = u64::from(source.length).saturating_mul(width.into());
    check_pointer(
        from,
        source.pointer,
        width,
        size,
        TrapCode::StringOutOfBounds,
    )?;
    // The bytes are there, so this is no more than the guest's own memory.
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    from.read(source.pointer, &mut bytes)
        .map_err(out_of_bounds)?;
    Ok(bytes)
}

/// Writes bytes and returns how many.
fn write(to: &mut dyn Memory, pointer: u32, align: u32, bytes: &[u8]) -> Result<u32, Trap> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    check_pointer(to, pointer, align, size, TrapCode::StringOutOfBounds)?;
    to.write(pointer, bytes).map_err(out_of_bounds)?;
    u32::try_from(bytes.len()).map_err(|_overflow| too_long())
}

/// Writes code units and returns how many.
fn write_utf16(
    to: &mut dyn Memory,
    pointer: u32,
    units: impl IntoIterator<Item = u16>,
) -> Result<u32, Trap> {
    let bytes: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
    Ok(write(to, pointer, 2, &bytes)? / 2)
}

fn too_long() -> Trap {
    Trap::new(TrapCode::StringOutOfBounds, "a string is too long")
}

fn utf8(bytes: Vec<u8>) -> Result<String, Trap> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Trap::new(
            TrapCode::InvalidString,
            format!("invalid utf-8 after {at} bytes of a string"),
        )
    })
}

fn units(bytes: &[u8]) -> impl Iterator<Item = u16> + use<'_> {
    bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|unit| u16::from_le_bytes(*unit))
}

/// Decodes UTF-16 into characters, each with the number of its units.
fn decode(units: impl Iterator<Item = u16>) -> impl Iterator<Item = Result<(char, u32), Trap>> {
    char::decode_utf16(units).map(|char| match char {
        Ok(char) => Ok((char, if u32::from(char) > 0xffff { 2 } else { 1 })),
        Err(error) => Err(Trap::new(
            TrapCode::InvalidString,
            format!(
                "invalid utf-16: unpaired surrogate {:#x}",
                error.unpaired_surrogate()
            ),
        )),
    })
}

/// Returns the units and the characters of valid UTF-16.
fn utf16(bytes: &[u8]) -> Result<(Vec<u16>, Vec<char>), Trap> {
    let chars = decode(units(bytes))
        .map(|char| char.map(|(char, _)| char))
        .collect::<Result<_, _>>()?;
    Ok((units(bytes).collect(), chars))
}

fn latin1(mut chars: impl Iterator<Item = char>) -> Option<Vec<u8>> {
    chars.try_fold(Vec::new(), |mut bytes, char| {
        bytes.push(u8::try_from(u32::from(char)).ok()?);
        Some(bytes)
    })
}

/// Returns how many bytes the Latin-1 part at the front takes, and that part.
///
/// What comes behind is checked by the step that follows, and so is an invalid byte.
fn latin1_prefix_of_utf8(string: &[u8]) -> Result<(u32, Vec<u8>), Trap> {
    let valid = match str::from_utf8(string) {
        Ok(valid) => valid,
        Err(error) => str::from_utf8(string.get(..error.valid_up_to()).unwrap_or_default())
            .unwrap_or_default(),
    };
    let end = valid
        .char_indices()
        .find(|(_, char)| u32::from(*char) > 0xff)
        .map_or(valid.len(), |(at, _)| at);
    let bytes = latin1(valid.get(..end).unwrap_or_default().chars()).unwrap_or_default();
    Ok((u32::try_from(end).map_err(|_overflow| too_long())?, bytes))
}

/// Writes characters as UTF-8 for as long as there is space; returns how many units were read, and bytes written.
fn to_utf8(
    to: &mut dyn Memory,
    target: Space,
    chars: impl Iterator<Item = Result<(char, u32), Trap>>,
) -> Result<Vec<u32>, Trap> {
    let space = usize::try_from(target.space).unwrap_or(usize::MAX);
    let first_pass = target.extra != 0;
    let (mut read, mut bytes) = (0u32, Vec::new());
    for char in chars {
        let (char, units) = char?;
        let size = bytes.len().saturating_add(char.len_utf8());
        if (first_pass && !char.is_ascii()) || size > space {
            break;
        }
        bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        read = read.saturating_add(units);
    }
    Ok(vec![read, write(to, target.pointer, 1, &bytes)?])
}

/// Widens the Latin-1 at the front of the target to UTF-16, and appends units to it; returns how many units there are then.
fn inflate(to: &mut dyn Memory, target: Space, rest: Vec<u16>) -> Result<Vec<u32>, Trap> {
    let so_far = Parts {
        pointer: target.pointer,
        length: target.extra,
    };
    let front = read(to, so_far, 1)?;
    let units: Vec<u16> = front.into_iter().map(u16::from).chain(rest).collect();
    if u32::try_from(units.len()).map_or(true, |units| units > target.space) {
        return Err(Trap::new(
            TrapCode::StringOutOfBounds,
            "a string is longer than what was allocated for it",
        ));
    }
    Ok(vec![write_utf16(to, target.pointer, units)?])
}
