//! `wasmscope:otel/logger`.

use opentelemetry::logs::Severity;
use wasmscope_telemetry::model::{LogRecord, Notice};
use wasmscope_telemetry::{Instance, Signal};

use super::{Interface, Register, no_handle, no_notice};
use crate::error::Result;
use crate::lift::{Reader, Unread};
use crate::results::LogThreshold;

const LOGGER: Interface = Interface {
    name: "wasmscope:otel/logger@0.1.0",
    signal: Signal::Logs,
};

pub(super) fn register<G, E>(registrar: &mut G) -> Result<(), E>
where
    G: Register<u64, Error = E> + Register<bool, Error = E> + Register<LogThreshold, Error = E>,
{
    registrar.function(LOGGER.function("get", no_handle, Instance::logger))?;
    registrar.function(
        LOGGER.function("threshold", nobody_listens, |instance, (logger,)| {
            instance.log_threshold(logger).into()
        }),
    )?;
    registrar.function(LOGGER.function(
        "enabled",
        || false,
        |instance, (logger, severity, event_name): (u64, Option<Severity>, Option<String>)| {
            instance.log_enabled(logger, severity, event_name.as_deref())
        },
    ))?;
    registrar.function(LOGGER.reading::<(u64, Vec<LogRecord>), _, _>("emit", no_notice, emit))
}

/// Emits records. A plain one is emitted while it is read.
pub(super) fn emit(
    instance: &mut Instance,
    (logger, records): (u64, Unread<LogRecord>),
    reader: &mut Reader<'_>,
) -> Result<Notice> {
    if let Some(notice) = reader.emit_plain_record(instance, logger, records)? {
        return Ok(notice);
    }
    emit_any(instance, logger, records, reader)
}

#[cold]
fn emit_any(
    instance: &mut Instance,
    logger: u64,
    records: Unread<LogRecord>,
    reader: &mut Reader<'_>,
) -> Result<Notice> {
    let records = reader.log_records(records)?;
    Ok(instance.emit_logs(logger, records))
}

fn nobody_listens() -> LogThreshold {
    LogThreshold {
        severity: None,
        generation: 0,
    }
}
