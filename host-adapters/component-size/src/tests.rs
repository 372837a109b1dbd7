mod definitions;
mod growth;

use super::*;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

fn checked(text: &str, limits: &Limits) -> Result<(), Refusal> {
    let bytes = wat::parse_str(text).expect("a component");
    check(&bytes, limits)
}

fn refused(text: &str) -> Limit {
    let bytes = wat::parse_str(text).expect("a component");
    let start = Instant::now();
    let error = check(&bytes, &Limits::default()).expect_err("too large");
    assert!(start.elapsed() < Duration::from_secs(5), "{error}");
    limit_of(error)
}

fn limit_of(refusal: Refusal) -> Limit {
    match refusal {
        Refusal::TooLarge(error) => error.limit,
        Refusal::Uncounted => panic!("{refusal}"),
    }
}

fn limited(limit: Limit, value: u64) -> Limits {
    let mut limits = Limits::default();
    limits.set(limit, value).expect("in its range");
    limits
}

/// Returns the lowest value of a limit with which a component passes.
fn least(text: &str, limit: Limit) -> u64 {
    let bytes = wat::parse_str(text).expect("a component");
    let fails = |value| check(&bytes, &limited(limit, value)).is_err();
    let (mut low, mut high) = (0, 1 << 20);
    while low < high {
        let middle = (low + high) / 2;
        if fails(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Returns nested components, each of which instantiates the previous one twice. The innermost
/// contains `first`.
fn doubling(levels: usize, first: &str) -> String {
    let mut text = format!("(component $c0 {first})");
    for level in 1..levels {
        let twice = "(instance (instantiate $x)) (instance (instantiate $x))";
        let below = level - 1;
        let _ = write!(
            text,
            "(component $c{level} (alias outer 1 $c{below} (component $x)) {twice})"
        );
    }
    let last = levels - 1;
    format!("(component {text} (instance (instantiate $c{last})))")
}

const INSTANCE: &str = "(core module $m) (core instance (instantiate $m))";

#[test]
fn doubling_instantiations_are_refused() {
    checked(&doubling(8, INSTANCE), &Limits::default()).expect("small");
    for levels in [18, 30, 64, 200] {
        assert_eq!(refused(&doubling(levels, INSTANCE)), Limit::Definitions);
        assert_eq!(refused(&doubling(levels, "")), Limit::Definitions);
    }
}

#[test]
fn any_doubled_item_is_refused() {
    for what in [
        "(core instance) (core instance)",
        "(instance)",
        "(type (list u8))",
        "(core module $m (memory 1)) (core instance (instantiate $m))",
        "(core module $m (table 1 funcref)) (core instance (instantiate $m))",
        "(core module $m (global i32 (i32.const 0))) (core instance (instantiate $m))",
        r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m)) (func (canon lift (core func $i "f")))"#,
        r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m)) (alias core export $i "f" (core func))"#,
        r#"(type $t u8) (export "t" (type $t))"#,
        "(component (instance))",
    ] {
        assert_eq!(refused(&doubling(30, what)), Limit::Definitions, "{what}");
    }
}

#[test]
fn custom_sections_do_not_count_as_module_bytes() {
    let of = |custom: &str| {
        let text =
            format!("(component (core module (func) {custom}) (core instance (instantiate 0)))");
        least(&text, Limit::ModuleBytes)
    };
    let debug = "x".repeat(10_000);
    assert_eq!(of(&format!(r#"(@custom ".debug_info" "{debug}")"#)), of(""));
    assert!(of(&format!(r#"(memory 1) (data (i32.const 0) "{debug}")"#)) > 10_000);
}

#[test]
fn a_component_that_is_not_instantiated_counts_once() {
    let text = doubling(30, INSTANCE);
    let end = text.rfind("(instance").expect("there");
    let never = format!("{})", &text[..end]);
    checked(&never, &Limits::default()).expect("nothing is instantiated");
}

#[test]
fn components_that_are_passed_to_components_count_where_they_are_instantiated() {
    let text = |passed: &str| {
        format!(
            r#"(component
            (component $small)
            (component $large {})
            (component $outer (import "c" (component $c))
                (instance (instantiate $c)) (instance (instantiate $c)))
            (instance (instantiate $outer (with "c" (component {passed})))))"#,
            "(instance)".repeat(500)
        )
    };
    let (small, large) = (
        least(&text("$small"), Limit::Definitions),
        least(&text("$large"), Limit::Definitions),
    );
    assert!(large >= small + 500, "{small} {large}");

    // From an instance, by an alias, by an outer alias, and re-exported.
    let text = format!(
        r#"(component
        (component $large {})
        (instance $i (export "c" (component $large)))
        (component $inner
            (import "i" (instance $i (export "c" (component))))
            (alias export $i "c" (component $c))
            (export "d" (component $c))
            (component (alias outer 1 $c (component $e)) (instance (instantiate $e))))
        (instance $j (instantiate $inner (with "i" (instance $i))))
        (alias export $j "d" (component $d))
        (instance (instantiate $d)))"#,
        "(instance)".repeat(500)
    );
    assert!(least(&text, Limit::Definitions) > 500);
}

#[test]
fn instances_passed_by_the_host_are_accepted() {
    let text = r#"(component
        (import "c" (component $c (export "i" (instance (export "d" (component))))))
        (instance $j (instantiate $c))
        (alias export $j "i" (instance $i))
        (alias export $i "d" (component $d))
        (instance (instantiate $d)))"#;
    checked(text, &Limits::default()).expect("nothing is known of it");
}

#[test]
fn functions_count_at_each_instantiation() {
    let functions = "(func)".repeat(1000);
    let text = |instances: usize| {
        let instances = "(core instance (instantiate $m))".repeat(instances);
        format!("(component (core module $m {functions}) {instances})")
    };
    assert_eq!(least(&text(0), Limit::Functions), 1000);
    assert_eq!(least(&text(1), Limit::Functions), 1000);
    assert_eq!(least(&text(3), Limit::Functions), 3000);
    assert_eq!(refused(&text(251)), Limit::Functions);
    assert!(least(&text(2), Limit::ModuleBytes) > 6000);
}

#[test]
fn a_module_that_is_passed_counts_where_it_is_instantiated() {
    let functions = "(func)".repeat(1000);
    let twice = "(core instance (instantiate $x)) (core instance (instantiate $x))";
    let text = format!(
        r#"(component
        (core module $m {functions})
        (component $c (import "m" (core module $x)) {twice})
        (component $d (alias outer 1 $m (core module $x)) {twice})
        (instance (instantiate $c (with "m" (core module $m))))
        (instance (instantiate $d)))"#
    );
    assert_eq!(least(&text, Limit::Functions), 4000);
}

#[test]
fn sizes_are_bounded() {
    let body = |bytes: usize| format!("(component (core module (func {})))", "nop ".repeat(bytes));
    checked(&body(10_000), &Limits::default()).expect("small");
    assert!(least(&body(10_000), Limit::FunctionBytes) > 10_000);
    let targets = "0 ".repeat(10_000);
    let table = format!("(component (core module (func (br_table {targets} (i32.const 0)))))");
    assert!(least(&table, Limit::FunctionBytes) > 10_000);

    let mut bytes = wat::parse_str("(component)").expect("a component");
    let limits = limited(Limit::Bytes, 8);
    check(&bytes, &limits).expect("small");
    // A custom section.
    bytes.extend([0, 2, 1, b'a']);
    assert_eq!(check(&bytes, &limits).map_err(limit_of), Err(Limit::Bytes));
}

#[test]
fn deep_nesting_is_refused_before_recursion() {
    // `wat` would recurse.
    let nested = |levels: usize, most: u64| {
        let mut bytes = wasm_encoder::Component::new().finish();
        for _ in 0..levels {
            let mut outer = wasm_encoder::Component::new();
            outer.section(&wasm_encoder::RawSection {
                id: 4,
                data: &bytes,
            });
            bytes = outer.finish();
        }
        let mut limits = limited(Limit::Nesting, most);
        limits.set(Limit::Modules, 2_000).expect("in its range");
        check(&bytes, &limits).map_err(limit_of)
    };
    for most in [100, 1_000] {
        let levels = usize::try_from(most).expect("few");
        assert_eq!(nested(levels, most), Ok(()));
        assert_eq!(nested(levels + 1, most), Err(Limit::Nesting));
        // The levels count as components as well.
        assert_eq!(nested(5_000, most), Err(Limit::Modules));
    }
}

#[test]
fn invalid_components_pass() {
    check(b"", &Limits::default()).expect("no component");
    check(b"\0asm\x01\0\0\0", &Limits::default()).expect("a module");
    let whole = wat::parse_str(doubling(40, INSTANCE)).expect("a component");
    // Up to the instance that makes it large.
    for end in (0..whole.len() - 3).step_by(7) {
        check(&whole[..end], &Limits::default()).expect("cut off");
    }
    // A section of instances that claims more than it has.
    let mut claims = wat::parse_str("(component)").expect("a component");
    claims.extend([5, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    check(&claims, &Limits::default()).expect("malformed");
    // An invalid component that would also be too large.
    let mut invalid = whole.clone();
    invalid.extend([5, 4, 1, 0, 99, 0]);
    check(&invalid, &Limits::default()).expect("an instance of no component");
}

#[test]
fn components_with_unsupported_features_are_counted() {
    let text = format!(
        r#"(component (core module (memory i64 1)) (import "a" (func async)) {})"#,
        "(instance)".repeat(100)
    );
    assert!(least(&text, Limit::Definitions) > 100);
}

#[test]
fn limits_have_names_and_messages() {
    for limit in Limit::ALL {
        assert_eq!(Limit::named(limit.name()), Some(limit));
        let message = TooLarge { limit, most: 7 }.to_string();
        assert!(
            message.starts_with("the component has more than 7 "),
            "{message}"
        );
        let name = format!("(limit `{}`)", limit.name());
        assert!(message.ends_with(&name), "{message}");
    }
    assert_eq!(Limit::named("no such"), None);
}

#[test]
fn limit_ranges_hold_the_effective_values() {
    let largest = |limit: Limit| *limit.range().end();
    for limit in Limit::ALL {
        let (default, range) = (Limits::default().get(limit), limit.range());
        assert!(range.contains(&default), "{}", limit.name());
        limited(limit, *range.start());
        limited(limit, *range.end());
    }
    for (limit, value, expected) in [
        (Limit::Bytes, 7, "a number of at least 8 for `bytes`"),
        (
            Limit::Nesting,
            1_001,
            "a number from 0 to 1000 for `nesting`",
        ),
        (
            Limit::TypeNesting,
            201,
            "a number from 0 to 200 for `type_nesting`",
        ),
        (
            Limit::TypeNesting,
            u64::MAX,
            "a number from 0 to 200 for `type_nesting`",
        ),
        (
            Limit::FunctionBytes,
            7_654_322,
            "a number from 0 to 7654321 for `function_bytes`",
        ),
    ] {
        let mut limits = Limits::default();
        let error = limits.set(limit, value).expect_err("refused");
        assert_eq!(
            error.to_string(),
            format!("expected {expected}, found {value}")
        );
        assert_eq!(limits, Limits::default());
    }
    assert_eq!(largest(Limit::Functions), u64::MAX);
}

/// The limit's maximum equals the largest value that the engines' validator accepts.
#[test]
fn largest_function_matches_the_validators_maximum() {
    let body = |bytes: usize| {
        let mut module = wasm_encoder::Module::new();
        let mut types = wasm_encoder::TypeSection::new();
        types.ty().function([], []);
        module.section(&types);
        let mut functions = wasm_encoder::FunctionSection::new();
        functions.function(0);
        module.section(&functions);
        let mut code = wasm_encoder::CodeSection::new();
        // The number of locals, and the end.
        let mut nops = vec![0];
        nops.resize(bytes - 1, 1);
        nops.push(0x0b);
        code.raw(&nops);
        module.section(&code);
        wasmparser::validate(&module.finish()).is_ok()
    };
    let most = usize::try_from(*Limit::FunctionBytes.range().end()).expect("a size");
    assert!(body(most) && !body(most + 1));
}
