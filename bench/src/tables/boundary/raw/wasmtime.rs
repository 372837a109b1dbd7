//! Wasmtime's host functions.

use anyhow::Result;
use wasmtime::{Caller as Context, Engine, Error, Extern, Instance, Linker, Module, Store};

use super::super::{Arrived, Caller};

struct Running {
    store: Store<Arrived>,
    instance: Instance,
}

pub(in super::super) fn caller() -> Result<Box<dyn Caller>> {
    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(super::module())?)?;
    let mut linker: Linker<Arrived> = Linker::new(&engine);
    linker.func_wrap("host", "none", |mut host: Context<'_, Arrived>| {
        host.data_mut().add(0);
    })?;
    linker.func_wrap(
        "host",
        "two",
        |mut host: Context<'_, Arrived>, _: i64, _: i64| {
            host.data_mut().add(16);
        },
    )?;
    linker.func_wrap(
        "host",
        "text",
        |mut host: Context<'_, Arrived>, at: u32, length: u32| {
            let bytes = super::text(memory(&mut host)?, [at, length]);
            count(&mut host, bytes)
        },
    )?;
    linker.func_wrap(
        "host",
        "attributes",
        |mut host: Context<'_, Arrived>, at: u32, length: u32, list: u32, pairs: u32| {
            let bytes = super::attributes(memory(&mut host)?, [at, length, list, pairs]);
            count(&mut host, bytes)
        },
    )?;
    let mut store = Store::new(&engine, Arrived::default());
    let instance = linker.instantiate(&mut store, &module)?;
    Ok(Box::new(Running { store, instance }))
}

/// Returns parts of the caller's memory.
fn memory<'a>(
    host: &'a mut Context<'_, Arrived>,
) -> wasmtime::Result<impl Fn(u32, u32) -> Option<&'a [u8]> + use<'a>> {
    let memory = host.get_export("memory").and_then(Extern::into_memory);
    let memory = memory.ok_or_else(|| Error::msg("the guest has no memory"))?;
    let bytes = memory.data(&*host);
    Ok(move |at: u32, length: u32| bytes.get(at as usize..)?.get(..length as usize))
}

/// Counts a call. Traps if its arguments could not be read.
fn count(host: &mut Context<'_, Arrived>, bytes: Option<usize>) -> wasmtime::Result<()> {
    let bytes = bytes.ok_or_else(|| Error::msg("the guest passes what is no text"))?;
    host.data_mut().add(bytes);
    Ok(())
}

impl Caller for Running {
    fn call(&mut self, function: &str, times: u32) -> Result<()> {
        let found = self
            .instance
            .get_typed_func::<u32, ()>(&mut self.store, function)?;
        Ok(found.call(&mut self.store, times)?)
    }

    fn arrived(&self) -> Arrived {
        *self.store.data()
    }
}
