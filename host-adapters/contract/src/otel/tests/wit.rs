//! Compares the registered functions with `wit/`, including the layouts that the component model's
//! own tools compute.

use std::path::Path;

use wit_parser::abi::{FlatTypes, WasmType};
use wit_parser::{Resolve, SizeAlign, Type as ParsedType, TypeDefKind, WorldItem};

use super::described;
use crate::abi::{Layout, Type};

/// The contract, parsed from `wit/`.
struct Contract {
    resolve: Resolve,
    sizes: SizeAlign,
}

impl Contract {
    fn new() -> Self {
        let mut resolve = Resolve::default();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        resolve.push_dir(path).unwrap();
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        Self { resolve, sizes }
    }

    /// The functions: interface, name, parameters and result.
    fn functions(&self) -> Vec<(String, String, Vec<ParsedType>, ParsedType)> {
        let mut functions = Vec::new();
        let (_, world) = (self.resolve.worlds.iter())
            .find(|(_, world)| world.name == "observability")
            .unwrap();
        for item in world.imports.values() {
            let WorldItem::Interface { id, .. } = item else {
                panic!("{item:?} is no interface");
            };
            for function in self.resolve.interfaces[*id].functions.values() {
                functions.push((
                    self.resolve.id_of(*id).unwrap(),
                    function.name.clone(),
                    function.params.iter().map(|it| it.ty).collect(),
                    function.result.unwrap(),
                ));
            }
        }
        functions
    }

    /// Asserts that a type, with all its parts, equals the parsed one and has the same layout.
    fn assert_same(&self, ty: &Type, wit: &ParsedType) {
        let Layout { size, align, flat } = ty.layout();
        assert_eq!(size, self.sizes.size(wit).size_wasm32(), "size of {ty:?}");
        assert_eq!(
            align,
            self.sizes.align(wit).align_wasm32(),
            "align of {ty:?}"
        );
        assert_eq!(flat, self.flat(wit), "core values of {ty:?}");
        match (ty, wit) {
            (Type::Bool, ParsedType::Bool)
            | (Type::U8, ParsedType::U8)
            | (Type::U32, ParsedType::U32)
            | (Type::U64, ParsedType::U64)
            | (Type::S64, ParsedType::S64)
            | (Type::F64, ParsedType::F64)
            | (Type::String, ParsedType::String) => {}
            (_, ParsedType::Id(id)) => self.assert_defined(ty, &self.resolve.types[*id].kind),
            _ => panic!("{ty:?} is not {wit:?}"),
        }
    }

    fn assert_defined(&self, ty: &Type, wit: &TypeDefKind) {
        match (ty, wit) {
            (_, TypeDefKind::Type(alias)) => self.assert_same(ty, alias),
            (Type::List(ty), TypeDefKind::List(wit)) => self.assert_same(ty, wit),
            (Type::Option(payload), TypeDefKind::Option(wit)) => {
                self.assert_same(payload, wit);
                self.assert_payload(ty, [None, Some(wit)]);
            }
            (Type::Record(fields), TypeDefKind::Record(wit)) => {
                assert_eq!(fields.len(), wit.fields.len(), "{ty:?}");
                for (field, wit) in fields.iter().zip(&wit.fields) {
                    assert_eq!(field.name, wit.name);
                    self.assert_same(field.ty, &wit.ty);
                }
            }
            (Type::Variant(cases), TypeDefKind::Variant(wit)) => {
                assert_eq!(cases.len(), wit.cases.len(), "{ty:?}");
                assert!(cases.len() <= 256, "{ty:?}");
                for (case, wit) in cases.iter().zip(&wit.cases) {
                    assert_eq!(case.name, wit.name);
                    assert_eq!(case.ty.is_some(), wit.ty.is_some(), "{}", case.name);
                    if let (Some(ty), Some(wit)) = (case.ty, &wit.ty) {
                        self.assert_same(ty, wit);
                    }
                }
                self.assert_payload(ty, wit.cases.iter().map(|case| case.ty.as_ref()));
            }
            (Type::Enum(names), TypeDefKind::Enum(wit)) => {
                assert!(names.iter().eq(wit.cases.iter().map(|case| &case.name)));
            }
            (Type::Flags(names), TypeDefKind::Flags(wit)) => {
                assert!(names.iter().eq(wit.flags.iter().map(|flag| &flag.name)));
            }
            _ => panic!("{ty:?} is not {wit:?}"),
        }
    }

    fn assert_payload<'a>(
        &self,
        ty: &Type,
        cases: impl IntoIterator<Item = Option<&'a ParsedType>>,
    ) {
        let offset = self.sizes.payload_offset(wit_parser::Int::U8, cases);
        assert_eq!(ty.layout().payload_offset(), offset.size_wasm32(), "{ty:?}");
    }

    fn flat(&self, ty: &ParsedType) -> usize {
        let mut storage = [WasmType::I32; 64];
        let mut flat = FlatTypes::new(&mut storage);
        assert!(self.resolve.push_flat(ty, &mut flat));
        flat.to_vec().len()
    }
}

#[test]
fn registered_functions_are_those_of_the_contract() {
    let contract = Contract::new();
    let mut written = contract.functions();
    written.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    let mut described = described();
    described.sort_by_key(|function| (function.interface, function.name));
    let names = |function: &super::Described| format!("{}#{}", function.interface, function.name);
    assert_eq!(
        described.iter().map(names).collect::<Vec<_>>(),
        (written
            .iter()
            .map(|(interface, name, ..)| format!("{interface}#{name}")))
        .collect::<Vec<_>>()
    );
    for (function, (_, _, parameters, result)) in described.iter().zip(&written) {
        assert_eq!(function.parameters.len(), parameters.len(), "{function:?}");
        for (ty, wit) in function.parameters.iter().zip(parameters) {
            contract.assert_same(ty, wit);
        }
        contract.assert_same(function.result, result);
        let together = Layout::of_parameters(function.parameters);
        let wit = contract.sizes.params(parameters);
        assert_eq!(together.size, wit.size.size_wasm32(), "{function:?}");
        assert_eq!(together.align, wit.align.align_wasm32(), "{function:?}");
    }
}
