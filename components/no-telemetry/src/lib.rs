//! Exports all of `wasmscope:otel` and does nothing.
//!
//! Plugged into an instrumented component, it replaces the host's implementation. The result
//! imports nothing of Wasmscope, so it runs on any host that provides its other imports.
//!
//! The results let the guest SDK skip most of its work:
//!
//! | result | effect in the guest |
//! |---|---|
//! | spans are not recorded, regardless of their attributes | it passes no attributes, events or status |
//! | no logger has a threshold | it emits no log records |
//! | notices are zero: no metrics are collected | it runs observable instruments only at the end |
//!
//! Trace context and baggage are not propagated.
//!
//! Generated bindings would copy each argument into Rust values and drop them. So the functions are
//! exported directly in the form of the canonical ABI. The linker checks each signature against
//! `wit/` when it creates the component. No argument is ever read.
#![cfg(target_arch = "wasm32")]
#![no_std]
#![expect(unsafe_code, reason = "exports name their functions for the linker")]

mod memory;

/// The types of the interfaces, for the linker: see `build.rs`.
#[unsafe(link_section = "component-type:no-telemetry")]
pub static TYPES: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/types")).len()] =
    *include_bytes!(concat!(env!("OUT_DIR"), "/types"));

/// A span that is not recorded (bit 63), independent of its attributes (bit 62).
const NOT_RECORDED: u64 = 0b11 << 62;

/// A handle, a time, or the notice that no metrics are collected and no threshold has changed.
const ZERO: u64 = 0;

const FALSE: u32 = 0;

/// A result in memory: an absent option, an empty list, or the threshold of a disabled logger.
static NOTHING: [u64; 8] = [0; 8];

/// Exports functions that return a constant. Each also frees the memory of its arguments.
macro_rules! exports {
    ($($name:ident = $export:literal($($argument:ty),*) -> $result:ty { $value:expr })*) => {
        $(
            #[unsafe(export_name = $export)]
            extern "C" fn $name($(_: $argument),*) -> $result {
                memory::free_all();
                $value
            }
        )*
    };
}

mod context {
    use super::*;

    exports! {
        current = "wasmscope:otel/context@0.1.0#current"() -> &'static [u64; 8] { &NOTHING }
        baggage = "wasmscope:otel/context@0.1.0#baggage"() -> &'static [u64; 8] { &NOTHING }
        enter_baggage = "wasmscope:otel/context@0.1.0#enter-baggage"(u32, u32) -> u64 { ZERO }
        exit_baggage = "wasmscope:otel/context@0.1.0#exit-baggage"(u64) -> u64 { ZERO }
    }
}

mod tracer {
    use super::*;

    exports! {
        get = "wasmscope:otel/tracer@0.1.0#get"(
            u32, u32, u32, u32, u32, u32, u32, u32, u32, u32
        ) -> u64 { ZERO }
        start = "wasmscope:otel/tracer@0.1.0#start"(
            u64, u32, u32, u32, u32, u64, u64, u64, u32, u32, u32, u32, u32, u32, u64, u32
        ) -> u64 { NOT_RECORDED }
        now = "wasmscope:otel/tracer@0.1.0#now"() -> u64 { ZERO }
        ambient = "wasmscope:otel/tracer@0.1.0#ambient"() -> u64 { ZERO }
        invocation = "wasmscope:otel/tracer@0.1.0#invocation"() -> u64 { ZERO }
        enter = "wasmscope:otel/tracer@0.1.0#enter"(u64) -> u64 { ZERO }
        exit = "wasmscope:otel/tracer@0.1.0#exit"(u64) -> u64 { ZERO }
        update = "wasmscope:otel/tracer@0.1.0#update"(
            u64, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32
        ) -> u64 { ZERO }
        event = "wasmscope:otel/tracer@0.1.0#event"(u64, u32, u32, u32, u32, u32, u64) -> u64 { ZERO }
        end = "wasmscope:otel/tracer@0.1.0#end"(
            u64, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u64
        ) -> u64 { ZERO }
        context_of = "wasmscope:otel/tracer@0.1.0#context-of"(u64) -> &'static [u64; 8] { &NOTHING }
    }
}

mod meter {
    use super::*;

    exports! {
        get = "wasmscope:otel/meter@0.1.0#get"(
            u32, u32, u32, u32, u32, u32, u32, u32, u32, u32
        ) -> u64 { ZERO }
        create = "wasmscope:otel/meter@0.1.0#create"(
            u64, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32, u32
        ) -> u64 { ZERO }
        measure = "wasmscope:otel/meter@0.1.0#measure"(u64, u32, u64, u32, u32) -> u64 { ZERO }
        bind = "wasmscope:otel/meter@0.1.0#bind"(u64, u32, u32) -> u64 { ZERO }
        measure_series = "wasmscope:otel/meter@0.1.0#measure-series"(u64, u32, u64) -> u64 { ZERO }
        create_observer = "wasmscope:otel/meter@0.1.0#create-observer"() -> u64 { ZERO }
        observe = "wasmscope:otel/meter@0.1.0#observe"(u64, u32, u32, u32) -> u64 { ZERO }
    }
}

mod logger {
    use super::*;

    exports! {
        get = "wasmscope:otel/logger@0.1.0#get"(
            u32, u32, u32, u32, u32, u32, u32, u32, u32, u32
        ) -> u64 { ZERO }
        threshold = "wasmscope:otel/logger@0.1.0#threshold"(u64) -> &'static [u64; 8] { &NOTHING }
        enabled = "wasmscope:otel/logger@0.1.0#enabled"(u64, u32, u32, u32, u32, u32) -> u32 { FALSE }
        emit = "wasmscope:otel/logger@0.1.0#emit"(u64, u32, u32) -> u64 { ZERO }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
