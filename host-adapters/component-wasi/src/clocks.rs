//! `wasi:clocks`: the wall clock, the monotonic clock, and timers.

use component_model::engine::Engine;
use component_model::{LinkError, Linker};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as _;
use wasmtime_wasi::p2::bindings::clocks::wall_clock;

use crate::handle::Handle;
use crate::interface::{Interface, one};

/// A time of the wall clock, since 1970.
pub(crate) struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

component_model::record! {
    Datetime {
        "seconds" => seconds: u64,
        "nanoseconds" => nanoseconds: u32,
    }
}

impl From<wall_clock::Datetime> for Datetime {
    fn from(time: wall_clock::Datetime) -> Self {
        Self {
            seconds: time.seconds,
            nanoseconds: time.nanoseconds,
        }
    }
}

impl From<Datetime> for wall_clock::Datetime {
    fn from(time: Datetime) -> Self {
        Self {
            seconds: time.seconds,
            nanoseconds: time.nanoseconds,
        }
    }
}

pub(crate) fn add_to_linker<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
) -> Result<(), LinkError> {
    let mut wall =
        Interface::<_, _, WasiClocks>::new(linker, "wasi:clocks/wall-clock@0.2.12", T::clocks);
    wall.func("now", |clocks, ()| {
        one(wall_clock::Host::now(clocks).map(Datetime::from))
    })?
    .func("resolution", |clocks, ()| {
        one(wall_clock::Host::resolution(clocks).map(Datetime::from))
    })?;
    let name = "wasi:clocks/monotonic-clock@0.2.12";
    Interface::<_, _, WasiClocks>::new(linker, name, T::clocks)
        .func("now", |clocks, ()| one(clocks.now()))?
        .func("resolution", |clocks, ()| one(clocks.resolution()))?
        .func("subscribe-instant", |clocks, (when,)| {
            one(clocks.subscribe_instant(when).map(Handle))
        })?
        .func("subscribe-duration", |clocks, (duration,)| {
            one(clocks.subscribe_duration(duration).map(Handle))
        })?;
    Ok(())
}
