//! What the SDK has to say about how it is used.
//!
//! A warning goes to the host as a log record, at the first [`init`](crate::init()): the host passes it on to whoever runs the
//! component, at the run's end. Standard error is the program's own, and programs are checked by what they write there.

use crate::Severity;
use crate::backend::logger;
use crate::backend::wire::{Maybe, MaybeByte, WireReference};
use crate::logs::types::{LogRecord, LogValue};
use crate::{notice, panic_hook};

/// The event name by which a host knows a warning.
const EVENT_NAME: &str = "wasmscope.warning";

/// Emits a warning, whether somebody listens to logs or not.
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
