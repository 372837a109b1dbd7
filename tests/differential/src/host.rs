//! The two hosts, with one interface.

mod wasmedge;
mod wasmtime;

pub use self::wasmedge::WasmEdge;
pub use self::wasmtime::Wasmtime;

use crate::outcome::Outcome;
use crate::value::Value;

/// An engine that runs components.
pub trait Host: Sync {
    /// A loaded component.
    type Component;
    /// An instance in its own store.
    type Instance: Instance;

    /// Loads a component.
    ///
    /// # Errors
    ///
    /// If the host refuses the component.
    fn load(&self, bytes: &[u8]) -> anyhow::Result<Self::Component>;

    /// Instantiates a component. Each imported function `f0`, `f1` … returns its arguments.
    ///
    /// # Errors
    ///
    /// If the host cannot.
    fn instantiate(&self, component: &Self::Component) -> anyhow::Result<Self::Instance>;

    /// Returns the names of the transcoders that the component's adapters use, if the host reports
    /// them.
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
    /// If there is no such function, or the arguments cannot be made.
    fn call(&mut self, instance: &str, name: &str, arguments: &[Value]) -> anyhow::Result<Outcome>;

    /// Returns the sum of the numbers of all resources that the host has destroyed.
    fn destroyed(&self) -> u64;
}

/// The number of a host's resource.
#[derive(Debug)]
pub(crate) struct Thing;
