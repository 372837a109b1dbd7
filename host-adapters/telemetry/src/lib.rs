//! The telemetry core of Wasmscope.

pub mod console;
pub mod dropped;
pub mod instance;
pub mod invocation;
pub mod limits;
pub mod log_level;
mod metrics;
pub mod model;
pub mod runtime_metrics;
mod telemetry;

pub use dropped::{Dropped, Reason, Signal};
pub use instance::Instance;
pub use invocation::{InstanceAccess, Invocation, InvocationOptions, Outcome};
pub use limits::{Budget, Limits};
pub use log_level::LogLevels;
pub use runtime_metrics::RuntimeMetrics;
pub use telemetry::{Providers, Runtime, Telemetry, TelemetryBuilder};
