//! Compares layouts and signatures with those of `wasmtime-environ`, an independent implementation.

use std::fmt::Write;

use proptest::prelude::*;
use wasmtime_environ::component::{CanonicalAbiInfo, VariantInfo};

use crate::abi::FlatType;
use crate::abi::call::{CoreSignature, Direction, FuncAbi};
use crate::abi::tests::generate::any_type;
use crate::plan::{Export, ImportKind, Plan, TrampolineKind};
use crate::types::{Case, Field, FuncType, Type};

fn environ_abi(ty: &Type) -> CanonicalAbiInfo {
    let optional = |ty: Option<&Type>| ty.map(environ_abi);
    let variant =
        |cases: Vec<Option<CanonicalAbiInfo>>| VariantInfo::new(cases.iter().map(Option::as_ref)).1;
    match ty {
        Type::Bool | Type::S8 | Type::U8 => CanonicalAbiInfo::SCALAR1,
        Type::S16 | Type::U16 => CanonicalAbiInfo::SCALAR2,
        Type::S32 | Type::U32 | Type::Float32 | Type::Char | Type::Own(_) | Type::Borrow(_) => {
            CanonicalAbiInfo::SCALAR4
        }
        Type::S64 | Type::U64 | Type::Float64 => CanonicalAbiInfo::SCALAR8,
        Type::String | Type::List(_) => CanonicalAbiInfo::POINTER_PAIR,
        Type::Record(ty) => {
            let fields: Vec<_> = ty
                .fields()
                .iter()
                .map(|field| environ_abi(&field.ty))
                .collect();
            CanonicalAbiInfo::record(fields.iter())
        }
        Type::Tuple(ty) => {
            let types: Vec<_> = ty.types().iter().map(environ_abi).collect();
            CanonicalAbiInfo::record(types.iter())
        }
        Type::Variant(ty) => variant(
            ty.cases()
                .iter()
                .map(|case| optional(case.ty.as_ref()))
                .collect(),
        ),
        Type::Enum(ty) => CanonicalAbiInfo::enum_(ty.names().len()),
        Type::Option(ty) => variant(vec![None, optional(Some(ty.ty()))]),
        Type::Result(ty) => variant(vec![optional(ty.ok()), optional(ty.err())]),
        Type::Flags(ty) => CanonicalAbiInfo::flags(ty.names().len()),
    }
}

/// Writes types in the text format. Types that need a name are defined and imported, as components
/// require.
#[derive(Default)]
struct Text {
    definitions: String,
    count: usize,
}

impl Text {
    fn define(&mut self, definition: &str) -> String {
        self.count += 1;
        let name = format!("t{}", self.count);
        writeln!(
            self.definitions,
            r#"(type ${name}' {definition}) (import "{name}" (type ${name} (eq ${name}')))"#
        )
        .unwrap();
        format!("${name}")
    }

    fn optional(&mut self, ty: Option<&Type>) -> String {
        ty.map(|ty| self.ty(ty)).unwrap_or_default()
    }

    fn field(&mut self, field: &Field) -> String {
        format!("(field {:?} {})", field.name, self.ty(&field.ty))
    }

    fn case(&mut self, case: &Case) -> String {
        format!("(case {:?} {})", case.name, self.optional(case.ty.as_ref()))
    }

    fn ty(&mut self, ty: &Type) -> String {
        let quoted = |names: &[String]| {
            names
                .iter()
                .map(|name| format!("{name:?}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        match ty {
            Type::List(ty) => format!("(list {})", self.ty(ty.ty())),
            Type::Option(ty) => format!("(option {})", self.ty(ty.ty())),
            Type::Result(ty) => {
                let ok = self.optional(ty.ok());
                let err = ty
                    .err()
                    .map(|ty| format!("(error {})", self.ty(ty)))
                    .unwrap_or_default();
                format!("(result {ok} {err})")
            }
            Type::Tuple(ty) => {
                let types: Vec<_> = ty.types().iter().map(|ty| self.ty(ty)).collect();
                format!("(tuple {})", types.join(" "))
            }
            Type::Record(ty) => {
                let fields: Vec<_> = ty.fields().iter().map(|field| self.field(field)).collect();
                self.define(&format!("(record {})", fields.join(" ")))
            }
            Type::Variant(ty) => {
                let cases: Vec<_> = ty.cases().iter().map(|case| self.case(case)).collect();
                self.define(&format!("(variant {})", cases.join(" ")))
            }
            Type::Enum(ty) => self.define(&format!("(enum {})", quoted(ty.names()))),
            Type::Flags(ty) => self.define(&format!("(flags {})", quoted(ty.names()))),
            Type::Bool | Type::S8 | Type::U8 | Type::S16 | Type::U16 | Type::S32 | Type::U32 => {
                ty.kind().to_owned()
            }
            Type::S64 | Type::U64 | Type::Float32 | Type::Float64 | Type::Char | Type::String => {
                ty.kind().to_owned()
            }
            Type::Own(_) | Type::Borrow(_) => unreachable!("generated types have no resources"),
        }
    }

    fn func(&mut self, ty: &FuncType) -> String {
        let params: Vec<_> = ty
            .params
            .iter()
            .map(|(name, ty)| format!("(param {name:?} {})", self.ty(ty)))
            .collect();
        let result = ty
            .result
            .as_ref()
            .map(|ty| format!("(result {})", self.ty(ty)))
            .unwrap_or_default();
        format!("{} {result}", params.join(" "))
    }
}

fn core_text(signature: &CoreSignature) -> String {
    let types = |types: &[FlatType]| {
        types
            .iter()
            .map(|ty| format!("{ty:?}").to_lowercase())
            .collect::<Vec<_>>()
            .join(" ")
    };
    format!(
        "(param {}) (result {})",
        types(&signature.params),
        types(&signature.results)
    )
}

fn any_func_type() -> impl Strategy<Value = FuncType> {
    (
        prop::collection::vec(any_type(), 0..5),
        prop::option::of(any_type()),
    )
        .prop_map(|(types, result)| {
            let params = types
                .into_iter()
                .enumerate()
                .map(|(index, ty)| (format!("p{index}"), ty))
                .collect();
            FuncType { params, result }
        })
}

proptest! {
    #[test]
    fn sizes_alignments_and_flat_counts_match_environ(ty in any_type()) {
        let expected = environ_abi(&ty);
        let layout = ty.layout();
        prop_assert_eq!((layout.size(), layout.align()), (expected.size32, expected.align32));
        prop_assert_eq!(layout.flat().map(<[_]>::len), expected.flat_count(16));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Translated types equal the original ones, and the core function types that we compute are
    /// those that the validator expects where a function is lowered or lifted.
    #[test]
    fn types_and_core_signatures_match_environ(ty in any_func_type()) {
        let abi = FuncAbi::new(ty.clone()).unwrap();
        let (lowered, lifted) = (abi.core_signature(Direction::Lower), abi.core_signature(Direction::Lift));
        let mut text = Text::default();
        let func = text.func(&ty);
        let component = format!(
            r#"(component
                {}
                (import "f" (func $f {func}))
                (core module $libc
                    (memory (export "memory") 1)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
                (core instance $libc (instantiate $libc))
                (alias core export $libc "memory" (core memory $memory))
                (alias core export $libc "realloc" (core func $realloc))
                (core func $lowered (canon lower (func $f) (memory $memory) (realloc $realloc)))
                (core module $m
                    (import "" "f" (func {}))
                    (func (export "g") {} unreachable))
                (core instance $i (instantiate $m (with "" (instance (export "f" (func $lowered))))))
                (func (export "g") {func} (canon lift (core func $i "g") (memory $memory) (realloc $realloc))))"#,
            text.definitions,
            core_text(&lowered),
            core_text(&lifted),
        );
        let plan = Plan::new(&wat::parse_str(&component).unwrap()).unwrap();
        let [import] = &*plan.imports else { panic!("{:?}", plan.imports) };
        let ImportKind::Function(imported) = &import.kind else { panic!("{import:?}") };
        prop_assert_eq!(imported.ty(), &ty);
        let [trampoline] = &*plan.trampolines else { panic!("{:?}", plan.trampolines) };
        let is_lowered = matches!(trampoline.kind, TrampolineKind::LowerImport { .. });
        prop_assert!(is_lowered);
        prop_assert_eq!(&trampoline.signature, &lowered);
        let Some(Export::Function(export)) = plan.find_export(&["g"]) else { panic!("{:?}", plan.exports) };
        prop_assert_eq!(export.abi.ty(), &ty);
        prop_assert_eq!(&plan.options[export.options.0 as usize].signature, &lifted);
    }
}
