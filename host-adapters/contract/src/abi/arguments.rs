//! Parameter types of a function, and how they are read.
//!
//! An engine's own lifting allocates as much as the guest asks for. Here all parameters of a
//! function are one type, which is read as a whole within one budget. Guest input is never assumed
//! to be well-formed, and this module has no unsafe code.

use std::fmt::Debug;

use super::Layout;
use super::cursor::{CoreValue, Cursor, Flat, Memory};
use super::error::Result;
use super::reader::{Reader, StringEncoding};
use super::wit_type::Type;

/// The parameters of a function. Only this crate implements it.
pub trait Arguments: Read + Debug + Send + Sync + 'static {
    /// The parameter types, in order.
    const PARAMETERS: &'static [&'static Type];
    /// The layout of the parameters: as core values in a call, or in memory if there are too many.
    const LAYOUT: Layout = Layout::of_parameters(Self::PARAMETERS);
    /// Whether the parameters contain strings or lists. If not, an adapter need not look up a
    /// call's memory and encoding: any will do.
    const IN_MEMORY: bool = Type::any_in_memory(Self::PARAMETERS);
    /// The core values of a call: an array of [`LAYOUT`](Self::LAYOUT)`.flat` values.
    type Flat<V: Copy>: CoreValues<V>;
    /// The part that is read before the function is called. It may leave lists for the function to
    /// read.
    type First: Read;
}

/// Reads parameters. Only this crate implements it.
pub trait Read: Sized {
    /// Reads them in order.
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self>;
}

/// An array of core values. The trait is sealed, so unsafe code may rely on that.
pub trait CoreValues<V>: Copy + sealed::Sealed {
    /// Returns the values.
    fn as_slice(&self) -> &[V];
}

impl<V: Copy, const COUNT: usize> CoreValues<V> for [V; COUNT] {
    fn as_slice(&self) -> &[V] {
        self
    }
}

mod sealed {
    pub trait Sealed {}

    impl<V, const COUNT: usize> Sealed for [V; COUNT] {}
}

/// Declares the types of a function's parameters.
macro_rules! parameters {
    ($arguments:ty: $($parameter:ty),*) => {
        parameters!($arguments, first $arguments: $($parameter),*);
    };
    ($arguments:ty, first $first:ty: $($parameter:ty),*) => {
        impl $crate::abi::Arguments for $arguments {
            const PARAMETERS: &'static [&'static $crate::abi::Type] =
                &[$(<$parameter as $crate::abi::WitType>::TYPE),*];
            type Flat<V: Copy> = [V; <$arguments as $crate::abi::Arguments>::LAYOUT.flat];
            type First = $first;
        }
    };
}
pub(crate) use parameters;

/// The arguments of a call, not yet read.
#[derive(Debug, Clone, Copy)]
pub struct RawArgs<'a, V> {
    memory: &'a [u8],
    encoding: StringEncoding,
    source: Source<'a, V>,
}

#[derive(Debug, Clone, Copy)]
enum Source<'a, V> {
    Flat(&'a [V]),
    Memory(&'a [u8]),
}

impl<'a, V: CoreValue> RawArgs<'a, V> {
    /// Returns arguments that are passed as core values, [`Arguments::LAYOUT`]`.flat` of them.
    ///
    /// `memory` is the guest's memory, and empty if the function was imported without one.
    #[must_use]
    pub const fn flat(memory: &'a [u8], encoding: StringEncoding, values: &'a [V]) -> Self {
        Self {
            memory,
            encoding,
            source: Source::Flat(values),
        }
    }

    /// Returns arguments that are passed in memory, as in a call with more core values than the ABI
    /// allows (more than 4 for a call that is lowered as `async`). `parameters` is the part of the
    /// memory that holds them, [`Arguments::LAYOUT`]`.size` bytes. The adapter has checked its
    /// bounds and alignment.
    #[must_use]
    pub const fn in_memory(
        memory: &'a [u8],
        encoding: StringEncoding,
        parameters: &'a [u8],
    ) -> Self {
        Self {
            memory,
            encoding,
            source: Source::Memory(parameters),
        }
    }

    /// Reads the arguments, with at most `bytes` bytes of host memory.
    ///
    /// # Errors
    ///
    /// Returns an error if the guest broke the ABI. The adapter then traps the guest.
    pub fn lift<A: Arguments>(self, bytes: usize) -> Result<Lifted<A>> {
        let mut reader = self.reader(bytes);
        Ok(Lifted {
            arguments: self.read(&mut reader)?,
            bytes: bytes - reader.budget.left(),
            left_out: reader.budget.left_out(),
        })
    }

    #[inline]
    pub(crate) fn reader(&self, bytes: usize) -> Reader<'a> {
        Reader::new(self.memory, self.encoding, bytes)
    }

    #[inline]
    pub(crate) fn read<A: Read>(&self, reader: &mut Reader<'_>) -> Result<A> {
        match self.source {
            Source::Flat(values) => A::read(reader, &mut Flat(values)),
            Source::Memory(parameters) => A::read(reader, &mut Memory::new(parameters)),
        }
    }
}

/// The lifted parameters of a function.
#[derive(Debug)]
pub struct Lifted<A> {
    /// The arguments, shortened to the budget.
    pub arguments: A,
    /// The bytes of host memory that were charged for them.
    pub bytes: usize,
    /// The number of items that exceeded the budget.
    pub left_out: u64,
}
