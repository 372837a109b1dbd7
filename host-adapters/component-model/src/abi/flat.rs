//! Core values, and how the cases of a variant share them.

use super::layout::FlatType;
use crate::error::{Trap, TrapCode};

/// A core WebAssembly value. Floats are kept as bits, so that NaN payloads do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are WebAssembly's own")]
pub enum CoreVal {
    I32(u32),
    I64(u64),
    F32(u32),
    F64(u64),
}

impl CoreVal {
    /// Returns the value's type.
    pub fn ty(self) -> FlatType {
        match self {
            Self::I32(_) => FlatType::I32,
            Self::I64(_) => FlatType::I64,
            Self::F32(_) => FlatType::F32,
            Self::F64(_) => FlatType::F64,
        }
    }

    /// Returns the zero of a type.
    pub(crate) fn zero(ty: FlatType) -> Self {
        match ty {
            FlatType::I32 => Self::I32(0),
            FlatType::I64 => Self::I64(0),
            FlatType::F32 => Self::F32(0),
            FlatType::F64 => Self::F64(0),
        }
    }

    /// Converts a value of one case of a variant to the type that all cases share:
    /// `lower_flat_variant` in the specification.
    pub(crate) fn widen(self, shared: FlatType) -> Result<Self, Trap> {
        match (self, shared) {
            (Self::I32(bits) | Self::F32(bits), FlatType::I32) => Ok(Self::I32(bits)),
            (Self::I32(bits) | Self::F32(bits), FlatType::I64) => Ok(Self::I64(bits.into())),
            (Self::I64(bits) | Self::F64(bits), FlatType::I64) => Ok(Self::I64(bits)),
            (value, shared) if value.ty() == shared => Ok(value),
            (value, shared) => Err(mismatch(shared, value)),
        }
    }
}

fn mismatch(expected: FlatType, found: CoreVal) -> Trap {
    Trap::new(
        TrapCode::Signature,
        format!(
            "expected a core value of type {expected:?}, found {:?}",
            found.ty()
        ),
    )
}

/// Core values to lift, in order.
#[derive(Debug)]
pub struct Source<'a> {
    values: &'a [CoreVal],
    next: usize,
}

impl<'a> Source<'a> {
    pub(crate) fn new(values: &'a [CoreVal]) -> Self {
        Self { values, next: 0 }
    }

    fn take(&mut self) -> Result<CoreVal, Trap> {
        let value = self.values.get(self.next);
        let value =
            value.ok_or_else(|| Trap::new(TrapCode::Signature, "there are too few core values"))?;
        self.next = self.next.saturating_add(1);
        Ok(*value)
    }

    /// Takes an `i32`. Where cases of a variant share a core value, it may come as an `i64`, whose
    /// low half is used.
    #[expect(clippy::cast_possible_truncation, reason = "the specification wraps")]
    pub(crate) fn i32(&mut self) -> Result<u32, Trap> {
        match self.take()? {
            CoreVal::I32(bits) => Ok(bits),
            CoreVal::I64(bits) => Ok(bits as u32),
            other @ (CoreVal::F32(_) | CoreVal::F64(_)) => Err(mismatch(FlatType::I32, other)),
        }
    }

    pub(crate) fn i64(&mut self) -> Result<u64, Trap> {
        match self.take()? {
            CoreVal::I64(bits) => Ok(bits),
            other @ (CoreVal::I32(_) | CoreVal::F32(_) | CoreVal::F64(_)) => {
                Err(mismatch(FlatType::I64, other))
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the specification wraps")]
    pub(crate) fn f32(&mut self) -> Result<u32, Trap> {
        match self.take()? {
            CoreVal::F32(bits) | CoreVal::I32(bits) => Ok(bits),
            CoreVal::I64(bits) => Ok(bits as u32),
            other @ CoreVal::F64(_) => Err(mismatch(FlatType::F32, other)),
        }
    }

    pub(crate) fn f64(&mut self) -> Result<u64, Trap> {
        match self.take()? {
            CoreVal::F64(bits) | CoreVal::I64(bits) => Ok(bits),
            other @ (CoreVal::I32(_) | CoreVal::F32(_)) => Err(mismatch(FlatType::F64, other)),
        }
    }

    /// Splits off the next `count` values. The payload of a case may use fewer than the variant
    /// has.
    pub(crate) fn split(&mut self, count: usize) -> Result<Self, Trap> {
        let end = self.next.saturating_add(count);
        let values = self.values.get(self.next..end);
        let values = values
            .ok_or_else(|| Trap::new(TrapCode::Signature, "there are too few core values"))?;
        self.next = end;
        Ok(Self::new(values))
    }

    /// Checks that no values are left.
    pub(crate) fn finish(&self) -> Result<(), Trap> {
        if self.next == self.values.len() {
            Ok(())
        } else {
            Err(Trap::new(
                TrapCode::Signature,
                "there are too many core values",
            ))
        }
    }
}
