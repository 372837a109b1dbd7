//! Compares the types that a component imports with the contract's.

use component_model::{Type, TypeList, TypeMismatch};
use wasmscope_contract as contract;

/// Checks the types of parameters.
pub(crate) fn list(found: TypeList<'_>, expected: &[&contract::Type]) -> Result<(), TypeMismatch> {
    same_number("value", found.len(), expected.len())?;
    let mut pairs = found.iter().zip(expected);
    pairs.try_for_each(|(found, expected)| check(found, expected))
}

fn same_number(of: &str, found: usize, expected: usize) -> Result<(), TypeMismatch> {
    if found == expected {
        return Ok(());
    }
    Err(TypeMismatch {
        expected: format!("{expected} {of}s"),
        found: found.to_string(),
    })
}

fn same_name(of: &str, found: &str, expected: &str) -> Result<(), TypeMismatch> {
    if found == expected {
        return Ok(());
    }
    Err(TypeMismatch {
        expected: format!("{of} `{expected}`"),
        found: format!("{of} `{found}`"),
    })
}

fn same_names(of: &str, found: &[String], expected: &[&str]) -> Result<(), TypeMismatch> {
    same_number(of, found.len(), expected.len())?;
    let mut pairs = found.iter().zip(expected);
    pairs.try_for_each(|(found, expected)| same_name(of, found, expected))
}

/// Checks a type. The names of fields, cases and flags matter, and names of types do not.
pub(crate) fn check(found: &Type, expected: &contract::Type) -> Result<(), TypeMismatch> {
    use contract::Type as Expected;
    match (expected, found) {
        (Expected::Bool, Type::Bool)
        | (Expected::U8, Type::U8)
        | (Expected::U32, Type::U32)
        | (Expected::U64, Type::U64)
        | (Expected::S64, Type::S64)
        | (Expected::F64, Type::Float64)
        | (Expected::String, Type::String) => Ok(()),
        (Expected::List(expected), Type::List(found)) => check(found.ty(), expected),
        (Expected::Option(expected), Type::Option(found)) => check(found.ty(), expected),
        (Expected::Record(expected), Type::Record(found)) => {
            same_number("field", found.fields().len(), expected.len())?;
            for (found, expected) in found.fields().iter().zip(*expected) {
                same_name("field", &found.name, expected.name)?;
                check(&found.ty, expected.ty)?;
            }
            Ok(())
        }
        (Expected::Variant(expected), Type::Variant(found)) => {
            same_number("case", found.cases().len(), expected.len())?;
            for (found, expected) in found.cases().iter().zip(*expected) {
                same_name("case", &found.name, expected.name)?;
                match (&found.ty, expected.ty) {
                    (None, None) => {}
                    (Some(found), Some(expected)) => check(found, expected)?,
                    (None, Some(expected)) => {
                        return Err(TypeMismatch {
                            expected: expected.kind().to_owned(),
                            found: format!("case `{}` without a payload", found.name),
                        });
                    }
                    (Some(found), None) => return Err(TypeMismatch::new("no payload", found)),
                }
            }
            Ok(())
        }
        (Expected::Enum(expected), Type::Enum(found)) => {
            same_names("case", found.names(), expected)
        }
        (Expected::Flags(expected), Type::Flags(found)) => {
            same_names("flag", found.names(), expected)
        }
        (expected, found) => Err(TypeMismatch::new(expected.kind(), found)),
    }
}
