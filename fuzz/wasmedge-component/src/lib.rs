//! Components with generated core modules.

use arbitrary::{Arbitrary as _, Unstructured};
use wasm_smith::{Config, Module};

/// The modules' imports. One of the host's two functions may be replaced by the other instance's
/// `f`.
const IMPORTS: &str = r#"(module
    (import "" "a" (func (param i32 i64 f32 f64) (result i32)))
    (import "" "b" (func (param i32))))"#;

/// The modules' exports.
const EXPORTS: &str = r#"(module
    (func (export "f") (param i32 i64 f32 f64) (result i32) unreachable)
    (func (export "g") (param i32) unreachable)
    (func (export "h") (result i64) unreachable))"#;

/// Generates a core module, and the component that instantiates it twice. The second instance calls
/// the first.
pub fn around_module(data: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let mut config = Config::arbitrary(data)?;
    let text = |text| Some(wat::parse_str(text).expect("a constant"));
    config.available_imports = text(IMPORTS);
    config.exports = text(EXPORTS);
    config.module_shape = None;
    // Supported features.
    config.bulk_memory_enabled = true;
    config.multi_value_enabled = true;
    config.reference_types_enabled = true;
    config.saturating_float_to_int_enabled = true;
    config.sign_extension_ops_enabled = true;
    config.simd_enabled = true;
    config.tail_call_enabled = true;
    config.extended_const_enabled = true;
    config.max_memories = config.max_memories.clamp(1, 3);
    // Unsupported features.
    config.acquire_release_atomics_enabled = false;
    config.allow_invalid_funcs = false;
    config.compact_imports_enabled = false;
    config.custom_descriptors_enabled = false;
    config.custom_page_sizes_enabled = false;
    config.exceptions_enabled = false;
    config.gc_enabled = false;
    config.memory64_enabled = false;
    config.multibyte_array_access_enabled = false;
    config.relaxed_simd_enabled = false;
    config.shared_everything_threads_enabled = false;
    config.threads_enabled = false;
    config.wide_arithmetic_enabled = false;
    // The limiter would refuse more before anything runs.
    config.max_memory32_bytes = 1 << 20;
    config.max_table_elements = 1000;
    config.min_funcs = config.min_funcs.max(3);
    config.max_funcs = config.max_funcs.max(3);
    let module = Module::new(config, data)?.to_bytes();
    Ok(around(&module))
}

/// The component around the module, which is empty here.
const AROUND: &str = r#"(component
    (import "a" (func $a (param "a" u32) (param "b" u64) (param "c" f32) (param "d" f64) (result u32)))
    (import "b" (func $b (param "a" u32)))
    (core func $a (canon lower (func $a)))
    (core func $b (canon lower (func $b)))
    (core module)
    (core instance $x (instantiate 0 (with "" (instance (export "a" (func $a)) (export "b" (func $b))))))
    (core instance $y (instantiate 0 (with "" (instance (export "a" (func $x "f")) (export "b" (func $x "g"))))))
    (func (export "f") (param "a" u32) (param "b" u64) (param "c" f32) (param "d" f64) (result u32) (canon lift (core func $y "f")))
    (func (export "g") (param "a" u32) (canon lift (core func $y "g")))
    (func (export "h") (result u64) (canon lift (core func $x "h"))))"#;

/// The section of the empty module: its id, its size and the header.
const EMPTY: &[u8] = b"\x01\x08\0asm\x01\0\0\0";

fn around(module: &[u8]) -> Vec<u8> {
    let component = wat::parse_str(AROUND).expect("a constant");
    let mut places = component.windows(EMPTY.len());
    let place = places.position(|bytes| bytes == EMPTY);
    let (before, rest) = component.split_at(place.expect("there is such a module"));
    let mut bytes = [before, &EMPTY[..1]].concat();
    let mut size = module.len();
    while size >= 0x80 {
        bytes.push(u8::try_from(size & 0x7f).expect("it is seven bits") | 0x80);
        size >>= 7;
    }
    bytes.push(u8::try_from(size).expect("it is seven bits"));
    bytes.extend_from_slice(module);
    bytes.extend_from_slice(&rest[EMPTY.len()..]);
    bytes
}
