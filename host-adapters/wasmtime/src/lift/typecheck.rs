//! Compares the types that a component imports with the contract's.

use wasmscope_contract::Type;
use wasmtime::component::__internal::{
    InstanceType, InterfaceType, typecheck_enum, typecheck_flags,
};
use wasmtime::error::Context;
use wasmtime::{Result, bail, ensure};

/// Checks the parameters of a function, which are a tuple for Wasmtime.
pub(super) fn parameters(
    ty: &InterfaceType,
    types: &InstanceType<'_>,
    expected: &[&Type],
) -> Result<()> {
    let InterfaceType::Tuple(index) = ty else {
        bail!("expected `tuple` found `{}`", kind(ty));
    };
    let found = &types.types[*index].types;
    ensure!(
        found.len() == expected.len(),
        "expected {}-tuple, found {}-tuple",
        expected.len(),
        found.len()
    );
    for (ty, expected) in found.iter().zip(expected) {
        check(ty, types, expected)?;
    }
    Ok(())
}

/// Checks a type. The names of fields, cases and flags matter, and names of types do not.
fn check(ty: &InterfaceType, types: &InstanceType<'_>, expected: &Type) -> Result<()> {
    match (expected, ty) {
        (Type::Bool, InterfaceType::Bool)
        | (Type::U8, InterfaceType::U8)
        | (Type::U32, InterfaceType::U32)
        | (Type::U64, InterfaceType::U64)
        | (Type::S64, InterfaceType::S64)
        | (Type::F64, InterfaceType::Float64)
        | (Type::String, InterfaceType::String) => Ok(()),
        (Type::List(element), InterfaceType::List(index)) => {
            check(&types.types[*index].element, types, element)
        }
        (Type::Option(payload), InterfaceType::Option(index)) => {
            check(&types.types[*index].ty, types, payload)
        }
        (Type::Record(expected), InterfaceType::Record(index)) => {
            let fields = &types.types[*index].fields;
            ensure!(
                fields.len() == expected.len(),
                "expected record of {} fields, found {} fields",
                expected.len(),
                fields.len()
            );
            for (field, expected) in fields.iter().zip(*expected) {
                ensure!(
                    field.name == expected.name,
                    "expected record field named {}, found {}",
                    expected.name,
                    field.name
                );
                check(&field.ty, types, expected.ty)
                    .with_context(|| format!("type mismatch for field {}", field.name))?;
            }
            Ok(())
        }
        (Type::Variant(expected), InterfaceType::Variant(index)) => {
            let cases = &types.types[*index].cases;
            ensure!(
                cases.len() == expected.len(),
                "expected variant of {} cases, found {} cases",
                expected.len(),
                cases.len()
            );
            for ((name, ty), expected) in cases.iter().zip(*expected) {
                ensure!(
                    name == expected.name,
                    "expected variant case named {}, found {name}",
                    expected.name
                );
                match (ty, expected.ty) {
                    (None, None) => {}
                    (Some(ty), Some(expected)) => check(ty, types, expected)
                        .with_context(|| format!("type mismatch for case {name}"))?,
                    (None, Some(_)) => bail!("case `{name}` has no type but one was expected"),
                    (Some(_), None) => bail!("case `{name}` has a type but none was expected"),
                }
            }
            Ok(())
        }
        (Type::Enum(names), ty) => typecheck_enum(ty, types, names),
        (Type::Flags(names), ty) => typecheck_flags(ty, types, names),
        (expected, ty) => bail!("expected `{}` found `{}`", expected.kind(), kind(ty)),
    }
}

/// Names the kind of a type as Wasmtime's messages do.
fn kind(ty: &InterfaceType) -> &'static str {
    match ty {
        InterfaceType::U8 => "u8",
        InterfaceType::S8 => "s8",
        InterfaceType::U16 => "u16",
        InterfaceType::S16 => "s16",
        InterfaceType::U32 => "u32",
        InterfaceType::S32 => "s32",
        InterfaceType::U64 => "u64",
        InterfaceType::S64 => "s64",
        InterfaceType::Float32 => "f32",
        InterfaceType::Float64 => "f64",
        InterfaceType::Bool => "bool",
        InterfaceType::Char => "char",
        InterfaceType::String => "string",
        InterfaceType::List(_) => "list",
        InterfaceType::Tuple(_) => "tuple",
        InterfaceType::Option(_) => "option",
        InterfaceType::Result(_) => "result",
        InterfaceType::Record(_) => "record",
        InterfaceType::Variant(_) => "variant",
        InterfaceType::Flags(_) => "flags",
        InterfaceType::Enum(_) => "enum",
        InterfaceType::Own(_) => "owned resource",
        InterfaceType::Borrow(_) => "borrowed resource",
        InterfaceType::Future(_) => "future",
        InterfaceType::Stream(_) => "stream",
        InterfaceType::ErrorContext(_) => "error-context",
        InterfaceType::Map(_) => "map",
        InterfaceType::FixedLengthList(_) => "list<_, N>",
    }
}
