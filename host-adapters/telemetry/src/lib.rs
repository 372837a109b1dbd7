//! The telemetry core of Wasmscope.

mod attributes;
pub mod config;
pub mod console;
pub mod dropped;
mod handle;
pub mod instance;
mod interned;
pub mod invocation;
pub mod limits;
pub mod log_level;
mod loggers;
mod metrics;
pub mod model;
mod nested;
pub mod pipeline;
mod remote;
pub mod runtime_metrics;
pub mod sampler;
mod scope;
mod telemetry;

pub use dropped::{Dropped, Reason, Signal};
pub use instance::Instance;
pub use invocation::{InstanceAccess, Invocation, InvocationOptions, Outcome};
pub use limits::{Budget, Limits};
pub use log_level::LogLevels;
pub use metrics::cardinality_view;
pub use runtime_metrics::RuntimeMetrics;
pub use telemetry::{Providers, Runtime, Telemetry, TelemetryBuilder};
