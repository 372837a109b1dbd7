//! Components on an engine: loading, linking, instantiating and calling them.

pub(crate) mod call;
pub(crate) mod component;
pub(crate) mod func;
pub(crate) mod growth;
pub(crate) mod host_func;
pub(crate) mod instance;
pub(crate) mod instance_data;
pub(crate) mod instantiate;
pub(crate) mod interruption;
pub(crate) mod linker;
pub(crate) mod module;
mod resolve;
pub(crate) mod store;
mod trampoline;

#[cfg(test)]
mod tests;
