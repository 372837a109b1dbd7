//! `wasmscope:otel/logger`.

use opentelemetry::logs::Severity;
use wasmscope_telemetry::Instance;
use wasmscope_telemetry::model::{LogRecord, LogThreshold, Scope};
use wasmtime::Result;

use super::{no_handle, no_notice};
use crate::host::Interface;
use crate::lift::shape;

pub(crate) fn add<T, G>(mut interface: Interface<'_, T, G>) -> Result<()>
where
    T: 'static,
    G: Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
{
    interface.lifted::<Scope, 10, _>("get", no_handle, Instance::logger)?;
    interface.scalar("threshold", nobody_listens, |instance, (logger,)| {
        lower_threshold(instance.log_threshold(logger))
    })?;
    interface.lifted::<(u64, Option<Severity>, Option<String>), 6, _>(
        "enabled",
        || false,
        |instance, (logger, severity, event_name)| {
            instance.log_enabled(logger, severity, event_name.as_deref())
        },
    )?;
    interface.lifted::<(u64, Vec<LogRecord>), 3, _>(
        "emit",
        no_notice,
        |instance, (logger, records)| instance.emit_logs(logger, records),
    )
}

fn nobody_listens() -> shape::LogThreshold {
    shape::LogThreshold {
        severity: None,
        generation: 0,
    }
}

fn lower_threshold(threshold: LogThreshold) -> shape::LogThreshold {
    // The SDK's numbers begin at 1, the contract's cases at 0.
    let case = |severity| {
        shape::Severity::ALL
            .get((severity as usize).saturating_sub(1))
            .copied()
    };
    shape::LogThreshold {
        severity: threshold.severity.and_then(case),
        generation: threshold.generation,
    }
}
