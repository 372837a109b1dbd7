//! Warnings of the SDK about how it is used.
//!
//! A warning goes to the host as a log record, at the first [`init`](crate::init()): the host shows
//! it to the person who runs the component, at the run's end. The SDK does not write to standard
//! error, because that is the program's own output.

use crate::Severity;
use crate::backend::logger;
use crate::backend::wire::{Maybe, MaybeByte, WireReference};
use crate::logs::types::{LogRecord, LogValue};
use crate::{notice, panic_hook};

/// The event name by which a host knows a warning.
const EVENT_NAME: &str = "wasmscope.warning";

/// Emits a warning, whatever the log threshold is.
pub(crate) fn warn(message: &str) {
    notice::take(logger::emit(
        panic_hook::LOGGER.handle(),
        &[LogRecord {
            body: Maybe::Some(LogValue::StringValue(message)),
            severity: MaybeByte::Some(Severity::Warn),
            severity_text: Maybe::None,
            event_name: Maybe::Some(EVENT_NAME),
            attributes: &[],
            nodes: &[],
            time: Maybe::None,
            context: WireReference::Ambient,
        }],
    ));
}
