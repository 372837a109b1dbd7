//! Options, results, and code shared by all kinds of variants.

use super::{ComponentType, InstanceTypes, Lift, Lower, TypeMismatch, unchecked, unchecked_trap};
use crate::abi::flat::Source;
use crate::abi::layout::{DiscriminantSize, FlatType};
use crate::abi::lift::{byte, part, tail, word};
use crate::abi::lower::{self, put};
use crate::abi::{CoreVal, LiftContext, LowerContext};
use crate::error::{CallError, HostError, Trap, TrapCode};
use crate::types::{Type, VariantLayout};

fn variant_layout(ty: &Type) -> Option<VariantLayout> {
    match ty {
        Type::Variant(ty) => Some(ty.variant_layout()),
        Type::Enum(ty) => Some(ty.variant_layout()),
        Type::Option(ty) => Some(ty.variant_layout()),
        Type::Result(ty) => Some(ty.variant_layout()),
        _ => None,
    }
}

/// Lifts a variant. `case` makes the value from an unchecked discriminant and the core values of
/// the payload.
#[doc(hidden)]
pub fn lift_variant<T>(
    cx: &mut LiftContext<'_>,
    ty: &Type,
    source: &mut Source<'_>,
    case: impl FnOnce(&mut LiftContext<'_>, u32, &mut Source<'_>) -> Result<T, Trap>,
) -> Result<T, Trap> {
    let discriminant = source.i32()?;
    let flat = ty.layout().flat().unwrap_or_default().len();
    let mut payload = source.split(flat.saturating_sub(1))?;
    case(cx, discriminant, &mut payload)
}

/// Loads a variant, as [`lift_variant`] lifts one.
#[doc(hidden)]
pub fn load_variant<T>(
    cx: &mut LiftContext<'_>,
    ty: &Type,
    bytes: &[u8],
    case: impl FnOnce(&mut LiftContext<'_>, u32, &[u8]) -> Result<T, Trap>,
) -> Result<T, Trap> {
    let layout = variant_layout(ty).ok_or_else(|| unchecked_trap("variant", ty))?;
    let discriminant = match layout.discriminant {
        DiscriminantSize::Byte => byte(bytes)?.into(),
        DiscriminantSize::Half => u16::from_le_bytes(part(bytes, 0)?).into(),
        DiscriminantSize::Word => word(bytes)?,
    };
    case(cx, discriminant, tail(bytes, layout.payload_offset)?)
}

/// Lowers a variant: `payload` adds the core values of the payload, if the case has one.
#[doc(hidden)]
pub fn lower_variant(
    cx: &mut LowerContext<'_>,
    ty: &Type,
    discriminant: u32,
    out: &mut Vec<CoreVal>,
    payload: impl FnOnce(&mut LowerContext<'_>, &mut Vec<CoreVal>) -> Result<(), CallError>,
) -> Result<(), CallError> {
    let Some([FlatType::I32, shared @ ..]) = ty.layout().flat() else {
        return Err(HostError::new(format!("a {} takes too many core values", ty.kind())).into());
    };
    out.push(CoreVal::I32(discriminant));
    let start = out.len();
    payload(cx, out)?;
    for (position, shared) in shared.iter().enumerate() {
        match out.get_mut(start.saturating_add(position)) {
            Some(value) => *value = value.widen(*shared)?,
            None => out.push(CoreVal::zero(*shared)),
        }
    }
    Ok(())
}

/// Stores a variant, as [`lower_variant`] lowers one.
#[doc(hidden)]
pub fn store_variant(
    cx: &mut LowerContext<'_>,
    ty: &Type,
    discriminant: u32,
    bytes: &mut [u8],
    payload: impl FnOnce(&mut LowerContext<'_>, &mut [u8]) -> Result<(), CallError>,
) -> Result<(), CallError> {
    let layout = variant_layout(ty).ok_or_else(|| unchecked("variant", ty))?;
    let [low, high, ..] = discriminant.to_le_bytes();
    match layout.discriminant {
        DiscriminantSize::Byte => put(bytes, 0, [low])?,
        DiscriminantSize::Half => put(bytes, 0, [low, high])?,
        DiscriminantSize::Word => put(bytes, 0, discriminant.to_le_bytes())?,
    }
    payload(cx, lower::tail(bytes, layout.payload_offset)?)
}

/// Returns the trap for an invalid discriminant.
#[doc(hidden)]
pub fn invalid_discriminant(discriminant: u32, cases: usize) -> Trap {
    Trap::new(
        TrapCode::InvalidDiscriminant,
        format!("discriminant {discriminant} is out of range [0..{cases})"),
    )
}

impl<T: ComponentType> ComponentType for Option<T> {
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        match ty {
            Type::Option(ty) => T::typecheck(ty.ty(), types),
            _ => Err(TypeMismatch::new("option", ty)),
        }
    }
}

fn some(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Option(ty) => Some(ty.ty()),
        _ => None,
    }
}

impl<T: Lift> Lift for Option<T> {
    fn lift(cx: &mut LiftContext<'_>, ty: &Type, source: &mut Source<'_>) -> Result<Self, Trap> {
        let some = some(ty).ok_or_else(|| unchecked_trap("option", ty))?;
        lift_variant(cx, ty, source, |cx, case, payload| match case {
            0 => Ok(None),
            1 => T::lift(cx, some, payload).map(Some),
            other => Err(invalid_discriminant(other, 2)),
        })
    }

    fn load(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Self, Trap> {
        let some = some(ty).ok_or_else(|| unchecked_trap("option", ty))?;
        load_variant(cx, ty, bytes, |cx, case, payload| match case {
            0 => Ok(None),
            1 => T::load(cx, some, payload_of(some, payload)?).map(Some),
            other => Err(invalid_discriminant(other, 2)),
        })
    }
}

/// Returns the bytes of a payload, as many as its type has.
fn payload_of<'a>(ty: &Type, bytes: &'a [u8]) -> Result<&'a [u8], Trap> {
    let size = usize::try_from(ty.layout().size()).unwrap_or(usize::MAX);
    bytes
        .get(..size)
        .ok_or_else(|| unchecked_trap("payload of the right size", ty))
}

impl<T: Lower> Lower for Option<T> {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        let some = some(ty).ok_or_else(|| unchecked("option", ty))?;
        lower_variant(cx, ty, self.is_some().into(), out, |cx, out| match self {
            Some(value) => value.lower(cx, some, out),
            None => Ok(()),
        })
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        let some = some(ty).ok_or_else(|| unchecked("option", ty))?;
        store_variant(
            cx,
            ty,
            self.is_some().into(),
            bytes,
            |cx, bytes| match self {
                Some(value) => value.store(cx, some, bytes),
                None => Ok(()),
            },
        )
    }
}

/// The optional payload of a case: any type, or `()` for none.
#[doc(hidden)]
pub trait Payload: Sized {
    fn typecheck(ty: Option<&Type>, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch>;
}

/// A payload that can be lifted.
#[doc(hidden)]
pub trait LiftPayload: Payload {
    fn lift(
        cx: &mut LiftContext<'_>,
        ty: Option<&Type>,
        source: &mut Source<'_>,
    ) -> Result<Self, Trap>;
    fn load(cx: &mut LiftContext<'_>, ty: Option<&Type>, bytes: &[u8]) -> Result<Self, Trap>;
}

/// A payload that can be lowered.
#[doc(hidden)]
pub trait LowerPayload: Payload {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: Option<&Type>,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError>;
    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: Option<&Type>,
        bytes: &mut [u8],
    ) -> Result<(), CallError>;
}

impl Payload for () {
    fn typecheck(ty: Option<&Type>, _: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        match ty {
            None => Ok(()),
            Some(ty) => Err(TypeMismatch::new("no payload", ty)),
        }
    }
}

impl LiftPayload for () {
    fn lift(_: &mut LiftContext<'_>, _: Option<&Type>, _: &mut Source<'_>) -> Result<Self, Trap> {
        Ok(())
    }

    fn load(_: &mut LiftContext<'_>, _: Option<&Type>, _: &[u8]) -> Result<Self, Trap> {
        Ok(())
    }
}

impl LowerPayload for () {
    fn lower(
        &self,
        _: &mut LowerContext<'_>,
        _: Option<&Type>,
        _: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        Ok(())
    }

    fn store(
        &self,
        _: &mut LowerContext<'_>,
        _: Option<&Type>,
        _: &mut [u8],
    ) -> Result<(), CallError> {
        Ok(())
    }
}

fn lacking() -> HostError {
    HostError::new("expected a payload, found none: the type was not checked")
}

fn lacking_trap() -> Trap {
    Trap::new(TrapCode::Signature, lacking().message())
}

impl<T: ComponentType> Payload for T {
    fn typecheck(ty: Option<&Type>, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        match ty {
            Some(ty) => T::typecheck(ty, types),
            None => Err(TypeMismatch {
                expected: "a payload".to_owned(),
                found: "none".to_owned(),
            }),
        }
    }
}

impl<T: Lift> LiftPayload for T {
    fn lift(
        cx: &mut LiftContext<'_>,
        ty: Option<&Type>,
        source: &mut Source<'_>,
    ) -> Result<Self, Trap> {
        T::lift(cx, ty.ok_or_else(lacking_trap)?, source)
    }

    fn load(cx: &mut LiftContext<'_>, ty: Option<&Type>, bytes: &[u8]) -> Result<Self, Trap> {
        let ty = ty.ok_or_else(lacking_trap)?;
        T::load(cx, ty, payload_of(ty, bytes)?)
    }
}

impl<T: Lower> LowerPayload for T {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: Option<&Type>,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        T::lower(self, cx, ty.ok_or_else(lacking)?, out)
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: Option<&Type>,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        T::store(self, cx, ty.ok_or_else(lacking)?, bytes)
    }
}

impl<T: Payload, E: Payload> ComponentType for Result<T, E> {
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        match ty {
            Type::Result(ty) => {
                T::typecheck(ty.ok(), types)?;
                E::typecheck(ty.err(), types)
            }
            _ => Err(TypeMismatch::new("result", ty)),
        }
    }
}

impl<T: LiftPayload, E: LiftPayload> Lift for Result<T, E> {
    fn lift(cx: &mut LiftContext<'_>, ty: &Type, source: &mut Source<'_>) -> Result<Self, Trap> {
        let Type::Result(result) = ty else {
            return Err(unchecked_trap("result", ty));
        };
        lift_variant(cx, ty, source, |cx, case, payload| match case {
            0 => T::lift(cx, result.ok(), payload).map(Ok),
            1 => E::lift(cx, result.err(), payload).map(Err),
            other => Err(invalid_discriminant(other, 2)),
        })
    }

    fn load(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Self, Trap> {
        let Type::Result(result) = ty else {
            return Err(unchecked_trap("result", ty));
        };
        load_variant(cx, ty, bytes, |cx, case, payload| match case {
            0 => T::load(cx, result.ok(), payload).map(Ok),
            1 => E::load(cx, result.err(), payload).map(Err),
            other => Err(invalid_discriminant(other, 2)),
        })
    }
}

impl<T: LowerPayload, E: LowerPayload> Lower for Result<T, E> {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        let Type::Result(result) = ty else {
            return Err(unchecked("result", ty).into());
        };
        lower_variant(cx, ty, self.is_err().into(), out, |cx, out| match self {
            Ok(value) => value.lower(cx, result.ok(), out),
            Err(value) => value.lower(cx, result.err(), out),
        })
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        let Type::Result(result) = ty else {
            return Err(unchecked("result", ty).into());
        };
        store_variant(
            cx,
            ty,
            self.is_err().into(),
            bytes,
            |cx, bytes| match self {
                Ok(value) => value.store(cx, result.ok(), bytes),
                Err(value) => value.store(cx, result.err(), bytes),
            },
        )
    }
}
