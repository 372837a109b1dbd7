//! What a panic leaves behind.

use std::cell::Cell;
use std::panic::{Location, PanicHookInfo};
use std::sync::Once;

use crate::backend::logger;
use crate::logs::types::{LogAttribute, LogRecord, LogValue};
use crate::{KeyValue, Logger, Scope, Severity, SpanReference, notice, trace};

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
    /// Gives the attributes of the semantic conventions: `exception.*` and `code.*`. A backtrace is not known
    /// in WebAssembly; the host adds its own to the trap.
    pub(crate) fn attributes(&self) -> Vec<KeyValue<'_>> {
        let mut attributes = vec![
            KeyValue::new("exception.type", "panic"),
            KeyValue::new("exception.message", self.message),
        ];
        if let Some(location) = self.location {
            attributes.push(KeyValue::new("code.file.path", location.file()));
            attributes.push(KeyValue::new("code.line.number", location.line()));
            attributes.push(KeyValue::new("code.column.number", location.column()));
        }
        attributes
    }
}

/// Has `record` called with a panic, for the active span. A pointer, so that a guest without spans links none.
pub(crate) fn on_panic(record: fn(&Panic<'_>)) {
    ON_PANIC.set(Some(record));
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

/// Emits the log record of a panic, below every builder that might have panicked.
fn log(panic: &Panic<'_>) {
    let attributes: Vec<_> = panic
        .attributes()
        .iter()
        .filter_map(|attribute| {
            Some(LogAttribute {
                key: attribute.key,
                value: crate::logs::scalar(attribute.value)?,
            })
        })
        .collect();
    notice::take(logger::emit(
        LOGGER.handle(),
        &[LogRecord {
            body: Some(LogValue::StringValue(panic.message)),
            severity: Some(Severity::Fatal),
            severity_text: None,
            event_name: Some("exception"),
            attributes: &attributes,
            nodes: &[],
            time: None,
            context: SpanReference::Ambient,
        }],
    ));
}

/// Forgets the spans of an earlier backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    ON_PANIC.set(None);
}
