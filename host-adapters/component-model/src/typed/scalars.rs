//! Booleans, numbers and characters.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the specification wraps small integers, and passes signed ones as the bits of unsigned ones"
)]

use super::{ComponentType, InstanceTypes, Lift, Lower, TypeMismatch};
use crate::abi::flat::Source;
use crate::abi::lift::{byte, char_of, elements, float32, float64, list_bytes, part, word};
use crate::abi::lower::{put, store_bytes, store_elements};
use crate::abi::{CoreVal, LiftContext, LowerContext};
use crate::error::{CallError, Trap};
use crate::types::Type;

macro_rules! typecheck {
    ($rust:ty, $variant:ident) => {
        impl ComponentType for $rust {
            fn typecheck(ty: &Type, _: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
                match ty {
                    Type::$variant => Ok(()),
                    _ => Err(TypeMismatch::new(Type::$variant.kind(), ty)),
                }
            }
        }
    };
}

/// Implements a scalar type. `take` reads a core value, `core` makes one, `read` reads from bytes,
/// `bytes` writes them.
macro_rules! scalar {
    ($rust:ty, $variant:ident, |$source:ident| $take:expr, |$value:ident| $core:expr, |$raw:ident| $read:expr, |$own:ident| $bytes:expr) => {
        typecheck!($rust, $variant);

        impl Lift for $rust {
            fn lift(
                _: &mut LiftContext<'_>,
                _: &Type,
                $source: &mut Source<'_>,
            ) -> Result<Self, Trap> {
                $take
            }

            fn load(_: &mut LiftContext<'_>, _: &Type, $raw: &[u8]) -> Result<Self, Trap> {
                $read
            }
        }

        impl Lower for $rust {
            fn lower(
                &self,
                _: &mut LowerContext<'_>,
                _: &Type,
                out: &mut Vec<CoreVal>,
            ) -> Result<(), CallError> {
                let $value = *self;
                out.push($core);
                Ok(())
            }

            fn store(
                &self,
                _: &mut LowerContext<'_>,
                _: &Type,
                bytes: &mut [u8],
            ) -> Result<(), CallError> {
                let $own = *self;
                put(bytes, 0, $bytes)
            }
        }
    };
}

scalar!(
    bool,
    Bool,
    |source| Ok(source.i32()? != 0),
    |value| CoreVal::I32(value.into()),
    |bytes| Ok(byte(bytes)? != 0),
    |value| [u8::from(value)]
);
scalar!(
    i8,
    S8,
    |source| Ok(source.i32()? as Self),
    |value| CoreVal::I32(i32::from(value) as u32),
    |bytes| Ok(byte(bytes)? as Self),
    |value| value.to_le_bytes()
);
scalar!(
    i16,
    S16,
    |source| Ok(source.i32()? as Self),
    |value| CoreVal::I32(i32::from(value) as u32),
    |bytes| Ok(Self::from_le_bytes(part(bytes, 0)?)),
    |value| value.to_le_bytes()
);
scalar!(
    u16,
    U16,
    |source| Ok(source.i32()? as Self),
    |value| CoreVal::I32(value.into()),
    |bytes| Ok(Self::from_le_bytes(part(bytes, 0)?)),
    |value| value.to_le_bytes()
);
scalar!(
    i32,
    S32,
    |source| Ok(source.i32()? as Self),
    |value| CoreVal::I32(value as u32),
    |bytes| Ok(Self::from_le_bytes(part(bytes, 0)?)),
    |value| value.to_le_bytes()
);
scalar!(
    u32,
    U32,
    |source| source.i32(),
    |value| CoreVal::I32(value),
    |bytes| word(bytes),
    |value| value.to_le_bytes()
);
scalar!(
    i64,
    S64,
    |source| Ok(source.i64()? as Self),
    |value| CoreVal::I64(value as u64),
    |bytes| Ok(Self::from_le_bytes(part(bytes, 0)?)),
    |value| value.to_le_bytes()
);
scalar!(
    u64,
    U64,
    |source| source.i64(),
    |value| CoreVal::I64(value),
    |bytes| Ok(Self::from_le_bytes(part(bytes, 0)?)),
    |value| value.to_le_bytes()
);
scalar!(
    f32,
    Float32,
    |source| Ok(float32(source.f32()?)),
    |value| CoreVal::F32(float32(value.to_bits()).to_bits()),
    |bytes| Ok(float32(word(bytes)?)),
    |value| float32(value.to_bits()).to_le_bytes()
);
scalar!(
    f64,
    Float64,
    |source| Ok(float64(source.f64()?)),
    |value| CoreVal::F64(float64(value.to_bits()).to_bits()),
    |bytes| Ok(float64(u64::from_le_bytes(part(bytes, 0)?))),
    |value| float64(value.to_bits()).to_le_bytes()
);
scalar!(
    char,
    Char,
    |source| char_of(source.i32()?),
    |value| CoreVal::I32(value.into()),
    |bytes| char_of(word(bytes)?),
    |value| u32::from(value).to_le_bytes()
);

typecheck!(u8, U8);

// Lists of bytes are copied as a whole, because file and socket contents are such lists.

impl Lift for u8 {
    fn lift(_: &mut LiftContext<'_>, _: &Type, source: &mut Source<'_>) -> Result<Self, Trap> {
        Ok(source.i32()? as Self)
    }

    fn load(_: &mut LiftContext<'_>, _: &Type, bytes: &[u8]) -> Result<Self, Trap> {
        byte(bytes)
    }

    fn load_list(
        cx: &mut LiftContext<'_>,
        element: &Type,
        pointer: u32,
        length: u32,
    ) -> Result<Vec<Self>, Trap> {
        if !matches!(element, Type::U8) {
            return elements(cx, element, pointer, length, Self::load);
        }
        let bytes = list_bytes(cx, element, pointer, length)?;
        cx.budget.charge(bytes.len())?;
        Ok(bytes.to_vec())
    }
}

impl Lower for u8 {
    fn lower(
        &self,
        _: &mut LowerContext<'_>,
        _: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        out.push(CoreVal::I32((*self).into()));
        Ok(())
    }

    fn store(&self, _: &mut LowerContext<'_>, _: &Type, bytes: &mut [u8]) -> Result<(), CallError> {
        put(bytes, 0, [*self])
    }

    fn store_list(
        values: &[Self],
        cx: &mut LowerContext<'_>,
        element: &Type,
    ) -> Result<(u32, u32), CallError> {
        if matches!(element, Type::U8) {
            return store_bytes(cx, values);
        }
        store_elements(cx, element, values, |cx, element, value, bytes| {
            value.store(cx, element, bytes)
        })
    }
}
