//! A function's arguments: their types, and reading them.
//!
//! The lifting of engines allocates as much as the guest says. So each function's parameters are
//! one type, which is read as a whole, with one budget. Nothing is trusted to be well-formed, and
//! nothing here is unsafe.

use std::fmt::Debug;

use super::Layout;
use super::cursor::{CoreValue, Cursor, Flat, Memory};
use super::error::Result;
use super::reader::{Reader, StringEncoding};
use super::wit_type::Type;

/// The parameters of a function, all of them. Only this crate implements it.
pub trait Arguments: Read + Debug + Send + Sync + 'static {
    /// Their types, in order.
    const PARAMETERS: &'static [&'static Type];
    /// How they lie: in a call with core values, and in memory if there are too many.
    const LAYOUT: Layout = Layout::of_parameters(Self::PARAMETERS);
    /// Whether there are strings or lists among them. Without, an adapter need not look for a
    /// call's memory and encoding: any will do.
    const IN_MEMORY: bool = Type::any_in_memory(Self::PARAMETERS);
    /// The core values that they are passed as: an array of [`LAYOUT`](Self::LAYOUT)`.flat`.
    type Flat<V: Copy>: CoreValues<V>;
    /// What is read of them before the function is called, which may leave lists to be read by the
    /// function.
    type First: Read;
}

/// Reads parameters. Only this crate implements it.
pub trait Read: Sized {
    /// Reads them in order.
    fn read(reader: &mut Reader<'_>, at: &mut impl Cursor) -> Result<Self>;
}

/// An array. There is nothing else that implements this, which unsafe code may rely on.
pub trait CoreValues<V>: Copy + sealed::Sealed {
    /// Gives the values.
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

/// Says what the types of a function's parameters are.
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

/// The arguments of a call as a guest passes them, not yet read.
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
    /// Takes what is passed as core values: [`Arguments::LAYOUT`]`.flat` of them.
    ///
    /// `memory` is that of the guest, and empty if the function was imported without one.
    #[must_use]
    pub const fn flat(memory: &'a [u8], encoding: StringEncoding, values: &'a [V]) -> Self {
        Self {
            memory,
            encoding,
            source: Source::Flat(values),
        }
    }

    /// Takes what is passed in memory, in a call with more core values than the ABI allows: of
    /// calls that are lowered as `async`, more than 4. `parameters` is that part of the memory,
    /// [`Arguments::LAYOUT`]`.size` bytes from where they begin, of which the adapter has
    /// checked the bounds and the alignment.
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

    /// Reads the arguments, within so many bytes of host memory.
    ///
    /// # Errors
    ///
    /// Returns an error if the guest broke the ABI, for which the adapter traps it.
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

/// A function's parameters, as they were lifted.
#[derive(Debug)]
pub struct Lifted<A> {
    /// What the guest passed, or what of it there was room for.
    pub arguments: A,
    /// The bytes of host memory that they were charged with.
    pub bytes: usize,
    /// The items that had no room.
    pub left_out: u64,
}
