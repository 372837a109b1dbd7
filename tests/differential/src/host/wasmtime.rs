//! Wasmtime.

use anyhow::Context as _;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Func, Linker, Resource, ResourceAny, ResourceType, Val};
use wasmtime::{Config, Engine, OptLevel, RegallocAlgorithm, Store};

use super::{Host, Instance, Thing};
use crate::convert::wasmtime::{echo, from_val, to_val};
use crate::outcome::{Class, Outcome, of_message, of_wasmtime};
use crate::value::Value;

/// Wasmtime with settings for fast compilation.
#[derive(Debug)]
pub struct Wasmtime(Engine);

impl Wasmtime {
    /// Makes an engine.
    ///
    /// # Errors
    ///
    /// If Wasmtime cannot be set up.
    pub fn new() -> anyhow::Result<Self> {
        let mut config = Config::new();
        // Compiling takes most of the time, and the code runs only a few times.
        config.cranelift_opt_level(OptLevel::None);
        config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
        config.generate_address_map(false);
        config.concurrency_support(false);
        // Guests that WasmEdge compiled trap by signals, and WasmEdge's signal handlers replace
        // Wasmtime's. With signals, a trap on Wasmtime would then end the process.
        config.signals_based_traps(false);
        // Each call that traps gets a new instance. Mapping guard pages would cost more than bounds
        // checks.
        config.memory_reservation(0);
        config.memory_guard_size(0);
        Ok(Self(Engine::new(&config)?))
    }
}

impl Host for Wasmtime {
    type Component = Component;
    type Instance = OnWasmtime;

    fn load(&self, bytes: &[u8]) -> anyhow::Result<Component> {
        Ok(Component::new(&self.0, bytes)?)
    }

    fn instantiate(&self, component: &Component) -> anyhow::Result<OnWasmtime> {
        let mut linker = Linker::<u64>::new(&self.0);
        let mut root = linker.root();
        for (name, item) in component.component_type().imports(&self.0) {
            match (name, item.ty) {
                ("nop", _) => root.func_wrap("nop", |_, ()| Ok(()))?,
                ("make", _) => root.func_wrap("make", |_, (rep,): (u32,)| {
                    Ok((Resource::<Thing>::new_own(rep),))
                })?,
                ("unmake", _) => {
                    root.func_wrap("unmake", |_, (of,): (Resource<Thing>,)| Ok((of.rep(),)))?
                }
                (name, ComponentItem::Resource(_)) => {
                    root.resource(name, ResourceType::host::<Thing>(), |mut store, rep| {
                        *store.data_mut() += u64::from(rep);
                        Ok(())
                    })?;
                }
                (name, ComponentItem::ComponentFunc(_)) => {
                    root.func_new(name, |mut store, _, arguments, results| {
                        if let Some(result) = results.first_mut() {
                            // Embedders of Wasmtime have to drop borrowed handles.
                            *result = echo(arguments, &mut |any: ResourceAny| {
                                Ok(any.resource_drop(&mut store)?)
                            })
                            .map_err(wasmtime::Error::from_anyhow)?;
                        }
                        Ok(())
                    })?;
                }
                _ => {}
            }
        }
        let mut store = Store::new(&self.0, 0);
        let instance = linker.instantiate(&mut store, component)?;
        Ok(OnWasmtime { store, instance })
    }
}

/// An instance on Wasmtime.
#[derive(Debug)]
pub struct OnWasmtime {
    store: Store<u64>,
    instance: wasmtime::component::Instance,
}

impl OnWasmtime {
    fn function(&mut self, instance: &str, name: &str) -> anyhow::Result<Func> {
        let missing = || format!("no function `{name}` of `{instance}` is exported");
        let found = self
            .instance
            .get_export_index(&mut self.store, None, instance);
        let found = found.with_context(missing)?;
        let found = self
            .instance
            .get_export_index(&mut self.store, Some(&found), name);
        let found = found.with_context(missing)?;
        self.instance
            .get_func(&mut self.store, found)
            .with_context(missing)
    }
}

impl Instance for OnWasmtime {
    fn call(&mut self, instance: &str, name: &str, arguments: &[Value]) -> anyhow::Result<Outcome> {
        let function = self.function(instance, name)?;
        let mut made = Vec::new();
        let mut make = |rep| {
            let mut results = [Val::Bool(false)];
            let make = self.function(instance, "make")?;
            make.call(&mut self.store, &[Val::U32(rep)], &mut results)?;
            match &results {
                [Val::Resource(any)] => {
                    made.push(*any);
                    Ok(*any)
                }
                other => anyhow::bail!("`make` returned {other:?}"),
            }
        };
        let arguments = arguments.iter().map(|value| to_val(value, &mut make));
        let arguments = arguments.collect::<anyhow::Result<Vec<_>>>()?;
        let count = function.ty(&self.store).results().len();
        let mut results = vec![Val::Bool(false); count];
        if let Err(error) = function.call(&mut self.store, &arguments, &mut results) {
            // The guest's backtrace comes before the cause.
            let message = error.root_cause().to_string();
            let class = match error.downcast_ref::<wasmtime::Trap>() {
                Some(trap) => of_wasmtime(*trap),
                None => of_message(&message),
            };
            return Ok(Outcome::Trapped { class, message });
        }
        let mut unmake = |any| {
            let mut results = [Val::Bool(false)];
            let unmake = self.function(instance, "unmake")?;
            unmake.call(&mut self.store, &[Val::Resource(any)], &mut results)?;
            match results {
                [Val::U32(rep)] => Ok(rep),
                other => anyhow::bail!("`unmake` returned {other:?}"),
            }
        };
        let result = results.first().map(|val| from_val(val, &mut unmake));
        let result = match result.transpose() {
            Ok(result) => result,
            Err(error) => {
                return Ok(Outcome::Trapped {
                    class: Class::Other,
                    message: error.to_string(),
                });
            }
        };
        for any in made {
            // A handle that was passed on is no longer in the table.
            let _ = any.resource_drop(&mut self.store);
        }
        Ok(Outcome::Returned(result))
    }

    fn destroyed(&self) -> u64 {
        *self.store.data()
    }
}
