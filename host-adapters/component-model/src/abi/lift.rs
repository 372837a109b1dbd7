//! Lifting: converts core values and memory to component-level values.

use super::flat::{CoreVal, Source};
use super::layout::DiscriminantSize;
use super::string::{StringEncoding, load_string};
use super::{Budget, checked_slice, out_of_bounds};
use crate::error::{Trap, TrapCode};
use crate::handles::{ResourceAny, ResourceTables};
use crate::ids::{Handle, ResourceTableId};
use crate::types::{Flags, Type, VariantLayout};
use crate::val::Val;

/// The context of lifting: the memory, encoding and handles of the guest, and the budget of the
/// call.
///
/// An implementation of [`Lift`](crate::Lift) passes it on to those of other types.
#[derive(Debug)]
pub struct LiftContext<'a> {
    /// The memory of the canonical options. Validation requires one for types that use it. It does
    /// not change during lifting, because no guest runs.
    #[doc(hidden)]
    pub memory: Option<&'a [u8]>,
    /// The guest's string encoding.
    #[doc(hidden)]
    pub encoding: StringEncoding,
    /// The handles of the guest and of the host.
    #[doc(hidden)]
    pub resources: &'a mut ResourceTables,
    /// The remaining budget of the call.
    #[doc(hidden)]
    pub budget: &'a mut Budget,
}

impl<'a> LiftContext<'a> {
    pub(crate) fn memory(&self) -> Result<&'a [u8], Trap> {
        self.memory
            .ok_or_else(|| Trap::new(TrapCode::Signature, "the canonical options have no memory"))
    }

    pub(crate) fn own(&mut self, table: ResourceTableId, handle: u32) -> Result<ResourceAny, Trap> {
        let rep = self.resources.lift_own(table, Handle(handle))?;
        let resource = self.resources.resource(table)?;
        self.resources.host_own(resource, rep)
    }

    pub(crate) fn borrow(
        &mut self,
        table: ResourceTableId,
        handle: u32,
    ) -> Result<ResourceAny, Trap> {
        let rep = self.resources.lift_borrow(table, Handle(handle))?;
        let resource = self.resources.resource(table)?;
        self.resources.host_borrow(resource, rep)
    }
}

/// Lifts a value from core values.
///
/// # Errors
///
/// A trap if the values are not valid for the type, or their number is wrong.
pub fn lift_flat(cx: &mut LiftContext<'_>, ty: &Type, values: &[CoreVal]) -> Result<Val, Trap> {
    let mut source = Source::new(values);
    let val = lift(cx, ty, &mut source)?;
    source.finish()?;
    Ok(val)
}

/// Loads a value from memory.
///
/// # Errors
///
/// A trap if the pointer is not aligned or out of bounds, or the bytes are not valid for the type.
pub fn load(cx: &mut LiftContext<'_>, ty: &Type, pointer: u32) -> Result<Val, Trap> {
    let bytes = read_area(cx, pointer, ty.layout().align(), ty.layout().size())?;
    decode(cx, ty, bytes)
}

/// Reads the bytes of a value itself. Their number depends on the type only, but types may be
/// large, so they are charged too.
pub(crate) fn read_area<'a>(
    cx: &mut LiftContext<'a>,
    pointer: u32,
    align: u32,
    size: u32,
) -> Result<&'a [u8], Trap> {
    let code = TrapCode::MemoryOutOfBounds;
    let bytes = checked_slice(cx.memory()?, pointer, align, size.into(), code)?;
    cx.budget.charge(bytes.len())?;
    Ok(bytes)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the specification wraps small integers"
)]
#[expect(
    clippy::cast_possible_wrap,
    reason = "signed integers are the bits of unsigned ones"
)]
pub(super) fn lift(
    cx: &mut LiftContext<'_>,
    ty: &Type,
    source: &mut Source<'_>,
) -> Result<Val, Trap> {
    Ok(match ty {
        Type::Bool => Val::Bool(source.i32()? != 0),
        Type::S8 => Val::S8(source.i32()? as i8),
        Type::U8 => Val::U8(source.i32()? as u8),
        Type::S16 => Val::S16(source.i32()? as i16),
        Type::U16 => Val::U16(source.i32()? as u16),
        Type::S32 => Val::S32(source.i32()? as i32),
        Type::U32 => Val::U32(source.i32()?),
        Type::S64 => Val::S64(source.i64()? as i64),
        Type::U64 => Val::U64(source.i64()?),
        Type::Float32 => Val::Float32(float32(source.f32()?)),
        Type::Float64 => Val::Float64(float64(source.f64()?)),
        Type::Char => Val::Char(char_of(source.i32()?)?),
        Type::String => {
            let (pointer, length) = (source.i32()?, source.i32()?);
            Val::String(load_string(cx, pointer, length)?)
        }
        Type::List(list) => {
            let (pointer, length) = (source.i32()?, source.i32()?);
            load_list(cx, list.ty(), pointer, length)?
        }
        Type::Record(record) => {
            let mut fields = Vec::new();
            for field in record.fields() {
                cx.budget
                    .charge(field.name.len().saturating_add(size_of::<(String, Val)>()))?;
                fields.push((field.name.clone(), lift(cx, &field.ty, source)?));
            }
            Val::Record(fields)
        }
        Type::Tuple(tuple) => {
            let mut parts = Vec::new();
            for part in tuple.types() {
                cx.budget.charge_for::<Val>(1)?;
                parts.push(lift(cx, part, source)?);
            }
            Val::Tuple(parts)
        }
        Type::Variant(_) | Type::Enum(_) | Type::Option(_) | Type::Result(_) => {
            let discriminant = source.i32()?;
            let flat = ty.layout().flat().unwrap_or_default().len();
            let mut payload_source = source.split(flat.saturating_sub(1))?;
            variant(cx, ty, discriminant, |cx, ty| {
                lift(cx, ty, &mut payload_source)
            })?
        }
        Type::Flags(flags) => flag_names(cx, flags, source.i32()?)?,
        Type::Own(table) => Val::Resource(cx.own(*table, source.i32()?)?),
        Type::Borrow(table) => Val::Resource(cx.borrow(*table, source.i32()?)?),
    })
}

#[expect(
    clippy::cast_possible_wrap,
    reason = "signed integers are the bits of unsigned ones"
)]
pub(super) fn decode(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Val, Trap> {
    Ok(match ty {
        Type::Bool => Val::Bool(byte(bytes)? != 0),
        Type::S8 => Val::S8(byte(bytes)? as i8),
        Type::U8 => Val::U8(byte(bytes)?),
        Type::S16 => Val::S16(i16::from_le_bytes(part(bytes, 0)?)),
        Type::U16 => Val::U16(u16::from_le_bytes(part(bytes, 0)?)),
        Type::S32 => Val::S32(i32::from_le_bytes(part(bytes, 0)?)),
        Type::U32 => Val::U32(word(bytes)?),
        Type::S64 => Val::S64(i64::from_le_bytes(part(bytes, 0)?)),
        Type::U64 => Val::U64(u64::from_le_bytes(part(bytes, 0)?)),
        Type::Float32 => Val::Float32(float32(word(bytes)?)),
        Type::Float64 => Val::Float64(float64(u64::from_le_bytes(part(bytes, 0)?))),
        Type::Char => Val::Char(char_of(word(bytes)?)?),
        Type::String => {
            let (pointer, length) = pointer_pair(bytes)?;
            Val::String(load_string(cx, pointer, length)?)
        }
        Type::List(list) => {
            let (pointer, length) = pointer_pair(bytes)?;
            load_list(cx, list.ty(), pointer, length)?
        }
        Type::Record(record) => {
            let mut fields = Vec::new();
            for field in record.fields() {
                cx.budget
                    .charge(field.name.len().saturating_add(size_of::<(String, Val)>()))?;
                fields.push((
                    field.name.clone(),
                    decode(cx, &field.ty, tail(bytes, field.offset)?)?,
                ));
            }
            Val::Record(fields)
        }
        Type::Tuple(tuple) => {
            let mut parts = Vec::new();
            for (part, offset) in tuple.fields_with_offsets() {
                cx.budget.charge_for::<Val>(1)?;
                parts.push(decode(cx, part, tail(bytes, offset)?)?);
            }
            Val::Tuple(parts)
        }
        Type::Variant(inner) => decode_variant(cx, ty, inner.variant_layout(), bytes)?,
        Type::Enum(inner) => decode_variant(cx, ty, inner.variant_layout(), bytes)?,
        Type::Option(inner) => decode_variant(cx, ty, inner.variant_layout(), bytes)?,
        Type::Result(inner) => decode_variant(cx, ty, inner.variant_layout(), bytes)?,
        Type::Flags(flags) => {
            let bits = match ty.layout().size() {
                1 => byte(bytes)?.into(),
                2 => u16::from_le_bytes(part(bytes, 0)?).into(),
                _ => word(bytes)?,
            };
            flag_names(cx, flags, bits)?
        }
        Type::Own(table) => Val::Resource(cx.own(*table, word(bytes)?)?),
        Type::Borrow(table) => Val::Resource(cx.borrow(*table, word(bytes)?)?),
    })
}

fn decode_variant(
    cx: &mut LiftContext<'_>,
    ty: &Type,
    layout: VariantLayout,
    bytes: &[u8],
) -> Result<Val, Trap> {
    let discriminant = match layout.discriminant {
        DiscriminantSize::Byte => byte(bytes)?.into(),
        DiscriminantSize::Half => u16::from_le_bytes(part(bytes, 0)?).into(),
        DiscriminantSize::Word => word(bytes)?,
    };
    let payload = tail(bytes, layout.payload_offset)?;
    variant(cx, ty, discriminant, |cx, ty| decode(cx, ty, payload))
}

/// Makes the value of a discriminant, for any of the four kinds of variants.
#[expect(clippy::wildcard_enum_match_arm, reason = "callers pass these four")]
fn variant(
    cx: &mut LiftContext<'_>,
    ty: &Type,
    discriminant: u32,
    payload: impl FnOnce(&mut LiftContext<'_>, &Type) -> Result<Val, Trap>,
) -> Result<Val, Trap> {
    let case = usize::try_from(discriminant).unwrap_or(usize::MAX);
    let invalid = |cases: usize| {
        Trap::new(
            TrapCode::InvalidDiscriminant,
            format!("discriminant {discriminant} is out of range [0..{cases})"),
        )
    };
    match ty {
        Type::Variant(ty) => {
            let case = ty
                .cases()
                .get(case)
                .ok_or_else(|| invalid(ty.cases().len()))?;
            cx.budget.charge(case.name.len())?;
            let value = boxed(cx, case.ty.as_ref(), payload)?;
            Ok(Val::Variant(case.name.clone(), value))
        }
        Type::Enum(ty) => {
            let name = ty
                .names()
                .get(case)
                .ok_or_else(|| invalid(ty.names().len()))?;
            cx.budget.charge(name.len())?;
            Ok(Val::Enum(name.clone()))
        }
        Type::Option(ty) => match case {
            0 => Ok(Val::Option(None)),
            1 => Ok(Val::Option(boxed(cx, Some(ty.ty()), payload)?)),
            _ => Err(invalid(2)),
        },
        Type::Result(ty) => match case {
            0 => Ok(Val::Result(Ok(boxed(cx, ty.ok(), payload)?))),
            1 => Ok(Val::Result(Err(boxed(cx, ty.err(), payload)?))),
            _ => Err(invalid(2)),
        },
        _ => Err(Trap::new(
            TrapCode::Signature,
            format!("{} is not a variant", ty.kind()),
        )),
    }
}

fn boxed(
    cx: &mut LiftContext<'_>,
    ty: Option<&Type>,
    payload: impl FnOnce(&mut LiftContext<'_>, &Type) -> Result<Val, Trap>,
) -> Result<Option<Box<Val>>, Trap> {
    let Some(ty) = ty else { return Ok(None) };
    cx.budget.charge_for::<Val>(1)?;
    Ok(Some(Box::new(payload(cx, ty)?)))
}

fn load_list(
    cx: &mut LiftContext<'_>,
    element: &Type,
    pointer: u32,
    length: u32,
) -> Result<Val, Trap> {
    Ok(Val::List(elements(cx, element, pointer, length, decode)?))
}

/// Reads the elements of a list. Each is charged as a `T`.
pub(crate) fn elements<T>(
    cx: &mut LiftContext<'_>,
    element: &Type,
    pointer: u32,
    length: u32,
    mut read: impl FnMut(&mut LiftContext<'_>, &Type, &[u8]) -> Result<T, Trap>,
) -> Result<Vec<T>, Trap> {
    let bytes = list_bytes(cx, element, pointer, length)?;
    cx.budget
        .charge_for::<T>(usize::try_from(length).unwrap_or(usize::MAX))?;
    // The vector grows as it is filled, so that unreadable elements take no memory.
    let mut values = Vec::new();
    let size = usize::try_from(element.layout().size()).unwrap_or(usize::MAX);
    for bytes in bytes.chunks_exact(size.max(1)) {
        values.push(read(cx, element, bytes)?);
    }
    Ok(values)
}

/// Returns the bytes of a list's elements. No type of the component model has size 0.
pub(crate) fn list_bytes<'a>(
    cx: &LiftContext<'a>,
    element: &Type,
    pointer: u32,
    length: u32,
) -> Result<&'a [u8], Trap> {
    let layout = element.layout();
    let size = u64::from(length).saturating_mul(layout.size().into());
    let code = TrapCode::ListOutOfBounds;
    checked_slice(cx.memory()?, pointer, layout.align(), size, code)
}

/// Ignores bits beyond the flags, as the specification requires.
fn flag_names(cx: &mut LiftContext<'_>, flags: &Flags, bits: u32) -> Result<Val, Trap> {
    let mut names = Vec::new();
    for (bit, name) in (0..).zip(flags.names()) {
        if is_set(bits, bit) {
            cx.budget
                .charge(name.len().saturating_add(size_of::<String>()))?;
            names.push(name.clone());
        }
    }
    Ok(Val::Flags(names))
}

fn is_set(bits: u32, bit: u32) -> bool {
    bits.checked_shr(bit)
        .is_some_and(|shifted| shifted & 1 == 1)
}

/// Replaces any NaN from a guest with the canonical one.
pub(crate) fn float32(bits: u32) -> f32 {
    let float = f32::from_bits(bits);
    if float.is_nan() {
        f32::from_bits(0x7fc0_0000)
    } else {
        float
    }
}

/// Replaces any NaN from a guest with the canonical one.
pub(crate) fn float64(bits: u64) -> f64 {
    let float = f64::from_bits(bits);
    if float.is_nan() {
        f64::from_bits(0x7ff8_0000_0000_0000)
    } else {
        float
    }
}

pub(crate) fn char_of(bits: u32) -> Result<char, Trap> {
    char::from_u32(bits).ok_or_else(|| {
        Trap::new(
            TrapCode::InvalidChar,
            format!("{bits:#x} is not a unicode scalar value"),
        )
    })
}

pub(crate) fn part<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], Trap> {
    bytes
        .get(offset..)
        .and_then(|tail| tail.first_chunk())
        .copied()
        .ok_or_else(|| out_of_bounds(super::OutOfBounds))
}

pub(crate) fn tail(bytes: &[u8], offset: u32) -> Result<&[u8], Trap> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    bytes
        .get(offset..)
        .ok_or_else(|| out_of_bounds(super::OutOfBounds))
}

pub(crate) fn byte(bytes: &[u8]) -> Result<u8, Trap> {
    Ok(u8::from_le_bytes(part(bytes, 0)?))
}

pub(crate) fn word(bytes: &[u8]) -> Result<u32, Trap> {
    Ok(u32::from_le_bytes(part(bytes, 0)?))
}

pub(crate) fn pointer_pair(bytes: &[u8]) -> Result<(u32, u32), Trap> {
    Ok((
        u32::from_le_bytes(part(bytes, 0)?),
        u32::from_le_bytes(part(bytes, 4)?),
    ))
}
