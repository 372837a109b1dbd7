//! Arguments, environment, standard input, directories and files of a program.

use std::io::{Read as _, Write as _};

use wasmscope::{Scope, Tracer};

static TRACER: Tracer = Tracer::new(Scope::new("guest-environment"));

fn main() {
    let _telemetry = wasmscope::init();
    let span = TRACER.enter("read environment");
    let args: Vec<_> = std::env::args().skip(1).collect();
    println!("arguments: {args:?}");
    let mut env: Vec<_> = std::env::vars()
        .filter(|(name, _)| name != "WASMSCOPE_RUNTIME")
        .collect();
    env.sort();
    println!("environment: {env:?}");
    let mut input = String::new();
    std::io::stdin()
        .read_to_string(&mut input)
        .expect("standard input");
    println!("standard input: {input:?}");
    span.set_attribute("input.bytes", input.len() as i64);
    files("/in");
    files("/out");
    println!(
        "a file that is not given: {}",
        std::fs::read("/etc/passwd").is_err()
    );
    std::io::stdout()
        .write_all(&[b'b', 0, b'\t', 0xff, b'\n'])
        .expect("bytes as they are");
    eprintln!("and on standard error");
}

fn files(folder: &str) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("{folder}: not there");
        return;
    };
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    println!("{folder}: {names:?}");
    for name in ["a.txt", "sub/b.txt", "old.txt"] {
        if let Ok(text) = std::fs::read_to_string(format!("{folder}/{name}")) {
            println!("{folder}/{name}: {text:?}");
        }
    }
    let new = format!("{folder}/new.txt");
    let written = std::fs::write(&new, "new").is_ok();
    println!(
        "{folder} is written: {written}, and read back: {:?}",
        std::fs::read_to_string(new).ok()
    );
    let outside = std::fs::read_to_string(format!("{folder}/../in/a.txt"));
    println!("out of {folder}: {}", outside.is_ok());
}
