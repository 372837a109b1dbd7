use wit_parser::{Resolve, SizeAlign, Type, TypeDefKind};

use super::LAYOUTS;

#[test]
fn what_is_asserted_of_types_is_what_the_contract_makes_of_them() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/wit"))
        .expect("the contract");
    let mut sizes = SizeAlign::default();
    sizes.fill(&resolve);
    for (path, size, align, parts) in LAYOUTS {
        let (interface, name) = path.split_once('/').expect("an interface and a name");
        let interface = resolve.packages[package].interfaces[interface];
        let id = resolve.interfaces[interface].types[name];
        assert_eq!(sizes.size(&Type::Id(id)).size_wasm32(), *size, "{path}");
        assert_eq!(sizes.align(&Type::Id(id)).align_wasm32(), *align, "{path}");
        let kind = &resolve.types[id].kind;
        let expected: Vec<_> = if let TypeDefKind::Record(record) = kind {
            sizes
                .field_offsets(record.fields.iter().map(|field| &field.ty))
                .into_iter()
                .zip(&record.fields)
                .map(|((offset, _), field)| (field.name.replace('-', "_"), offset.size_wasm32()))
                .collect()
        } else {
            cases(kind).into_iter().map(camel).zip(0..).collect()
        };
        let parts: Vec<_> = parts
            .iter()
            .map(|(name, number)| ((*name).to_owned(), *number))
            .collect();
        assert_eq!(parts, expected, "{path}");
    }
}

fn cases(kind: &TypeDefKind) -> Vec<&str> {
    if let TypeDefKind::Variant(variant) = kind {
        variant.cases.iter().map(|case| &*case.name).collect()
    } else if let TypeDefKind::Enum(cases) = kind {
        cases.cases.iter().map(|case| &*case.name).collect()
    } else {
        Vec::new()
    }
}

/// `string-value` as Rust writes it.
fn camel(name: &str) -> String {
    name.split('-')
        .flat_map(|word| {
            let (first, rest) = word.split_at(1);
            [first.to_uppercase(), rest.to_owned()]
        })
        .collect()
}
