//! A component is served only if it imports the contract with exactly its types.

#[path = "../../tests/guests.rs"]
#[expect(dead_code, reason = "the other tests use the remaining items")]
mod guests;

use wasmscope_wasmtime::{Instance, View, add_to_linker, missing_imports};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

struct State(Instance);

impl View for State {
    fn wasmscope(&mut self) -> &mut Instance {
        &mut self.0
    }
}

#[test]
fn every_difference_in_a_type_is_named() {
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    add_to_linker::<State>(&mut linker).unwrap();
    for (from, to, message) in [
        // Parameters.
        (
            "series: series, value: number)",
            "series: series)",
            "expected 2-tuple, found 1-tuple",
        ),
        (
            "type meter = u64;",
            "type meter = u32;",
            "expected `u64` found `u32`",
        ),
        (
            "activate: bool",
            "activate: u8",
            "expected `bool` found `u8`",
        ),
        // Within lists and options.
        (
            "observations: list<observation>",
            "observations: observation",
            "expected `list` found `record`",
        ),
        (
            "option<list<f64>>",
            "list<f64>",
            "expected `option` found `list`",
        ),
        (
            "option<list<f64>>",
            "option<list<f32>>",
            "expected `f64` found `f32`",
        ),
        // Records.
        (
            "    name: option<string>,",
            "",
            "expected record of 4 fields, found 3 fields",
        ),
        (
            "    name: option<string>,",
            "    title: option<string>,",
            "expected record field named name, found title",
        ),
        (
            "    name: option<string>,",
            "    name: string,",
            "expected `option` found `string`",
        ),
        // Variants.
        (
            "float(f64),",
            "",
            "expected variant of 3 cases, found 2 cases",
        ),
        (
            "signed(s64),",
            "integer(s64),",
            "expected variant case named signed, found integer",
        ),
        ("float(f64),", "float(u64),", "expected `f64` found `u64`"),
        (
            "float(f64),",
            "float,",
            "case `float` has no type but one was expected",
        ),
        (
            "        ambient,",
            "        ambient(u64),",
            "case `ambient` has a type but none was expected",
        ),
        // Enums and flags.
        (
            "        consumer,",
            "        consumer, other,",
            "expected enum of 5 names, found 6 names",
        ),
        (
            "        consumer,",
            "        receiver,",
            "expected enum case named consumer, found receiver",
        ),
        (
            "        random,",
            "        noise,",
            "expected flag named random, found noise",
        ),
        // Results.
        (
            "generation: u32,",
            "generation: u64,",
            "expected `u32` found `u64`",
        ),
        (
            "event-name: option<string>) -> bool;",
            "event-name: option<string>) -> u8;",
            "expected `bool` found `u8`",
        ),
    ] {
        let component = guests::dummy_of_changed(from, to);
        let component = Component::from_binary(&engine, &component).unwrap();
        // There is an error for every function that uses the type.
        let message = message.replace('`', "").replace(" found ", ", found ");
        let message = message.replace(",,", ",");
        let missing = missing_imports(&component, &linker).unwrap();
        assert!(!missing.is_empty(), "`{to}` is served");
        for import in missing {
            assert_eq!(import.mismatch.as_ref(), Some(&message), "{to}");
        }
    }
}
