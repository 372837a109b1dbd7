//! Loaded components.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use compiled_code::{Cache, Precompiled, Trusted};

use crate::engine::{Compiler, Engine};
use crate::error::LoadError;
use crate::ids::ModuleId;
use crate::plan::{CoreModule, Plan};
use crate::types::{ComponentItem, ResourceNames, items};

/// A translated and validated component, which may be compiled. Clones share the component.
pub struct Component<E: Engine>(Arc<Inner<E>>);

struct Inner<E: Engine> {
    plan: Plan,
    modules: Vec<Arc<E::Module>>,
    compiled: usize,
    engine: E,
}

impl<E: Engine> Clone for Component<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E: Engine> fmt::Debug for Component<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("plan", &self.0.plan)
            .field("engine", &self.0.engine)
            .finish_non_exhaustive()
    }
}

impl<E: Engine> Component<E> {
    /// Loads a component from its binary. Nothing is compiled: the component is interpreted.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`] if the bytes are not a valid component, [`LoadError::Unsupported`]
    /// with the name of the feature if it needs an unsupported feature, [`LoadError::TooLarge`] if
    /// it is larger than [`Limits::size`](crate::engine::Limits::size) allows.
    pub fn new(engine: &E, bytes: impl AsRef<[u8]>) -> Result<Self, LoadError> {
        Self::load(engine, bytes.as_ref(), |_, _| Ok(None))
    }

    /// Loads a component from a file, as [`new`](Self::new) does from bytes.
    ///
    /// # Errors
    ///
    /// [`LoadError::Unreadable`] if the file cannot be read, and those of [`new`](Self::new).
    pub fn from_file(engine: &E, path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| LoadError::Unreadable {
            message: format!("{}: {error}", path.display()),
        })?;
        Self::new(engine, bytes)
    }

    /// Loads a component. `compiled` returns the compiled form of each module, by the module's
    /// number. Modules without one are interpreted.
    fn load(
        engine: &E,
        bytes: &[u8],
        mut compiled: impl FnMut(usize, &CoreModule) -> Result<Option<E::Module>, LoadError>,
    ) -> Result<Self, LoadError> {
        let plan = Plan::within(bytes, &engine.limits().size)?;
        let mut modules = Vec::new();
        let mut count = 0usize;
        for (index, module) in plan.modules.iter().enumerate() {
            let loaded = match compiled(index, module)? {
                Some(loaded) => {
                    count = count.saturating_add(1);
                    loaded
                }
                None => engine.load(&module.bytes)?,
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

    /// Returns the engine that the component was loaded for.
    pub fn engine(&self) -> &E {
        &self.0.engine
    }

    /// Returns the component's translation.
    pub(crate) fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// Returns the number of compiled core modules, and the number of all core modules.
    pub fn compiled(&self) -> (usize, usize) {
        (self.0.compiled, self.0.modules.len())
    }

    pub(crate) fn module(&self, id: ModuleId) -> Option<&Arc<E::Module>> {
        self.0.modules.get(id.index())
    }

    /// Returns the component's imports, by name and in order. Of types, only resources are listed.
    pub fn imports(&self) -> Vec<(&str, ComponentItem<'_>)> {
        items::imports(&self.0.plan)
    }

    /// Returns the component's exports, by name and in order.
    pub fn exports(&self) -> Vec<(&str, ComponentItem<'_>)> {
        items::exports(&self.0.plan.exports)
    }

    /// Returns the names of the resources in the types of the component's functions.
    pub fn resource_names(&self) -> ResourceNames<'_> {
        ResourceNames::new(&self.0.plan)
    }
}

impl<E: Compiler> Component<E> {
    /// Loads a component, as [`new`](Self::new) does, with code from a cache. Modules without
    /// cached code are interpreted.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn with_cache(
        engine: &E,
        bytes: impl AsRef<[u8]>,
        cache: &Cache,
    ) -> Result<Self, LoadError> {
        Self::load(engine, bytes.as_ref(), |_, module| {
            Ok(find_compiled(engine, module, cache))
        })
    }

    /// Compiles the core modules that are missing in a cache, stores their code there, and loads
    /// the component. Compiling takes some seconds for a program of ordinary size.
    ///
    /// If the code cannot be written to the cache, the component is compiled nevertheless: see
    /// [`precompile_and_report`](Self::precompile_and_report). The engine's documentation says in
    /// which process its compiler runs, and the consequences for this process.
    ///
    /// # Errors
    ///
    /// [`LoadError::Compiler`] if a module cannot be compiled, and those of [`new`](Self::new).
    pub fn precompile(
        engine: &E,
        bytes: impl AsRef<[u8]>,
        cache: &Cache,
    ) -> Result<Self, LoadError> {
        Ok(Self::precompile_and_report(engine, bytes, cache)?.component)
    }

    /// Compiles and loads a component, as [`precompile`](Self::precompile) does, and also returns
    /// whether the code was stored.
    ///
    /// # Errors
    ///
    /// Those of [`precompile`](Self::precompile).
    pub fn precompile_and_report(
        engine: &E,
        bytes: impl AsRef<[u8]>,
        cache: &Cache,
    ) -> Result<Precompiled<Self>, LoadError> {
        let mut cache_error = None;
        let component = Self::load(engine, bytes.as_ref(), |_, module| {
            if !engine.can_compile(module) {
                return Ok(None);
            }
            if let Some(found) = find_compiled(engine, module, cache) {
                return Ok(Some(found));
            }
            let code = engine.compile(module)?;
            if let Err(error) = cache.store(&engine.code_key(module), code.bytes()) {
                cache_error = Some(error);
            }
            engine.load_compiled(&code).map(Some)
        })?;
        Ok(Precompiled {
            component,
            cache_error,
        })
    }

    /// Compiles the core modules of a component, and returns the code of each, for
    /// [`with_code`](Self::with_code). It is `None` for a module that is interpreted.
    ///
    /// # Errors
    ///
    /// [`LoadError::Compiler`] if a module cannot be compiled, and those of [`new`](Self::new).
    pub fn compile(engine: &E, bytes: impl AsRef<[u8]>) -> Result<Vec<Option<Trusted>>, LoadError> {
        let mut list = Vec::new();
        Self::load(engine, bytes.as_ref(), |_, module| {
            let can_compile = engine.can_compile(module);
            list.push(can_compile.then(|| engine.compile(module)).transpose()?);
            Ok(None)
        })?;
        Ok(list)
    }

    /// Loads a component with the code that [`compile`](Self::compile) returned for it: `code`
    /// returns that of each core module by its number. The component and the engine's version and
    /// settings must be the same.
    ///
    /// Modules without code are interpreted.
    ///
    /// # Errors
    ///
    /// [`LoadError::Compiler`] if the engine rejects the code, and those of [`new`](Self::new).
    pub fn with_code(
        engine: &E,
        bytes: impl AsRef<[u8]>,
        mut code: impl FnMut(usize) -> Option<Trusted>,
    ) -> Result<Self, LoadError> {
        Self::load(engine, bytes.as_ref(), |index, module| {
            let code = code(index).filter(|_| engine.can_compile(module));
            code.map(|code| engine.load_compiled(&code)).transpose()
        })
    }

    /// True if all modules that can be compiled are compiled.
    pub fn is_compiled(&self) -> bool {
        let modules = self.0.plan.modules.iter();
        let can_be = modules.filter(|module| self.0.engine.can_compile(module));
        self.0.compiled == can_be.count()
    }
}

/// Loads a module's code from a cache. Returns `None` if there is none, or if the engine rejects
/// it.
fn find_compiled<E: Compiler>(engine: &E, module: &CoreModule, cache: &Cache) -> Option<E::Module> {
    if !engine.can_compile(module) {
        return None;
    }
    let code = cache.find(&engine.code_key(module))?;
    engine.load_compiled(&code).ok()
}
