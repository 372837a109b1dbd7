//! The smallest guest, which the README shows.

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
