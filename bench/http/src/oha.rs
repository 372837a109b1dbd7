//! The load generator `oha`, in its own process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::Measured;

/// The program `oha`.
#[derive(Debug, Clone)]
pub struct Oha {
    program: PathBuf,
}

/// The part of its report that is read.
#[derive(Debug, Deserialize)]
struct Report {
    summary: Summary,
    #[serde(rename = "latencyPercentiles")]
    latencies: Latencies,
    #[serde(rename = "statusCodeDistribution")]
    statuses: BTreeMap<String, u64>,
    #[serde(rename = "errorDistribution")]
    errors: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    #[serde(rename = "requestsPerSec")]
    rate: f64,
}

/// Seconds. `None` without any request.
#[derive(Debug, Deserialize)]
struct Latencies {
    p50: Option<f64>,
    p99: Option<f64>,
}

impl Oha {
    /// Uses the program in a file.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// Sends requests to a URL for some time, as fast as they are answered, or at a rate.
    ///
    /// It uses one thread, so that the server has at least one of two cores for itself, and
    /// connections that stay open.
    ///
    /// # Errors
    ///
    /// If a request is not answered with status 200, or if the program fails.
    pub fn load(
        &self,
        url: &str,
        connections: usize,
        time: Duration,
        rate: Option<f64>,
    ) -> Result<Measured> {
        let mut command = Command::new(&self.program);
        // Requests that are under way at the end are awaited.
        command.args(["--no-tui", "--output-format", "json", "-w", "-r", "0"]);
        command.args(["--worker-threads", "1", "--disable-compression"]);
        command.args(["-c", &connections.to_string()]);
        command.args(["-z", &format!("{}ms", time.as_millis())]);
        if let Some(rate) = rate {
            command.args(["-q", &format!("{rate:.1}")]);
        }
        let output = command
            .arg(url)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        ensure!(
            output.status.success(),
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        measured(&output.stdout)
    }
}

fn measured(report: &[u8]) -> Result<Measured> {
    let report: Report = serde_json::from_slice(report).context("the report of oha")?;
    let answered = |status: &str| report.statuses.get(status).copied().unwrap_or_default();
    let requests = answered("200");
    ensure!(
        report.errors.is_empty() && report.statuses.values().sum::<u64>() == requests,
        "requests failed: {:?}, {:?}",
        report.statuses,
        report.errors
    );
    let seconds = |value: Option<f64>| value.context("no request was answered");
    Ok(Measured {
        requests,
        rate: report.summary.rate,
        p50: Duration::from_secs_f64(seconds(report.latencies.p50)?),
        p99: Duration::from_secs_f64(seconds(report.latencies.p99)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(statuses: &str, errors: &str) -> String {
        format!(
            r#"{{"summary": {{"requestsPerSec": 2000.0, "successRate": 1.0}},
                "latencyPercentiles": {{"p10": 0.001, "p50": 0.002, "p99": 0.004}},
                "statusCodeDistribution": {statuses}, "errorDistribution": {errors}}}"#
        )
    }

    #[test]
    fn a_report_is_read() {
        let expected = Measured {
            requests: 42,
            rate: 2_000.0,
            p50: Duration::from_millis(2),
            p99: Duration::from_millis(4),
        };
        let report = report(r#"{"200": 42}"#, "{}");
        assert_eq!(measured(report.as_bytes()).expect("a report"), expected);
    }

    #[test]
    fn failed_requests_are_an_error() {
        for (statuses, errors) in [
            (r#"{"200": 41, "500": 1}"#, "{}"),
            (r#"{"200": 41}"#, r#"{"connection reset": 1}"#),
        ] {
            let report = report(statuses, errors);
            let error = measured(report.as_bytes()).expect_err("one failed");
            assert!(error.to_string().starts_with("requests failed"), "{error}");
        }
    }
}
