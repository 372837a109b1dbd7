//! Reading strings and lists out of a guest's memory, within a call's budget.

use std::char::DecodeUtf16Error;

use wasmscope_telemetry::limits::{Budget, Grant};
use wasmtime::component::__internal::LiftContext;
use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding;
use wasmtime::component::ComponentType;
use wasmtime::{Result, bail};

use super::InvalidArgument;
use super::cursor::{Cursor, Memory};

/// The bytes of host memory that one call's arguments may take while they are read.
///
/// Wasmtime lifts arguments before it calls the host function, out of reach of what that is called on, so this is
/// a constant. [`Limits::call_bytes`](wasmscope_telemetry::limits::Limits) applies right after ([`super::shrink`]).
pub(crate) const CEILING: usize = 4 << 20;

/// The bytes of guest memory that one call has checked in place when they are beyond the budget: an invalid
/// string traps whether it would have been kept or not. It takes no memory, but time; beyond this
/// nothing is looked at, so that no list makes a call long.
pub(super) const CHECKS: usize = 16 << 20;

/// Marks a string of the encoding latin1+utf16 as UTF-16 (canonical ABI, `UTF16_TAG`).
const UTF16_TAG: u32 = 1 << 31;

/// Reads one call's arguments.
pub(crate) struct Reader<'a> {
    memory: &'a [u8],
    encoding: StringEncoding,
    /// Host memory that may still be taken.
    pub(crate) budget: Budget,
    /// Guest memory that may still be checked in place.
    checks: usize,
}

/// A string, or as much of it as the budget allowed.
struct Text {
    text: String,
    whole: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(cx: &LiftContext<'a>) -> Self {
        Self {
            memory: cx.memory(),
            encoding: cx.options().string_encoding,
            budget: Budget::new(CEILING),
            checks: CHECKS,
        }
    }

    /// Reads from memory that no guest has.
    #[cfg(test)]
    pub(super) fn over(memory: &'a [u8], encoding: StringEncoding) -> Self {
        Self {
            memory,
            encoding,
            budget: Budget::new(CEILING),
            checks: CHECKS,
        }
    }

    /// Reads a string, shortening it at a character boundary where the budget ends.
    pub(crate) fn string(&mut self, at: &mut impl Cursor) -> Result<String> {
        self.text(at).map(|text| text.text)
    }

    /// Reads an optional string.
    pub(crate) fn optional_string(&mut self, at: &mut impl Cursor) -> Result<Option<String>> {
        at.option::<String>()?
            .map(|mut at| self.string(&mut at))
            .transpose()
    }

    /// Reads a string that is of no use in part: `None` where the budget has no room for it.
    pub(crate) fn whole_string(&mut self, at: &mut impl Cursor) -> Result<Option<String>> {
        let Text { text, whole } = self.text(at)?;
        Ok(whole.then_some(text))
    }

    fn text(&mut self, at: &mut impl Cursor) -> Result<Text> {
        let (pointer, length) = at.pair()?;
        match self.encoding {
            StringEncoding::Utf8 => self.utf8(pointer, length),
            StringEncoding::Utf16 => self.utf16(pointer, length),
            StringEncoding::CompactUtf16 if length & UTF16_TAG == 0 => self.latin1(pointer, length),
            StringEncoding::CompactUtf16 => self.utf16(pointer, length ^ UTF16_TAG),
        }
    }

    fn utf8(&mut self, pointer: u32, length: u32) -> Result<Text> {
        let bytes = self.slice("string", pointer, length, 1, 1)?;
        let kept = self.budget.take(bytes.len()).of(bytes.len());
        let checked = bytes.len().min(kept.saturating_add(self.checks));
        self.checks -= checked - kept;
        let text = match str::from_utf8(&bytes[..checked]) {
            Ok(text) => text,
            // That the check ends within a character is no error, unless the string does.
            Err(error) if error.error_len().is_none() && checked < bytes.len() => {
                str::from_utf8(&bytes[..error.valid_up_to()])?
            }
            Err(error) => {
                bail!(InvalidArgument(format!(
                    "string at {pointer:#x} is not valid UTF-8: {error}"
                )))
            }
        };
        let text = &text[..text.floor_char_boundary(kept)];
        Ok(Text {
            text: text.to_owned(),
            whole: text.len() == bytes.len(),
        })
    }

    fn utf16(&mut self, pointer: u32, length: u32) -> Result<Text> {
        let (units, _) = self
            .slice("string", pointer, length, 2, 2)?
            .as_chunks::<2>();
        let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
        self.transcode(pointer, char::decode_utf16(units))
    }

    fn latin1(&mut self, pointer: u32, length: u32) -> Result<Text> {
        // The canonical ABI aligns both forms of this encoding to 2.
        let bytes = self.slice("string", pointer, length, 1, 2)?;
        self.transcode(pointer, bytes.iter().map(|byte| Ok(char::from(*byte))))
    }

    /// Collects characters within the budget, and checks the rest in place.
    fn transcode(
        &mut self,
        pointer: u32,
        chars: impl Iterator<Item = Result<char, DecodeUtf16Error>>,
    ) -> Result<Text> {
        let room = self.budget.left();
        let mut text = Text {
            text: String::new(),
            whole: true,
        };
        for char in chars {
            let char = char.map_err(|error| {
                InvalidArgument(format!(
                    "string at {pointer:#x} is not valid UTF-16: {error}"
                ))
            })?;
            text.whole &= char.len_utf8() <= room - text.text.len();
            if text.whole {
                text.text.push(char);
            } else if let Some(checks) = self.checks.checked_sub(char.len_utf8()) {
                self.checks = checks;
            } else {
                break;
            }
        }
        // What does not fit whole has used up the budget, as in `utf8`.
        let _: Grant = self.budget.take(if text.whole {
            text.text.len()
        } else {
            usize::MAX
        });
        Ok(text)
    }

    /// Reads a list. An element for which `read` gives `None` is left out.
    ///
    /// Never takes memory by the length that a guest gives: each element is paid for before it is read. Those that the budget
    /// has no room for are counted, and still checked as far as the checks reach.
    pub(crate) fn list<S: ComponentType, T>(
        &mut self,
        at: &mut impl Cursor,
        mut read: impl FnMut(&mut Self, &mut Memory<'a>) -> Result<Option<T>>,
    ) -> Result<Vec<T>> {
        let (pointer, length) = at.pair()?;
        let bytes = self.slice("list", pointer, length, S::SIZE32, S::ALIGN32)?;
        let mut elements = Vec::new();
        for (index, element) in bytes.chunks_exact(S::SIZE32).enumerate() {
            if self.budget.take_list(1, size_of::<T>()) == Grant::All {
                elements.extend(read(self, &mut Memory::new(element))?);
            } else if let Some(checks) = self.checks.checked_sub(S::SIZE32) {
                self.checks = checks;
                self.check_only(|reader| read(reader, &mut Memory::new(element)))?;
            } else {
                // Not even looked at; this one is counted already.
                let rest = bytes.len() / S::SIZE32 - index - 1;
                let _: Grant = self.budget.take_list(rest, usize::MAX);
                break;
            }
        }
        Ok(elements)
    }

    /// Reads what is left out already, for the sake of the checks alone.
    pub(crate) fn check_only<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<()> {
        let budget = std::mem::replace(&mut self.budget, Budget::new(0));
        read(self)?;
        self.budget = budget;
        Ok(())
    }

    /// Reads a list of numbers or truth values.
    pub(crate) fn scalars<T: ComponentType>(
        &mut self,
        at: &mut impl Cursor,
        read: fn(&mut Memory<'a>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.list::<T, T>(at, |_, at| read(at).map(Some))
    }

    /// Reads a byte string, shortening it where the budget ends.
    pub(crate) fn bytes(&mut self, at: &mut impl Cursor) -> Result<Vec<u8>> {
        let (pointer, length) = at.pair()?;
        let bytes = self.slice("list", pointer, length, 1, 1)?;
        Ok(bytes[..self.budget.take(bytes.len()).of(bytes.len())].to_owned())
    }

    /// The memory of a string or list, checked for its bounds and its alignment.
    fn slice(
        &self,
        what: &str,
        pointer: u32,
        length: u32,
        size: usize,
        align: u32,
    ) -> Result<&'a [u8]> {
        if !pointer.is_multiple_of(align) {
            bail!(InvalidArgument(format!(
                "{what} pointer {pointer:#x} is not aligned to {align}"
            )));
        }
        let bytes = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_mul(size));
        let slice = usize::try_from(pointer)
            .ok()
            .and_then(|pointer| self.memory.get(pointer..))
            .and_then(|rest| rest.get(..bytes?));
        match slice {
            Some(slice) => Ok(slice),
            None => bail!(InvalidArgument(format!(
                "{what} at {pointer:#x} of length {length} exceeds the memory of {} bytes",
                self.memory.len()
            ))),
        }
    }
}
