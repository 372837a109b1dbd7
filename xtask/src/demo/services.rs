//! Two services: `shop` on Wasmtime asks `prices` on WasmEdge.

use crate::run::{run as run_command, shown};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

/// The components.
pub(super) const PACKAGES: [&str; 2] = ["shop", "prices"];

/// How long the shop may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends an order to the shop, and shows the trace of it, which passes through both services.
///
/// # Errors
///
/// Fails if a service does not start, does not answer as expected, or fails.
pub(super) fn run(workspace: &Workspace, guests: &Path, endpoint: Option<&str>) -> Result<()> {
    let folder = workspace.target("demo");
    std::fs::create_dir_all(&folder)?;
    let service = |package: &str, runtime: &str| {
        let mut command = Command::new(workspace.target("debug/wasmscope"));
        command.args(["serve", "--addr", "127.0.0.1:0", "--runtime", runtime]);
        let output = folder.join(format!("{package}.jsonl"));
        match endpoint {
            Some(endpoint) => command.args(["--otlp-endpoint", endpoint]),
            None => command.args(["--format", "json", "--output"]).arg(&output),
        };
        let component = guests.join(format!("{package}.wasm"));
        (command, component, output)
    };
    let (command, component, of_prices) = service("prices", "wasmedge");
    let prices = Service::start(command, &component)?;
    let (mut command, component, of_shop) = service("shop", "wasmtime");
    let url = format!("http://{}", prices.address);
    command.args(["--env", &format!("PRICES={url}"), "--outbound", &url]);
    command.arg("--trace-response");
    let shop = Service::start(command, &component)?;

    let order = r#"{"item":"tea","count":2}"#;
    eprintln!("\n$ curl http://{}/orders -d '{order}'\n", shop.address);
    let answer = shop.post("/orders", order)?;
    let (head, receipt) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    eprintln!("{receipt}\n");
    let expected = r#"{"item":"tea","count":2,"cents":500}"#;
    if receipt != expected {
        bail!("the shop did not answer with {expected}, but with:\n{answer}");
    }
    shop.stop()?;
    prices.stop()?;
    if let Some(endpoint) = endpoint {
        let trace = head.lines().find(|line| line.starts_with("traceresponse"));
        let trace = trace.and_then(|line| line.split('-').nth(1));
        let trace = trace.context("the response has no `traceresponse`")?;
        eprintln!("look for the trace {trace} behind {endpoint}");
        return Ok(());
    }
    view(workspace, &[of_shop, of_prices])
}

/// Shows the traces in files.
fn view(workspace: &Workspace, files: &[PathBuf]) -> Result<()> {
    let mut command = Command::new(workspace.target("debug/wasmscope"));
    command.arg("view").args(files);
    eprintln!(
        "The shop (on Wasmtime) has asked prices (on WasmEdge). Look for `GET /prices/{{item}} (server)` beneath `GET (client)`:\n"
    );
    run_command(&mut command)?;
    eprintln!(
        "\nthis was: {}\n\nDone. The command is {}, and the components are in {}.",
        shown(&command),
        workspace.target("debug/wasmscope").display(),
        workspace.target("guests").display(),
    );
    Ok(())
}

/// A service that runs. Dropping it kills it.
struct Service {
    process: Child,
    address: String,
    /// Open until the end, so that the service can write to it.
    stderr: BufReader<ChildStderr>,
}

impl Service {
    fn start(mut command: Command, component: &Path) -> Result<Self> {
        command.arg(component).stderr(Stdio::piped());
        eprintln!("{}", shown(&command));
        let mut process = command
            .spawn()
            .with_context(|| format!("cannot start {}", shown(&command)))?;
        let stderr = process.stderr.take().context("standard error is piped")?;
        let mut service = Self {
            process,
            address: String::new(),
            stderr: BufReader::new(stderr),
        };
        let mut said = String::new();
        loop {
            let from = said.len();
            if service.stderr.read_line(&mut said)? == 0 {
                bail!("it ended before it listened: {}\n{said}", shown(&command));
            }
            let line = said[from..].trim_end();
            if let Some((_, address)) = line.split_once("http://") {
                address.clone_into(&mut service.address);
                return Ok(service);
            }
        }
    }

    /// Sends a request, and returns the response with its head. By HTTP/1.0, so that the body is
    /// not sent in chunks.
    fn post(&self, path: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "POST {path} HTTP/1.0\r\nhost: {}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response)
    }

    /// Stops the service as an operator does, so that it delivers its telemetry.
    fn stop(mut self) -> Result<()> {
        let id = self.process.id().to_string();
        run_command(Command::new("kill").args(["-TERM", &id]))?;
        let mut said = String::new();
        self.stderr.read_to_string(&mut said)?;
        let status = self.process.wait()?;
        if !status.success() {
            bail!("a service ended with {status}:\n{said}");
        }
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // After `stop` it has ended, and both calls do nothing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
