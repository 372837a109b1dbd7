//! The tests of the subscriber, with the layer in its place, beside other layers.

#[path = "../contexts.rs"]
mod contexts;
#[path = "../defaults.rs"]
mod defaults;
#[path = "../errors.rs"]
mod errors;
#[path = "../events.rs"]
mod events;
mod filters;
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
