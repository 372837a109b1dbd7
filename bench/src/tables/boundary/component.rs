//! Calls through the component model.

use std::path::Path;

use anyhow::Result;

use super::{Arrived, CORE, Caller};

/// The component around the core module. Its memory is in a module of its own, because the
/// functions' canonical options refer to it.
fn text() -> String {
    format!(
        r#"(component
  (import "bench:boundary/host" (instance $host
    (type $pair' (record (field "key" string) (field "value" string)))
    (export "pair" (type $pair (eq $pair')))
    (type $record' (record (field "name" string) (field "pairs" (list $pair))))
    (export "named-pairs" (type $record (eq $record')))
    (export "none" (func))
    (export "two" (func (param "a" u64) (param "b" u64)))
    (export "text" (func (param "text" string)))
    (export "attributes" (func (param "attributes" $record)))))
  (core module $memory (memory (export "memory") 1))
  (core module $main
    (import "memory" "memory" (memory 1))
    {CORE})
  (core instance $memory (instantiate $memory))
  (core func $none (canon lower (func $host "none")))
  (core func $two (canon lower (func $host "two")))
  (core func $text (canon lower (func $host "text") (memory (core memory $memory "memory"))))
  (core func $attributes (canon lower (func $host "attributes") (memory (core memory $memory "memory"))))
  (core instance $calls
    (export "none" (func $none))
    (export "two" (func $two))
    (export "text" (func $text))
    (export "attributes" (func $attributes)))
  (core instance $main (instantiate $main
    (with "memory" (instance $memory))
    (with "host" (instance $calls))))
  (func (export "none") (param "times" u32) (canon lift (core func $main "none")))
  (func (export "two") (param "times" u32) (canon lift (core func $main "two")))
  (func (export "text") (param "times" u32) (canon lift (core func $main "text")))
  (func (export "attributes") (param "times" u32) (canon lift (core func $main "attributes"))))"#
    )
}

const HOST: &str = "bench:boundary/host";

pub(super) fn wasmtime() -> Result<Box<dyn Caller>> {
    use wasmtime::component::{Component, ComponentType, Instance, Lift, Linker};
    use wasmtime::{Engine, Store, StoreContextMut};

    #[derive(ComponentType, Lift)]
    #[component(record)]
    struct Pair {
        key: String,
        value: String,
    }

    #[derive(ComponentType, Lift)]
    #[component(record)]
    struct Named {
        name: String,
        pairs: Vec<Pair>,
    }

    struct Running {
        store: Store<Arrived>,
        instance: Instance,
    }

    impl Caller for Running {
        fn call(&mut self, function: &str, times: u32) -> Result<()> {
            let found = self
                .instance
                .get_typed_func::<(u32,), ()>(&mut self.store, function)?;
            Ok(found.call(&mut self.store, (times,))?)
        }

        fn arrived(&self) -> Arrived {
            *self.store.data()
        }
    }

    let engine = Engine::default();
    let component = Component::new(&engine, wat::parse_str(text())?)?;
    let mut linker: Linker<Arrived> = Linker::new(&engine);
    let mut host = linker.instance(HOST)?;
    host.func_wrap("none", |mut store: StoreContextMut<'_, Arrived>, ()| {
        store.data_mut().add(0);
        Ok(())
    })?;
    host.func_wrap(
        "two",
        |mut store: StoreContextMut<'_, Arrived>, _: (u64, u64)| {
            store.data_mut().add(16);
            Ok(())
        },
    )?;
    host.func_wrap(
        "text",
        |mut store: StoreContextMut<'_, Arrived>, (text,): (String,)| {
            store.data_mut().add(text.len());
            Ok(())
        },
    )?;
    host.func_wrap(
        "attributes",
        |mut store: StoreContextMut<'_, Arrived>, (named,): (Named,)| {
            let pairs = named.pairs.iter();
            let pairs = pairs.map(|pair| pair.key.len() + pair.value.len());
            store
                .data_mut()
                .add(named.name.len() + pairs.sum::<usize>());
            Ok(())
        },
    )?;
    let mut store = Store::new(&engine, Arrived::default());
    let instance = linker.instantiate(&mut store, &component)?;
    Ok(Box::new(Running { store, instance }))
}

pub(super) fn wasmedge(cache: Option<&Path>) -> Result<Box<dyn Caller>> {
    use wasmedge_component::{
        Cache, Component, Config, Engine, Instance, Linker, Optimization, Store, StoreContextMut,
        record,
    };

    struct Pair {
        key: String,
        value: String,
    }

    record! {
        Pair {
            "key" => key: String,
            "value" => value: String,
        }
    }

    struct Named {
        name: String,
        pairs: Vec<Pair>,
    }

    record! {
        Named {
            "name" => name: String,
            "pairs" => pairs: Vec<Pair>,
        }
    }

    struct Running {
        store: Store<Arrived>,
        instance: Instance,
    }

    impl Caller for Running {
        fn call(&mut self, function: &str, times: u32) -> Result<()> {
            let found = self
                .instance
                .get_typed_func::<(u32,), ()>(&mut self.store, function)?;
            found.call(&mut self.store, (times,))
        }

        fn arrived(&self) -> Arrived {
            *self.store.data()
        }
    }

    let mut config = Config::new();
    config.optimization(Optimization::Aggressive);
    let engine = Engine::new(&config)?;
    let bytes = wat::parse_str(text())?;
    let component = match cache {
        None => Component::new(&engine, bytes)?,
        Some(folder) => {
            Component::precompile(&engine, &bytes, &Cache::open(folder.join("wasmedge"))?)?
        }
    };
    let mut linker: Linker<Arrived> = Linker::new();
    let mut host = linker.instance(HOST);
    host.func_wrap("none", |mut store: StoreContextMut<'_, Arrived>, (): ()| {
        store.data_mut().add(0);
        Ok(())
    })?;
    host.func_wrap(
        "two",
        |mut store: StoreContextMut<'_, Arrived>, _: (u64, u64)| {
            store.data_mut().add(16);
            Ok(())
        },
    )?;
    host.func_wrap(
        "text",
        |mut store: StoreContextMut<'_, Arrived>, (text,): (String,)| {
            store.data_mut().add(text.len());
            Ok(())
        },
    )?;
    host.func_wrap(
        "attributes",
        |mut store: StoreContextMut<'_, Arrived>, (named,): (Named,)| {
            let pairs = named.pairs.iter();
            let pairs = pairs.map(|pair| pair.key.len() + pair.value.len());
            store
                .data_mut()
                .add(named.name.len() + pairs.sum::<usize>());
            Ok(())
        },
    )?;
    let mut store = Store::new(&engine, Arrived::default())?;
    let instance = linker.instantiate(&mut store, &component)?;
    Ok(Box::new(Running { store, instance }))
}
