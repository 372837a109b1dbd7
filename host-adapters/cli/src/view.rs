//! `wasmscope view`.

use crate::args::View;
use crate::failure::Failure;
use crate::messages::say;
use crate::show::style_of;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use wasmscope_console::render;
use wasmscope_otlp::memory::MemoryExporter;

/// The most bytes of a line, because a line takes many times its size once it is read. Those that
/// this command writes have 512 records.
const MAX_LINE: u64 = 64 << 20;

/// Shows the telemetry of files with OTLP JSON lines.
pub(crate) fn view(options: &View) -> Result<ExitCode, Failure> {
    let telemetry = MemoryExporter::default();
    for path in &options.files {
        let failed = |error| {
            let path = path.display();
            Failure::new(format!("cannot read {path}: {error}"))
        };
        let file: Box<dyn io::Read> = if path == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            Box::new(File::open(path).map_err(failed)?)
        };
        read(BufReader::new(file), path, &telemetry).map_err(failed)?;
    }
    if telemetry.is_empty() {
        return Err(Failure::new(
            "there is no telemetry in the files; they need lines of OTLP JSON, as --format json writes them",
        ));
    }
    let stdout = io::stdout();
    let text = render(&telemetry, &style_of(stdout.is_terminal(), &stdout));
    let mut out = stdout.lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A pager was closed.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Failure::new(format!("cannot write the view: {error}"))),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// Reads a file. Warns once about lines that cannot be read.
fn read(mut file: impl BufRead, path: &Path, telemetry: &MemoryExporter) -> io::Result<()> {
    let mut line = Vec::new();
    let mut unreadable = 0_u64;
    for number in 1_u64.. {
        line.clear();
        let length = (&mut file).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        if length as u64 == MAX_LINE && !line.ends_with(b"\n") {
            let mebibytes = MAX_LINE >> 20;
            let error = format!("line {number} is longer than {mebibytes} MiB");
            return Err(io::Error::other(error));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Err(error) = telemetry.read_json(&line) {
            if unreadable == 0 {
                let path = path.display();
                say!("wasmscope: warning: {path}: line {number} is not OTLP JSON: {error}");
            }
            unreadable = unreadable.saturating_add(1);
        }
    }
    if unreadable > 1 {
        let path = path.display();
        say!("wasmscope: warning: {path}: {unreadable} lines in all are not OTLP JSON");
    }
    Ok(())
}
