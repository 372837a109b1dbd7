//! `wasmscope:otel/logger`.

use opentelemetry::logs::Severity;
use wasmscope_telemetry::model::{LogRecord, LoggerHandle, Notice};
use wasmscope_telemetry::{Instance, Signal};

use super::results::LogThreshold;
use super::{no_handle, no_notice};
use crate::abi::{Interface, Register};
use crate::abi::{LazyList, Reader, Result};

const LOGGER: Interface = Interface {
    name: "wasmscope:otel/logger@0.1.0",
    signal: Signal::Logs,
};

pub(super) fn register<G, E>(registrar: &mut G) -> Result<(), E>
where
    G: Register<u64, Error = E> + Register<bool, Error = E> + Register<LogThreshold, Error = E>,
{
    registrar.function(LOGGER.function("get", no_handle, |instance, scope| {
        instance.logger(scope).to_bits()
    }))?;
    registrar.function(LOGGER.function(
        "threshold",
        everything_disabled,
        |instance, (logger,)| {
            instance
                .log_threshold(LoggerHandle::from_bits(logger))
                .into()
        },
    ))?;
    registrar.function(LOGGER.function(
        "enabled",
        || false,
        |instance, (logger, severity, event_name): (u64, Option<Severity>, Option<String>)| {
            instance.log_enabled(
                LoggerHandle::from_bits(logger),
                severity,
                event_name.as_deref(),
            )
        },
    ))?;
    registrar.function(LOGGER.reading::<(u64, Vec<LogRecord>), _, _>("emit", no_notice, emit))
}

/// Emits records. A single plain one is emitted while it is read.
fn emit(
    instance: &mut Instance,
    (logger, records): (u64, LazyList<LogRecord>),
    reader: &mut Reader<'_>,
) -> Result<Notice> {
    let logger = LoggerHandle::from_bits(logger);
    match emit_plain(instance, logger, records, reader)? {
        Some(notice) => Ok(notice),
        None => emit_any(instance, logger, records, reader),
    }
}

/// Emits a single plain record. Returns `None` if the records are of another kind.
#[inline]
pub(super) fn emit_plain(
    instance: &mut Instance,
    logger: LoggerHandle,
    records: LazyList<LogRecord>,
    reader: &mut Reader<'_>,
) -> Result<Option<Notice>> {
    reader.emit_plain_record(instance, logger, records)
}

#[cold]
pub(super) fn emit_any(
    instance: &mut Instance,
    logger: LoggerHandle,
    records: LazyList<LogRecord>,
    reader: &mut Reader<'_>,
) -> Result<Notice> {
    let records = reader.log_records(records)?;
    Ok(instance.emit_logs(logger, records))
}

fn everything_disabled() -> LogThreshold {
    LogThreshold {
        severity: None,
        generation: 0,
    }
}
