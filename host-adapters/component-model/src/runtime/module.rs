//! Core modules that a host passes to components, or receives from them.

use std::fmt;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::LoadError;
use crate::plan::ModuleType;

/// A core module, which [`LinkerInstance::module`](crate::LinkerInstance::module) takes and
/// [`Instance::get_module`](crate::Instance::get_module) returns. Clones share the module.
///
/// It is interpreted, even in a compiled component.
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
    /// [`LoadError::Invalid`] if the bytes are not a valid core module, [`LoadError::Unsupported`]
    /// with the name of the feature if it needs an unsupported feature, [`LoadError::Engine`] if
    /// the engine rejects it.
    pub fn new<E: Engine>(engine: &E, bytes: impl AsRef<[u8]>) -> Result<Self, LoadError> {
        let module = Self::read(bytes.as_ref().into())?;
        engine.load(module.bytes())?;
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
