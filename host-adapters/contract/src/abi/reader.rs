//! Reads strings and lists out of a guest's memory, within a call's budget.

use std::borrow::Cow;
use std::cell::Cell;
use std::char::DecodeUtf16Error;
use std::marker::PhantomData;
use std::str::Utf8Error;

use opentelemetry::Key;
use wasmscope_telemetry::limits::{Budget, CHECKED_BYTES, Grant};
use wasmscope_telemetry::string_cache::{self, Miss};

use super::cursor::{Cursor, Memory};
use super::error::{LiftError, Result};
use super::{Layout, WitType};

/// Marks a string of the encoding latin1+utf16 as UTF-16 (canonical ABI, `UTF16_TAG`).
const UTF16_TAG: u32 = 1 << 31;

/// The encoding of a component's strings: one of the canonical ABI's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the component model's own")]
pub enum StringEncoding {
    Utf8,
    Utf16,
    /// Latin 1 or UTF-16, chosen for each string; `latin1+utf16` in the text format.
    CompactUtf16,
}

/// Reads one call's arguments.
#[derive(Debug)]
pub struct Reader<'a> {
    memory: &'a [u8],
    encoding: StringEncoding,
    /// The host memory that the call may still take.
    pub(crate) budget: Budget,
    /// The guest memory that may still be checked without being copied.
    checks: usize,
    /// A text to put into the string cache. One for each call is enough, because such texts recur.
    repeated: Cell<Option<&'a [u8]>>,
}

/// An attribute's key. It becomes a [`Key`] only in its final location, which saves a move.
pub(crate) enum Utf8Key<'a> {
    /// A cached text.
    Known(&'static str),
    /// A text that must be copied.
    New(&'a str),
}

/// A list that has not been read yet.
#[derive(Debug)]
pub struct LazyList<T> {
    pointer: u32,
    length: u32,
    elements: PhantomData<fn() -> T>,
}

impl<T> Clone for LazyList<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for LazyList<T> {}

impl<T: WitType> LazyList<T> {
    pub(crate) fn new(at: &mut impl Cursor) -> Result<Self> {
        let (pointer, length) = at.pair()?;
        Ok(Self {
            pointer,
            length,
            elements: PhantomData,
        })
    }

    /// Returns the elements as they lie in memory.
    pub(crate) fn elements<'a>(
        self,
        reader: &Reader<'a>,
    ) -> Result<impl Iterator<Item = Memory<'a>> + use<'a, T>> {
        let Layout { size, align, .. } = T::LAYOUT;
        let bytes = reader.slice("list", self.pointer, self.length, size, align)?;
        Ok(bytes.chunks_exact(size).map(Memory::new))
    }
}

/// A string, possibly shortened to the budget.
struct Text {
    text: String,
    whole: bool,
}

impl<'a> Reader<'a> {
    /// Creates a reader that may take `bytes` bytes of host memory.
    pub(crate) const fn new(memory: &'a [u8], encoding: StringEncoding, bytes: usize) -> Self {
        Self {
            memory,
            encoding,
            budget: Budget::new(bytes),
            checks: CHECKED_BYTES,
            repeated: Cell::new(None),
        }
    }

    /// Reads a string. It is shortened at a character boundary if the budget ends.
    pub(crate) fn string(&mut self, at: &mut impl Cursor) -> Result<String> {
        self.text(at).map(|text| text.text)
    }

    /// Reads an optional string.
    pub(crate) fn optional_string(&mut self, at: &mut impl Cursor) -> Result<Option<String>> {
        at.option::<String>()?
            .map(|mut at| self.string(&mut at))
            .transpose()
    }

    /// Reads a string that would be useless if shortened. Returns `None` if it exceeds the budget.
    pub(crate) fn whole_string(&mut self, at: &mut impl Cursor) -> Result<Option<String>> {
        let Text { text, whole } = self.text(at)?;
        Ok(whole.then_some(text))
    }

    /// Reads an attribute's key, which would be useless if shortened. Returns `None` if it exceeds
    /// the budget.
    pub(crate) fn key(&mut self, at: &mut impl Cursor) -> Result<Option<Key>> {
        let (pointer, length) = at.pair()?;
        if let Some(known) = self.cached(pointer, length)? {
            let whole = self.budget.take(known.len()) == Grant::All;
            return Ok(whole.then(|| Key::from_static_str(known)));
        }
        let Text { text, whole } = self.text_at(pointer, length)?;
        Ok(whole.then(|| Key::from(text)))
    }

    /// Reads a name. It is shortened as by [`string`](Self::string).
    pub(crate) fn name(&mut self, at: &mut impl Cursor) -> Result<Cow<'static, str>> {
        let (pointer, length) = at.pair()?;
        if let Some(known) = self.cached(pointer, length)? {
            let kept = self.budget.take(known.len()).of(known.len());
            return Ok(Cow::Borrowed(&known[..known.floor_char_boundary(kept)]));
        }
        Ok(Cow::Owned(self.text_at(pointer, length)?.text))
    }

    /// Returns the elements of a list that fits into the budget, with the budget that remains for
    /// the strings in it. Returns `None` if it does not fit, or if strings are not in UTF-8.
    pub(crate) fn plain_elements<T: WitType>(
        &self,
        list: LazyList<T>,
        left: usize,
    ) -> Result<Option<(impl Iterator<Item = Memory<'a>> + use<'a, T>, usize)>> {
        let elements = list.elements(self)?;
        let (count, _) = elements.size_hint();
        let left = left.checked_sub(count.saturating_mul(size_of::<T>()));
        let left = left.filter(|_| self.encoding == StringEncoding::Utf8);
        Ok(left.map(|left| (elements, left)))
    }

    /// Returns a string's bytes if the encoding is UTF-8. They are not checked yet.
    pub(crate) fn utf8_bytes(&self, at: &mut impl Cursor) -> Result<Option<&'a [u8]>> {
        let (pointer, length) = at.pair()?;
        self.utf8_bytes_at(pointer, length)
    }

    fn utf8_bytes_at(&self, pointer: u32, length: u32) -> Result<Option<&'a [u8]>> {
        if self.encoding != StringEncoding::Utf8 {
            return Ok(None);
        }
        self.slice("string", pointer, length, 1, 1).map(Some)
    }

    /// Borrows a UTF-8 string that is no longer than `left`.
    pub(crate) fn utf8_text(
        &self,
        at: &mut impl Cursor,
        left: &mut usize,
    ) -> Result<Option<&'a str>> {
        let (pointer, length) = at.pair()?;
        match self.utf8_within(pointer, length, left)? {
            Some(bytes) => utf8(pointer, bytes).map(Some),
            None => Ok(None),
        }
    }

    /// Borrows an attribute's UTF-8 key that is no longer than `left`.
    #[inline]
    pub(crate) fn utf8_key(
        &self,
        at: &mut impl Cursor,
        left: &mut usize,
    ) -> Result<Option<Utf8Key<'a>>> {
        let (pointer, length) = at.pair()?;
        let Some(bytes) = self.utf8_within(pointer, length, left)? else {
            return Ok(None);
        };
        Ok(Some(match self.find_cached(bytes) {
            Some(known) => Utf8Key::Known(known),
            None => Utf8Key::New(utf8(pointer, bytes)?),
        }))
    }

    #[inline]
    fn utf8_within(&self, pointer: u32, length: u32, left: &mut usize) -> Result<Option<&'a [u8]>> {
        let Some(bytes) = self.utf8_bytes_at(pointer, length)? else {
            return Ok(None);
        };
        let Some(rest) = left.checked_sub(bytes.len()) else {
            return Ok(None);
        };
        *left = rest;
        Ok(Some(bytes))
    }

    /// Reads an optional name.
    pub(crate) fn optional_name(
        &mut self,
        at: &mut impl Cursor,
    ) -> Result<Option<Cow<'static, str>>> {
        at.option::<String>()?
            .map(|mut at| self.name(&mut at))
            .transpose()
    }

    /// Looks up a text in the string cache. A cached text needs no check and no copy.
    fn cached(&self, pointer: u32, length: u32) -> Result<Option<&'static str>> {
        let bytes = self.utf8_bytes_at(pointer, length)?;
        Ok(bytes.and_then(|bytes| self.find_cached(bytes)))
    }

    // Without it the compiler calls this function for each key.
    #[inline(always)]
    fn find_cached(&self, bytes: &'a [u8]) -> Option<&'static str> {
        match string_cache::find(bytes) {
            Ok(text) => Some(text),
            Err(Miss::New) => None,
            Err(Miss::Repeated) => {
                self.repeated.set(Some(bytes));
                None
            }
        }
    }

    /// Returns a text for the string cache
    /// ([`Instance::cache_text`](wasmscope_telemetry::Instance::cache_text)).
    #[inline]
    pub(crate) fn repeated_text(&self) -> Option<&'a [u8]> {
        self.repeated.get()
    }

    fn text(&mut self, at: &mut impl Cursor) -> Result<Text> {
        let (pointer, length) = at.pair()?;
        self.text_at(pointer, length)
    }

    // Only for texts that are rarely repeated.
    #[inline(never)]
    fn text_at(&mut self, pointer: u32, length: u32) -> Result<Text> {
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
            // The checked part may end within a character. That is an error only at the string's
            // end.
            Err(error) if error.error_len().is_none() && checked < bytes.len() => {
                str::from_utf8(&bytes[..error.valid_up_to()])
            }
            text => text,
        };
        let text = text.map_err(|error| not_utf8(pointer, error))?;
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

    /// Collects characters within the budget, and checks the rest without copying it.
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
                LiftError::invalid(format!(
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
        // A string that does not fit as a whole has used up the budget, as in `utf8`.
        let _: Grant = self.budget.take(if text.whole {
            text.text.len()
        } else {
            usize::MAX
        });
        Ok(text)
    }

    /// Reads a list, without the elements for which `read` returns `None`.
    ///
    /// The length that a guest claims cannot allocate more than the budget: each element is charged
    /// before it is read. Elements beyond the budget are counted, and checked until the limit on
    /// checked bytes.
    pub(crate) fn list<T: WitType>(
        &mut self,
        at: &mut impl Cursor,
        read: impl FnMut(&mut Self, &mut Memory<'a>) -> Result<Option<T>>,
    ) -> Result<Vec<T>> {
        let list = LazyList::new(at)?;
        self.elements(list, read)
    }

    /// Reads the elements of a [`LazyList`] as [`list`](Self::list) does.
    pub(crate) fn elements<T: WitType>(
        &mut self,
        list: LazyList<T>,
        mut read: impl FnMut(&mut Self, &mut Memory<'a>) -> Result<Option<T>>,
    ) -> Result<Vec<T>> {
        let Layout { size, align, .. } = T::LAYOUT;
        let bytes = self.slice("list", list.pointer, list.length, size, align)?;
        let affordable = self.budget.left() / size_of::<T>().max(1);
        let mut elements = Vec::with_capacity((bytes.len() / size).min(affordable));
        for (index, element) in bytes.chunks_exact(size).enumerate() {
            if self.budget.take_element(size_of::<T>()) {
                if let Some(element) = read(self, &mut Memory::new(element))? {
                    elements.push(element);
                }
            } else if let Some(checks) = self.checks.checked_sub(size) {
                self.checks = checks;
                self.check_only(|reader| read(reader, &mut Memory::new(element)))?;
            } else {
                // The rest is not even checked. This element is counted already.
                let rest = bytes.len() / size - index - 1;
                let _: Grant = self.budget.take_list(rest, usize::MAX);
                break;
            }
        }
        Ok(elements)
    }

    /// Checks a value that is left out of the result.
    pub(crate) fn check_only<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<()> {
        let budget = std::mem::replace(&mut self.budget, Budget::new(0));
        read(self)?;
        self.budget = budget;
        Ok(())
    }

    /// Reads a list of numbers or booleans.
    pub(crate) fn scalars<T: WitType>(
        &mut self,
        at: &mut impl Cursor,
        read: fn(&mut Memory<'a>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.list(at, |_, at| read(at).map(Some))
    }

    /// Reads a byte string. It is shortened if the budget ends.
    pub(crate) fn bytes(&mut self, at: &mut impl Cursor) -> Result<Vec<u8>> {
        let (pointer, length) = at.pair()?;
        let bytes = self.slice("list", pointer, length, 1, 1)?;
        Ok(bytes[..self.budget.take(bytes.len()).of(bytes.len())].to_owned())
    }

    /// Returns the memory of a string or list, after checking its bounds and alignment.
    fn slice(
        &self,
        what: &str,
        pointer: u32,
        length: u32,
        size: usize,
        align: usize,
    ) -> Result<&'a [u8]> {
        let start = usize::try_from(pointer).ok();
        if !start.is_some_and(|start| start.is_multiple_of(align)) {
            return Err(misaligned(what, pointer, align));
        }
        let bytes = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_mul(size));
        let slice = start
            .and_then(|start| self.memory.get(start..))
            .and_then(|rest| rest.get(..bytes?));
        slice.ok_or_else(|| out_of_bounds(what, pointer, length, self.memory.len()))
    }
}

#[cold]
fn misaligned(what: &str, pointer: u32, align: usize) -> LiftError {
    LiftError::invalid(format!(
        "{what} pointer {pointer:#x} is not aligned to {align}"
    ))
}

#[cold]
fn out_of_bounds(what: &str, pointer: u32, length: u32, memory: usize) -> LiftError {
    LiftError::invalid(format!(
        "{what} at {pointer:#x} of length {length} exceeds the memory of {memory} bytes"
    ))
}

/// Checks that bytes are UTF-8.
fn utf8(pointer: u32, bytes: &[u8]) -> Result<&str> {
    str::from_utf8(bytes).map_err(|error| not_utf8(pointer, error))
}

#[cold]
fn not_utf8(pointer: u32, error: Utf8Error) -> LiftError {
    LiftError::invalid(format!(
        "string at {pointer:#x} is not valid UTF-8: {error}"
    ))
}
