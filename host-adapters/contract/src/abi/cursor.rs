//! Cursors over the parts of a value, in core WebAssembly values or in linear memory. A reader is
//! written once over [`Cursor`] and serves both. Widths, alignments and offsets come from the
//! [`WitType`]s.

use super::error::{LiftError, Result};
use super::{Layout, Variant, WitType};

/// A core WebAssembly value, in the form in which an engine passes it.
///
/// Where the cases of a variant share a core value, its type can hold all of them. So the value may
/// be wider than the requested type, and an integer where a float is requested.
pub trait CoreValue: Copy {
    /// Returns an `i32`, or the low half of an `i64`.
    fn u32(self) -> u32;
    /// Returns an `i64`.
    fn u64(self) -> u64;
    /// Returns an `f64`, also from the bits of an `i64`.
    fn f64(self) -> f64;
}

/// A position in a value's canonical representation, from which its fields are taken in order.
pub trait Cursor: Sized {
    /// Takes a `u64`, or the bits of an `s64`.
    fn u64(&mut self) -> Result<u64>;
    /// Takes a `u32`.
    fn u32(&mut self) -> Result<u32>;
    /// Takes a `u8`, also where it is an enum's discriminant.
    fn u8(&mut self) -> Result<u8>;
    /// Takes up to eight flags. As in the canonical ABI, the caller ignores unknown bits.
    fn flags(&mut self) -> Result<u8>;
    /// Takes an `f64`.
    fn f64(&mut self) -> Result<f64>;
    /// Takes a record, to read its fields from.
    fn record<S: WitType>(&mut self) -> Result<Self>;
    /// Takes a variant: its discriminant, not yet checked, and its payload.
    fn variant<S: Variant>(&mut self) -> Result<(u32, Self)>;

    /// Takes a `bool`. As in the canonical ABI, every value but zero is true.
    fn bool(&mut self) -> Result<bool> {
        Ok(self.u8()? != 0)
    }

    /// Takes an `s64`.
    fn i64(&mut self) -> Result<i64> {
        Ok(self.u64()?.cast_signed())
    }

    /// Takes the pointer and the length of a string or list.
    fn pair(&mut self) -> Result<(u32, u32)> {
        Ok((self.u32()?, self.u32()?))
    }

    /// Takes an option's payload, if there is one.
    fn option<S: WitType>(&mut self) -> Result<Option<Self>> {
        match self.variant::<Option<S>>()? {
            (0, _) => Ok(None),
            (1, payload) => Ok(Some(payload)),
            (other, _) => Err(LiftError::discriminant::<Option<S>>("option", other)),
        }
    }
}

/// Reads values that are passed as core WebAssembly values.
pub(crate) struct Flat<'a, V>(pub(crate) &'a [V]);

impl<V: CoreValue> Flat<'_, V> {
    fn next(&mut self) -> Result<V> {
        let (first, rest) = self.0.split_first().ok_or(LiftError::Misread)?;
        self.0 = rest;
        Ok(*first)
    }

    fn split<S: WitType>(&mut self) -> Result<Self> {
        let taken = self.0.split_at_checked(S::LAYOUT.flat);
        let (taken, rest) = taken.ok_or(LiftError::Misread)?;
        self.0 = rest;
        Ok(Self(taken))
    }
}

impl<V: CoreValue> Cursor for Flat<'_, V> {
    fn u64(&mut self) -> Result<u64> {
        self.next().map(V::u64)
    }

    fn u32(&mut self) -> Result<u32> {
        self.next().map(V::u32)
    }

    fn u8(&mut self) -> Result<u8> {
        // A larger number is no valid discriminant. Saturating keeps it invalid (and a `bool`
        // true).
        Ok(u8::try_from(self.next()?.u32()).unwrap_or(u8::MAX))
    }

    fn flags(&mut self) -> Result<u8> {
        let [low, ..] = self.next()?.u32().to_le_bytes();
        Ok(low)
    }

    fn f64(&mut self) -> Result<f64> {
        self.next().map(V::f64)
    }

    fn record<S: WitType>(&mut self) -> Result<Self> {
        self.split::<S>()
    }

    fn variant<S: Variant>(&mut self) -> Result<(u32, Self)> {
        let mut taken = self.split::<S>()?;
        Ok((taken.next()?.u32(), taken))
    }
}

/// Reads values that lie in linear memory.
#[derive(Debug)]
pub(crate) struct Memory<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Memory<'a> {
    /// Starts at the first byte of the value.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        // Scalars are aligned to their size, in the value as in the memory around it.
        let start = self.offset.next_multiple_of(N);
        let taken = self.bytes.get(start..).and_then(<[u8]>::first_chunk);
        self.offset = start + N;
        taken.copied().ok_or(LiftError::Misread)
    }

    #[inline]
    fn split<S: WitType>(&mut self) -> Result<&'a [u8]> {
        let Layout { size, align, .. } = S::LAYOUT;
        let start = self.offset.next_multiple_of(align);
        let bytes = self.bytes.get(start..).and_then(|rest| rest.get(..size));
        self.offset = start + size;
        bytes.ok_or(LiftError::Misread)
    }
}

impl Cursor for Memory<'_> {
    #[inline]
    fn u64(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    #[inline]
    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    #[inline]
    fn u8(&mut self) -> Result<u8> {
        self.take().map(u8::from_le_bytes)
    }

    #[inline]
    fn flags(&mut self) -> Result<u8> {
        self.u8()
    }

    #[inline]
    fn f64(&mut self) -> Result<f64> {
        self.take().map(f64::from_le_bytes)
    }

    #[inline]
    fn record<S: WitType>(&mut self) -> Result<Self> {
        self.split::<S>().map(Self::new)
    }

    #[inline]
    fn variant<S: Variant>(&mut self) -> Result<(u32, Self)> {
        let bytes = self.split::<S>()?;
        // No variant has more than 256 cases, so the discriminant takes one byte.
        let discriminant = *bytes.first().ok_or(LiftError::Misread)?;
        let payload = bytes.get(S::LAYOUT.payload_offset()..);
        let payload = payload.ok_or(LiftError::Misread)?;
        Ok((discriminant.into(), Self::new(payload)))
    }
}
