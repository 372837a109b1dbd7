//! WasmEdge, through `wasmedge-component`.

use anyhow::Context as _;
use component_model::internals;
use wasmedge_component::{
    Cache, Component, Engine, Func, Linker, Resource, ResourceType, Store, Trap, Val,
};

use super::{Host, Instance, Thing};
use crate::convert::wasmedge::{echo, from_val, to_val};
use crate::outcome::{Class, Outcome, of_message, of_wasmedge};
use crate::value::Value;

/// WasmEdge, interpreted or compiled ahead of time.
#[derive(Debug)]
pub struct WasmEdge {
    engine: Engine,
    cache: Option<Cache>,
}

impl WasmEdge {
    /// Makes an engine that interprets.
    ///
    /// # Errors
    ///
    /// If WasmEdge cannot be set up.
    pub fn interpreting() -> anyhow::Result<Self> {
        let engine = Engine::new(&wasmedge_component::Config::new())?;
        Ok(Self {
            engine,
            cache: None,
        })
    }

    /// Makes an engine that compiles components into a cache.
    ///
    /// # Errors
    ///
    /// If WasmEdge cannot be set up.
    pub fn compiling(cache: Cache) -> anyhow::Result<Self> {
        let mut config = wasmedge_component::Config::new();
        config.optimization(wasmedge_component::Optimization::None);
        let cache = Some(cache);
        Ok(Self {
            engine: Engine::new(&config)?,
            cache,
        })
    }
}

impl Host for WasmEdge {
    type Component = Component;
    type Instance = OnWasmEdge;

    fn load(&self, bytes: &[u8]) -> anyhow::Result<Component> {
        Ok(match &self.cache {
            Some(cache) => {
                let component = Component::precompile(&self.engine, bytes, cache)?;
                let (compiled, all) = component.compiled();
                anyhow::ensure!(compiled == all, "{compiled} of {all} modules are compiled");
                component
            }
            None => Component::new(&self.engine, bytes)?,
        })
    }

    fn instantiate(&self, component: &Component) -> anyhow::Result<OnWasmEdge> {
        let mut linker = Linker::<u64>::new();
        let mut root = linker.root();
        for (name, _) in component.imports() {
            match name {
                "nop" => root.func_wrap("nop", |_, ()| Ok(()))?,
                "make" => root.func_wrap("make", |_, (rep,): (u32,)| {
                    Ok((Resource::<Thing>::new_own(rep),))
                })?,
                "unmake" => {
                    root.func_wrap("unmake", |_, (of,): (Resource<Thing>,)| Ok((of.rep(),)))?
                }
                "r" => root.resource("r", ResourceType::host::<Thing>(), |mut store, rep| {
                    *store.data_mut() += u64::from(rep);
                    Ok(())
                })?,
                name if name.starts_with('f') => {
                    root.func_new(name, |_, _, arguments, results| {
                        if let Some(result) = results.first_mut() {
                            *result = echo(arguments, &mut |_| Ok(()))?;
                        }
                        Ok(())
                    })?;
                }
                _ => {}
            }
        }
        let mut store = Store::new(&self.engine, 0)?;
        let instance = linker.instantiate(&mut store, component)?;
        Ok(OnWasmEdge { store, instance })
    }

    fn transcoders(&self, component: &Component) -> Vec<String> {
        let all = internals::transcoders(component);
        all.map(|op| format!("{op:?}")).collect()
    }
}

/// An instance on WasmEdge.
#[derive(Debug)]
pub struct OnWasmEdge {
    store: Store<u64>,
    instance: wasmedge_component::Instance,
}

impl OnWasmEdge {
    fn function(&mut self, instance: &str, name: &str) -> anyhow::Result<Func> {
        let found = self.instance.get_func_in(&mut self.store, instance, name);
        found.with_context(|| format!("no function `{name}` of `{instance}` is exported"))
    }
}

impl Instance for OnWasmEdge {
    fn call(&mut self, instance: &str, name: &str, arguments: &[Value]) -> anyhow::Result<Outcome> {
        let function = self.function(instance, name)?;
        let mut made = Vec::new();
        let mut make = |rep| {
            let make = self.function(instance, "make")?;
            match make.call(&mut self.store, &[Val::U32(rep)])? {
                Some(Val::Resource(any)) => {
                    made.push(any);
                    Ok(any)
                }
                other => anyhow::bail!("`make` returned {other:?}"),
            }
        };
        let arguments = arguments.iter().map(|value| to_val(value, &mut make));
        let arguments = arguments.collect::<anyhow::Result<Vec<_>>>()?;
        let result = match function.call(&mut self.store, &arguments) {
            Ok(result) => result,
            Err(error) => {
                let message = format!("{error:#}");
                let class = match error.downcast_ref::<Trap>() {
                    Some(trap) => of_wasmedge(trap.code()),
                    None => of_message(&message),
                };
                return Ok(Outcome::Trapped { class, message });
            }
        };
        let mut unmake = |any| {
            let unmake = self.function(instance, "unmake")?;
            match unmake.call(&mut self.store, &[Val::Resource(any)])? {
                Some(Val::U32(rep)) => Ok(rep),
                other => anyhow::bail!("`unmake` returned {other:?}"),
            }
        };
        let result = result.as_ref().map(|val| from_val(val, &mut unmake));
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
            let _ = self.instance.drop_resource(&mut self.store, any);
        }
        Ok(Outcome::Returned(result))
    }

    fn destroyed(&self) -> u64 {
        *self.store.data()
    }
}
