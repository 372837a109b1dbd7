//! Arbitrary types and values.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::types::{Enum, Flags, List, OptionType, Record, ResultType, Tuple, Type, Variant};
use crate::val::Val;

fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|index| format!("part-{index}"))
}

/// Any type without resources, up to depth 5.
pub(crate) fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::Bool),
        Just(Type::S8),
        Just(Type::U8),
        Just(Type::S16),
        Just(Type::U16),
        Just(Type::S32),
        Just(Type::U32),
        Just(Type::S64),
        Just(Type::U64),
        Just(Type::Float32),
        Just(Type::Float64),
        Just(Type::Char),
        Just(Type::String),
        (1usize..40).prop_map(|count| Type::Enum(Enum::new(names(count)).unwrap())),
        Just(Type::Enum(Enum::new(names(300)).unwrap())),
        (1usize..=32).prop_map(|count| Type::Flags(Flags::new(names(count)).unwrap())),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..5);
        let cases = prop::collection::vec(prop::option::of(inner.clone()), 1..5);
        prop_oneof![
            inner
                .clone()
                .prop_map(|ty| Type::List(List::new(ty).unwrap())),
            inner
                .clone()
                .prop_map(|ty| Type::Option(OptionType::new(ty).unwrap())),
            (prop::option::of(inner.clone()), prop::option::of(inner))
                .prop_map(|(ok, err)| Type::Result(ResultType::new(ok, err).unwrap())),
            several
                .clone()
                .prop_map(|types| Type::Tuple(Tuple::new(types).unwrap())),
            several.prop_map(|types| Type::Record(
                Record::new(names(types.len()).zip(types)).unwrap()
            )),
            cases.prop_map(|types| Type::Variant(
                Variant::new(names(types.len()).zip(types)).unwrap()
            )),
        ]
    })
}

/// Any value of a type.
pub(crate) fn any_val(ty: &Type) -> BoxedStrategy<Val> {
    let payload = |ty: Option<&Type>| match ty {
        Some(ty) => any_val(ty).prop_map(|val| Some(Box::new(val))).boxed(),
        None => Just(None).boxed(),
    };
    match ty {
        Type::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        Type::S8 => any::<i8>().prop_map(Val::S8).boxed(),
        Type::U8 => any::<u8>().prop_map(Val::U8).boxed(),
        Type::S16 => any::<i16>().prop_map(Val::S16).boxed(),
        Type::U16 => any::<u16>().prop_map(Val::U16).boxed(),
        Type::S32 => any::<i32>().prop_map(Val::S32).boxed(),
        Type::U32 => any::<u32>().prop_map(Val::U32).boxed(),
        Type::S64 => any::<i64>().prop_map(Val::S64).boxed(),
        Type::U64 => any::<u64>().prop_map(Val::U64).boxed(),
        Type::Float32 => any::<u32>()
            .prop_map(|bits| Val::Float32(f32::from_bits(bits)))
            .boxed(),
        Type::Float64 => any::<u64>()
            .prop_map(|bits| Val::Float64(f64::from_bits(bits)))
            .boxed(),
        Type::Char => any::<char>().prop_map(Val::Char).boxed(),
        Type::String => any_string().prop_map(Val::String).boxed(),
        Type::List(list) => prop::collection::vec(any_val(list.ty()), 0..4)
            .prop_map(Val::List)
            .boxed(),
        Type::Record(record) => {
            let fields: Vec<_> = record
                .fields()
                .iter()
                .map(|field| (Just(field.name.clone()), any_val(&field.ty)))
                .collect();
            fields.prop_map(Val::Record).boxed()
        }
        Type::Tuple(tuple) => tuple
            .types()
            .iter()
            .map(any_val)
            .collect::<Vec<_>>()
            .prop_map(Val::Tuple)
            .boxed(),
        Type::Variant(variant) => {
            let cases = variant.cases().to_vec();
            any::<Index>()
                .prop_flat_map(move |index| {
                    let case = index.get(&cases);
                    let payload = match &case.ty {
                        Some(ty) => any_val(ty).prop_map(|val| Some(Box::new(val))).boxed(),
                        None => Just(None).boxed(),
                    };
                    (Just(case.name.clone()), payload)
                })
                .prop_map(|(name, payload)| Val::Variant(name, payload))
                .boxed()
        }
        Type::Enum(ty) => prop::sample::select(ty.names().to_vec())
            .prop_map(Val::Enum)
            .boxed(),
        Type::Option(ty) => prop::option::of(any_val(ty.ty()).prop_map(Box::new))
            .prop_map(Val::Option)
            .boxed(),
        Type::Result(ty) => {
            let (ok, err) = (payload(ty.ok()), payload(ty.err()));
            prop_oneof![
                ok.prop_map(|val| Val::Result(Ok(val))),
                err.prop_map(|val| Val::Result(Err(val)))
            ]
            .boxed()
        }
        Type::Flags(flags) => {
            let names = flags.names().to_vec();
            prop::sample::subsequence(names.clone(), 0..=names.len())
                .prop_map(Val::Flags)
                .boxed()
        }
        Type::Own(_) | Type::Borrow(_) => unreachable!("generated types have no resources"),
    }
}

/// Strings with characters of all widths: ASCII, Latin-1, the basic plane and beyond.
pub(crate) fn any_string() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,8}", "[a-zà-ÿ]{0,8}", "[a-zà-ÿ€]{0,8}", "\\PC{0,8}"]
}
