//! A recorder of telemetry, to unit-test instrumented code without a host.
//!
//! ```
//! use wasmscope::testing::Recorder;
//!
//! static TRACER: wasmscope::Tracer = wasmscope::tracer!();
//!
//! fn price(order: i64) {
//!     let span = TRACER.start("price");
//!     span.set_attribute("order.id", order);
//! }
//!
//! let recorder = Recorder::install();
//! price(17);
//! let span = recorder.span("price");
//! assert!(span.ended);
//! assert_eq!(span.attribute("order.id"), Some(&17.into()));
//! ```
//!
//! Telemetry of `tracing`, `log` and `opentelemetry` is recorded once [`init`](crate::init()) has
//! connected them:
//!
//! ```
//! # #[cfg(feature = "tracing")] {
//! use wasmscope::testing::Recorder;
//!
//! let recorder = Recorder::install();
//! let _telemetry = wasmscope::init(); // in each test; they stay connected
//! tracing::info!("a greeting");
//! assert_eq!(recorder.logs().len(), 1);
//! # }
//! ```
//!
//! It exists natively only. Each thread has its own, so tests are independent of each other.

mod recorder;

pub use crate::backend::recording::{
    MeasurementKind, RecordedEvent, RecordedLink, RecordedLog, RecordedMeasurement, RecordedNumber,
    RecordedParent, RecordedScope, RecordedSpan, RecordedStatus, RecordedValue,
};
pub use recorder::Recorder;
