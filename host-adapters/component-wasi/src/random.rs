//! `wasi:random`: secure and insecure random numbers.

use component_model::engine::Engine;
use component_model::{LinkError, Linker};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::random::insecure::Host as _;
use wasmtime_wasi::p2::bindings::random::insecure_seed::Host as _;
use wasmtime_wasi::p2::bindings::random::random::Host as _;
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};

use crate::interface::{Interface, one};

pub(crate) fn add_to_linker<T: WasiView + 'static, E: Engine>(
    linker: &mut Linker<T, E>,
) -> Result<(), LinkError> {
    Interface::<_, _, WasiRandom>::new(linker, "wasi:random/random@0.2.12", T::random)
        .func("get-random-bytes", |random, (len,)| {
            one(random.get_random_bytes(len))
        })?
        .func("get-random-u64", |random, ()| one(random.get_random_u64()))?;
    Interface::<_, _, WasiRandom>::new(linker, "wasi:random/insecure@0.2.12", T::random)
        .func("get-insecure-random-bytes", |random, (len,)| {
            one(random.get_insecure_random_bytes(len))
        })?
        .func("get-insecure-random-u64", |random, ()| {
            one(random.get_insecure_random_u64())
        })?;
    Interface::<_, _, WasiRandom>::new(linker, "wasi:random/insecure-seed@0.2.12", T::random)
        .func("insecure-seed", |random, ()| one(random.insecure_seed()))?;
    Ok(())
}
