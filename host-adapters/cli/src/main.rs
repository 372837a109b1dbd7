//! The `wasmscope` command.
fn main() {}
