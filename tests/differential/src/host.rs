//! The two hosts, behind one face.

mod wasmedge;
mod wasmtime;

pub use self::wasmedge::WasmEdge;
pub use self::wasmtime::Wasmtime;

use crate::outcome::Outcome;
use crate::value::Value;

/// An engine that runs components.
pub trait Host: Sync {
    /// A component that was loaded.
    type Component;
    /// An instance of it, in a store of its own.
    type Instance: Instance;

    /// Loads a component.
    ///
    /// # Errors
    ///
    /// An error if the host refuses the component.
    fn load(&self, bytes: &[u8]) -> anyhow::Result<Self::Component>;

    /// Instantiates a component. Each function `f0`, `f1` … that it imports gives back its arguments.
    ///
    /// # Errors
    ///
    /// An error if the host cannot.
    fn instantiate(&self, component: &Self::Component) -> anyhow::Result<Self::Instance>;

    /// Returns the names of the transcoders that the component's adapters use, if the host tells.
    fn transcoders(&self, _component: &Self::Component) -> Vec<String> {
        Vec::new()
    }
}

/// An instance of a component.
pub trait Instance {
    /// Calls a function of an exported instance.
    ///
    /// # Errors
    ///
    /// An error if there is no such function, or the arguments cannot be made.
    fn call(&mut self, instance: &str, name: &str, arguments: &[Value]) -> anyhow::Result<Outcome>;

    /// Returns the sum of what the resources stood for that the host has destroyed.
    fn destroyed(&self) -> u64;
}

/// What a host's resource is known by.
#[derive(Debug)]
pub(crate) struct Thing;
