use super::*;

/// Components that need one feature, or several related ones, with the name of each.
const NEEDING: &[(&str, &str)] = &[
    (
        r#"(component (import "a" (implements "a:b/c") (instance)))"#,
        "names with an `implements` annotation",
    ),
    (
        r#"(component (instance $i) (export "a" (implements "a:b/c") (instance $i)))"#,
        "names with an `implements` annotation",
    ),
    (
        r#"(component (import "a:b/c@1" (version-suffix ".2.3") (instance)))"#,
        "names with a `version-suffix` annotation",
    ),
    (
        r#"(component (import "a" (implements "a:b/c@1") (version-suffix ".2.3") (instance)))"#,
        "names with a `version-suffix` annotation, names with an `implements` annotation",
    ),
    (
        r#"(component (import "a:b:c:d/e" (func)))"#,
        "nested component names",
    ),
    (
        r#"(component
            (import "f" (func $f (param "s" string)))
            (core module $m (memory (export "m") i64 1))
            (core instance $m (instantiate $m))
            (core func (canon lower (func $f) (memory (core memory $m "m")))))"#,
        "64-bit memories in the canonical abi, 64-bit memories",
    ),
    (
        r#"(component (core module (memory i64 1)))"#,
        "64-bit memories",
    ),
    (
        r#"(component (core module (table i64 1 funcref)))"#,
        "64-bit memories",
    ),
    (
        r#"(component (import "f" (func async)))"#,
        "component-model async (WASI 0.3)",
    ),
    (
        r#"(component (type (future u8)))"#,
        "component-model async (WASI 0.3)",
    ),
    (
        r#"(component (core func (canon waitable-set.new)))"#,
        "component-model async (WASI 0.3)",
    ),
    (
        r#"(component (core func (canon subtask.cancel async)))"#,
        "more built-ins of component-model async (WASI 0.3), component-model async (WASI 0.3)",
    ),
    (
        r#"(component
            (core module $m (func (export "f")))
            (core instance $m (instantiate $m))
            (func async (canon lift (core func $m "f") async)))"#,
        "stackful component-model async (WASI 0.3), component-model async (WASI 0.3)",
    ),
    (
        r#"(component (core func (canon thread.index)))"#,
        "component-model threads",
    ),
    (
        r#"(component (core func (canon error-context.drop)))"#,
        "error contexts (WASI 0.3)",
    ),
    (r#"(component (type (list u8 4)))"#, "fixed-length lists"),
    (r#"(component (type (map string u8)))"#, "map types"),
    (
        r#"(component (import "v" (value $v string)) (export "w" (value $v)))"#,
        "component-model values",
    ),
    (
        r#"(component
            (core module $m (memory 1 1 shared)
                (func (drop (i32.atomic.load (i32.const 0))))))"#,
        "threads",
    ),
    (
        r#"(component (core module (global (shared i32) (i32.const 0))))"#,
        "shared-everything threads",
    ),
    (r#"(component (core module (tag)))"#, "exception handling"),
    (
        r#"(component (core module (func try catch_all end)))"#,
        "legacy exception handling",
    ),
    (
        r#"(component (core module (type (struct (field i32)))))"#,
        "garbage collection",
    ),
    (
        r#"(component (core module (type $t (func)) (func (param (ref null $t)))))"#,
        "typed function references",
    ),
    (
        r#"(component (core module (func (param v128 v128 v128) (result v128)
            (i32x4.relaxed_laneselect (local.get 0) (local.get 1) (local.get 2)))))"#,
        "relaxed SIMD",
    ),
    (
        r#"(component (core module (memory 1) (func (memory.discard (i32.const 0) (i32.const 0)))))"#,
        "memory control",
    ),
    (
        r#"(component (core module (memory 1 (pagesize 1))))"#,
        "custom page sizes",
    ),
    (
        r#"(component (core module (func (param i64 i64 i64 i64) (result i64 i64)
            (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))))"#,
        "wide arithmetic",
    ),
    (
        r#"(component (core module (type $f (func)) (type (cont $f))))"#,
        "stack switching",
    ),
    (
        r#"(component (core module (import "a" (item "f" (func)) (item "g" (func)))))"#,
        "compact import sections",
    ),
];

#[test]
fn each_feature_has_a_name() {
    let named = UNSUPPORTED.iter().map(|(feature, _)| *feature);
    let named = named.fold(supported(), WasmFeatures::union);
    assert_eq!(WasmFeatures::all().difference(named), WasmFeatures::empty());
}

#[test]
fn unsupported_features_are_named() {
    for (text, names) in NEEDING {
        let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let error = refusal(&bytes, "the message of the translator");
        let feature = (*names).to_owned();
        assert_eq!(error, LoadError::Unsupported { feature }, "{text}");
    }
}

/// An invalid part makes a component invalid, even if it also needs a feature.
#[test]
fn invalid_with_all_features_is_invalid() {
    for (text, names) in NEEDING {
        let bytes = wat::parse_str(text).unwrap();
        // A section with an export that does not exist.
        let section = [11, 7, 1, 0, 1, b'z', 1, 99, 0];
        let invalid = [&bytes, &section[..]].concat();
        let error = refusal(&invalid, "the message of the translator");
        assert!(
            matches!(error, LoadError::Invalid { .. }),
            "{names}: {error}"
        );
        assert!(!error.to_string().contains("translator"), "{error}");
    }
}

#[test]
fn refused_only_by_the_translator_is_unsupported() {
    let bytes = wat::parse_str("(component)").unwrap();
    for (message, feature) in [
        (
            "root-level component imports are not supported",
            "root-level component imports",
        ),
        ("something else", "something else"),
    ] {
        let feature = feature.to_owned();
        assert_eq!(refusal(&bytes, message), LoadError::Unsupported { feature });
    }
}

fn kind(bytes: &[u8]) -> &'static str {
    match crate::plan::Plan::new(bytes) {
        Ok(_) => "valid",
        Err(LoadError::Invalid { .. }) => "invalid",
        Err(LoadError::Unsupported { .. }) => "unsupported",
        Err(LoadError::TooLarge(_)) => "too large",
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_claimed_count_beyond_the_input_is_invalid() {
    let component = wat::parse_str("(component)").unwrap();
    // Every section of a component that begins with a count.
    for section in [2, 3, 5, 6, 7, 8, 10, 11] {
        for count in [
            &[1][..],
            &[0xc0, 0x9a, 0x0c],
            &[0xff, 0xff, 0xff, 0xff, 0x0f],
        ] {
            let head = [section, count.len() as u8];
            let bytes = [&component[..], &head, count].concat();
            assert_eq!(kind(&bytes), "invalid", "section {section}: {count:?}");
        }
    }
}

#[test]
fn an_invalid_component_is_invalid_at_any_size() {
    let mut levels = "(component $c0 (import \"f\" (func)) (export \"f\" (func 0)))".to_owned();
    for level in 1..=40 {
        let inner = level - 1;
        levels = format!(
            "(component $c{level} (import \"f\" (func $f)) {levels}
                (instance $a (instantiate $c{inner} (with \"f\" (func $f))))
                (instance $b (instantiate $c{inner} (with \"f\" (func $f)))))"
        );
    }
    let text = format!(
        "(component (import \"f\" (func $f)) {levels} (instance (instantiate $c40 (with \"f\" (func $f)))))"
    );
    let passed = r#"(component
        (component $inner)
        (component $outer (import "c" (component $c)) (instance (instantiate $c)))
        (instance (instantiate $outer (with "c" (component $inner)))))"#;
    for (text, alone) in [(&*text, "too large"), (passed, "")] {
        let bytes = wat::parse_str(text).unwrap();
        assert!(alone.is_empty() || kind(&bytes) == alone);
        // An export of an instance that does not exist.
        let section = [11, 7, 1, 0, 1, b'z', 5, 99, 0];
        assert_eq!(kind(&[&bytes, &section[..]].concat()), "invalid");
    }
}
