//! Checks that the scenarios cover the whole contract.

use std::collections::BTreeSet;
use std::path::Path;

use wasmscope_tests::{Scenario, guest, scenario};
use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldItem, WorldKey};

/// Returns the functions of an interface, such as `tracer.start`.
fn functions(resolve: &Resolve, package: &str) -> BTreeSet<String> {
    let interfaces = resolve.interfaces.iter().filter(|(_, interface)| {
        interface
            .package
            .is_some_and(|id| resolve.packages[id].name.to_string() == package)
    });
    interfaces
        .flat_map(|(_, interface)| {
            let name = interface.name.clone().unwrap_or_default();
            interface
                .functions
                .keys()
                .map(move |function| format!("{name}.{function}"))
        })
        .collect()
}

/// Returns the functions of the contract that a component imports.
fn imported(component: &[u8]) -> BTreeSet<String> {
    let decoded = wit_component::decode(component).expect("a component");
    let DecodedWasm::Component(resolve, world) = decoded else {
        panic!("not a component")
    };
    let mut imported = BTreeSet::new();
    for (key, item) in &resolve.worlds[world].imports {
        let (WorldKey::Interface(_), WorldItem::Interface { id, .. }) = (key, item) else {
            continue;
        };
        let interface = &resolve.interfaces[*id];
        let package = interface
            .package
            .map(|id| resolve.packages[id].name.to_string());
        if package.as_deref() == Some("wasmscope:otel@0.1.0") {
            let name = interface.name.clone().unwrap_or_default();
            imported.extend(
                interface
                    .functions
                    .keys()
                    .map(|function| format!("{name}.{function}")),
            );
        }
    }
    imported
}

#[test]
fn every_function_of_the_contract_is_called_with_and_without_the_sdk() {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    resolve.push_dir(wit).expect("the contract");
    let all = functions(&resolve, "wasmscope:otel@0.1.0");
    assert!(all.contains("tracer.start") && all.len() > 20, "{all:?}");

    for prefix in ["raw-", "sdk-"] {
        let mut called = BTreeSet::new();
        for name in scenario::names().expect("the scenarios") {
            let scenario = Scenario::read(&name).expect("a scenario");
            if name.starts_with(prefix) && scenario.guest.is_none() {
                // The linker removes imports that a guest does not call.
                called.extend(imported(&std::fs::read(guest(&name)).expect("a guest")));
            }
        }
        let missing: Vec<_> = all.difference(&called).collect();
        assert!(missing.is_empty(), "no {prefix} scenario calls {missing:?}");
    }
}
