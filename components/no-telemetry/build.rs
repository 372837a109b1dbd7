//! Describes the exported interfaces for the linker, and makes the stack small.

use std::error::Error;
use std::path::PathBuf;
use wit_component::StringEncoding;

const WIT: &str = "../../wit";

const WORLD: &str = "
    package wasmscope:no-telemetry;
    world provider {
        export wasmscope:otel/types@0.1.0;
        export wasmscope:otel/context@0.1.0;
        export wasmscope:otel/tracer@0.1.0;
        export wasmscope:otel/meter@0.1.0;
        export wasmscope:otel/logger@0.1.0;
    }
";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={WIT}");
    // The functions return constants: they need no stack, and no names in backtraces.
    println!("cargo::rustc-link-arg-cdylib=-zstack-size=1024");
    println!("cargo::rustc-link-arg-cdylib=--strip-all");
    let mut resolve = wit_parser::Resolve::default();
    resolve.push_path(WIT)?;
    let package = resolve.push_str("provider.wit", WORLD)?;
    let world = resolve.select_world(&[package], None)?;
    let types = wit_component::metadata::encode(&resolve, world, StringEncoding::UTF8, None)?;
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    Ok(std::fs::write(folder.join("types"), types)?)
}
