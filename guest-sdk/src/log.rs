//! The `log` crate's records as OpenTelemetry logs (feature `log`).
//!
//! ```
//! let _telemetry = wasmscope::init(); // makes the bridge the program's logger, unless it has one
//!
//! log::info!(target: "orders", id = 17, customer = "Ada"; "accepted");
//! ```
//!
//! | `log` | OpenTelemetry |
//! |---|---|
//! | target | instrumentation scope |
//! | level | severity number `TRACE` 1, `DEBUG` 5, `INFO` 9, `WARN` 13, `ERROR` 17, and its name as severity text |
//! | message | body |
//! | key-values | attributes: texts, booleans, integers up to 64 bits signed, floats as what they are; others as the text that their `Display` gives; `null` is left out |
//! | module, file, line | left out, or with [`Bridge::with_location`] the attributes `code.file.path` and `code.line.number` |
//!
//! A record below its target's threshold costs a look-up, and no call. Spans, measurements and
//! enabled records bring a new threshold at once; a program that only logs below the threshold asks
//! for it after 1,023 records. [`log::max_level`] is left wide open: it cannot tell one target from
//! another. Lower it with [`log::set_max_level`] where nothing finer will be wanted.
//!
//! The first 40 targets have a scope each. Further ones share their crate's, and the attribute `log.target` names them,
//! because a host admits a limited number of scopes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ::log::kv::{Error, Key, Value as LogKvValue, VisitSource, VisitValue};
use ::log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};

use crate::backend::wire::{Maybe, MaybeByte, WireReference};
use crate::backend::{self, Once, Slot};
use crate::buffer::Buffer;
use crate::logs::Threshold;
use crate::logs::types::{LogAttribute, LogRecord, LogValue, Severity};
use crate::{InstrumentationScope, notice};

static BRIDGE: Bridge = Bridge::new();

/// Makes [`Bridge`] the program's logger, with every level let through to it.
/// [`wasmscope::init`](crate::init()) does so if the program has no logger yet.
///
/// A logger of your own has to be set before that: the crate `log` takes one for the whole program,
/// and `env_logger::init`, for one, panics where there is one already. It has to pass its records
/// on to a [`Bridge`], and its `enabled` has to ask the bridge. Otherwise its records do not reach
/// the host, and [`wasmscope::init`](crate::init()) warns.
///
/// # Errors
///
/// Where the program has another logger already.
pub fn init() -> Result<(), SetLoggerError> {
    match ::log::set_logger(&BRIDGE) {
        Ok(()) => ::log::set_max_level(LevelFilter::Trace),
        Err(_) if core::ptr::addr_eq(::log::logger(), &raw const BRIDGE) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Makes the bridge the program's logger, unless it has one: that has been put there on purpose.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if init().is_err() && !is_connected() {
            crate::warning::warn(
                "another logger was set before `wasmscope::init`, so records of `log` do not reach the host: call `wasmscope::init` \
                 first, or have that logger pass its records on to a `wasmscope::log::Bridge`",
            );
        }
    });
}

/// The target that a logger is asked about, to see whether it passes that on to us.
const PROBE: &str = "wasmscope::probe";

thread_local! {
    static PROBED: Cell<bool> = const { Cell::new(false) };
}

/// Notes that a logger in front of us, or tracing-log in front of our subscriber, has asked.
pub(crate) fn asked(target: &str) {
    if target == PROBE {
        PROBED.set(true);
    }
}

/// Returns true if the program's logger passes records on to the bridge or to our `tracing`
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

/// Is a [`log::Log`] that emits OpenTelemetry logs; for programs with a logger in front of it. Others call [`wasmscope::init`](crate::init()).
#[derive(Debug, Clone, Default)]
pub struct Bridge {
    location: bool,
}

impl Bridge {
    /// Makes a bridge.
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
        asked(metadata.target());
        target(metadata.target()).listens(metadata.level())
    }

    fn log(&self, record: &Record<'_>) {
        let target = target(record.target());
        if !target.listens(record.level()) {
            return;
        }
        let mut fields = Buffer::default();
        if !target.exact {
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
        // The visitor gives no error, and what a source of key-values says of itself is nothing to end a log with.
        let _ = record.key_values().visit(&mut Visitor(&mut fields));
        match record.args().as_str() {
            Some(text) => target.emit(record.level(), text, &fields),
            None => target.emit(record.level(), &record.args().to_string(), &fields),
        }
    }

    fn flush(&self) {}
}

/// A target's logger, and what is known of it.
struct Target {
    scope: Box<str>,
    handle: Slot,
    threshold: Threshold,
    /// Whether the scope is named for the target itself.
    exact: bool,
}

const MAX_TARGETS: usize = 40;
const MAX_CRATES: usize = 8;

thread_local! {
    static TARGETS: RefCell<Vec<Rc<Target>>> = const { RefCell::new(Vec::new()) };
}

/// Gives a target's logger. It is not borrowed while the author's code (`Display`) runs, which may log in its turn.
fn target(name: &str) -> Rc<Target> {
    TARGETS.with_borrow_mut(|targets| {
        let known = |targets: &[Rc<Target>], scope: &str, exact: bool| {
            targets
                .iter()
                .find(|target| *target.scope == *scope && target.exact == exact)
                .cloned()
        };
        if let Some(found) = known(targets, name, true) {
            return found;
        }
        let exact = targets.len() < MAX_TARGETS;
        let scope = match name.split_once("::") {
            _ if exact => name,
            _ if targets.len() >= MAX_TARGETS + MAX_CRATES => "log",
            Some((first, _)) => first,
            None => name,
        };
        if let Some(found) = known(targets, scope, exact) {
            return found;
        }
        let added = Rc::new(Target {
            scope: scope.into(),
            handle: Slot::new(),
            threshold: Threshold::new(),
            exact,
        });
        targets.push(Rc::clone(&added));
        added
    })
}

impl Target {
    fn listens(&self, level: Level) -> bool {
        self.threshold
            .admits(Some(severity(level)), || self.handle())
    }

    fn handle(&self) -> u64 {
        self.handle.get_or(|| {
            backend::logger::get(InstrumentationScope {
                name: &self.scope,
                version: None,
                schema_url: None,
                attributes: &[],
            })
        })
    }

    fn emit(&self, level: Level, body: &str, fields: &Buffer) {
        let attributes: Vec<_> = fields
            .as_list()
            .into_iter()
            .filter_map(|field| {
                Some(LogAttribute {
                    key: field.key,
                    value: crate::logs::scalar(field.value)?,
                })
            })
            .collect();
        notice::take(backend::logger::emit(
            self.handle(),
            &[LogRecord {
                body: Maybe::Some(LogValue::StringValue(body)),
                severity: MaybeByte::Some(severity(level)),
                severity_text: Maybe::Some(level.as_str()),
                event_name: Maybe::None,
                attributes: &attributes,
                nodes: &[],
                time: Maybe::None,
                context: WireReference::ambient(),
            }],
        ));
    }
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
        // Apart from the buffer, because the value's own code may fail half-way.
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
            // Beyond OpenTelemetry's integers.
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
