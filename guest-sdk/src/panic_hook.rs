//! Reports a panic to the host before the program traps.

use std::cell::Cell;
use std::panic::PanicHookInfo;

use crate::backend::wire::{Maybe, MaybeByte, WireReference};
use crate::backend::{self, Once, logger};
use crate::logs::types::{LogAttribute, LogRecord, LogValue};
use crate::{KeyValue, Logger, Scope, Severity, notice, trace};

/// The logger of the SDK's own records.
pub(crate) static LOGGER: Logger =
    Logger::new(Scope::new("wasmscope").with_version(env!("CARGO_PKG_VERSION")));

thread_local! {
    static ON_PANIC: Cell<Option<fn(&Panic<'_>)>> = const { Cell::new(None) };
}

/// How many attributes a panic has at most.
const MAX_ATTRIBUTES: usize = 5;

/// Is what is known about a panic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panic<'a> {
    /// The panic's message.
    pub(crate) message: &'a str,
    /// The attributes of the semantic conventions: `exception.*` and `code.*`. A backtrace is not known in WebAssembly; the
    /// host adds its own to the trap.
    pub(crate) attributes: &'a [KeyValue<'a>],
}

/// Has `record` called with a panic, for the active span. A pointer, so that a guest without spans links none.
pub(crate) fn on_panic(record: fn(&Panic<'_>)) {
    backend::set(&ON_PANIC, Some(record));
}

/// Installs the hook, once; the one that was there is called after ours.
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
    let place = info.location();
    let known = if place.is_some() { MAX_ATTRIBUTES } else { 2 };
    let (file, line, column) = place
        .map(|place| (place.file(), place.line(), place.column()))
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
    trace::pending::before_panic();
    if let Some(record) = ON_PANIC.get() {
        record(&panic);
    }
    log(&panic);
}

/// Emits the log record of a panic, below every builder that might have panicked.
fn log(panic: &Panic<'_>) {
    let mut attributes = [LogAttribute {
        key: "",
        value: LogValue::BoolValue(false),
    }; MAX_ATTRIBUTES];
    for (logged, attribute) in attributes.iter_mut().zip(panic.attributes) {
        logged.key = attribute.key;
        if let Some(value) = crate::logs::scalar(attribute.value) {
            logged.value = value;
        }
    }
    notice::take(logger::emit(
        LOGGER.handle(),
        &[LogRecord {
            body: Maybe::Some(LogValue::StringValue(panic.message)),
            severity: MaybeByte::Some(Severity::Fatal),
            severity_text: Maybe::None,
            event_name: Maybe::Some("exception"),
            attributes: attributes.get(..panic.attributes.len()).unwrap_or_default(),
            nodes: &[],
            time: Maybe::None,
            context: WireReference::ambient(),
        }],
    ));
}

/// Forgets the spans of an earlier backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    ON_PANIC.set(None);
}
