//! Calls a function of the contract by its core signature, with invalid memory.

use scenarios::types::SpanReference;
use scenarios::{NOT_RECORDED, end, scope, start, tracer};

fn main() {
    let tracer = tracer::get(&scope("abi"));
    end(start(tracer, "finished before", &SpanReference::Ambient));
    let span = start(tracer, "open", &SpanReference::Ambient);
    println!("recorded: {}", span & NOT_RECORDED == 0);
    let invalid = [b'a', 0xff, b'b'];
    let (name, length) = match std::env::args().nth(1).as_deref() {
        Some("text") => (invalid.as_ptr() as usize, invalid.len()),
        Some("pointer") => (0xffff_fff0, 8),
        Some("length") => (invalid.as_ptr() as usize, 0xffff_fff0),
        other => panic!("a call that is not known: {other:?}"),
    };
    event(span, name, length);
    println!("it goes on");
}

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "generated bindings cannot pass invalid values")]
fn event(span: u64, name: usize, length: usize) {
    #[link(wasm_import_module = "wasmscope:otel/tracer@0.1.0")]
    unsafe extern "C" {
        #[link_name = "event"]
        fn event(
            span: i64,
            name: usize,
            length: usize,
            attributes: usize,
            attributes_length: usize,
            has_time: i32,
            time: i64,
        ) -> i64;
    }
    // SAFETY: the host checks the arguments, and traps.
    let _ = unsafe { event(span as i64, name, length, 8, 0, 0, 0) };
}

#[cfg(not(target_arch = "wasm32"))]
fn event(_: u64, _: usize, _: usize) {}
