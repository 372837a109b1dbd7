//! Shows telemetry if there is no endpoint to send it to.

use crate::args::{Format, Telemetry};
use crate::failure::Failure;
use crate::messages::{InPieces, say};
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd;
use std::path::Path;
use wasmscope_console::{Style, render, render_request, request_lines};
use wasmscope_otlp::config::{Config, Exporter};
use wasmscope_otlp::memory::MemoryExporter;
use wasmscope_telemetry::Signal;

/// The destination of the view. It is opened before the program runs, so that a wrong path is found
/// early.
#[derive(Debug)]
pub(crate) enum Screen {
    Terminal(io::Stderr),
    File(File),
}

impl Screen {
    /// Opens the view, if any telemetry is shown. Warns about options that have no effect.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub(crate) fn of(config: &Config, options: &Telemetry) -> Result<Option<Self>, Failure> {
        let goes_to = |exporter| {
            [Signal::Traces, Signal::Metrics, Signal::Logs]
                .into_iter()
                .any(|signal| config.exporter(signal) == exporter)
        };
        if !goes_to(Exporter::Otlp) {
            for option in options.of_the_export() {
                say!("wasmscope: warning: {option} has no effect without an endpoint");
            }
        }
        if !goes_to(Exporter::Console) {
            for option in options.of_the_view() {
                say!("wasmscope: warning: {option} has no effect: no telemetry is shown here");
            }
            return Ok(None);
        }
        let screen = Self::open(options.output.as_deref()).map_err(|error| {
            let path = options.output.as_deref().unwrap_or(Path::new(""));
            let path = path.display();
            Failure::new(format!("--output: cannot write {path}: {error}"))
        })?;
        Ok(Some(screen))
    }

    fn open(path: Option<&Path>) -> io::Result<Self> {
        match path {
            Some(path) => File::create(path).map(Self::File),
            None => Ok(Self::Terminal(io::stderr())),
        }
    }

    /// Writes the telemetry of the memory exporter.
    pub(crate) fn show(&mut self, collector: &MemoryExporter, format: Format) -> io::Result<()> {
        let style = self.style();
        let mut out = self.writer();
        match format {
            Format::Text | Format::Tree => out.write_all(render(collector, &style).as_bytes())?,
            Format::Json => collector.write_json(&mut out)?,
        }
        out.flush()
    }

    /// Writes the requests that have ended since the last call.
    pub(crate) fn show_requests(
        &mut self,
        collector: &MemoryExporter,
        format: Format,
    ) -> io::Result<()> {
        let style = self.style();
        // A line for each request, so that `grep` finds all of it.
        let in_lines = Style {
            width: if self.is_terminal() {
                style.width
            } else {
                usize::MAX
            },
            ..style.clone()
        };
        let mut out = self.writer();
        for request in collector.take_requests() {
            match format {
                Format::Text => out.write_all(request_lines(&request, &in_lines).as_bytes())?,
                Format::Tree => out.write_all(render_request(&request, &style).as_bytes())?,
                Format::Json => request.write_json(&mut out)?,
            }
        }
        out.flush()
    }

    fn writer(&mut self) -> InPieces<Box<dyn Write + '_>> {
        InPieces(match self {
            // Locked, so that lines of guests do not come in between.
            Self::Terminal(stderr) => Box::new(stderr.lock()),
            Self::File(file) => Box::new(io::BufWriter::new(file)),
        })
    }

    fn is_terminal(&self) -> bool {
        match self {
            Self::Terminal(stderr) => stderr.is_terminal(),
            Self::File(_) => false,
        }
    }

    fn style(&self) -> Style {
        style_of(self.is_terminal(), io::stderr())
    }
}

/// Returns the style for an output, which is as wide as `terminal` if it is one.
pub(crate) fn style_of(is_terminal: bool, terminal: impl AsFd) -> Style {
    let width = terminal_size::terminal_size_of(terminal);
    let width = width.map(|(width, _)| usize::from(width.0));
    Style::detect(is_terminal, width.filter(|_| is_terminal), |name| {
        std::env::var(name).ok()
    })
}
