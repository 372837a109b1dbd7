//! Connects `tracing` at [`init`](crate::init()).

use super::builder::Builder;
use super::dispatch::is_connected;
use crate::local::Once;
use crate::warning;

/// Sets a subscriber with the defaults as the program's, unless it has one. Warns if that does not
/// lead to the host.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if Builder::default().try_init().is_err() && !is_connected() {
            warning::warn(
                "another `tracing` subscriber was set before `wasmscope::init`, so spans and events of `tracing` do not reach the host: \
                 call `wasmscope::init` first, or compose the two as the module `wasmscope::subscriber` describes",
            );
        }
    });
}
