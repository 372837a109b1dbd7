//! Warnings of the SDK about incorrect use.
//!
//! A warning is sent to the host as a log record, at the first [`init`](crate::init()). The host
//! shows it at the end of the run. The SDK does not write to standard error, because that belongs
//! to the program.

use crate::backend::logger;
use crate::logs::SDK_LOGGER;
use crate::notice;
use crate::types::{LogRecord, LogValue, Maybe, MaybeByte, Severity, WireReference};

/// The event name by which hosts recognise a warning.
const EVENT_NAME: &str = "wasmscope.warning";

/// Emits a warning, regardless of the log threshold.
pub(crate) fn warn(message: &str) {
    notice::take(logger::emit(
        SDK_LOGGER.handle(),
        &[LogRecord {
            body: Maybe::Some(LogValue::String(message)),
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
