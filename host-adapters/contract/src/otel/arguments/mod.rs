//! The arguments of the functions of `wasmscope:otel`, by interface.

mod context;
pub(crate) mod logger;
mod meter;
#[cfg(test)]
mod tests;
mod tracer;
mod types;
