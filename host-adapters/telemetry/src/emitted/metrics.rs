//! The metrics of the host.

use opentelemetry_semantic_conventions::attribute::ERROR_TYPE;

use super::{MetricInfo, MetricKind, Stability};

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:ident, $unit:literal, [$($key:expr),*], $stability:ident, $description:literal, $note:literal;)+) => {
        /// The metrics, by constant.
        pub mod metric {
            use super::*;

            $(
                #[doc = $description]
                pub const $constant: MetricInfo = MetricInfo {
                    name: $name,
                    kind: MetricKind::$kind,
                    unit: $unit,
                    description: $description,
                    attributes: &[$($key),*],
                    note: $note,
                    stability: Stability::$stability,
                };
            )+
        }

        /// Every metric of the host.
        pub const METRICS: &[MetricInfo] = &[$(metric::$constant,)+];
    };
}

metrics! {
    DROPPED = "wasmscope.dropped", Counter, "{item}",
        ["wasmscope.signal", "wasmscope.reason"], Own,
        "Telemetry that was not kept as it was given, or not delivered",
        "There once something was dropped.";
    MEMORY = "wasmscope.runtime.memory", UpDownCounter, "By", [], Own,
        "Linear memory that instances have", "";
    INSTANCES = "wasmscope.runtime.instances", UpDownCounter, "{instance}", [], Own,
        "Component instances that exist", "";
    TRAPS = "wasmscope.runtime.traps", Counter, "{trap}", [ERROR_TYPE], Own,
        "Calls that ended by a trap",
        "Timeouts too. There once one happened.";
    INSTANTIATION = "wasmscope.runtime.instantiation.duration", Histogram, "s", [ERROR_TYPE], Own,
        "Time to instantiate a component, its start functions included",
        "`error.type` only where it failed.";
    FUEL = "wasmscope.runtime.fuel", Counter, "{fuel}", [], Own,
        "Fuel that calls have consumed, where the engine meters it",
        "Only with `--fuel`.";
}

/// An instrument that never has a value, and so is never exported.
pub(crate) const COLLECTION: &str = "wasmscope.collection";
