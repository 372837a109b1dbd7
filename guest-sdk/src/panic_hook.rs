//! What a panic leaves behind.

use std::cell::Cell;
use std::panic::{Location, PanicHookInfo};
use std::sync::Once;

use crate::backend::wire::{Maybe, WireReference};
use crate::backend::{self, logger};
use crate::logs::types::{LogAttribute, LogRecord, LogValue};
use crate::{KeyValue, Logger, Scope, Severity, notice, trace};

static LOGGER: Logger =
    Logger::new(Scope::new("wasmscope").with_version(env!("CARGO_PKG_VERSION")));

thread_local! {
    static ON_PANIC: Cell<Option<fn(&Panic<'_>)>> = const { Cell::new(None) };
}

/// Is what is known about a panic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panic<'a> {
    /// What the panic said.
    pub(crate) message: &'a str,
    location: Option<&'a Location<'a>>,
}

impl Panic<'_> {
    /// Passes on the attributes of the semantic conventions: `exception.*` and `code.*`. A backtrace is not known
    /// in WebAssembly; the host adds its own to the trap.
    pub(crate) fn with_attributes<'a, R>(&'a self, take: impl FnOnce(&[KeyValue<'a>]) -> R) -> R {
        let place = self.location.map(|at| (at.file(), at.line(), at.column()));
        let known = if place.is_some() { 5 } else { 2 };
        let (file, line, column) = place.unwrap_or_default();
        let attributes = [
            KeyValue::new("exception.type", "panic"),
            KeyValue::new("exception.message", self.message),
            KeyValue::new("code.file.path", file),
            KeyValue::new("code.line.number", line),
            KeyValue::new("code.column.number", column),
        ];
        take(attributes.get(..known).unwrap_or_default())
    }
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
    let panic = Panic {
        message: info.payload_as_str().unwrap_or("a value that is no text"),
        location: info.location(),
    };
    trace::pending::flush_if_used();
    if let Some(record) = ON_PANIC.get() {
        record(&panic);
    }
    log(&panic);
}

fn logged<'a>(attributes: &[KeyValue<'a>]) -> Vec<LogAttribute<'a>> {
    let value = |value| crate::logs::scalar(value).unwrap_or(LogValue::StringValue(""));
    attributes
        .iter()
        .map(|attribute| LogAttribute {
            key: attribute.key,
            value: value(attribute.value),
        })
        .collect()
}

/// Emits the log record of a panic, below every builder that might have panicked.
fn log(panic: &Panic<'_>) {
    let attributes = panic.with_attributes(logged);
    notice::take(logger::emit(
        LOGGER.handle(),
        &[LogRecord {
            body: Maybe::Some(LogValue::StringValue(panic.message)),
            severity: Maybe::Some(Severity::Fatal),
            severity_text: Maybe::None,
            event_name: Maybe::Some("exception"),
            attributes: &attributes,
            nodes: &[],
            time: Maybe::None,
            context: WireReference::Ambient,
        }],
    ));
}

/// Forgets the spans of an earlier backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    ON_PANIC.set(None);
}
