//! Lists a component's imports and exports, and the imports that a linker lacks.

#[path = "../../tests/guests.rs"]
#[expect(dead_code, reason = "the other tests use the remaining items")]
mod guests;

use wasmscope_wasmtime::{
    ExternKind, Instance, View, add_to_linker, exports, imports, missing_imports,
};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wit_component::StringEncoding;

struct State(Instance);

impl View for State {
    fn wasmscope(&mut self) -> &mut Instance {
        &mut self.0
    }
}

struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Wasi {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }
}

#[test]
fn lacking_imports_are_named_in_full() {
    let engine = Engine::default();
    let wat = r#"(component
        (import "wasmscope:otel/tracer@0.1.9" (instance (export "exit" (func (param "span" u64) (result u64)))))
        (import "wasmscope:otel/logger@0.1.0" (instance (export "gone" (func))
            (export "threshold" (func (param "logger" u64) (result bool)))))
        (import "some:where/else@1.2.3" (instance
            (export "thing" (type $thing (sub resource)))
            (export "[constructor]thing" (func (result (own $thing))))
            (export "[method]thing.use" (func (param "self" (borrow $thing)) (param "much" string)))))
        (import "alone" (func)))"#;
    let component = Component::from_binary(&engine, &wat::parse_str(wat).unwrap()).unwrap();
    let mut linker = Linker::new(&engine);
    add_to_linker::<State>(&mut linker).unwrap();
    let named = |linker: &Linker<State>| -> Vec<String> {
        missing_imports(&component, linker)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        named(&linker),
        [
            "function `gone` of interface `wasmscope:otel/logger@0.1.0`",
            "function `threshold` of interface `wasmscope:otel/logger@0.1.0`: the component imports it as \
             `func(logger: u64) -> bool`, the host has another type: expected record, found bool",
            "interface `some:where/else@1.2.3`",
            "function `alone`",
        ]
    );
    // Everything is defined now, and one function still has another type.
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let lacking = &missing_imports(&component, &linker).unwrap()[..];
    assert!(
        matches!(lacking, [one] if one.item.as_deref() == Some("threshold") && one.mismatch.is_some()),
        "{lacking:?}"
    );
}

#[test]
fn imports_and_exports_are_listed_with_their_items() {
    let engine = Engine::default();
    let component = Component::from_binary(&engine, &guests::echo(StringEncoding::UTF8)).unwrap();
    for listed in [imports(&component), exports(&component)] {
        let tracer = listed
            .iter()
            .find(|it| it.name == "wasmscope:otel/tracer@0.1.0")
            .unwrap();
        assert_eq!(tracer.kind, ExternKind::Interface);
        let start = tracer.items.iter().find(|it| it.name == "start").unwrap();
        assert_eq!(start.kind, ExternKind::Function);
        let ty = start.ty.as_deref().unwrap();
        assert!(ty.starts_with("func(tracer: u64, name: string, "), "{ty}");
    }
}

#[test]
fn existing_methods_and_resources_are_not_lacking() {
    let engine = Engine::default();
    let wat = r#"(component
        (import "wasi:io/streams@0.2.0" (instance
            (export "output-stream" (type $stream (sub resource)))
            (export "[method]output-stream.check-write" (func (param "self" (borrow $stream)) (result bool)))
            (export "[method]output-stream.burn" (func (param "self" (borrow $stream))))
            (export "[static]output-stream.open" (func (result (own $stream))))
            (export "odd-stream" (type (sub resource)))))
        (import "wasi:random/random@0.2.3" (instance (export "get-random-u64" (func (result u64))))))"#;
    let component = Component::from_binary(&engine, &wat::parse_str(wat).unwrap()).unwrap();
    let mut linker = Linker::<Wasi>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker).unwrap();
    let lacking: Vec<String> = missing_imports(&component, &linker)
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lacking,
        [
            "function `[method]output-stream.check-write` of interface `wasi:io/streams@0.2.0`: the component imports it as \
             `func(self: borrow<output-stream>) -> bool`, the host has another type: expected result, found bool",
            "function `[method]output-stream.burn` of interface `wasi:io/streams@0.2.0`",
            "function `[static]output-stream.open` of interface `wasi:io/streams@0.2.0`",
            "resource `odd-stream` of interface `wasi:io/streams@0.2.0`",
        ]
    );
}

#[test]
fn reexported_resources_are_not_lacking() {
    let engine = Engine::default();
    let wat = r#"(component
        (import "wasi:io/error@0.2.12" (instance $errors (export "error" (type (sub resource)))))
        (alias export $errors "error" (type $error))
        (import "wasi:io/streams@0.2.12" (instance $streams
            (alias outer 1 $error (type $theirs))
            (export "error" (type (eq $theirs)))
            (export "input-stream" (type (sub resource)))))
        (alias export $streams "input-stream" (type $stream))
        (import "wasi:http/types@0.2.12" (instance $http
            (alias outer 1 $stream (type $theirs))
            (export "input-stream" (type $body (eq $theirs)))
            (export "request" (type $own (sub resource)))
            (export "[method]request.body" (func (param "self" (borrow $own)) (result (own $body))))))
        (alias export $http "request" (type $request))
        (import "acme:proxy/proxy@1.0.0" (instance
            (alias outer 1 $request (type $theirs))
            (export "request" (type $passed (eq $theirs)))
            (export "handle" (func (param "request" (own $passed)))))))"#;
    let component = Component::from_binary(&engine, &wat::parse_str(wat).unwrap()).unwrap();
    let mut linker = Linker::<Wasi>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker).unwrap();
    let lacking = |linker: &Linker<Wasi>| -> Vec<String> {
        let missing = missing_imports(&component, linker).unwrap();
        missing.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        lacking(&linker),
        [
            "interface `wasi:http/types@0.2.12`",
            "interface `acme:proxy/proxy@1.0.0`",
        ]
    );
    // The interface that defines them is lacking, though.
    assert_eq!(
        lacking(&Linker::new(&engine))[..2],
        [
            "interface `wasi:io/error@0.2.12`",
            "interface `wasi:io/streams@0.2.12`",
        ]
    );
}
