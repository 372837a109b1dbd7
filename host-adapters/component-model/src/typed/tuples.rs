//! Tuples: as values, and as the parameters and results of functions.

#![allow(
    non_snake_case,
    clippy::allow_attributes,
    reason = "the names of type parameters are also used as variables"
)]

use super::{ComponentType, InstanceTypes, Lift, Lower, TypeMismatch, unchecked, unchecked_trap};
use crate::abi::flat::Source;
use crate::abi::lift::tail;
use crate::abi::lower;
use crate::abi::{CoreVal, LiftContext, LowerContext};
use crate::error::{CallError, Trap};
use crate::types::Type;

/// The types of a function's parameters, or of its result, in order.
#[derive(Debug, Clone, Copy)]
pub enum TypeList<'a> {
    /// Parameters, with their names.
    Params(&'a [(String, Type)]),
    /// The result, if there is one.
    Result(Option<&'a Type>),
}

impl<'a> TypeList<'a> {
    /// Returns the number of types.
    pub fn len(&self) -> usize {
        match self {
            Self::Params(params) => params.len(),
            Self::Result(result) => usize::from(result.is_some()),
        }
    }

    /// Returns whether there are no types.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the type at a position.
    pub fn get(&self, position: usize) -> Option<&'a Type> {
        match self {
            Self::Params(params) => params.get(position).map(|(_, ty)| ty),
            Self::Result(result) => (*result).filter(|_| position == 0),
        }
    }

    /// Returns all types.
    pub fn iter(&self) -> impl Iterator<Item = &'a Type> + Clone + use<'a> {
        let list = *self;
        (0..list.len()).filter_map(move |position| list.get(position))
    }
}

/// A whole list of parameters or results that can be lifted: a tuple, or a type with its own
/// implementation.
pub trait LiftList: Sized {
    /// Checks whether this represents such a list.
    ///
    /// # Errors
    ///
    /// A description of the expected types.
    fn typecheck(list: TypeList<'_>, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch>;

    /// Lifts the values from core values.
    ///
    /// # Errors
    ///
    /// A trap if the guest violated the ABI.
    fn lift(
        cx: &mut LiftContext<'_>,
        list: TypeList<'_>,
        source: &mut Source<'_>,
    ) -> Result<Self, Trap>;

    /// Loads the values from memory, at these offsets.
    ///
    /// # Errors
    ///
    /// A trap if the guest violated the ABI.
    fn load(
        cx: &mut LiftContext<'_>,
        list: TypeList<'_>,
        bytes: &[u8],
        offsets: &[u32],
    ) -> Result<Self, Trap>;
}

/// A whole list of parameters or results that can be lowered: a tuple.
pub trait LowerList: Sized {
    /// Checks whether this represents such a list.
    ///
    /// # Errors
    ///
    /// A description of the expected types.
    fn typecheck(list: TypeList<'_>, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch>;

    /// Lowers the values into core values.
    ///
    /// # Errors
    ///
    /// As [`Lower::lower`].
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        list: TypeList<'_>,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError>;

    /// Stores the values at these offsets.
    ///
    /// # Errors
    ///
    /// As [`Lower::store`].
    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        list: TypeList<'_>,
        bytes: &mut [u8],
        offsets: &[u32],
    ) -> Result<(), CallError>;
}

fn count(list: TypeList<'_>, expected: usize) -> Result<(), TypeMismatch> {
    if list.len() == expected {
        return Ok(());
    }
    Err(TypeMismatch {
        expected: format!("{expected} values"),
        found: list.len().to_string(),
    })
}

static NOTHING: Type = Type::Bool;

/// Returns the type at a position. The length of the list was checked before.
fn at<'a>(list: TypeList<'a>, position: usize) -> &'a Type {
    list.get(position).unwrap_or(&NOTHING)
}

fn offset(offsets: &[u32], position: usize) -> u32 {
    offsets.get(position).copied().unwrap_or(u32::MAX)
}

/// Returns the bytes of a field at an offset, as many as its type has.
fn field<'a>(ty: &Type, bytes: &'a [u8], offset: u32) -> Result<&'a [u8], Trap> {
    let size = usize::try_from(ty.layout().size()).unwrap_or(usize::MAX);
    tail(bytes, offset)?
        .get(..size)
        .ok_or_else(|| unchecked_trap("value of the right size", ty))
}

macro_rules! tuple {
    ($count:literal: $($name:ident $index:tt),*) => {
        impl<$($name: Lift),*> LiftList for ($($name,)*) {
            fn typecheck(list: TypeList<'_>, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
                count(list, $count)?;
                $($name::typecheck(at(list, $index), types)?;)*
                let _ = types;
                Ok(())
            }

            fn lift(cx: &mut LiftContext<'_>, list: TypeList<'_>, source: &mut Source<'_>) -> Result<Self, Trap> {
                let _ = (&cx, &list, &source);
                Ok(($($name::lift(cx, at(list, $index), source)?,)*))
            }

            fn load(cx: &mut LiftContext<'_>, list: TypeList<'_>, bytes: &[u8], offsets: &[u32]) -> Result<Self, Trap> {
                let _ = (&cx, &list, bytes, offsets);
                Ok(($({
                    let ty = at(list, $index);
                    $name::load(cx, ty, field(ty, bytes, offset(offsets, $index))?)?
                },)*))
            }
        }

        impl<$($name: Lower),*> LowerList for ($($name,)*) {
            fn typecheck(list: TypeList<'_>, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
                count(list, $count)?;
                $($name::typecheck(at(list, $index), types)?;)*
                let _ = types;
                Ok(())
            }

            fn lower(&self, cx: &mut LowerContext<'_>, list: TypeList<'_>, out: &mut Vec<CoreVal>) -> Result<(), CallError> {
                let _ = (&cx, &list, &out);
                $(self.$index.lower(cx, at(list, $index), out)?;)*
                Ok(())
            }

            fn store(&self, cx: &mut LowerContext<'_>, list: TypeList<'_>, bytes: &mut [u8], offsets: &[u32]) -> Result<(), CallError> {
                let _ = (&cx, &list, &bytes, offsets);
                $(self.$index.store(cx, at(list, $index), lower::tail(bytes, offset(offsets, $index))?)?;)*
                Ok(())
            }
        }
    };
}

macro_rules! tuple_type {
    ($count:literal: $($name:ident $index:tt),+) => {
        impl<$($name: ComponentType),+> ComponentType for ($($name,)+) {
            fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
                let Type::Tuple(tuple) = ty else {
                    return Err(TypeMismatch::new("tuple", ty));
                };
                let [$($name),+] = tuple.types() else {
                    return Err(TypeMismatch::new(concat!("tuple of ", $count), ty));
                };
                $($name::typecheck($name, types)?;)+
                Ok(())
            }
        }

        impl<$($name: Lift),+> Lift for ($($name,)+) {
            fn lift(cx: &mut LiftContext<'_>, ty: &Type, source: &mut Source<'_>) -> Result<Self, Trap> {
                let Type::Tuple(tuple) = ty else {
                    return Err(unchecked_trap("tuple", ty));
                };
                let [$($name),+] = tuple.types() else {
                    return Err(unchecked_trap("tuple", ty));
                };
                Ok(($($name::lift(cx, $name, source)?,)+))
            }

            fn load(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Self, Trap> {
                let Type::Tuple(tuple) = ty else {
                    return Err(unchecked_trap("tuple", ty));
                };
                let mut fields = tuple.fields_with_offsets();
                Ok(($({
                    let (ty, offset) = fields.next().ok_or_else(|| unchecked_trap("tuple", ty))?;
                    $name::load(cx, ty, field(ty, bytes, offset)?)?
                },)+))
            }
        }

        impl<$($name: Lower),+> Lower for ($($name,)+) {
            fn lower(&self, cx: &mut LowerContext<'_>, ty: &Type, out: &mut Vec<CoreVal>) -> Result<(), CallError> {
                let Type::Tuple(tuple) = ty else {
                    return Err(unchecked("tuple", ty).into());
                };
                let [$($name),+] = tuple.types() else {
                    return Err(unchecked("tuple", ty).into());
                };
                $(self.$index.lower(cx, $name, out)?;)+
                Ok(())
            }

            fn store(&self, cx: &mut LowerContext<'_>, ty: &Type, bytes: &mut [u8]) -> Result<(), CallError> {
                let Type::Tuple(tuple) = ty else {
                    return Err(unchecked("tuple", ty).into());
                };
                let mut fields = tuple.fields_with_offsets();
                $({
                    let (ty, offset) = fields.next().ok_or_else(|| unchecked("tuple", ty))?;
                    self.$index.store(cx, ty, lower::tail(bytes, offset)?)?;
                })+
                Ok(())
            }
        }
    };
}

macro_rules! both {
    ($($count:literal: $($name:ident $index:tt),+;)*) => {$(
        tuple!($count: $($name $index),+);
        tuple_type!($count: $($name $index),+);
    )*};
}

tuple!(0:);
both! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
    13: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12;
    14: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13;
    15: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14;
    16: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15;
}
