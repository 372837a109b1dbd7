//! Support for the macros of this crate. Not a public API.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other types are refused in the same way"
)]

pub use crate::typed::compound::{
    LiftPayload, LowerPayload, invalid_discriminant, lift_variant, load_variant, lower_variant,
    store_variant,
};

use crate::abi::Source;
use crate::abi::lift::{byte, part, tail, word};
use crate::abi::lower;
use crate::error::{CallError, Trap};
use crate::typed::compound::Payload;
use crate::typed::{InstanceTypes, TypeMismatch, unchecked_trap};
use crate::types::{Case, Field, Type};

pub fn fields(ty: &Type) -> Result<&[Field], TypeMismatch> {
    match ty {
        Type::Record(record) => Ok(record.fields()),
        _ => Err(TypeMismatch::new("record", ty)),
    }
}

pub fn field<'a>(
    field: Option<&'a Field>,
    name: &str,
    ty: &Type,
) -> Result<&'a Type, TypeMismatch> {
    match field {
        Some(field) if field.name == name => Ok(&field.ty),
        Some(field) => Err(TypeMismatch {
            expected: format!("field `{name}`"),
            found: format!("field `{}`", field.name),
        }),
        None => Err(TypeMismatch::new(
            format!("record with a field `{name}`"),
            ty,
        )),
    }
}

pub fn no_more<T>(more: Option<&T>, ty: &Type) -> Result<(), TypeMismatch> {
    match more {
        None => Ok(()),
        Some(_) => Err(TypeMismatch::new(
            format!("{} with fewer parts", ty.kind()),
            ty,
        )),
    }
}

pub fn checked_fields(ty: &Type) -> &[Field] {
    fields(ty).unwrap_or_default()
}

pub fn checked_field<'a>(field: Option<&'a Field>, ty: &Type) -> Result<&'a Field, Trap> {
    field.ok_or_else(|| unchecked_trap("record", ty))
}

pub fn field_bytes<'a>(field: &Field, bytes: &'a [u8]) -> Result<&'a [u8], Trap> {
    let size = usize::try_from(field.ty.layout().size()).unwrap_or(usize::MAX);
    tail(bytes, field.offset)?
        .get(..size)
        .ok_or_else(|| unchecked_trap("field of the right size", &field.ty))
}

pub fn field_bytes_mut<'a>(field: &Field, bytes: &'a mut [u8]) -> Result<&'a mut [u8], CallError> {
    Ok(lower::tail(bytes, field.offset)?)
}

pub fn cases(ty: &Type) -> Result<&[Case], TypeMismatch> {
    match ty {
        Type::Variant(variant) => Ok(variant.cases()),
        _ => Err(TypeMismatch::new("variant", ty)),
    }
}

pub fn payload<P: Payload>(
    case: Option<&Case>,
    name: &str,
    ty: &Type,
    types: &InstanceTypes<'_>,
) -> Result<(), TypeMismatch> {
    match case {
        Some(case) if case.name == name => P::typecheck(case.ty.as_ref(), types),
        Some(case) => Err(TypeMismatch {
            expected: format!("case `{name}`"),
            found: format!("case `{}`", case.name),
        }),
        None => Err(TypeMismatch::new(
            format!("variant with a case `{name}`"),
            ty,
        )),
    }
}

pub fn payload_type(ty: &Type, discriminant: u32) -> Option<&Type> {
    let case = usize::try_from(discriminant).ok()?;
    cases(ty).ok()?.get(case)?.ty.as_ref()
}

/// Checks the names of an enum's cases or of flags.
pub fn names(ty: &Type, kind: &'static str, expected: &[&str]) -> Result<(), TypeMismatch> {
    let found = match ty {
        Type::Enum(ty) if kind == "enum" => ty.names(),
        Type::Flags(ty) if kind == "flags" => ty.names(),
        _ => return Err(TypeMismatch::new(kind, ty)),
    };
    if found == expected {
        return Ok(());
    }
    Err(TypeMismatch {
        expected: format!("{kind} of {}", expected.join(", ")),
        found: format!("{kind} of {}", found.join(", ")),
    })
}

/// Ignores bits beyond the flags, as the specification requires.
fn known(ty: &Type, bits: u32) -> u32 {
    let Type::Flags(flags) = ty else { return 0 };
    let count = u32::try_from(flags.names().len()).unwrap_or(u32::MAX);
    match 1u32.checked_shl(count) {
        Some(above) => bits & above.wrapping_sub(1),
        None => bits,
    }
}

pub fn lift_flags(ty: &Type, source: &mut Source<'_>) -> Result<u32, Trap> {
    Ok(known(ty, source.i32()?))
}

pub fn load_flags(ty: &Type, bytes: &[u8]) -> Result<u32, Trap> {
    let bits = match ty.layout().size() {
        1 => byte(bytes)?.into(),
        2 => u16::from_le_bytes(part(bytes, 0)?).into(),
        _ => word(bytes)?,
    };
    Ok(known(ty, bits))
}

pub fn store_flags(ty: &Type, bits: u32, bytes: &mut [u8]) -> Result<(), CallError> {
    let bits = bits.to_le_bytes();
    let size = usize::try_from(ty.layout().size()).unwrap_or(bits.len());
    lower::put_slice(bytes, 0, bits.get(..size).unwrap_or(&bits))
}
