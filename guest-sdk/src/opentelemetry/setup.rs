//! Sets the providers as the global ones.

use std::sync::atomic::{AtomicBool, Ordering};

use ::opentelemetry::global;

use super::metrics::MeterProvider;
use super::observer;
use super::propagation::Propagator;
use super::trace::TracerProvider;
use crate::local::Once;

static SETTING_UP: AtomicBool = AtomicBool::new(false);

/// Sets the providers and the propagator as those of [`opentelemetry::global`], and passes attached
/// contexts to the host.
///
/// [`init`](crate::init) calls it. Providers that are set after the first call are kept.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        SETTING_UP.store(true, Ordering::Relaxed);
        observer::install();
        global::set_tracer_provider(TracerProvider::new());
        global::set_meter_provider(MeterProvider::new());
        global::set_text_map_propagator(Propagator::new());
        SETTING_UP.store(false, Ordering::Relaxed);
    });
}

/// Returns true while [`install`] is running. The API logs to `tracing` during that time.
#[cfg(feature = "tracing")]
pub(crate) fn is_setting_up() -> bool {
    SETTING_UP.load(Ordering::Relaxed)
}
