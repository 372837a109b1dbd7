//! A subscriber and a logger that do not use the host, set before `init`.

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata};

struct Other;

impl tracing::Subscriber for Other {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        println!("an event for the other subscriber");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl log::Log for Other {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _: &log::Record<'_>) {
        println!("a record for the other logger");
    }

    fn flush(&self) {}
}

fn main() {
    tracing::subscriber::set_global_default(Other).expect("the first subscriber");
    log::set_logger(&Other).expect("the first logger");
    log::set_max_level(log::LevelFilter::Trace);
    let _telemetry = wasmscope::init();
    let _again = wasmscope::init();
    tracing::info!("lost");
    log::info!("lost");
}
