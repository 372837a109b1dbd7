//! The `log` API.

use log::{debug, error, info, log_enabled, trace, warn};
use wasmscope::{Scope, Tracer};

static TRACER: Tracer = Tracer::new(Scope::new("log"));

fn main() {
    let _telemetry = wasmscope::init();
    info!("beneath the host's span");
    let span = TRACER.enter("with logs");
    error!("an error: {}", 1);
    warn!("a warning");
    info!("a text");
    debug!("below the threshold");
    trace!(target: "chatty", "a scope that is listened to");
    error!(target: "quiet", "a scope that is not");
    info!(
        target: "chatty::inner",
        text = "a", yes = true, int = -1, big = u64::MAX, float = 0.5, character = 'c', debugged:? = Some(1), shown:% = 2;
        "with key-values"
    );
    drop(span);
    println!("debug: {}", log_enabled!(log::Level::Debug));
    println!(
        "trace for chatty: {}",
        log_enabled!(target: "chatty", log::Level::Trace)
    );
    println!(
        "error for quiet: {}",
        log_enabled!(target: "quiet", log::Level::Error)
    );
}
