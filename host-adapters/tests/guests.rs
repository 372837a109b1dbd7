//! Builds guests for tests: core modules in text, which become components with the contract in
//! `wit/`.

use std::fmt::Write as _;
use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, LiftLowerAbi, ManglingAndAbi, Resolve, WorldId, WorldItem};

/// A bump allocator that grows the memory, starting at `$heap`.
pub(crate) const REALLOC: &str = r#"
  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $start i32)
    (if (i32.le_u (local.get $size) (local.get $old_size)) (then
      (if (local.get $old) (then (return (local.get $old))))))
    (local.set $start
      (i32.and
        (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $start) (local.get $size)))
    (block $enough
      (br_if $enough (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (drop (memory.grow
        (i32.add (i32.const 1) (i32.div_u
          (i32.sub (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
          (i32.const 65536))))))
    (memory.copy (local.get $start) (local.get $old) (local.get $old_size))
    (local.get $start))
"#;

/// Parses the contract, and a world with `items`, which may refer to its interfaces.
fn world(items: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    resolve.push_dir(contract).expect("the contract parses");
    let package = resolve
        .push_str(
            "guest.wit",
            &format!("package test:guest;\nworld guest {{ {items} }}"),
        )
        .expect("the world parses");
    let world = resolve
        .select_world(&[package], Some("guest"))
        .expect("there is one world");
    (resolve, world)
}

/// Makes a component from a core module in text, for a world with `items`.
pub(crate) fn component(items: &str, core: &str, encoding: StringEncoding) -> Vec<u8> {
    let (resolve, world) = world(items);
    let mut module = wat::parse_str(core).unwrap_or_else(|error| panic!("{error}\n{core}"));
    embed_component_metadata(&mut module, &resolve, world, encoding).expect("metadata is embedded");
    encode(&module)
}

fn encode(module: &[u8]) -> Vec<u8> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .expect("the module is read")
        .encode()
        .expect("the component is encoded")
}

/// Makes a component from the body of a core module. It imports the contract and exports `run:
/// func() -> u64`.
pub(crate) fn guest(core: &str, encoding: StringEncoding) -> Vec<u8> {
    let core = format!(
        r#"(module {core}
          (global $heap (mut i32) (i32.const 65536)) {REALLOC})"#
    );
    component(
        "include wasmscope:otel/observability@0.1.0; export run: func() -> u64;",
        &core,
        encoding,
    )
}

/// Makes a component that imports every function of the contract and calls none.
pub(crate) fn dummy() -> Vec<u8> {
    let (resolve, world) = world("include wasmscope:otel/observability@0.1.0;");
    dummy_of(&resolve, world)
}

/// Makes a component like [`dummy`], with a contract in which `from`, which occurs once, is
/// replaced by `to`.
pub(crate) fn dummy_of_changed(from: &str, to: &str) -> Vec<u8> {
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let package = "package wasmscope:otel@0.1.0;";
    let mut text = String::from(package);
    for file in ["types", "context", "tracer", "meter", "logger", "worlds"] {
        let file = std::fs::read_to_string(contract.join(file).with_extension("wit"))
            .expect("the contract exists");
        text.push_str(&file.replacen(package, "", 1));
    }
    assert_eq!(text.matches(from).count(), 1, "{from}");
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str("changed.wit", &text.replace(from, to))
        .expect("the contract parses");
    let world = resolve
        .select_world(&[package], Some("observability"))
        .expect("the world exists");
    dummy_of(&resolve, world)
}

fn dummy_of(resolve: &Resolve, world: WorldId) -> Vec<u8> {
    let mut module =
        wit_component::dummy_module(resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)
        .expect("metadata is embedded");
    encode(&module)
}

/// Lists the functions of the contract: the interface's full name, and the function.
fn functions(resolve: &Resolve, world: WorldId) -> Vec<(String, Function)> {
    let mut functions = Vec::new();
    for item in resolve.worlds[world].imports.values() {
        if let WorldItem::Interface { id, .. } = item {
            let name = resolve.id_of(*id).expect("the interface has a name");
            functions.extend(
                resolve.interfaces[*id]
                    .functions
                    .values()
                    .map(|f| (name.clone(), f.clone())),
            );
        }
    }
    functions
}

/// Makes a component that exports the contract's interfaces and passes each call on to its imports.
/// The host must lift the same values that Wasmtime lowered into it, in any encoding.
pub(crate) fn echo(encoding: StringEncoding) -> Vec<u8> {
    let (resolve, world) = world("include wasmscope:otel/observability@0.1.0;");
    let (mut imports, mut exports) = (String::new(), String::new());
    let types = |types: &[WasmType]| -> String {
        types.iter().fold(String::new(), |mut text, ty| {
            text.push_str(match ty {
                WasmType::I64 | WasmType::PointerOrI64 => " i64",
                WasmType::F32 => " f32",
                WasmType::F64 => " f64",
                WasmType::I32 | WasmType::Pointer | WasmType::Length => " i32",
            });
            text
        })
    };
    for (index, (interface, function)) in functions(&resolve, world).iter().enumerate() {
        let name = &function.name;
        let import = resolve.wasm_signature(AbiVariant::GuestImport, function);
        let export = resolve.wasm_signature(AbiVariant::GuestExport, function);
        writeln!(
            imports,
            "(import \"{interface}\" \"{name}\" (func $f{index} (param{}) (result{})))",
            types(&import.params),
            types(&import.results),
        )
        .expect("strings take text");
        let arguments: String = (0..export.params.len())
            .map(|n| format!("(local.get {n})"))
            .collect();
        let call = if import.retptr {
            format!("(call $f{index} {arguments} (i32.const 16)) (i32.const 16)")
        } else {
            format!("(call $f{index} {arguments})")
        };
        writeln!(
            exports,
            "(func (export \"{interface}#{name}\") (param{}) (result{}) {call})",
            types(&export.params),
            types(&export.results),
        )
        .expect("strings take text");
    }
    let core = format!(
        r#"(module {imports} (memory (export "memory") 2)
          (global $heap (mut i32) (i32.const 65536)) {REALLOC} {exports})"#
    );
    let items = "include wasmscope:otel/observability@0.1.0;
        export wasmscope:otel/tracer@0.1.0; export wasmscope:otel/meter@0.1.0;
        export wasmscope:otel/logger@0.1.0; export wasmscope:otel/context@0.1.0;";
    component(items, &core, encoding)
}
