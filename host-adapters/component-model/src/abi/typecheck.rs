//! Checks the type of a value before any of it reaches a guest.

use super::lower::{check_case, flag_bits, mismatch};
use crate::error::HostError;
use crate::types::Type;
use crate::val::Val;

/// Checks that a value is of a type. For resources it only checks that they are resources.
///
/// The whole value is checked before it is lowered, so that a mismatch leaves the guest's memory
/// and the handle tables unchanged.
///
/// # Errors
///
/// An error that names the expected and the found type.
pub fn check(ty: &Type, val: &Val) -> Result<(), HostError> {
    match (ty, val) {
        (Type::Bool, Val::Bool(_))
        | (Type::S8, Val::S8(_))
        | (Type::U8, Val::U8(_))
        | (Type::S16, Val::S16(_))
        | (Type::U16, Val::U16(_))
        | (Type::S32, Val::S32(_))
        | (Type::U32, Val::U32(_))
        | (Type::S64, Val::S64(_))
        | (Type::U64, Val::U64(_))
        | (Type::Float32, Val::Float32(_))
        | (Type::Float64, Val::Float64(_))
        | (Type::Char, Val::Char(_))
        | (Type::String, Val::String(_))
        | (Type::Own(_) | Type::Borrow(_), Val::Resource(_)) => Ok(()),
        (Type::List(list), Val::List(values)) => {
            values.iter().try_for_each(|value| check(list.ty(), value))
        }
        (Type::Record(record), Val::Record(values)) => {
            count(ty, record.fields().len(), values.len())?;
            record
                .fields()
                .iter()
                .zip(values)
                .try_for_each(|(field, (name, value))| {
                    if field.name != *name {
                        return Err(HostError::new(format!(
                            "expected field `{}`, found `{name}`",
                            field.name
                        )));
                    }
                    check(&field.ty, value)
                })
        }
        (Type::Tuple(tuple), Val::Tuple(values)) => {
            count(ty, tuple.types().len(), values.len())?;
            tuple
                .types()
                .iter()
                .zip(values)
                .try_for_each(|(ty, value)| check(ty, value))
        }
        (Type::Flags(flags), Val::Flags(set)) => flag_bits(flags, set).map(|_bits| ()),
        (Type::Variant(_) | Type::Enum(_) | Type::Option(_) | Type::Result(_), _) => {
            match check_case(ty, val)? {
                Some((ty, val)) => check(ty, val),
                None => Ok(()),
            }
        }
        _ => Err(mismatch(ty, val)),
    }
}

fn count(ty: &Type, expected: usize, found: usize) -> Result<(), HostError> {
    if expected == found {
        Ok(())
    } else {
        Err(HostError::new(format!(
            "expected a {} of {expected}, found {found}",
            ty.kind()
        )))
    }
}
