//! The smallest guest: the README shows it.

use tracing::{info, instrument};

#[instrument]
fn greet(name: &str) {
    info!("someone is greeted");
    println!("Hello, {name}!");
}

fn main() {
    let _telemetry = wasmscope::init();
    greet("world");
}
