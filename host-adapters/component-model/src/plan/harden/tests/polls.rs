//! Where compiled code polls.

use super::rewriting::code;
use super::*;

/// A function that calls another twice, which calls another twice, and so on.
fn tree(levels: u32) -> String {
    let mut text = format!("(module (func $f0 {})", "nop ".repeat(100));
    for level in 1..=levels {
        let below = level - 1;
        text += &format!("(func $f{level} (call $f{below}) (call $f{below}))");
    }
    text + ")"
}

#[test]
fn long_running_calls_are_charged() {
    // Including callees, the functions have 101, 205, 413, 829 and 1661 instructions; then the
    // count starts again.
    let charged: Vec<_> = code(&polling(&tree(20)))
        .iter()
        .map(|function| function[0].starts_with("GlobalGet"))
        .collect();
    let expected: Vec<_> = (0..=20).map(|level| [4, 13].contains(&level)).collect();
    assert_eq!(charged, expected);
    let harmless = tree(3);
    assert_eq!(polling(&harmless), parse(&harmless));
}
