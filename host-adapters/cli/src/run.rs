//! `wasmscope run`.

use crate::args::{Run, RuntimeName};
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::runtime::{self, Ended, component_name};
use crate::settings;
use crate::show::Screen;
use std::process::ExitCode;
use wasmscope_telemetry::InvocationOptions;
use wasmscope_telemetry::config::Exporter;
use wasmscope_telemetry::console::Collector;
use wasmscope_telemetry::pipeline::{Pipeline, Report};
use wasmscope_telemetry::{Reason, Signal, Telemetry};

/// Runs a component. Whatever can be found to be wrong is found before it starts.
pub(crate) fn run(options: &Run) -> Result<ExitCode, Failure> {
    let prepared = match options.program.runtime {
        RuntimeName::Wasmtime => {
            runtime::wasmtime::prepare(&options.component, &options.args, &options.program)?
        }
    };
    let console = Collector::default();
    let name = component_name(&options.component);
    let config = settings::config(
        &options.telemetry,
        name,
        runtime::wasmtime::RUNTIME,
        &console,
    )?;
    for warning in config.warnings() {
        eprintln!("wasmscope: warning: {warning}");
    }
    let shown = [Signal::Traces, Signal::Metrics, Signal::Logs]
        .into_iter()
        .any(|signal| config.exporter(signal) == Exporter::Console);
    let screen = shown
        .then(|| Screen::open(options.telemetry.output.as_deref()))
        .transpose();
    let screen = screen
        .map_err(|error| Failure::new(format!("cannot write the file of --output: {error}")))?;
    let pipeline = Pipeline::build(config).map_err(|error| Failure::new(error.to_string()))?;

    let ended = execute(prepared, pipeline.telemetry())?;
    let report = pipeline.shutdown(options.telemetry.flush_timeout);
    match &ended {
        Ended::Trap(message) => eprintln!("wasmscope: the program trapped: {message}"),
        Ended::Timeout => {
            eprintln!("wasmscope: the program was stopped: its time (--timeout) was over")
        }
        Ended::Signal(_) | Ended::Exit(_) => {}
    }
    if let Some(screen) = screen {
        // The program has done its work: that its telemetry cannot be shown does not change how it ended.
        if let Err(error) = screen.show(&console, options.telemetry.format) {
            eprintln!("wasmscope: warning: the telemetry cannot be shown: {error}");
        }
    }
    account(&report);
    Ok(ExitCode::from(ended.exit_code()))
}

/// Says what was lost on its way out, and what exceeded the limits before that.
fn account(report: &Report) {
    if report.lost() > 0 {
        eprintln!("wasmscope: warning: {report}");
    }
    let lost_on_the_way = [Reason::QueueFull, Reason::ExportFailed];
    let beyond: Vec<_> = report
        .dropped
        .iter()
        .filter(|dropped| !lost_on_the_way.contains(&dropped.reason))
        .map(|dropped| {
            format!(
                "{} {} ({})",
                dropped.count,
                dropped.signal.as_str(),
                dropped.reason.as_str()
            )
        })
        .collect();
    if !beyond.is_empty() {
        eprintln!(
            "wasmscope: warning: dropped or shortened, as the metric wasmscope.dropped says: {}",
            beyond.join(", ")
        );
    }
}

/// Runs it on a thread of its own with a small async runtime, so that a timeout or a signal can interrupt it anywhere.
fn execute(prepared: runtime::wasmtime::Prepared, telemetry: &Telemetry) -> Result<Ended, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start the async runtime: {error}")))?;
    let options = InvocationOptions::from_env(|name| std::env::var(name).ok());
    let ended = runtime.block_on(async {
        let mut signals = Signals::listen()
            .map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))?;
        prepared.run(telemetry, options, &mut signals).await
    });
    // A read from standard input cannot be interrupted; its thread ends with the process.
    runtime.shutdown_background();
    ended
}
