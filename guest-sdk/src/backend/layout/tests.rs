use wit_parser::{Resolve, SizeAlign, Type, TypeDefKind};

use super::{LAYOUTS, enumerations};

#[test]
fn layouts_are_those_of_the_contract() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/wit"))
        .expect("the contract");
    let mut sizes = SizeAlign::default();
    sizes.fill(&resolve);
    let described = LAYOUTS.iter().map(|(path, size, align, parts)| {
        let parts = parts
            .iter()
            .map(|(name, number)| ((*name).to_owned(), *number));
        (*path, *size, *align, parts.collect::<Vec<_>>())
    });
    let enumerations = enumerations()
        .into_iter()
        .map(|(path, size, cases)| (path, size, 1, cases));
    for (path, size, align, parts) in described.chain(enumerations) {
        let (interface, name) = path.split_once('/').expect("an interface and a name");
        let interface = resolve.packages[package].interfaces[interface];
        let id = resolve.interfaces[interface].types[name];
        assert_eq!(sizes.size(&Type::Id(id)).size_wasm32(), size, "{path}");
        assert_eq!(sizes.align(&Type::Id(id)).align_wasm32(), align, "{path}");
        let kind = &resolve.types[id].kind;
        let expected: Vec<_> = if let TypeDefKind::Record(record) = kind {
            sizes
                .field_offsets(record.fields.iter().map(|field| &field.ty))
                .into_iter()
                .zip(&record.fields)
                .map(|((offset, _), field)| (field.name.replace('-', "_"), offset.size_wasm32()))
                .collect()
        } else {
            cases(kind).into_iter().map(case_name).zip(0..).collect()
        };
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

/// Converts `string-value` into `String`, and `string-array` into `StringArray`.
fn case_name(name: &str) -> String {
    name.strip_suffix("-value")
        .unwrap_or(name)
        .split('-')
        .flat_map(|word| {
            let (first, rest) = word.split_at(1);
            [first.to_uppercase(), rest.to_owned()]
        })
        .collect()
}
