//! Reports how much of a pipeline's telemetry was delivered and lost.

use std::fmt;

use wasmscope_telemetry::dropped::{DroppedCount, Signal};

/// The outcome of a pipeline's exports, as returned by [`super::Pipeline::shutdown`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Spans.
    pub traces: SignalReport,
    /// Data points of metrics.
    pub metrics: SignalReport,
    /// Log records.
    pub logs: SignalReport,
    /// Whether every export ended before the deadline, successfully or not.
    pub complete: bool,
    /// The first error of an export, with the signal and its endpoint.
    pub first_error: Option<String>,
    /// Everything that was dropped, by signal and reason: the losses in this report, and items
    /// that exceeded a limit before they reached a queue.
    pub dropped: Vec<DroppedCount>,
}

impl Report {
    /// Returns the part about one signal.
    #[must_use]
    pub fn signal(&self, signal: Signal) -> &SignalReport {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        }
    }

    /// Returns how many spans, data points and log records were lost on their way out.
    #[must_use]
    pub fn lost(&self) -> u64 {
        Signal::ALL.iter().fold(0, |sum, &signal| {
            sum.saturating_add(self.signal(signal).lost())
        })
    }
}

impl fmt::Display for Report {
    /// Formats the losses in one line, such as `3 of 120 spans lost: queue full`, or says that
    /// there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for signal in Signal::ALL {
            let report = self.signal(signal);
            let lost = report.lost();
            if lost == 0 {
                continue;
            }
            let name = match signal {
                Signal::Traces => "spans",
                Signal::Metrics => "data points",
                Signal::Logs => "log records",
            };
            let all = lost.saturating_add(report.delivered());
            let reasons = [
                (report.queue_full, "queue full"),
                (report.failed, "export failed"),
                (report.rejected, "rejected by the collector"),
                (report.too_large, "too large to send"),
                (report.abandoned, "not sent in time"),
            ];
            let reasons = || reasons.iter().filter(|(count, _)| *count > 0);
            write!(f, "{separator}{lost} of {all} {name} lost: ")?;
            if let (Some((_, only)), 1) = (reasons().next(), reasons().count()) {
                f.write_str(only)?;
            } else {
                let mut inner = "";
                for (count, reason) in reasons() {
                    write!(f, "{inner}{count} {reason}")?;
                    inner = ", ";
                }
            }
            separator = "; ";
        }
        if separator.is_empty() {
            f.write_str("nothing lost")
        } else {
            Ok(())
        }
    }
}

/// The outcome for one signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignalReport {
    /// Items in requests that a collector accepted, or that the console keeps. Cumulative metrics
    /// count again in each export.
    pub exported: u64,
    /// Items in exports that failed and are not repeated.
    pub failed: u64,
    /// Items that did not fit into the queue.
    pub queue_full: u64,
    /// Items that a collector rejected in a request that it accepted. They are included in
    /// `exported`.
    pub rejected: u64,
    /// Items that do not fit into a request on their own, or that a collector refused as too
    /// large. Each series of cumulative metrics counts once.
    pub too_large: u64,
    /// Items that were waiting or being sent at the deadline, or were recorded after it.
    pub abandoned: u64,
}

impl SignalReport {
    /// Returns how many items a collector accepted, or the console keeps.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.exported.saturating_sub(self.rejected)
    }

    /// Returns how many items were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let lost = [
            self.failed,
            self.queue_full,
            self.rejected,
            self.too_large,
            self.abandoned,
        ];
        lost.iter().fold(0, |sum, &lost| sum.saturating_add(lost))
    }
}

/// How a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Everything was delivered.
    Delivered,
    /// Every item was tried, and some could not be delivered.
    Failed,
    /// The deadline passed first. Exports of the remaining items continue.
    TimedOut,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_one_line() {
        let mut report = Report {
            traces: SignalReport::default(),
            metrics: SignalReport::default(),
            logs: SignalReport::default(),
            complete: true,
            first_error: None,
            dropped: Vec::new(),
        };
        assert_eq!(report.to_string(), "nothing lost");
        report.traces = SignalReport {
            exported: 117,
            queue_full: 2,
            failed: 1,
            ..SignalReport::default()
        };
        report.logs = SignalReport {
            exported: 5,
            rejected: 2,
            abandoned: 1,
            ..SignalReport::default()
        };
        assert_eq!(
            report.to_string(),
            "3 of 120 spans lost: 2 queue full, 1 export failed; 3 of 6 log records lost: 2 rejected by the collector, 1 not sent in time"
        );
        assert_eq!(report.lost(), 6);
        report.logs = SignalReport::default();
        report.traces.failed = 0;
        assert_eq!(report.to_string(), "2 of 119 spans lost: queue full");
    }
}
