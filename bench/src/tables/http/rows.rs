//! The servers that are compared.

use std::process::Command;

use anyhow::Result;
use wasmscope_bench_http::Server;

use super::super::Inputs;

/// A row of the table.
pub(super) struct Row {
    pub(super) letter: char,
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    program: Program,
    pub(super) telemetry: Telemetry,
    /// The file of the component.
    guest: &'static str,
    /// Whether instances handle several requests.
    is_reused: bool,
    /// The name of the row that it is compared with.
    pub(super) peer: Option<&'static str>,
    /// Whether it is part of a check.
    pub(super) is_checked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Program {
    /// `wasmtime serve`.
    Peer,
    /// `wasmscope serve` on a runtime.
    Wasmtime,
    Aot,
    Interpreter,
    Native,
}

/// The telemetry of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telemetry {
    /// The server knows nothing of it.
    Foreign,
    /// `OTEL_SDK_DISABLED`, or none in the program.
    Off,
    On,
    /// One trace of a hundred. Logs and metrics are complete.
    Sampled,
}

const HELLO: &str = "hello-http.wasm";
const PLAIN: &str = "hello-http.none.wasm";
const PLUGGED: &str = "hello-http.plugged.wasm";

/// Larger than the number of items that wait while the machine is busy.
const QUEUE: &str = "65536";

/// The number of requests for an instance that is reused.
const REUSE: &str = "128";

/// The first row of each kind.
const ON: Row = Row {
    letter: 'F',
    name: "on",
    title: "Wasmscope on Wasmtime",
    program: Program::Wasmtime,
    telemetry: Telemetry::On,
    guest: HELLO,
    is_reused: false,
    peer: Some("disabled"),
    is_checked: true,
};

pub(super) const ROWS: [Row; 14] = [
    Row {
        letter: 'A',
        name: "peer",
        title: "`wasmtime serve`, guest without telemetry",
        program: Program::Peer,
        telemetry: Telemetry::Foreign,
        guest: PLAIN,
        peer: None,
        is_checked: false,
        ..ON
    },
    Row {
        letter: 'B',
        name: "peer, plugged",
        title: "`wasmtime serve`, `hello-http` with `no-telemetry` plugged in",
        program: Program::Peer,
        telemetry: Telemetry::Foreign,
        guest: PLUGGED,
        peer: Some("peer"),
        is_checked: false,
        ..ON
    },
    Row {
        letter: 'C',
        name: "peer, reused",
        title: "`wasmtime serve`, guest without telemetry, reused",
        program: Program::Peer,
        telemetry: Telemetry::Foreign,
        guest: PLAIN,
        is_reused: true,
        peer: Some("peer"),
        is_checked: false,
    },
    Row {
        letter: 'D',
        name: "plain",
        title: "Wasmscope on Wasmtime, guest without telemetry, telemetry disabled",
        telemetry: Telemetry::Off,
        guest: PLAIN,
        peer: Some("peer"),
        is_checked: false,
        ..ON
    },
    Row {
        letter: 'E',
        name: "disabled",
        title: "Wasmscope on Wasmtime, telemetry disabled",
        telemetry: Telemetry::Off,
        peer: Some("peer"),
        ..ON
    },
    ON,
    Row {
        letter: 'G',
        name: "sampled",
        title: "Wasmscope on Wasmtime, 1 % of traces sampled",
        telemetry: Telemetry::Sampled,
        is_checked: false,
        ..ON
    },
    Row {
        letter: 'H',
        name: "disabled, reused",
        title: "Wasmscope on Wasmtime, telemetry disabled, reused",
        telemetry: Telemetry::Off,
        is_reused: true,
        peer: Some("peer, reused"),
        is_checked: false,
        ..ON
    },
    Row {
        letter: 'I',
        name: "reused",
        title: "Wasmscope on Wasmtime, reused",
        is_reused: true,
        peer: Some("disabled, reused"),
        is_checked: false,
        ..ON
    },
    Row {
        letter: 'J',
        name: "aot",
        title: "Wasmscope on WasmEdge AOT",
        program: Program::Aot,
        peer: Some("on"),
        is_checked: false,
        ..ON
    },
    Row {
        letter: 'K',
        name: "aot, reused",
        title: "Wasmscope on WasmEdge AOT, reused",
        program: Program::Aot,
        is_reused: true,
        peer: Some("reused"),
        is_checked: false,
        ..ON
    },
    Row {
        letter: 'L',
        name: "interpreter",
        title: "Wasmscope on WasmEdge, interpreted",
        program: Program::Interpreter,
        peer: Some("on"),
        ..ON
    },
    Row {
        letter: 'M',
        name: "native",
        title: "native: hyper and `tracing-opentelemetry`",
        program: Program::Native,
        peer: Some("on"),
        ..ON
    },
    Row {
        letter: 'N',
        name: "native, disabled",
        title: "native: hyper without telemetry",
        program: Program::Native,
        telemetry: Telemetry::Off,
        peer: Some("native"),
        is_checked: false,
        ..ON
    },
];

impl Row {
    /// Returns the row with a name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.name == name)
    }

    /// Starts the server, and waits until it listens.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub(super) fn start(&self, inputs: &Inputs, collector: &str) -> Result<Server> {
        let guest = inputs.guests.join(self.guest);
        let programs = &inputs.programs;
        let mut command = match self.program {
            Program::Native => Command::new(programs.native_service()?),
            Program::Peer => {
                let mut command = Command::new(programs.wasmtime()?);
                command.args(["serve", "-S", "cli", "--env", "WASMSCOPE_RUNTIME=wasmtime"]);
                if self.is_reused {
                    command.args(["--max-instance-reuse-count", REUSE]);
                }
                command
            }
            Program::Wasmtime | Program::Aot | Program::Interpreter => {
                let mut command = Command::new(programs.wasmscope()?);
                command.arg("serve");
                if self.program != Program::Wasmtime {
                    command.args(["--runtime", "wasmedge"]);
                }
                if self.program == Program::Aot {
                    command.arg("--aot");
                }
                if self.is_reused {
                    command.args(["--max-instance-reuse", REUSE]);
                }
                command
            }
        };
        command.args(["--addr", "127.0.0.1:0"]);
        if self.program != Program::Native {
            command.arg(guest);
        } else if self.telemetry == Telemetry::Off {
            command.arg("--without-telemetry");
        }
        command.env("XDG_CACHE_HOME", &inputs.cache);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
        for queue in ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_QUEUE_SIZE"] {
            command.env(queue, QUEUE);
        }
        match self.telemetry {
            Telemetry::Foreign | Telemetry::On => {}
            Telemetry::Off => {
                command.env("OTEL_SDK_DISABLED", "true");
            }
            Telemetry::Sampled => {
                command.env("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
                command.env("OTEL_TRACES_SAMPLER_ARG", "0.01");
            }
        }
        Server::start(&mut command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_compared_with_another_one() {
        let names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.letter, char::from(b'A' + at as u8));
            let Some(peer) = row.peer else { continue };
            assert!(names.contains(&peer), "{}", row.name);
            assert_ne!(peer, row.name);
        }
        assert_eq!(ROWS.iter().filter(|row| row.peer.is_none()).count(), 1);
    }
}
