//! Wasmtime's host functions.

use anyhow::Result;
use wasmtime::{Caller as Context, Engine, Extern, Instance, Linker, Module, Store};

use super::super::Caller;

#[derive(Debug, Default)]
struct Arrived {
    calls: u64,
    bytes: u64,
}

struct Running {
    store: Store<Arrived>,
    instance: Instance,
}

pub(in super::super) fn caller() -> Result<Box<dyn Caller>> {
    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(super::text())?)?;
    let mut linker: Linker<Arrived> = Linker::new(&engine);
    linker.func_wrap("host", "none", |mut host: Context<'_, Arrived>| {
        host.data_mut().calls += 1;
    })?;
    linker.func_wrap(
        "host",
        "two",
        |mut host: Context<'_, Arrived>, _: i64, _: i64| {
            host.data_mut().calls += 1;
        },
    )?;
    linker.func_wrap(
        "host",
        "text",
        |mut host: Context<'_, Arrived>, at, length| {
            let bytes = text(&mut host, at, length).map_or(0, |text| text.len());
            let arrived = host.data_mut();
            arrived.calls += 1;
            arrived.bytes += bytes as u64;
        },
    )?;
    linker.func_wrap(
        "host",
        "attributes",
        |mut host: Context<'_, Arrived>, _: u32, _: u32, _: u32, _: u32| {
            host.data_mut().calls += 1;
        },
    )?;
    let mut store = Store::new(&engine, Arrived::default());
    let instance = linker.instantiate(&mut store, &module)?;
    Ok(Box::new(Running { store, instance }))
}

/// Copies a text out of the guest.
fn text(host: &mut Context<'_, Arrived>, at: u32, length: u32) -> Option<String> {
    let memory = host.get_export("memory").and_then(Extern::into_memory)?;
    let start = at as usize;
    let bytes = memory.data(&host).get(start..start + length as usize)?;
    Some(std::str::from_utf8(bytes).ok()?.to_owned())
}

impl Caller for Running {
    fn call(&mut self, function: &str, times: u32) -> Result<()> {
        let found = self
            .instance
            .get_typed_func::<u32, ()>(&mut self.store, function)?;
        Ok(found.call(&mut self.store, times)?)
    }

    fn arrived(&self) -> (u64, u64) {
        let arrived = self.store.data();
        (arrived.calls, arrived.bytes)
    }
}
