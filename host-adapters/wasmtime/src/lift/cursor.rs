//! Where a value's parts lie: in core WebAssembly values, or in linear memory. A reader is written once over
//! [`Cursor`] and serves for both; widths, alignments and offsets come from the derived [`super::shape`] types.

use wasmtime::component::__internal::ComponentVariant;
use wasmtime::component::ComponentType;
use wasmtime::{Result, ValRaw, bail, format_err};

/// A position in a value's canonical representation, from which its fields are taken in order.
pub(crate) trait Cursor: Sized {
    /// Takes a `u64`, or the bits of an `s64`.
    fn u64(&mut self) -> Result<u64>;
    /// Takes a `u32`.
    fn u32(&mut self) -> Result<u32>;
    /// Takes a `u8`, also where it is an enum's discriminant.
    fn u8(&mut self) -> Result<u8>;
    /// Takes up to eight flags; as in the canonical ABI, the caller masks what is not one of them.
    fn flags(&mut self) -> Result<u8>;
    /// Takes an `f64`.
    fn f64(&mut self) -> Result<f64>;
    /// Takes a record, to read its fields from.
    fn record<S: ComponentType>(&mut self) -> Result<Self>;
    /// Takes a variant: its discriminant, not yet checked, and its payload.
    fn variant<S: ComponentVariant>(&mut self) -> Result<(u32, Self)>;

    /// Takes a `bool`; as in the canonical ABI, everything but zero is true.
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

    /// Takes an option's payload, where there is one.
    fn option<S>(&mut self) -> Result<Option<Self>>
    where
        Option<S>: ComponentVariant,
    {
        match self.variant::<Option<S>>()? {
            (0, _) => Ok(None),
            (1, payload) => Ok(Some(payload)),
            (other, _) => bail!(super::InvalidArgument::discriminant("option", other, 2)),
        }
    }
}

/// Values that are passed as core WebAssembly values.
pub(crate) struct Flat<'a>(pub(crate) &'a [ValRaw]);

impl Flat<'_> {
    fn next(&mut self) -> Result<ValRaw> {
        let (first, rest) = self.0.split_first().ok_or_else(misread)?;
        self.0 = rest;
        Ok(*first)
    }

    fn split<S: ComponentType>(&mut self) -> Result<Self> {
        let count = S::ABI.flat_count.map(usize::from).ok_or_else(misread)?;
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(misread)?;
        self.0 = rest;
        Ok(Self(taken))
    }
}

impl Cursor for Flat<'_> {
    fn u64(&mut self) -> Result<u64> {
        Ok(self.next()?.get_u64())
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(self.next()?.get_u32())
    }

    fn u8(&mut self) -> Result<u8> {
        // What does not fit is no discriminant; saturating keeps it recognisable as wrong (and a `bool` true).
        Ok(u8::try_from(self.next()?.get_u32()).unwrap_or(u8::MAX))
    }

    fn flags(&mut self) -> Result<u8> {
        let [low, ..] = self.next()?.get_u32().to_le_bytes();
        Ok(low)
    }

    fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_bits(self.next()?.get_f64()))
    }

    fn record<S: ComponentType>(&mut self) -> Result<Self> {
        self.split::<S>()
    }

    fn variant<S: ComponentVariant>(&mut self) -> Result<(u32, Self)> {
        let mut taken = self.split::<S>()?;
        Ok((taken.next()?.get_u32(), taken))
    }
}

/// Values that lie in linear memory.
pub(crate) struct Memory<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Memory<'a> {
    /// Starts at the first of the bytes that hold the value.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        // Scalars are aligned to their size, in the value as in the memory around it.
        let start = self.offset.next_multiple_of(N);
        let taken = self.bytes.get(start..).and_then(<[u8]>::first_chunk);
        self.offset = start + N;
        taken.copied().ok_or_else(misread)
    }

    fn split<S: ComponentType>(&mut self) -> Result<&'a [u8]> {
        let start = S::ABI.next_field32_size(&mut self.offset);
        let bytes = self
            .bytes
            .get(start..)
            .and_then(|rest| rest.get(..S::SIZE32));
        bytes.ok_or_else(misread)
    }
}

impl Cursor for Memory<'_> {
    fn u64(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u8(&mut self) -> Result<u8> {
        self.take().map(u8::from_le_bytes)
    }

    fn flags(&mut self) -> Result<u8> {
        self.u8()
    }

    fn f64(&mut self) -> Result<f64> {
        self.take().map(f64::from_le_bytes)
    }

    fn record<S: ComponentType>(&mut self) -> Result<Self> {
        self.split::<S>().map(Self::new)
    }

    fn variant<S: ComponentVariant>(&mut self) -> Result<(u32, Self)> {
        let bytes = self.split::<S>()?;
        // Every variant of the contract has fewer than 256 cases, and so a discriminant of one byte.
        let discriminant = *bytes.first().ok_or_else(misread)?;
        let payload = bytes.get(S::PAYLOAD_OFFSET32..).ok_or_else(misread)?;
        Ok((discriminant.into(), Self::new(payload)))
    }
}

/// A reader asked for more than its value's shape has: a mistake of ours that no guest can provoke.
fn misread() -> wasmtime::Error {
    format_err!("a value was read past its end; this is a bug in wasmscope-wasmtime")
}
