use opentelemetry::KeyValue;
use wasmscope_telemetry::limits::CHECKED_BYTES;
use wasmtime::Result;
use wit_component::StringEncoding;

use super::{CALL_BYTES, Last, run};
use crate::InvalidArgument;

const ENABLED: &str = r#"(import "wasmscope:otel/logger@0.1.0" "enabled"
    (func $enabled (param i64 i32 i32 i32 i32 i32) (result i32)))"#;
const BIND: &str = r#"(import "wasmscope:otel/meter@0.1.0" "bind"
    (func $bind (param i64 i32 i32) (result i64)))"#;

/// Passes a string, as an event name, from a memory of `pages` that starts with `data` at 1024.
fn string(
    data: &str,
    pages: u32,
    pointer: u32,
    length: u32,
    encoding: StringEncoding,
) -> (Result<u64>, Last) {
    run(
        &format!(
            r#"{ENABLED} (memory (export "memory") {pages}) (data (i32.const 1024) "{data}")
            (func (export "run") (result i64) (i64.extend_i32_u (call $enabled (i64.const 1)
              (i32.const 0) (i32.const 0) (i32.const 1) (i32.const {pointer}) (i32.const {length}))))"#
        ),
        encoding,
    )
}

/// Passes a list of attributes from a memory of `pages`, after `prepare` has run.
fn attributes(prepare: &str, pages: u32, pointer: u32, length: u32) -> (Result<u64>, Last) {
    run(
        &format!(
            r#"{BIND} (memory (export "memory") {pages})
            (func (export "run") (result i64) (local $i i32) {prepare}
              (call $bind (i64.const 1) (i32.const {pointer}) (i32.const {length})))"#
        ),
        StringEncoding::UTF8,
    )
}

/// Asserts that the guest trapped with a message.
fn trapped((result, last): (Result<u64>, Last), message: &str) {
    let error = result.unwrap_err();
    assert!(error.is::<InvalidArgument>(), "{error:?}");
    let found = error.root_cause().to_string();
    assert!(found.contains(message), "{found}");
    assert_eq!(last.arguments, "", "the function is not called");
}

#[test]
fn invalid_strings_trap() {
    use StringEncoding::{CompactUTF16, UTF8, UTF16};
    let tagged = 1 << 31;
    for (data, pointer, length, encoding, message) in [
        (
            r"ab\ff",
            1024,
            3,
            UTF8,
            "string at 0x400 is not valid UTF-8",
        ),
        (r"\e2\82", 1024, 2, UTF8, "is not valid UTF-8"),
        (r"\ed\a0\80", 1024, 3, UTF8, "is not valid UTF-8"),
        (
            r"\00\d8",
            1024,
            1,
            UTF16,
            "is not valid UTF-16: unpaired surrogate",
        ),
        (
            r"\00\d8",
            1024,
            1 | tagged,
            CompactUTF16,
            "is not valid UTF-16: unpaired surrogate",
        ),
        (
            "",
            65535,
            2,
            UTF8,
            "string at 0xffff of length 2 exceeds the memory of 65536 bytes",
        ),
        ("", 65537, 0, UTF8, "exceeds the memory"),
        ("", u32::MAX, u32::MAX, UTF8, "exceeds the memory"),
        ("", 65534, 2, UTF16, "exceeds the memory"),
        ("", 0, u32::MAX, UTF16, "exceeds the memory"),
        ("", 65534, 2 | tagged, CompactUTF16, "exceeds the memory"),
        (
            "",
            1025,
            1,
            UTF16,
            "string pointer 0x401 is not aligned to 2",
        ),
        (
            "",
            1025,
            1,
            CompactUTF16,
            "string pointer 0x401 is not aligned to 2",
        ),
    ] {
        trapped(string(data, 1, pointer, length, encoding), message);
    }
}

#[test]
fn string_at_the_end_of_memory_is_valid() {
    for (pointer, length) in [(65536, 0), (65535, 1), (0, 65536)] {
        let (result, last) = string("", 1, pointer, length, StringEncoding::UTF8);
        result.unwrap();
        assert!(last.arguments.starts_with("(1, None, Some("));
    }
}

#[test]
fn invalid_lists_trap() {
    for (pointer, length, message) in [
        (4, 0, "list pointer 0x4 is not aligned to 8"),
        (
            65520,
            1,
            "list at 0xfff0 of length 1 exceeds the memory of 65536 bytes",
        ),
        (65544, 0, "exceeds the memory"),
        (0, u32::MAX, "exceeds the memory"),
    ] {
        trapped(attributes("", 1, pointer, length), message);
    }
}

#[test]
fn invalid_discriminants_trap() {
    let bad_value = "(i32.store8 (i32.const 1032) (i32.const 8))";
    trapped(
        attributes(bad_value, 1, 1024, 1),
        "value has discriminant 8, expected one below 8",
    );
    for (arguments, message) in [
        (
            "(i32.const 2) (i32.const 0) (i32.const 0)",
            "option has discriminant 2, expected one below 2",
        ),
        (
            "(i32.const -1) (i32.const 0) (i32.const 0)",
            "option has discriminant 4294967295",
        ),
        (
            "(i32.const 1) (i32.const 24) (i32.const 0)",
            "severity has discriminant 24, expected one below 24",
        ),
        (
            "(i32.const 1) (i32.const 257) (i32.const 0)",
            "severity has discriminant 255, expected one below 24",
        ),
    ] {
        let guest = format!(
            r#"{ENABLED} (memory (export "memory") 1) (func (export "run") (result i64)
            (i64.extend_i32_u (call $enabled (i64.const 1) {arguments} (i32.const 0) (i32.const 0))))"#
        );
        trapped(run(&guest, StringEncoding::UTF8), message);
    }
}

#[test]
fn string_beyond_the_budget_is_cut_at_a_character_and_counted() {
    // 200 MB, more than Wasmtime's hostcall fuel.
    let (result, last) = string("", 3200, 0, 200_000_000, StringEncoding::UTF8);
    result.unwrap();
    assert_eq!(last.left_out, 1);
    assert_eq!(last.bytes, CALL_BYTES);
    let (result, last) = string("", 3200, 0, 100_000_000, StringEncoding::UTF16);
    result.unwrap();
    assert_eq!((last.left_out, last.bytes), (1, CALL_BYTES));
    // The euro sign begins on the last byte of the budget.
    let euro = u32::try_from(CALL_BYTES - 1).unwrap();
    let guest = format!(
        r#"{ENABLED} (memory (export "memory") 80)
        (func (export "run") (result i64)
          (i32.store (i32.const {euro}) (i32.const 0xac82e2))
          (i64.extend_i32_u (call $enabled (i64.const 1)
            (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const {}))))"#,
        euro + 3
    );
    let (result, last) = run(&guest, StringEncoding::UTF8);
    result.unwrap();
    assert_eq!(last.left_out, 1);
    assert_eq!(last.arguments.matches("\\0").count(), CALL_BYTES - 1);
    assert!(!last.arguments.contains('\u{20ac}'));
}

#[test]
fn data_beyond_the_budget_is_checked() {
    let length = u32::try_from(CALL_BYTES + CHECKED_BYTES).unwrap();
    for (bad, traps) in [
        (CALL_BYTES + 10, true),
        (CALL_BYTES + CHECKED_BYTES - 1, true),
        (CALL_BYTES + CHECKED_BYTES, false),
    ] {
        let guest = format!(
            r#"{ENABLED} (memory (export "memory") 400)
            (func (export "run") (result i64)
              (i32.store8 (i32.const {bad}) (i32.const 0xff))
              (i64.extend_i32_u (call $enabled (i64.const 1)
                (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const {}))))"#,
            length + 1
        );
        let (result, last) = run(&guest, StringEncoding::UTF8);
        assert_eq!(result.is_err(), traps, "a bad byte at {bad}");
        assert_eq!(last.left_out, u64::from(!traps));
    }
}

/// Sets the keys of `count` attributes from address 0 to the same 200 MB.
fn fill(count: u32) -> String {
    format!(
        "(loop $next
          (i32.store offset=4 (i32.mul (local.get $i) (i32.const 24)) (i32.const 200000000))
          (i32.store (i32.mul (local.get $i) (i32.const 24)) (i32.const 24000000))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $i) (i32.const {count}))))"
    )
}

#[test]
fn million_attributes_with_one_huge_key_take_neither_memory_nor_time() {
    let (result, last) = attributes(&fill(1_000_000), 3500, 0, 1_000_000);
    result.unwrap();
    // The first key uses up the budget, so every attribute is left out.
    assert_eq!(last.arguments, "(1, [])");
    assert_eq!(last.left_out, 1_000_000);
    assert_eq!(last.bytes, CALL_BYTES);
}

#[test]
fn million_small_attributes_are_kept_up_to_the_budget() {
    let (result, last) = attributes("", 400, 0, 1_000_000);
    result.unwrap();
    let kept = last.arguments.matches("KeyValue").count();
    assert_eq!(kept, CALL_BYTES / size_of::<KeyValue>());
    assert_eq!(last.left_out, 1_000_000 - kept as u64);
}

#[test]
fn invalid_element_beyond_the_budget_traps() {
    let bad = "(i32.store8 (i32.const 4800008) (i32.const 9))";
    trapped(
        attributes(bad, 400, 0, 1_000_000),
        "value has discriminant 9",
    );
}
