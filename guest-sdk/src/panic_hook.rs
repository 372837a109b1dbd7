//! Reports a panic to the host before the program traps.

use std::panic::PanicHookInfo;

use crate::backend::logger;
use crate::local::Once;
use crate::logs::{SDK_LOGGER, scalar};
use crate::notice;
use crate::trace::{self, Panic, log_context};
use crate::types::{
    KeyValue, LogAttribute, LogRecord, LogValue, Maybe, MaybeByte, Severity, SpanReference,
};

/// The maximum number of attributes of a panic.
const MAX_ATTRIBUTES: usize = 5;

/// Installs the hook, once. It calls the previous hook afterwards.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            record(info);
            previous(info);
        }));
    });
}

fn record(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().filter(|text| !text.is_empty());
    let message = message.unwrap_or("a panic without a message");
    let location = info.location();
    let known = if location.is_some() {
        MAX_ATTRIBUTES
    } else {
        2
    };
    let (file, line, column) = location
        .map(|location| (location.file(), location.line(), location.column()))
        .unwrap_or_default();
    let attributes: [_; MAX_ATTRIBUTES] = [
        KeyValue::new("exception.type", "panic"),
        KeyValue::new("exception.message", message),
        KeyValue::new("code.file.path", file),
        KeyValue::new("code.line.number", line),
        KeyValue::new("code.column.number", column),
    ];
    let panic = Panic {
        message,
        attributes: attributes.get(..known).unwrap_or_default(),
    };
    trace::active::before_trap(&panic);
    log(&panic);
}

/// Emits the log record of a panic, with direct calls to the host, because the panic may come from
/// a builder of the SDK.
fn log(panic: &Panic<'_>) {
    let mut attributes = [LogAttribute {
        key: "",
        value: LogValue::Bool(false),
    }; MAX_ATTRIBUTES];
    for (logged, attribute) in attributes.iter_mut().zip(panic.attributes) {
        logged.key = attribute.key;
        if let Some(value) = scalar(attribute.value) {
            logged.value = value;
        }
    }
    notice::take(logger::emit(
        SDK_LOGGER.handle(),
        &[LogRecord {
            body: Maybe::Some(LogValue::String(panic.message)),
            severity: MaybeByte::Some(Severity::Fatal),
            severity_text: Maybe::None,
            event_name: Maybe::Some("exception"),
            attributes: attributes.get(..panic.attributes.len()).unwrap_or_default(),
            nodes: &[],
            time: Maybe::None,
            context: log_context(SpanReference::Ambient),
        }],
    ));
}
