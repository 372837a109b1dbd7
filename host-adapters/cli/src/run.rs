//! `wasmscope run`.

use crate::args::Run;
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::losses::{Delivered, report_losses};
use crate::messages::{self, on_one_line, say};
use crate::runtime::{self, Ended, PrepareLimits, Stdio, component_name};
use crate::settings;
use crate::show::Screen;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;
use wasmscope_otlp::Pipeline;
use wasmscope_otlp::config::{Exporter, Propagators};
use wasmscope_otlp::memory::MemoryExporter;
use wasmscope_telemetry::{InvocationOptions, Signal};

/// Runs a component. All checks precede its start, the fast ones first.
pub(crate) fn run(options: &Run) -> Result<ExitCode, Failure> {
    let args = options.args()?;
    let console = MemoryExporter::default();
    let bounds = PrepareLimits {
        sizes: options.preparation.size_limits(),
        deadline: options.preparation.deadline(options.timeout),
    };
    let name = component_name(options.component());
    let runtime = runtime::chosen(options.program.runtime, options.component());
    let config = settings::config(
        &options.telemetry,
        name,
        runtime::described(runtime)?,
        &console,
    )?;
    let stdio = Stdio::of_program(options.stdio)?;
    let prepared = runtime::prepare(
        options.component(),
        runtime,
        &args,
        &options.program,
        stdio.clone(),
        settings::propagation(&config),
        bounds,
    )?;
    settings::warn_of_lost_lines(options.stdio, &config);
    let refusals = prepared.refusals();
    let screen = Screen::of(&config, &options.telemetry)?;
    let invocation = continued(config.propagators());
    for warning in invocation.warnings() {
        say!("wasmscope: warning: {warning}");
    }
    let sampler = config.sampler();
    let shows_traces = config.exporter(Signal::Traces) == Exporter::Console;
    let continues = invocation.traceparent.is_some();
    let limits = config.limits().clone();
    let pipeline = Pipeline::build(config).map_err(|error| Failure::new(error.to_string()))?;

    let telemetry = pipeline.telemetry().clone();
    let Executed {
        ended,
        delivered,
        runtime,
    } = execute(
        prepared,
        pipeline,
        invocation,
        options.timeout,
        options.telemetry.flush_timeout,
    )?;
    stdio.finish();
    let report = &delivered.report;
    match &ended {
        Ended::Trap { message, code } => {
            say!("wasmscope: the program trapped: {}", message.trim_end());
            if code == "out_of_fuel"
                && let Some(fuel) = options.program.fuel
            {
                say!(
                    "wasmscope: it used up its fuel (--fuel {fuel}): raise it, or look for a loop"
                );
            }
        }
        Ended::Timeout => {
            say!("wasmscope: the program was stopped: it ran longer than --timeout allows")
        }
        Ended::Signal(_) | Ended::Exit(_) => {}
    }
    if ended.exit_code() != 0 {
        for refused in refusals.messages(&options.program) {
            say!("wasmscope: {refused}");
        }
    }
    for warning in telemetry.guest_warnings() {
        say!("wasmscope: warning: {}", on_one_line(&warning));
    }
    if let Some(mut screen) = screen {
        // A failure to show telemetry does not change the program's exit code.
        let (console, format) = (console.clone(), options.telemetry.format);
        let shown = messages::in_time(move || screen.show(&console, format));
        if let Some(Err(error)) = shown {
            say!("wasmscope: warning: the telemetry cannot be shown: {error}");
        }
    }
    // The command's own span always exists, unless it was not sampled.
    if shows_traces && report.traces.exported == 0 && report.traces.lost() == 0 {
        let parent = if continues { ", or TRACEPARENT" } else { "" };
        say!(
            "wasmscope: no trace is shown: it was not sampled (sampler {sampler}, by --sampler or OTEL_TRACES_SAMPLER{parent})"
        );
    }
    report_losses(&delivered, &limits);
    // A read from standard input cannot be interrupted. Its thread ends with the process.
    runtime.shutdown_background();
    Ok(ExitCode::from(ended.exit_code()))
}

/// Returns the trace and the baggage to continue, if OTEL_PROPAGATORS allows it.
fn continued(propagators: Propagators) -> InvocationOptions {
    InvocationOptions::from_env(|name| {
        let wanted = if name == "BAGGAGE" {
            propagators.baggage
        } else {
            propagators.trace_context
        };
        // A value that is not UTF-8 is reported as malformed.
        let text = std::env::var_os(name).filter(|_| wanted)?;
        (!text.is_empty()).then(|| text.to_string_lossy().into_owned())
    })
}

/// The state after a program has ended and its telemetry was delivered or given up.
struct Executed {
    ended: Ended,
    delivered: Delivered,
    /// Runs the handler of signals that end the process, while it lives.
    runtime: Runtime,
}

/// Runs a component and delivers its telemetry. A timeout or a signal may interrupt both.
fn execute(
    prepared: runtime::Prepared,
    pipeline: Pipeline,
    options: InvocationOptions,
    timeout: Option<Duration>,
    flush_timeout: Duration,
) -> Result<Executed, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start the async runtime: {error}")))?;
    let result = runtime.block_on(async {
        let mut signals = Signals::listen()
            .map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))?;
        let (ended, store) = prepared
            .run(pipeline.telemetry(), options, timeout, &mut signals)
            .await?;
        let delivered = Delivered::by(pipeline, flush_timeout, &mut signals).await;
        drop(store);
        // Only writes remain, perhaps to a stream that is not read.
        tokio::spawn(signals.end_at_next());
        Ok((ended, delivered))
    });
    match result {
        Ok((ended, delivered)) => Ok(Executed {
            ended,
            delivered,
            runtime,
        }),
        Err(failure) => {
            runtime.shutdown_background();
            Err(failure)
        }
    }
}
