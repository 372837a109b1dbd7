//! What the service prints.

#![expect(unsafe_code, reason = "a function that runs when an instance is made")]

use std::io::{Read as _, Write as _, stderr, stdin, stdout};

unsafe extern "C" {
    /// Runs the constructors. The linker makes it.
    fn __wasm_call_ctors();
}

/// Runs when an instance is made. Without it, the constructors would run in the first call.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: it runs once, before all other code of the instance.
    unsafe { __wasm_call_ctors() };
    if std::env::var("ANNOUNCE").is_ok() {
        println!("made");
        print!("unfinished at first");
        flush();
    }
}

/// Prints lines in small parts, of which the last has no end.
pub(crate) fn some(name: &str) {
    for line in 0..20 {
        for part in ["line ", &line.to_string(), " of ", name] {
            print!("{part}");
            flush();
        }
        println!();
        eprintln!("error {line} of {name}");
    }
    print!("unfinished {name}");
    flush();
}

/// Prints more than a pipe holds, and more than the host keeps.
pub(crate) fn much() {
    let line = "x".repeat(1023);
    for _ in 0..6000 {
        println!("{line}");
    }
}

pub(crate) fn endless() -> ! {
    loop {
        much();
    }
}

/// Prints bytes that are no text, colours, and a line that is longer than the host's.
pub(crate) fn odd() {
    let mut out = stdout();
    let _ = out.write_all(b"\xff\x1b[31mred\x1b[0m\x1b[2J\rover\n\nnext\r\n");
    let _ = out.write_all("x".repeat(10_000).as_bytes());
    let _ = out.write_all(b"\n");
    flush();
}

/// Returns the number of bytes of standard input.
pub(crate) fn read() -> usize {
    let mut bytes = Vec::new();
    let _ = stdin().read_to_end(&mut bytes);
    bytes.len()
}

fn flush() {
    let _ = stdout().flush();
    let _ = stderr().flush();
}
