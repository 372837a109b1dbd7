//! Connects the crate `log`: its records become OpenTelemetry logs (feature `log`).
//!
//! ```
//! let _telemetry = wasmscope::init(); // sets the bridge as the program's logger, unless it has one
//!
//! log::info!(target: "orders", id = 17, customer = "Ada"; "accepted");
//! ```
//!
//! | `log` | OpenTelemetry |
//! |---|---|
//! | target | instrumentation scope |
//! | level | severity number `TRACE` 1, `DEBUG` 5, `INFO` 9, `WARN` 13, `ERROR` 17, and its name as severity text |
//! | message | body |
//! | key-values | attributes: texts, booleans, integers up to 64 bits signed and floats keep their type; others become text by `Display`; `null` is left out |
//! | module, file, line | left out, or with [`Bridge::with_location`] the attributes `code.file.path` and `code.line.number` |
//!
//! A record below its target's threshold costs a look-up, and no call. The component learns of a
//! new threshold with the next span, measurement or enabled record. A program that only logs below
//! the threshold asks for it again after 1,023 records. [`log::max_level`] stays at `Trace`,
//! because it does not depend on the target. To save the look-up, lower it with
//! [`log::set_max_level`].
//!
//! The first 40 targets have a scope each. Further ones share the scope of their crate and have the
//! attribute `log.target`, because a host accepts a limited number of scopes.

use std::cell::Cell;

use ::log::kv::{Error, Key, Value as LogKvValue, VisitSource, VisitValue};
use ::log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};

use crate::backend::logger;
use crate::buffer::Buffer;
use crate::local::Once;
use crate::logs::scalar;
use crate::targets::{self, TargetLogger};
use crate::trace::log_context;
use crate::types::{LogAttribute, LogRecord, LogValue, Maybe, MaybeByte, Severity, SpanReference};
use crate::{notice, warning};

/// The scope that remaining targets share.
const REST_SCOPE: &str = "log";

static BRIDGE: Bridge = Bridge::new();

/// Sets [`Bridge`] as the program's logger, and the maximum level to `Trace`.
/// [`wasmscope::init`](crate::init()) does so if the program has no logger yet.
///
/// Set your own logger before that, because the crate `log` accepts only one for the whole program,
/// and `env_logger::init`, for example, panics if there is one. Your logger must pass its records
/// to a [`Bridge`], and its `enabled` must ask the bridge. Otherwise its records do not reach the
/// host, and [`wasmscope::init`](crate::init()) warns.
///
/// # Errors
///
/// Returns an error if the program already has another logger.
pub fn init() -> Result<(), SetLoggerError> {
    match ::log::set_logger(&BRIDGE) {
        Ok(()) => ::log::set_max_level(LevelFilter::Trace),
        Err(_) if core::ptr::addr_eq(::log::logger(), &raw const BRIDGE) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Sets the bridge as the program's logger, unless it has one. Warns if its logger does not pass
/// records to the host.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if init().is_err() && !is_connected() {
            warning::warn(
                "another logger was set before `wasmscope::init`, so records of `log` do not reach the host: call `wasmscope::init` \
                 first, or have that logger pass its records on to a `wasmscope::log::Bridge`",
            );
        }
    });
}

/// The target with which [`is_connected`] probes the program's logger.
const PROBE: &str = "wasmscope::probe";

thread_local! {
    static PROBED: Cell<bool> = const { Cell::new(false) };
}

/// Called if a logger in front of ours, or tracing-log in front of our subscriber, asks whether a
/// target is enabled.
pub(crate) fn note_probe(target: &str) {
    if target == PROBE {
        PROBED.set(true);
    }
}

/// Returns true if the program's logger passes records to the bridge or to our `tracing`
/// subscriber.
fn is_connected() -> bool {
    PROBED.set(false);
    let metadata = Metadata::builder()
        .target(PROBE)
        .level(Level::Error)
        .build();
    let _ = ::log::logger().enabled(&metadata);
    PROBED.get()
}

/// A [`log::Log`] that emits OpenTelemetry logs. Only programs with a logger in front of it need
/// it. All others call [`wasmscope::init`](crate::init()).
#[derive(Debug, Clone, Default)]
pub struct Bridge {
    location: bool,
}

impl Bridge {
    /// Creates a bridge.
    #[must_use]
    pub const fn new() -> Self {
        Self { location: false }
    }

    /// Adds the file and the line to each record.
    #[must_use]
    pub const fn with_location(mut self) -> Self {
        self.location = true;
        self
    }
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        note_probe(metadata.target());
        targets::logger(metadata.target(), REST_SCOPE).accepts(Some(severity(metadata.level())))
    }

    fn log(&self, record: &Record<'_>) {
        let logger = targets::logger(record.target(), REST_SCOPE);
        if !logger.accepts(Some(severity(record.level()))) {
            return;
        }
        let mut fields = Buffer::default();
        if !logger.is_named_for(record.target()) {
            fields.push("log.target", record.target().into());
        }
        if self.location {
            if let Some(file) = record.file() {
                fields.push("code.file.path", file.into());
            }
            if let Some(line) = record.line() {
                fields.push("code.line.number", line.into());
            }
        }
        // The visitor returns no errors, and the log is kept if a source of key-values fails.
        let _ = record.key_values().visit(&mut Visitor(&mut fields));
        match record.args().as_str() {
            Some(text) => emit(&logger, record.level(), text, &fields),
            None => emit(&logger, record.level(), &record.args().to_string(), &fields),
        }
    }

    fn flush(&self) {}
}

fn emit(logger: &TargetLogger, level: Level, body: &str, fields: &Buffer) {
    let attributes: Vec<_> = fields
        .as_list()
        .into_iter()
        .filter_map(|field| {
            Some(LogAttribute {
                key: field.key,
                value: scalar(field.value)?,
            })
        })
        .collect();
    notice::take(logger::emit(
        logger.handle(),
        &[LogRecord {
            body: Maybe::Some(LogValue::String(body)),
            severity: MaybeByte::Some(severity(level)),
            severity_text: Maybe::Some(level.as_str()),
            event_name: Maybe::None,
            attributes: &attributes,
            nodes: &[],
            time: Maybe::None,
            context: log_context(SpanReference::Ambient),
        }],
    ));
}

const fn severity(level: Level) -> Severity {
    match level {
        Level::Error => Severity::Error,
        Level::Warn => Severity::Warn,
        Level::Info => Severity::Info,
        Level::Debug => Severity::Debug,
        Level::Trace => Severity::Trace,
    }
}

struct Visitor<'a>(&'a mut Buffer);

impl<'kvs> VisitSource<'kvs> for Visitor<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: LogKvValue<'kvs>) -> Result<(), Error> {
        value.visit(Field {
            key: key.as_str(),
            to: self.0,
        })
    }
}

struct Field<'a> {
    key: &'a str,
    to: &'a mut Buffer,
}

impl Field<'_> {
    fn write(&mut self, value: &dyn core::fmt::Display) -> Result<(), Error> {
        // Not directly into the buffer, because the value's code may fail half-way.
        let text = value.to_string();
        self.to.push(self.key, text.as_str().into());
        Ok(())
    }
}

impl<'v> VisitValue<'v> for Field<'_> {
    fn visit_any(&mut self, value: LogKvValue<'_>) -> Result<(), Error> {
        self.write(&value)
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            // Too large for OpenTelemetry's integers.
            Err(_) => self.write(&value),
        }
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        self.to.push(self.key, value.into());
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
        self.to.push(self.key, value.into());
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        self.to.push(self.key, value.into());
        Ok(())
    }

    fn visit_str(&mut self, value: &str) -> Result<(), Error> {
        self.to.push(self.key, value.into());
        Ok(())
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
