//! The process of a server.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to listen: it may compile its component first.
const PATIENCE: Duration = Duration::from_secs(120);

/// The text before the address in a server's message. Those of Wasmscope and of Wasmtime.
const LISTENING: [&str; 2] = ["listening on http://", "Serving HTTP on http://"];

/// A server that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    /// Returns everything that the server has printed on standard error.
    stderr: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts a program, and waits until it says on standard error on which address it listens. Of
    /// the variables about telemetry, it gets only those that the command sets.
    ///
    /// # Errors
    ///
    /// If it does not start, or does not listen. The error contains what it has printed.
    pub fn start(command: &mut Command) -> Result<Self> {
        for name in foreign(command) {
            command.env_remove(name);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let stderr = child.stderr.take().context("the standard error is piped")?;
        let (has_address, address) = mpsc::channel();
        let stderr = std::thread::spawn(move || {
            let mut all = String::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Some(address) = listening(&line) {
                    let _ = has_address.send(address);
                }
                all.push_str(&line);
                all.push('\n');
            }
            all
        });
        let mut server = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            stderr: Some(stderr),
        };
        match address.recv_timeout(PATIENCE) {
            Ok(address) => server.address = address,
            Err(_) => {
                server.child.kill()?;
                let printed = server.printed();
                bail!("{command:?} does not listen; it printed:\n{printed}");
            }
        }
        Ok(server)
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL to ask for.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, crate::PATH)
    }

    /// Returns the resident memory in bytes.
    ///
    /// # Errors
    ///
    /// If the process has ended, or the system does not report it.
    pub fn memory(&self) -> Result<u64> {
        let file = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kibibytes: u64 = kibibytes
            .with_context(|| format!("no VmRSS in {file}"))?
            .parse()?;
        Ok(kibibytes * 1024)
    }

    /// Returns the processor time that it has used so far.
    ///
    /// # Errors
    ///
    /// If the process has ended, or the system does not report it.
    pub fn processor_time(&self) -> Result<Duration> {
        let file = format!("/proc/{}/stat", self.child.id());
        let stat = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        // The name of the program, in brackets, may contain blanks.
        let (_, fields) = stat.rsplit_once(") ").context("no name in it")?;
        let mut fields = fields.split(' ').skip(11);
        let mut ticks = || -> Result<u64> { Ok(fields.next().context("too short")?.parse()?) };
        let ticks = ticks()? + ticks()?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }

    /// Sends SIGTERM, waits for the end, and returns what it has printed on standard error.
    ///
    /// # Errors
    ///
    /// If it does not end in time, or cannot be asked to.
    pub fn stop(mut self) -> Result<(ExitStatus, String)> {
        let id = i32::try_from(self.child.id())?;
        let id = Pid::from_raw(id).context("a process has an id")?;
        kill_process(id, Signal::TERM)?;
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                bail!("the server does not end");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        Ok((status, self.printed()))
    }

    /// Waits until the process has ended, and returns what it has printed.
    fn printed(&mut self) -> String {
        let thread = self.stderr.take();
        let printed = thread.and_then(|thread| thread.join().ok());
        printed.unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the variables about telemetry that a command would inherit. They must not change what is
/// measured.
fn foreign(command: &Command) -> Vec<OsString> {
    let inherited = std::env::vars_os().map(|(name, _)| name);
    let is_foreign = |name: &OsString| {
        let text = name.to_string_lossy();
        let is_set = command.get_envs().any(|(set, _)| set == name);
        !is_set && (text.starts_with("OTEL_") || text.starts_with("WASMSCOPE_"))
    };
    inherited.filter(is_foreign).collect()
}

fn listening(line: &str) -> Option<SocketAddr> {
    let address = LISTENING
        .iter()
        .find_map(|text| line.split_once(text))
        .map(|(_, address)| address)?;
    address.trim_end_matches('/').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_messages() {
        let expected = Some(SocketAddr::from(([127, 0, 0, 1], 8080)));
        for line in [
            "wasmscope: listening on http://127.0.0.1:8080",
            "Serving HTTP on http://127.0.0.1:8080/",
        ] {
            assert_eq!(listening(line), expected, "{line}");
        }
        assert_eq!(listening("the collector at http://127.0.0.1:4318"), None);
    }

    #[test]
    fn a_program_that_does_not_listen_is_an_error_with_its_message() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo it is broken >&2"]);
        let error = Server::start(&mut command).expect_err("it ends");
        assert!(error.to_string().ends_with("it printed:\nit is broken\n"));
    }

    #[test]
    fn a_process_is_measured_and_stopped() {
        let mut command = Command::new("sh");
        let script = "echo 'listening on http://127.0.0.1:1' >&2; \
                      i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exec sleep 60";
        command.args(["-c", script]);
        let server = Server::start(&mut command).expect("it listens");
        assert!(server.memory().expect("its memory") > 100_000);
        let deadline = Instant::now() + Duration::from_secs(30);
        while server.processor_time().expect("its time") == Duration::ZERO {
            assert!(Instant::now() < deadline, "it uses no time");
        }
        let (status, printed) = server.stop().expect("it ends");
        assert!(!status.success());
        assert_eq!(printed, "listening on http://127.0.0.1:1\n");
    }
}
