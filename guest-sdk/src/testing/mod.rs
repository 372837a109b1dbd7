//! A backend that keeps what is recorded, so that instrumented code can be unit-tested without a runtime.
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
//! What comes by the doors, such as `tracing`, is seen once they are connected, as `main` does it:
//!
//! ```
//! # #[cfg(feature = "tracing")] {
//! use wasmscope::testing::Recorder;
//!
//! let recorder = Recorder::install();
//! let _telemetry = wasmscope::init(); // in each test; once connected they stay so
//! tracing::info!("someone is greeted");
//! assert_eq!(recorder.logs().len(), 1);
//! # }
//! ```
//!
//! It exists natively only. Each thread has its own: what other threads record is not seen, so tests do
//! not disturb each other.

mod context;
mod logs;
mod metrics;
mod recorded;
mod recorder;
mod traces;

pub use recorded::{
    MeasurementKind, RecordedEvent, RecordedLink, RecordedLog, RecordedMeasurement, RecordedNumber,
    RecordedParent, RecordedScope, RecordedSpan, RecordedStatus, RecordedValue,
};
pub use recorder::Recorder;

pub(crate) use recorder::{epoch, with};
