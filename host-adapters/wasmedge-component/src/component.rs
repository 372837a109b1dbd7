//! Components, translated and validated: what instances are made of.

use std::path::Path;
use std::sync::Arc;

use crate::aot::compilable;
use crate::engine::Engine;
use crate::error::LoadError;
use crate::ffi::{self, Module, ModuleSource};
use crate::plan::{CoreModule, Plan};
use crate::typed::TypeList;

/// A component that was translated and validated, and may have been compiled. Clones are the same component.
#[derive(Debug, Clone)]
pub struct Component(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plan: Plan,
    modules: Vec<Arc<Module>>,
    compiled: usize,
    engine: Engine,
}

impl Component {
    /// Loads a component from the bytes of its binary. Nothing is compiled: it is interpreted.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`] if the bytes are no valid component, [`LoadError::Unsupported`] with the feature's name if it needs
    /// something that is not supported, [`LoadError::TooLarge`] if it is larger than
    /// [`Config::size_limits`](crate::Config::size_limits) allow.
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Self, LoadError> {
        Self::load(engine, bytes.as_ref(), |_, _| Ok(None))
    }

    /// Loads a component from a file, as [`new`](Self::new) does from bytes.
    ///
    /// # Errors
    ///
    /// [`LoadError::Unreadable`] if the file cannot be read, and those of [`new`](Self::new).
    pub fn from_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| LoadError::Unreadable {
            message: format!("{}: {error}", path.display()),
        })?;
        Self::new(engine, bytes)
    }

    /// Loads a component with what was compiled of it: `compiled` finds it for a module and its
    /// number.
    pub(crate) fn load(
        engine: &Engine,
        bytes: &[u8],
        mut compiled: impl FnMut(usize, &CoreModule) -> Result<Option<Module>, LoadError>,
    ) -> Result<Self, LoadError> {
        let plan = Plan::within(bytes, &engine.config().size_limits)?;
        let mut modules = Vec::new();
        let mut count = 0usize;
        for (index, module) in plan.modules.iter().enumerate() {
            let loaded = match compiled(index, module)? {
                Some(loaded) => {
                    count = count.saturating_add(1);
                    loaded
                }
                None => parse(engine, module)?,
            };
            modules.push(Arc::new(loaded));
        }
        Ok(Self(Arc::new(Inner {
            plan,
            modules,
            compiled: count,
            engine: engine.clone(),
        })))
    }

    /// Returns the engine that this was loaded for.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Returns what the component was translated to.
    pub fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// Returns how many of the component's core modules are compiled, and how many there are.
    ///
    /// Modules that share references to functions stay interpreted: see [`CoreModule::shares_references`].
    pub fn compiled(&self) -> (usize, usize) {
        (self.0.compiled, self.0.modules.len())
    }

    /// Tells whether all of its modules are compiled that can be.
    pub fn is_compiled(&self) -> bool {
        let modules = self.0.plan.modules.iter();
        self.0.compiled == modules.filter(|module| compilable(module)).count()
    }

    pub(crate) fn module(&self, id: crate::ids::ModuleId) -> Option<&Arc<Module>> {
        self.0.modules.get(id.index())
    }

    /// Returns the names and types of the functions that the component exports, those of its instances with the instance's name.
    pub fn exported_functions(&self) -> Vec<(Option<&str>, &str, TypeList<'_>, TypeList<'_>)> {
        let mut list = Vec::new();
        for (name, export) in &self.0.plan.exports {
            match export {
                crate::plan::Export::Function(function) => {
                    let ty = function.abi.ty();
                    list.push((None, name.as_str(), ty.param_types(), ty.result_types()));
                }
                crate::plan::Export::Instance(items) => {
                    for (item, export) in items {
                        if let crate::plan::Export::Function(function) = export {
                            let ty = function.abi.ty();
                            list.push((
                                Some(name.as_str()),
                                item.as_str(),
                                ty.param_types(),
                                ty.result_types(),
                            ));
                        }
                    }
                }
                crate::plan::Export::Resource(_)
                | crate::plan::Export::Module(_)
                | crate::plan::Export::Type => {}
            }
        }
        list
    }
}

/// The translator has validated the module; WasmEdge validates it again, for it does not run what it has not validated itself.
pub(crate) fn parse(engine: &Engine, module: &CoreModule) -> Result<Module, LoadError> {
    Module::new(engine, ModuleSource::Bytes(&module.bytes)).map_err(|code| LoadError::Engine {
        message: ffi::message(code),
    })
}
