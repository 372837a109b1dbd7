//! Ends with an exit code, by a function that Rust's standard library does not use yet.

use scenarios::types::SpanReference;
use scenarios::{scope, start, tracer};

mod exit {
    wit_bindgen::generate!({
        inline: "
            package wasmscope:scenario;
            world program {
                import wasi:cli/exit@0.2.12;
            }
            package wasi:cli@0.2.12 {
                interface exit {
                    exit: func(status: result);
                    exit-with-code: func(status-code: u8);
                }
            }
        ",
        generate_all,
    });
}

fn main() {
    let tracer = tracer::get(&scope("exit"));
    let span = start(tracer, "open at the exit", &SpanReference::Ambient);
    let _ = tracer::enter(span);
    println!("about to exit");
    exit::wasi::cli::exit::exit_with_code(3);
}
