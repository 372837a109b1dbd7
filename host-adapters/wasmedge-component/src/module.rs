//! Core modules that a host hands to components, and gets from them.

use std::fmt;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::LoadError;
use crate::ffi::{self, ModuleSource};
use crate::plan::ModuleType;

/// A core module: what [`LinkerInstance::module`](crate::LinkerInstance::module) takes, and
/// [`Instance::get_module`](crate::Instance::get_module) returns. Clones are the same module.
///
/// It is interpreted, also in a component that is compiled.
#[derive(Clone)]
pub struct Module(Arc<Inner>);

struct Inner {
    bytes: Arc<[u8]>,
    ty: ModuleType,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").finish_non_exhaustive()
    }
}

impl Module {
    /// Validates a core module.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`] if the bytes are no valid core module, [`LoadError::Unsupported`]
    /// with the feature's name if it needs something that is not supported, [`LoadError::Engine`]
    /// if WasmEdge refuses it.
    ///
    /// # Examples
    ///
    /// A component that instantiates a module of the host's:
    ///
    /// ```
    /// use wasmedge_component::{Component, Engine, Linker, Module, Store};
    ///
    /// # fn main() -> anyhow::Result<()> {
    /// let engine = Engine::default();
    /// let component = Component::new(&engine, wat::parse_str(r#"(component
    ///     (import "math" (core module $math (export "square" (func (param i32) (result i32)))))
    ///     (core instance $math (instantiate $math))
    ///     (func (export "square") (param "x" u32) (result u32) (canon lift (core func $math "square"))))"#)?)?;
    /// let math = Module::new(&engine, wat::parse_str(r#"(module
    ///     (func (export "square") (param i32) (result i32) (i32.mul (local.get 0) (local.get 0))))"#)?)?;
    /// let mut linker = Linker::new();
    /// linker.root().module("math", &math)?;
    ///
    /// let mut store = Store::new(&engine, ())?;
    /// let instance = linker.instantiate(&mut store, &component)?;
    /// let square = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "square")?;
    /// assert_eq!(square.call(&mut store, (7,))?, (49,));
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Self, LoadError> {
        let module = Self::read(bytes.as_ref().into())?;
        ffi::Module::new(engine, ModuleSource::Bytes(module.bytes())).map_err(|code| {
            LoadError::Engine {
                message: ffi::message(code),
            }
        })?;
        Ok(module)
    }

    pub(crate) fn read(bytes: Arc<[u8]>) -> Result<Self, LoadError> {
        let ty = ModuleType::read(&bytes)?;
        Ok(Self(Arc::new(Inner { bytes, ty })))
    }

    /// Returns the module's binary.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    pub(crate) fn ty(&self) -> &ModuleType {
        &self.0.ty
    }
}
