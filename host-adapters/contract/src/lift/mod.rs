//! Lifting arguments out of a guest straight into what the telemetry core wants.
//!
//! The ways that engines have take memory by the guest's word. So each function's parameters are one type, which is
//! read as a whole with one budget. Nothing is trusted to be well-formed, and nothing here is unsafe.

mod context;
mod cursor;
mod logs;
mod metrics;
mod reader;
mod shrink;
#[cfg(test)]
mod tests;
mod traces;
mod values;

use std::fmt::Debug;

use wasmscope_telemetry::limits::Budget;

use crate::error::Result;
use crate::shape::{Layout, Type};
pub use cursor::CoreValue;
use cursor::{Cursor, Flat, Memory};
#[cfg(test)]
pub(crate) use logs::SEVERITIES;
use reader::Reader;
pub use reader::{CEILING, CHECKS, StringEncoding};
use shrink::Shrink;

/// The parameters of a function, all of them. Only this crate implements it.
pub trait Arguments: Read + Debug + Send + Sync + 'static {
    /// Their types, in order.
    const PARAMETERS: &'static [&'static Type];
    /// How they lie: in a call with core values, and in memory if there are too many.
    const LAYOUT: Layout = Layout::of_parameters(Self::PARAMETERS);
    /// Whether there are strings or lists among them. Without, an adapter need not look for a call's memory and encoding: any will do, and
    /// nothing can be left out.
    const IN_MEMORY: bool = Type::any_in_memory(Self::PARAMETERS);
    /// The core values that they are passed as: an array of [`LAYOUT`](Self::LAYOUT)`.flat`.
    type Flat<V: Copy>: CoreValues<V>;
}

/// Reading parameters, which nobody but this crate does.
pub trait Read: Shrink + Sized {
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
        impl $crate::lift::Arguments for $arguments {
            const PARAMETERS: &'static [&'static $crate::shape::Type] =
                &[$(<$parameter as $crate::shape::Shape>::TYPE),*];
            type Flat<V: Copy> = [V; <$arguments as $crate::lift::Arguments>::LAYOUT.flat];
        }
    };
}
use parameters;

/// A function's parameters, as they were lifted.
#[derive(Debug)]
pub struct Lifted<A> {
    /// What the guest passed, or what of it there was room for.
    pub arguments: A,
    /// The bytes of host memory that they were charged with.
    pub bytes: usize,
    /// The items that had no room in [`CEILING`].
    pub left_out: u64,
}

impl<A: Arguments> Lifted<A> {
    /// Lifts what is passed as core values: [`Arguments::LAYOUT`]`.flat` of them.
    ///
    /// `memory` is that of the guest, and empty if the function was imported without one.
    ///
    /// # Errors
    ///
    /// Returns an error if the guest broke the ABI, for which the adapter traps it.
    pub fn from_flat<V: CoreValue>(
        memory: &[u8],
        encoding: StringEncoding,
        values: &[V],
    ) -> Result<Self> {
        Self::read(Reader::new(memory, encoding), Flat(values))
    }

    /// Lifts what is passed in memory, in a call with more core values than the ABI allows: of calls that are lowered
    /// as `async`, more than 4. `parameters` is that part of the memory, [`Arguments::LAYOUT`]`.size` bytes from where they
    /// begin, of which the adapter has checked the bounds and the alignment.
    ///
    /// # Errors
    ///
    /// Returns an error if the guest broke the ABI, for which the adapter traps it.
    pub fn from_memory(memory: &[u8], encoding: StringEncoding, parameters: &[u8]) -> Result<Self> {
        Self::read(Reader::new(memory, encoding), Memory::new(parameters))
    }

    fn read(mut reader: Reader<'_>, mut at: impl Cursor) -> Result<Self> {
        let arguments = A::read(&mut reader, &mut at)?;
        Ok(Self {
            arguments,
            bytes: CEILING - reader.budget.left(),
            left_out: reader.budget.left_out(),
        })
    }

    /// Holds the arguments to the limit that the embedder has set. What was left out before is counted with the rest.
    pub(crate) fn limit(&mut self, bytes: usize) {
        if self.bytes > bytes {
            let mut budget = Budget::new(bytes);
            self.arguments.shrink(&mut budget);
            self.bytes = bytes - budget.left();
            self.left_out = self.left_out.saturating_add(budget.left_out());
        }
    }
}
