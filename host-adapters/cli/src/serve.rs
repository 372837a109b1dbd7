//! `wasmscope serve`.

use crate::args::{Format, Serve};
use crate::failure::Failure;
use crate::interrupt::Signals;
use crate::losses::{Delivered, report_losses};
use crate::messages::{self, on_one_line, say};
use crate::runtime::{self, PrepareLimits, PreparedHandler, Stdio, component_name};
use crate::settings;
use crate::show::Screen;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;
use wasmscope_http::server::{Described, Server};
use wasmscope_otlp::Pipeline;
use wasmscope_otlp::memory::MemoryExporter;

/// Answers requests until a signal. All checks precede the first request, the fast ones first.
pub(crate) fn serve(options: &Serve) -> Result<ExitCode, Failure> {
    let console = MemoryExporter::default();
    let bounds = PrepareLimits {
        sizes: options.preparation.size_limits(),
        deadline: options.preparation.deadline(None),
    };
    let path = &options.component;
    let runtime = runtime::chosen(options.program.runtime, path);
    let config = settings::config(
        &options.telemetry,
        component_name(path),
        runtime::described(runtime)?,
        &console,
    )?;
    let propagation = settings::propagation(&config);
    let program = &options.program;
    let stdio = Stdio::of_server(options.server.stdio)?;
    let prepared = runtime::prepare_handler(
        path,
        runtime,
        program,
        stdio.clone(),
        &options.server,
        propagation,
        bounds,
    )?;
    settings::warn_of_lost_lines(options.server.stdio, &config);
    settings::warn_of_hidden_lines(options.server.stdio, options.telemetry.format, &config);
    let screen = Screen::of(&config, &options.telemetry)?;
    let format = options.telemetry.format;
    let view = screen.map(|screen| View::start(screen, console, format));
    let view = view.transpose()?;
    let limits = config.limits().clone();
    let pipeline = Pipeline::build(config).map_err(|error| Failure::new(error.to_string()))?;
    let telemetry = pipeline.telemetry().clone();
    let described = Described {
        telemetry: telemetry.clone(),
        component: component_name(path),
        propagation,
        trust: options.server.trust(),
        trace_response: options.server.trace_response,
    };

    let async_runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start the async runtime: {error}")))?;
    let delivered = async_runtime.block_on(async {
        let mut signals = Signals::listen()
            .map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))?;
        answer(prepared, described, options, &mut signals).await?;
        let flush_timeout = options.telemetry.flush_timeout;
        let delivered = Delivered::by(pipeline, flush_timeout, &mut signals).await;
        tokio::spawn(signals.end_at_next());
        Ok(delivered)
    });
    // Guests that did not stop may still run.
    let delivered = match delivered {
        Ok(delivered) => delivered,
        Err(failure) => {
            async_runtime.shutdown_background();
            return Err(failure);
        }
    };
    stdio.finish();
    for warning in telemetry.guest_warnings() {
        say!("wasmscope: warning: {}", on_one_line(&warning));
    }
    if let Some(view) = view {
        view.finish();
    }
    report_losses(&delivered, &limits);
    async_runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

/// Shows requests while the server runs.
struct View {
    thread: JoinHandle<()>,
    /// Ends the thread when it is dropped.
    running: mpsc::Sender<()>,
}

impl View {
    /// How often it looks for requests that have ended.
    const PAUSE: Duration = Duration::from_millis(100);

    /// Starts a thread that shows each request when it has ended, and the rest of the telemetry
    /// when it is finished. A slow reader does not slow requests down: the memory exporter then
    /// discards the oldest ones.
    fn start(mut screen: Screen, console: MemoryExporter, format: Format) -> Result<Self, Failure> {
        let (running, ended) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("view".to_owned())
            .spawn(move || {
                let mut shown = Ok(());
                while shown.is_ok() && ended.recv_timeout(Self::PAUSE).is_err_and(is_timeout) {
                    shown = screen.show_requests(&console, format);
                }
                shown = shown
                    .and_then(|()| screen.show_requests(&console, format))
                    .and_then(|()| screen.show(&console, format));
                if let Err(error) = shown {
                    say!("wasmscope: warning: the telemetry cannot be shown: {error}");
                }
            })
            .map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        Ok(Self { thread, running })
    }

    /// Shows the rest.
    fn finish(self) {
        drop(self.running);
        let thread = self.thread;
        messages::in_time(move || drop(thread.join()));
    }
}

fn is_timeout(error: RecvTimeoutError) -> bool {
    error == RecvTimeoutError::Timeout
}

/// Listens, and answers requests until the first signal. The second one ends this process.
async fn answer(
    prepared: PreparedHandler,
    described: Described,
    options: &Serve,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let server = &options.server;
    let handler = prepared.serve(&described.telemetry, server)?;
    let limits = server.limits(handler.max_requests());
    let listening = Server::bind(server.addr, handler, described, limits)
        .await
        .and_then(|listening| Ok((listening.local_addr()?, listening)));
    let failed = |error| cannot_listen("--addr", server.addr, &error);
    let (address, mut listening) = listening.map_err(failed)?;
    if let Some(health) = server.health_addr {
        let failed = |error| cannot_listen("--health-addr", health, &error);
        let health = listening.answer_probes(health).await.map_err(failed)?;
        say!("wasmscope: answering probes on http://{health}/livez and /readyz");
    }
    say!("wasmscope: listening on http://{address}");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = listening.serve(async {
        // A dropped sender stops it as well.
        let _ = stopped.await;
    });
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        () = &mut serving => return Ok(()),
        _ = signals.next() => {}
    }
    // Before the message, whose reader may be slow.
    messages::bound_writes();
    say!("wasmscope: finishing requests; another signal ends the server at once");
    let _ = stop.send(());
    tokio::select! {
        () = &mut serving => Ok(()),
        signal = signals.next() => std::process::exit(signal.exit_code().into()),
    }
}

fn cannot_listen(option: &str, address: SocketAddr, error: &std::io::Error) -> Failure {
    let kind = error.kind();
    let advice = if kind == ErrorKind::AddrInUse {
        "; another program uses it: stop that, or choose another port"
    } else if kind == ErrorKind::AddrNotAvailable {
        "; this machine does not have that address"
    } else if kind == ErrorKind::PermissionDenied {
        "; ports below 1024 may need permissions"
    } else {
        ""
    };
    Failure::new(format!(
        "{option}: cannot listen on {address}: {error}{advice}"
    ))
}
