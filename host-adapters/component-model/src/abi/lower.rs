//! Lowering: converts component-level values to core values and memory.
//!
//! The bytes of a value itself are assembled in the host and written at once, after the allocations
//! for the values that it points to. Padding between fields and after a short payload, which the
//! specification leaves unchanged, becomes zero.

use super::flat::CoreVal;
use super::layout::{DiscriminantSize, FlatType};
use super::lift::{float32, float64};
use super::memory::Realloc;
use super::string::{StringEncoding, store_string};
use super::{check_pointer, out_of_bounds};
use crate::error::{CallError, HostError, Trap, TrapCode};
use crate::handles::{ResourceAny, ResourceTables};
use crate::ids::ResourceTableId;
use crate::types::{Flags, Type, VariantLayout};
use crate::val::Val;

/// The context of lowering: the memory, allocator, encoding and handles of the guest.
///
/// An implementation of [`Lower`](crate::Lower) passes it on to those of other types.
#[expect(
    missing_debug_implementations,
    reason = "a memory has no useful debug output"
)]
pub struct LowerContext<'a> {
    /// The memory and the allocator of the canonical options. Validation requires them for types
    /// that use them.
    #[doc(hidden)]
    pub guest: Option<&'a mut dyn Realloc>,
    /// The guest's string encoding.
    #[doc(hidden)]
    pub encoding: StringEncoding,
    /// The handles of the guest and of the host.
    #[doc(hidden)]
    pub resources: &'a mut ResourceTables,
}

impl LowerContext<'_> {
    fn guest(&mut self) -> Result<&mut dyn Realloc, Trap> {
        match &mut self.guest {
            Some(guest) => Ok(&mut **guest),
            None => Err(no_memory()),
        }
    }

    /// Calls the guest's allocator and checks the returned pointer.
    pub(super) fn allocate(&mut self, align: u32, size: u32) -> Result<u32, Trap> {
        self.reallocate(0, 0, align, size)
    }

    pub(super) fn reallocate(
        &mut self,
        old: u32,
        old_size: u32,
        align: u32,
        size: u32,
    ) -> Result<u32, Trap> {
        let Some(guest) = &mut self.guest else {
            return Err(no_memory());
        };
        let pointer = guest.realloc(self.resources, old, old_size, align, size)?;
        check_pointer(
            &**guest,
            pointer,
            align,
            size.into(),
            TrapCode::MemoryOutOfBounds,
        )
        .map_err(|trap| {
            Trap::new(
                trap.code(),
                format!("realloc returned a bad pointer: {trap}"),
            )
        })?;
        Ok(pointer)
    }

    pub(super) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), Trap> {
        self.guest()?.write(pointer, bytes).map_err(out_of_bounds)
    }

    /// Checks a guest's pointer for a result. This must come before anything of the result is
    /// lowered, because the guest's allocator may grow the memory then.
    pub(super) fn check_target(&mut self, pointer: u32, align: u32, size: u32) -> Result<(), Trap> {
        check_pointer(
            self.guest()?,
            pointer,
            align,
            size.into(),
            TrapCode::MemoryOutOfBounds,
        )
    }

    pub(crate) fn own(
        &mut self,
        table: ResourceTableId,
        any: &ResourceAny,
    ) -> Result<u32, CallError> {
        self.check_resource(table, any)?;
        let rep = self.resources.host_take(any)?;
        Ok(self.resources.give_own(table, rep)?.0)
    }

    pub(crate) fn borrow(
        &mut self,
        table: ResourceTableId,
        any: &ResourceAny,
    ) -> Result<u32, CallError> {
        self.check_resource(table, any)?;
        let rep = self.resources.host_lend(any)?;
        Ok(self.resources.lower_borrow(table, rep)?)
    }

    fn check_resource(&self, table: ResourceTableId, any: &ResourceAny) -> Result<(), CallError> {
        if self.resources.resource(table)? == any.ty() {
            Ok(())
        } else {
            Err(HostError::new("the resource is of another type than expected").into())
        }
    }
}

fn no_memory() -> Trap {
    Trap::new(TrapCode::Signature, "the canonical options have no memory")
}

/// Lowers a value into core values.
///
/// # Errors
///
/// A [`HostError`] if the value is not of the type or takes more than
/// 16 core values (the canonical ABI's `MAX_FLAT_PARAMS`), a trap if the guest's allocator fails.
pub fn lower_flat(
    cx: &mut LowerContext<'_>,
    ty: &Type,
    val: &Val,
) -> Result<Vec<CoreVal>, CallError> {
    super::check(ty, val)?;
    let mut values = Vec::new();
    lower(cx, ty, val, &mut values)?;
    Ok(values)
}

/// Stores a value in memory.
///
/// # Errors
///
/// A [`HostError`] if the value is not of the type, a trap if the pointer is not aligned or out of
/// bounds, or the guest's allocator fails.
pub fn store(
    cx: &mut LowerContext<'_>,
    ty: &Type,
    val: &Val,
    pointer: u32,
) -> Result<(), CallError> {
    super::check(ty, val)?;
    cx.check_target(pointer, ty.layout().align(), ty.layout().size())?;
    let mut bytes = zeros(ty.layout().size());
    encode(cx, ty, val, &mut bytes)?;
    Ok(cx.write(pointer, &bytes)?)
}

#[expect(
    clippy::cast_sign_loss,
    reason = "signed integers are passed as the bits of unsigned ones"
)]
pub(super) fn lower(
    cx: &mut LowerContext<'_>,
    ty: &Type,
    val: &Val,
    out: &mut Vec<CoreVal>,
) -> Result<(), CallError> {
    match (ty, val) {
        (Type::Bool, Val::Bool(value)) => out.push(CoreVal::I32((*value).into())),
        (Type::S8, Val::S8(value)) => out.push(CoreVal::I32(i32::from(*value) as u32)),
        (Type::U8, Val::U8(value)) => out.push(CoreVal::I32((*value).into())),
        (Type::S16, Val::S16(value)) => out.push(CoreVal::I32(i32::from(*value) as u32)),
        (Type::U16, Val::U16(value)) => out.push(CoreVal::I32((*value).into())),
        (Type::S32, Val::S32(value)) => out.push(CoreVal::I32(*value as u32)),
        (Type::U32, Val::U32(value)) => out.push(CoreVal::I32(*value)),
        (Type::S64, Val::S64(value)) => out.push(CoreVal::I64(*value as u64)),
        (Type::U64, Val::U64(value)) => out.push(CoreVal::I64(*value)),
        (Type::Float32, Val::Float32(value)) => {
            out.push(CoreVal::F32(float32(value.to_bits()).to_bits()))
        }
        (Type::Float64, Val::Float64(value)) => {
            out.push(CoreVal::F64(float64(value.to_bits()).to_bits()))
        }
        (Type::Char, Val::Char(value)) => out.push(CoreVal::I32((*value).into())),
        (Type::String, Val::String(value)) => {
            let (pointer, length) = store_string(cx, value)?;
            out.extend([CoreVal::I32(pointer), CoreVal::I32(length)]);
        }
        (Type::List(list), Val::List(values)) => {
            let (pointer, length) = store_elements(cx, list.ty(), values, encode)?;
            out.extend([CoreVal::I32(pointer), CoreVal::I32(length)]);
        }
        (Type::Record(record), Val::Record(values)) => {
            for (field, (_, value)) in record.fields().iter().zip(values) {
                lower(cx, &field.ty, value, out)?;
            }
        }
        (Type::Tuple(tuple), Val::Tuple(values)) => {
            for (part, value) in tuple.types().iter().zip(values) {
                lower(cx, part, value, out)?;
            }
        }
        (Type::Flags(flags), Val::Flags(set)) => out.push(CoreVal::I32(flag_bits(flags, set)?)),
        (Type::Own(table), Val::Resource(any)) => out.push(CoreVal::I32(cx.own(*table, any)?)),
        (Type::Borrow(table), Val::Resource(any)) => {
            out.push(CoreVal::I32(cx.borrow(*table, any)?))
        }
        _ => lower_variant(cx, ty, val, out)?,
    }
    Ok(())
}

/// Lowers the payload, converts its core values to the types that all cases share, and pads with
/// zeros.
fn lower_variant(
    cx: &mut LowerContext<'_>,
    ty: &Type,
    val: &Val,
    out: &mut Vec<CoreVal>,
) -> Result<(), CallError> {
    let (discriminant, payload) = case_of(ty, val)?;
    let Some([FlatType::I32, shared @ ..]) = ty.layout().flat() else {
        return Err(HostError::new(format!("a {} takes too many core values", ty.kind())).into());
    };
    out.push(CoreVal::I32(discriminant));
    let mut values = Vec::new();
    if let Some((ty, val)) = payload {
        lower(cx, ty, val, &mut values)?;
    }
    let mut values = values.into_iter();
    for shared in shared {
        out.push(match values.next() {
            Some(value) => value.widen(*shared)?,
            None => CoreVal::zero(*shared),
        });
    }
    Ok(())
}

pub(super) fn encode(
    cx: &mut LowerContext<'_>,
    ty: &Type,
    val: &Val,
    out: &mut [u8],
) -> Result<(), CallError> {
    match (ty, val) {
        (Type::Bool, Val::Bool(value)) => put(out, 0, [u8::from(*value)]),
        (Type::S8, Val::S8(value)) => put(out, 0, value.to_le_bytes()),
        (Type::U8, Val::U8(value)) => put(out, 0, value.to_le_bytes()),
        (Type::S16, Val::S16(value)) => put(out, 0, value.to_le_bytes()),
        (Type::U16, Val::U16(value)) => put(out, 0, value.to_le_bytes()),
        (Type::S32, Val::S32(value)) => put(out, 0, value.to_le_bytes()),
        (Type::U32, Val::U32(value)) => put(out, 0, value.to_le_bytes()),
        (Type::S64, Val::S64(value)) => put(out, 0, value.to_le_bytes()),
        (Type::U64, Val::U64(value)) => put(out, 0, value.to_le_bytes()),
        (Type::Float32, Val::Float32(value)) => put(out, 0, float32(value.to_bits()).to_le_bytes()),
        (Type::Float64, Val::Float64(value)) => put(out, 0, float64(value.to_bits()).to_le_bytes()),
        (Type::Char, Val::Char(value)) => put(out, 0, u32::from(*value).to_le_bytes()),
        (Type::String, Val::String(value)) => {
            let (pointer, length) = store_string(cx, value)?;
            put_pair(out, pointer, length)
        }
        (Type::List(list), Val::List(values)) => {
            let (pointer, length) = store_elements(cx, list.ty(), values, encode)?;
            put_pair(out, pointer, length)
        }
        (Type::Record(record), Val::Record(values)) => {
            for (field, (_, value)) in record.fields().iter().zip(values) {
                encode(cx, &field.ty, value, tail(out, field.offset)?)?;
            }
            Ok(())
        }
        (Type::Tuple(tuple), Val::Tuple(values)) => {
            for ((part, offset), value) in tuple.fields_with_offsets().zip(values) {
                encode(cx, part, value, tail(out, offset)?)?;
            }
            Ok(())
        }
        (Type::Flags(flags), Val::Flags(set)) => {
            let bits = flag_bits(flags, set)?.to_le_bytes();
            let size = usize::try_from(ty.layout().size()).unwrap_or(bits.len());
            put_slice(out, 0, bits.get(..size).unwrap_or(&bits))
        }
        (Type::Own(table), Val::Resource(any)) => put(out, 0, cx.own(*table, any)?.to_le_bytes()),
        (Type::Borrow(table), Val::Resource(any)) => {
            put(out, 0, cx.borrow(*table, any)?.to_le_bytes())
        }
        (Type::Variant(inner), _) => encode_variant(cx, ty, inner.variant_layout(), val, out),
        (Type::Enum(inner), _) => encode_variant(cx, ty, inner.variant_layout(), val, out),
        (Type::Option(inner), _) => encode_variant(cx, ty, inner.variant_layout(), val, out),
        (Type::Result(inner), _) => encode_variant(cx, ty, inner.variant_layout(), val, out),
        _ => Err(mismatch(ty, val).into()),
    }
}

fn encode_variant(
    cx: &mut LowerContext<'_>,
    ty: &Type,
    layout: VariantLayout,
    val: &Val,
    out: &mut [u8],
) -> Result<(), CallError> {
    let (discriminant, payload) = case_of(ty, val)?;
    let [low, high, ..] = discriminant.to_le_bytes();
    match layout.discriminant {
        DiscriminantSize::Byte => put(out, 0, [low])?,
        DiscriminantSize::Half => put(out, 0, [low, high])?,
        DiscriminantSize::Word => put(out, 0, discriminant.to_le_bytes())?,
    }
    match payload {
        Some((ty, val)) => encode(cx, ty, val, tail(out, layout.payload_offset)?),
        None => Ok(()),
    }
}

/// The payload of a case, with its type.
type Payload<'a> = Option<(&'a Type, &'a Val)>;

/// Returns the discriminant and the payload of a value of any of the four kinds of variants.
fn case_of<'a>(ty: &'a Type, val: &'a Val) -> Result<(u32, Payload<'a>), HostError> {
    let (index, case_ty, payload) = match (ty, val) {
        (Type::Variant(ty), Val::Variant(name, payload)) => {
            let found = ty
                .cases()
                .iter()
                .enumerate()
                .find(|(_, case)| case.name == *name);
            let (index, case) =
                found.ok_or_else(|| HostError::new(format!("the variant has no case `{name}`")))?;
            (index, case.ty.as_ref(), payload.as_deref())
        }
        (Type::Enum(ty), Val::Enum(name)) => {
            let index = ty.names().iter().position(|case| case == name);
            (
                index.ok_or_else(|| HostError::new(format!("the enum has no case `{name}`")))?,
                None,
                None,
            )
        }
        (Type::Option(_), Val::Option(None)) => (0, None, None),
        (Type::Option(ty), Val::Option(Some(payload))) => (1, Some(ty.ty()), Some(&**payload)),
        (Type::Result(ty), Val::Result(Ok(payload))) => (0, ty.ok(), payload.as_deref()),
        (Type::Result(ty), Val::Result(Err(payload))) => (1, ty.err(), payload.as_deref()),
        _ => return Err(mismatch(ty, val)),
    };
    let discriminant = u32::try_from(index)
        .map_err(|_overflow| HostError::new("the variant has too many cases"))?;
    match (case_ty, payload) {
        (Some(ty), Some(val)) => Ok((discriminant, Some((ty, val)))),
        (None, None) => Ok((discriminant, None)),
        (Some(_), None) => Err(HostError::new(format!(
            "the payload of a {} is missing",
            val.kind()
        ))),
        (None, Some(_)) => Err(HostError::new(format!(
            "a {} has a payload, but its case has none",
            val.kind()
        ))),
    }
}

pub(super) fn check_case<'a>(ty: &'a Type, val: &'a Val) -> Result<Payload<'a>, HostError> {
    case_of(ty, val).map(|(_, payload)| payload)
}

/// The number of bytes of list elements that are assembled before they are written to a guest's
/// memory.
const LIST_PIECE: usize = if cfg!(test) { 64 } else { 64 << 10 };

/// Writes the elements of a list to memory that the guest allocates. Returns the pointer and the
/// length.
pub(crate) fn store_elements<T>(
    cx: &mut LowerContext<'_>,
    element: &Type,
    values: &[T],
    mut write: impl FnMut(&mut LowerContext<'_>, &Type, &T, &mut [u8]) -> Result<(), CallError>,
) -> Result<(u32, u32), CallError> {
    let too_long = || HostError::new("a list is too long to be copied into a guest");
    let layout = element.layout();
    let length = u32::try_from(values.len()).map_err(|_overflow| too_long())?;
    let size = length.checked_mul(layout.size()).ok_or_else(too_long)?;
    let pointer = cx.allocate(layout.align(), size)?;
    let element_size = usize::try_from(layout.size()).unwrap_or(usize::MAX).max(1);
    // Writes some elements at a time, so that the host holds no second copy of the whole list.
    let at_once = LIST_PIECE.checked_div(element_size).unwrap_or(0).max(1);
    let mut at = pointer;
    for values in values.chunks(at_once) {
        let mut bytes = vec![0; values.len().saturating_mul(element_size)];
        for (value, slot) in values.iter().zip(bytes.chunks_exact_mut(element_size)) {
            write(cx, element, value, slot)?;
        }
        cx.write(at, &bytes)?;
        let written = u32::try_from(bytes.len()).map_err(|_overflow| too_long())?;
        at = at.wrapping_add(written);
    }
    Ok((pointer, length))
}

/// Writes a list of bytes, as [`store_elements`] does for other elements.
pub(crate) fn store_bytes(
    cx: &mut LowerContext<'_>,
    bytes: &[u8],
) -> Result<(u32, u32), CallError> {
    let too_long = |_| HostError::new("a list is too long to be copied into a guest");
    let length = u32::try_from(bytes.len()).map_err(too_long)?;
    let pointer = cx.allocate(1, length)?;
    cx.write(pointer, bytes)?;
    Ok((pointer, length))
}

pub(super) fn flag_bits(flags: &Flags, set: &[String]) -> Result<u32, HostError> {
    let mut bits = 0u32;
    for name in set {
        let bit = flags.names().iter().position(|flag| flag == name);
        let bit = bit.and_then(|bit| 1u32.checked_shl(u32::try_from(bit).ok()?));
        bits |= bit.ok_or_else(|| HostError::new(format!("there is no flag `{name}`")))?;
    }
    Ok(bits)
}

pub(super) fn mismatch(ty: &Type, val: &Val) -> HostError {
    HostError::new(format!(
        "expected a value of type {}, found one of type {}",
        ty.kind(),
        val.kind()
    ))
}

pub(super) fn zeros(size: u32) -> Vec<u8> {
    vec![0; usize::try_from(size).unwrap_or(usize::MAX)]
}

pub(crate) fn put<const N: usize>(
    out: &mut [u8],
    offset: usize,
    bytes: [u8; N],
) -> Result<(), CallError> {
    put_slice(out, offset, &bytes)
}

pub(crate) fn put_slice(out: &mut [u8], offset: usize, bytes: &[u8]) -> Result<(), CallError> {
    let slot = out
        .get_mut(offset..)
        .and_then(|tail| tail.get_mut(..bytes.len()));
    slot.ok_or_else(|| out_of_bounds(super::OutOfBounds))?
        .copy_from_slice(bytes);
    Ok(())
}

pub(crate) fn put_pair(out: &mut [u8], pointer: u32, length: u32) -> Result<(), CallError> {
    put(out, 0, pointer.to_le_bytes())?;
    put(out, 4, length.to_le_bytes())
}

pub(crate) fn tail(out: &mut [u8], offset: u32) -> Result<&mut [u8], Trap> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    out.get_mut(offset..)
        .ok_or_else(|| out_of_bounds(super::OutOfBounds))
}
