//! Generates types and values.

use arbitrary::{Result, Unstructured};
use component_model::internals::{Rep, ResourceTableId};
use component_model::types::{
    Enum, Flags, List, OptionType, Record, ResultType, Tuple, Type, Variant,
};
use component_model::{CoreVal, StringEncoding, Val};

use crate::resources::{self, Resources};

/// The maximum depth of types.
const DEPTH: u32 = 5;

fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|index| format!("part-{index}"))
}

/// Returns any string encoding.
pub fn encoding(data: &mut Unstructured<'_>) -> Result<StringEncoding> {
    Ok(*data.choose(&[
        StringEncoding::Utf8,
        StringEncoding::Utf16,
        StringEncoding::CompactUtf16,
    ])?)
}

/// Returns any type.
pub fn ty(data: &mut Unstructured<'_>) -> Result<Type> {
    type_within(data, DEPTH)
}

fn several(data: &mut Unstructured<'_>, depth: u32) -> Result<Vec<Type>> {
    let count = data.int_in_range(1..=5usize)?;
    (0..count).map(|_| type_within(data, depth)).collect()
}

fn perhaps(data: &mut Unstructured<'_>, depth: u32) -> Result<Option<Type>> {
    if data.arbitrary()? {
        type_within(data, depth).map(Some)
    } else {
        Ok(None)
    }
}

fn type_within(data: &mut Unstructured<'_>, depth: u32) -> Result<Type> {
    let last = if depth == 0 { 16 } else { 22 };
    let below = depth.saturating_sub(1);
    Ok(match data.int_in_range(0..=last)? {
        0 => Type::Bool,
        1 => Type::S8,
        2 => Type::U8,
        3 => Type::S16,
        4 => Type::U16,
        5 => Type::S32,
        6 => Type::U32,
        7 => Type::S64,
        8 => Type::U64,
        9 => Type::Float32,
        10 => Type::Float64,
        11 => Type::Char,
        12 => Type::String,
        13 => {
            let count = *data.choose(&[1, 2, 255, 256, 257, 300])?;
            Type::Enum(Enum::new(names(count)).expect("so many names are fine"))
        }
        14 => {
            let count = data.int_in_range(1..=32)?;
            Type::Flags(Flags::new(names(count)).expect("so many names are fine"))
        }
        15 => Type::Own(ResourceTableId(
            data.int_in_range(0..=resources::TABLES - 1)?,
        )),
        16 => Type::Borrow(ResourceTableId(
            data.int_in_range(0..=resources::TABLES - 1)?,
        )),
        17 => Type::List(List::new(type_within(data, below)?).expect("it is not too deep")),
        18 => Type::Option(OptionType::new(type_within(data, below)?).expect("it is not too deep")),
        19 => {
            let (ok, err) = (perhaps(data, below)?, perhaps(data, below)?);
            Type::Result(ResultType::new(ok, err).expect("it is not too deep"))
        }
        20 => Type::Tuple(Tuple::new(several(data, below)?).expect("it is not too deep")),
        21 => {
            let types = several(data, below)?;
            Type::Record(Record::new(names(types.len()).zip(types)).expect("it is not too deep"))
        }
        _ => {
            let count = data.int_in_range(1..=5usize)?;
            let types = (0..count).map(|_| perhaps(data, below));
            let types = types.collect::<Result<Vec<_>>>()?;
            Type::Variant(Variant::new(names(types.len()).zip(types)).expect("it is not too deep"))
        }
    })
}

/// Returns any value of a type. The host gets the resources in it.
pub fn val(data: &mut Unstructured<'_>, ty: &Type, resources: &mut Resources) -> Result<Val> {
    let mut payload = |data: &mut Unstructured<'_>, ty: Option<&Type>| match ty {
        Some(ty) => val(data, ty, resources).map(|val| Some(Box::new(val))),
        None => Ok(None),
    };
    Ok(match ty {
        Type::Bool => Val::Bool(data.arbitrary()?),
        Type::S8 => Val::S8(data.arbitrary()?),
        Type::U8 => Val::U8(data.arbitrary()?),
        Type::S16 => Val::S16(data.arbitrary()?),
        Type::U16 => Val::U16(data.arbitrary()?),
        Type::S32 => Val::S32(data.arbitrary()?),
        Type::U32 => Val::U32(data.arbitrary()?),
        Type::S64 => Val::S64(data.arbitrary()?),
        Type::U64 => Val::U64(data.arbitrary()?),
        Type::Float32 => Val::Float32(f32::from_bits(data.arbitrary()?)),
        Type::Float64 => Val::Float64(f64::from_bits(data.arbitrary()?)),
        Type::Char => Val::Char(data.arbitrary()?),
        Type::String => Val::String(string(data)?),
        Type::List(list) => {
            let count = data.int_in_range(0..=3u8)?;
            let parts = (0..count).map(|_| val(data, list.ty(), resources));
            Val::List(parts.collect::<Result<_>>()?)
        }
        Type::Record(record) => {
            let fields = record.fields().iter();
            let fields =
                fields.map(|field| Ok((field.name.clone(), val(data, &field.ty, resources)?)));
            Val::Record(fields.collect::<Result<_>>()?)
        }
        Type::Tuple(tuple) => {
            let parts = tuple.types().iter().map(|ty| val(data, ty, resources));
            Val::Tuple(parts.collect::<Result<_>>()?)
        }
        Type::Variant(variant) => {
            let case = data.choose(variant.cases())?;
            Val::Variant(case.name.clone(), payload(data, case.ty.as_ref())?)
        }
        Type::Enum(ty) => Val::Enum(data.choose(ty.names())?.clone()),
        Type::Option(ty) => {
            let some = data.arbitrary()?;
            Val::Option(payload(data, Some(ty.ty()).filter(|_| some))?)
        }
        Type::Result(ty) => Val::Result(if data.arbitrary()? {
            Ok(payload(data, ty.ok())?)
        } else {
            Err(payload(data, ty.err())?)
        }),
        Type::Flags(flags) => {
            let bits: u32 = data.arbitrary()?;
            let names = flags.names().iter().enumerate();
            let names = names.filter(|(bit, _)| bits >> bit & 1 == 1);
            Val::Flags(names.map(|(_, name)| name.clone()).collect())
        }
        Type::Own(table) | Type::Borrow(table) => {
            Val::Resource(resources.own(*table, Rep(data.arbitrary()?)))
        }
    })
}

/// Strings of all widths, because transcoders handle them differently.
fn string(data: &mut Unstructured<'_>) -> Result<String> {
    let chars: &[char] = data.choose(&[
        &['a', 'b'][..],
        &['a', 'é', 'ÿ'],
        &['a', 'é', '€'],
        &['é', '🦀', '\0'],
    ])?;
    let count = data.int_in_range(0..=12u8)?;
    (0..count).map(|_| data.choose(chars).copied()).collect()
}

/// Returns any core value. Small ones are frequent, because they are valid pointers and handles.
pub fn core_val(data: &mut Unstructured<'_>) -> Result<CoreVal> {
    Ok(match data.int_in_range(0..=4)? {
        0 => CoreVal::I32(data.int_in_range(0..=300)?),
        1 => CoreVal::I32(data.arbitrary()?),
        2 => CoreVal::I64(data.arbitrary()?),
        3 => CoreVal::F32(data.arbitrary()?),
        _ => CoreVal::F64(data.arbitrary()?),
    })
}
