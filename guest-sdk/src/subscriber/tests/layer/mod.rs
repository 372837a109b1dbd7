//! Runs the tests of the subscriber with the layer instead, and tests it beside other layers.

#[expect(clippy::duplicate_mod, reason = "the same tests")]
#[path = "../contexts.rs"]
mod contexts;
#[expect(clippy::duplicate_mod, reason = "the same tests")]
#[path = "../defaults.rs"]
mod defaults;
#[expect(clippy::duplicate_mod, reason = "the same tests")]
#[path = "../errors.rs"]
mod errors;
#[expect(clippy::duplicate_mod, reason = "the same tests")]
#[path = "../events.rs"]
mod events;
mod filters;
#[expect(clippy::duplicate_mod, reason = "the same tests")]
#[path = "../lifecycle.rs"]
mod lifecycle;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use super::{Setup, keys};
use crate::subscriber::Builder;
use crate::testing::Recorder;

fn setup(change: impl FnOnce(Builder) -> Builder) -> Setup {
    let recorder = Recorder::install();
    let other = tracing_subscriber::fmt::layer()
        .with_writer(std::io::sink)
        .with_filter(EnvFilter::new("warn"));
    let registry = tracing_subscriber::registry()
        .with(other)
        .with(change(crate::subscriber()).build_layer());
    Setup {
        _default: registry.set_default(),
        recorder,
    }
}

fn defaults() -> Setup {
    setup(|builder| builder)
}
