//! Logs of an instance.

use opentelemetry::logs::Severity;

use super::Instance;
use crate::model::{LogRecord, LogThreshold, Notice, Scope};

/// The loggers of an instance.
#[derive(Debug, Default)]
pub(super) struct Logs {}

#[expect(clippy::todo, reason = "being written")]
#[expect(unused_variables, reason = "being written")]
impl Instance {
    /// Gives the logger of a scope (`logger.get`).
    pub fn logger(&mut self, scope: Scope) -> u64 {
        todo!()
    }

    /// Gives the threshold (`logger.threshold`).
    pub fn log_threshold(&mut self, logger: u64) -> LogThreshold {
        todo!()
    }

    /// Whether somebody listens (`logger.enabled`).
    pub fn log_enabled(&mut self, logger: u64, severity: Option<Severity>, event_name: Option<&str>) -> bool {
        todo!()
    }

    /// Emits records (`logger.emit`).
    pub fn emit_logs(&mut self, logger: u64, records: Vec<LogRecord>) -> Notice {
        todo!()
    }
}
