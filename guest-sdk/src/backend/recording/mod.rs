//! The contract's functions natively: they record their arguments, for
//! [`Recorder`](crate::testing::Recorder).

mod context;
mod logs;
mod metrics;
mod recorded;
mod scopes;
mod state;
mod traces;

pub use recorded::{
    MeasurementKind, RecordedEvent, RecordedLink, RecordedLog, RecordedMeasurement, RecordedNumber,
    RecordedParent, RecordedScope, RecordedSpan, RecordedStatus, RecordedValue,
};
pub(crate) use state::{change, epoch, install, uninstall, with};
