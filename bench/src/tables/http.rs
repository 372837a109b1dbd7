//! Services of HTTP: each server in its own process, loaded by a client in another one.

mod flat;
mod programs;
mod rows;

pub(super) use flat::table as memory;
pub(crate) use programs::Programs;

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use wasmscope_bench_http::{Collector, Measured, Progress, Received, Server, load};

use self::rows::{ROWS, Row, Telemetry};
use super::Inputs;
use crate::report::{Table, nanos};
use crate::rounds::Spread;

/// The numbers of connections.
const CONNECTIONS: [usize; 3] = [1, 16, 256];

/// The number of connections at half of the highest load. More than are busy at a time.
const AT_HALF: usize = 64;

/// The number of rounds. Their turns take longer than those of other tables.
const ROUNDS: usize = 5;

/// The time of each load.
const LOAD: Duration = Duration::from_secs(2);

/// The time of the load before the first one that counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// The number of requests of each load in a check.
const FEW: u64 = 40;

/// What was measured of a row in one round.
#[derive(Debug, Clone)]
struct Turn {
    /// Requests per second, by the number of connections.
    rates: [f64; CONNECTIONS.len()],
    /// Processor time of the server for a request, with 16 connections.
    processor: Duration,
    p50: Duration,
    p99: Duration,
    /// Resident bytes, before the load and with 256 connections.
    memory: [u64; 2],
    /// From the start of the process to the first answer.
    start: Duration,
}

pub(super) fn table(inputs: &Inputs) -> Result<Table> {
    let rows: Vec<_> = ROWS
        .iter()
        .filter(|row| inputs.effort.is_full() || row.is_checked)
        .filter(|row| row.title.contains(&inputs.rows))
        .collect();
    let rounds = if inputs.effort.is_full() { ROUNDS } else { 1 };
    let mut turns = vec![Vec::new(); rows.len()];
    if inputs.effort.is_full() {
        // Compiles what is compiled ahead of time.
        for row in &rows {
            eprintln!("   starting {}", row.title);
            row.start(inputs, "http://127.0.0.1:1")?;
        }
    }
    for round in 0..rounds {
        for step in 0..rows.len() {
            let at = (round + step) % rows.len();
            let row = rows[at];
            let turn = turn(inputs, row).with_context(|| row.title.to_owned())?;
            eprintln!(
                "   round {} of {rounds}: {}: {:.0}/s",
                round + 1,
                row.title,
                turn.rates[1]
            );
            turns[at].push(turn);
        }
    }
    Ok(Measurements { rows, turns }.table(rounds))
}

/// Starts the server of a row, loads it, and checks its telemetry.
fn turn(inputs: &Inputs, row: &Row) -> Result<Turn> {
    let collector = Collector::start()?;
    let begin = Instant::now();
    let server = row.start(inputs, &collector.endpoint())?;
    let mut requests = first_answer(&server)?;
    let start = begin.elapsed();
    let full = inputs.effort.is_full();
    let client = Client { inputs };
    if full {
        thread::sleep(Duration::from_millis(500));
    }
    let at_rest = server.memory()?;
    if full {
        requests += client
            .load(&server, CONNECTIONS[1], WARM_UP, None)?
            .requests;
    }
    let mut rates = [0.0; CONNECTIONS.len()];
    let mut processor = Duration::ZERO;
    let mut loaded = at_rest;
    for (at, connections) in CONNECTIONS.into_iter().enumerate() {
        let before = server.processor_time()?;
        let (measured, memory) =
            with_memory(&server, || client.load(&server, connections, LOAD, None))?;
        requests += measured.requests;
        rates[at] = measured.rate;
        if at == 1 {
            let used = server.processor_time()?.saturating_sub(before);
            processor = used.div_f64(measured.requests.max(1) as f64);
        }
        loaded = memory;
    }
    let highest = rates.into_iter().fold(0.0, f64::max);
    let half = client.load(&server, AT_HALF, LOAD, Some(highest / 2.0))?;
    requests += half.requests;
    let (status, printed) = server.stop()?;
    // `wasmtime serve` is ended by the signal.
    ensure!(
        status.success() || row.telemetry == Telemetry::Foreign,
        "the server ended with {status}:\n{printed}"
    );
    row.telemetry
        .check(&collector.received(), requests)
        .with_context(|| printed)?;
    Ok(Turn {
        rates,
        processor,
        p50: half.p50,
        p99: half.p99,
        memory: [at_rest, loaded],
        start,
    })
}

/// Sends a request, and returns the number of requests: one.
fn first_answer(server: &Server) -> Result<u64> {
    use std::io::{Read as _, Write as _};
    let mut stream = TcpStream::connect(server.address())?;
    let path = wasmscope_bench_http::PATH;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    Ok(1)
}

/// Returns the largest resident memory of the server while something is done.
fn with_memory<T>(server: &Server, work: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let sampled = scope.spawn(|| -> Result<u64> {
            let mut most = server.memory()?;
            while !ended.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(50));
                most = most.max(server.memory()?);
            }
            Ok(most)
        });
        let done = work();
        ended.store(true, Ordering::Relaxed);
        let most = sampled
            .join()
            .map_err(|_panic| anyhow::anyhow!("a thread panicked"))?;
        Ok((done?, most?))
    })
}

/// Sends the load: by `oha`, or in a check by a client in this process.
struct Client<'a> {
    inputs: &'a Inputs,
}

impl Client<'_> {
    fn load(
        &self,
        server: &Server,
        connections: usize,
        time: Duration,
        rate: Option<f64>,
    ) -> Result<Measured> {
        if let Some(oha) = &self.inputs.programs.oha {
            let oha = wasmscope_bench_http::Oha::new(oha.clone());
            return oha.load(&server.url(), connections, time, rate);
        }
        let progress = Arc::new(Progress::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let load = load(server.address(), connections, &progress, |done| done < FEW);
        let measured = runtime.block_on(load)?;
        progress.check()?;
        Ok(measured)
    }
}

impl Telemetry {
    /// Checks that the telemetry of all requests has arrived.
    fn check(self, received: &Received, requests: u64) -> Result<()> {
        // The span of the request, and the one of its handler.
        let all = 2 * requests;
        let (spans, logs) = match self {
            Self::Foreign | Self::Off => (0..=0, 0),
            Self::On => (all..=all, requests),
            // Neither none nor all, if there are many.
            Self::Sampled => (u64::from(requests > 10_000)..=all / 20, requests),
        };
        let logs = logs..=logs;
        ensure!(
            spans.contains(&received.spans) && logs.contains(&received.logs),
            "{} spans and {} log records arrived of {requests} requests",
            received.spans,
            received.logs
        );
        Ok(())
    }
}

/// The turns of each row.
struct Measurements<'a> {
    rows: Vec<&'a Row>,
    turns: Vec<Vec<Turn>>,
}

impl Measurements<'_> {
    fn spread(&self, row: usize, value: impl Fn(&Turn) -> f64) -> Spread {
        Spread::of(self.turns[row].iter().map(value).collect())
    }

    /// Returns the ratio to another row in the same round.
    fn ratio(&self, row: usize, to: usize, value: impl Fn(&Turn) -> f64) -> f64 {
        let pairs = self.turns[row].iter().zip(&self.turns[to]);
        Spread::of(
            pairs
                .map(|(turn, base)| value(turn) / value(base))
                .collect(),
        )
        .median
    }

    /// Returns the position of a row.
    fn at(&self, name: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.name == name)
    }

    fn table(&self, rounds: usize) -> Table {
        let mut table = Table {
            title: "HTTP services".to_owned(),
            about: about(rounds),
            header: [
                "",
                "requests/s with 1 connection",
                "16",
                "256",
                "to the row",
                "with 1",
                "16",
                "256",
                "processor time",
                "p50",
                "p99",
                "memory at rest",
                "256",
                "start",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..Table::default()
        };
        for (at, row) in self.rows.iter().enumerate() {
            let mut cells = vec![format!("{}: {}", row.letter, row.title)];
            for load in 0..CONNECTIONS.len() {
                let rate = self.spread(at, |turn| turn.rates[load]);
                cells.push(format!("{:.0}", rate.median));
            }
            let peer = row.peer.and_then(|name| self.at(name));
            cells.push(peer.map_or_else(String::new, |peer| self.rows[peer].letter.to_string()));
            for load in 0..CONNECTIONS.len() {
                let ratio = |peer| self.ratio(at, peer, |turn| turn.rates[load]);
                cells.push(peer.map_or_else(String::new, |peer| format!("{:.2}", ratio(peer))));
            }
            let times: [fn(&Turn) -> Duration; 3] =
                [|turn| turn.processor, |turn| turn.p50, |turn| turn.p99];
            for time in times {
                let time = self.spread(at, |turn| time(turn).as_secs_f64() * 1e9);
                cells.push(nanos(time.median));
            }
            for load in 0..2 {
                let memory = self.spread(at, |turn| turn.memory[load] as f64);
                cells.push(format!("{:.0} MiB", memory.median / f64::from(1 << 20)));
            }
            let start = self.spread(at, |turn| turn.start.as_secs_f64());
            cells.push(format!("{:.0} ms", start.median * 1e3));
            table.rows.push(cells);
            if let Some(peer) = peer {
                self.measure(at, peer, &mut table);
            }
        }
        table
    }

    /// Adds the numbers that are compared with the targets.
    fn measure(&self, row: usize, peer: usize, table: &mut Table) {
        let ratios =
            (0..CONNECTIONS.len()).map(|load| self.ratio(row, peer, |turn| turn.rates[load]));
        let lowest = ratios.fold(f64::INFINITY, f64::min);
        let p99 = self.ratio(row, peer, |turn| turn.p99.as_secs_f64());
        let name = self.rows[row].name;
        table.measured.push((format!("{name}/throughput"), lowest));
        table.measured.push((format!("{name}/p99"), p99));
    }
}

fn about(rounds: usize) -> String {
    format!(
        "`components/hello-http`, and services with the same answer. Each server is a process of its own, loaded by `oha` with one thread in another process, \
            on the same cores. Telemetry goes in batches to a collector, which counts it, in a third process: each request has two spans, a log record and \
            several measurements, and all of them have arrived. The queues of exporters are as long as needed for that (`OTEL_BSP_MAX_QUEUE_SIZE`). \
            Medians over {rounds} rounds, in each of which every server is started, loaded for {} s with each number of connections, and stopped. Ratios are \
            those of a round, to the row with that letter. The processor time is the server's for one request, with 16 connections; it varies less than the \
            throughput, which includes the client. p50 and p99 are latencies at half of the row's highest throughput, with up to {AT_HALF} connections. The \
            start is the time from the start of the process to the first answer. Servers on Wasmtime compile the component then, and WasmEdge loads compiled code. \
            `wasmtime serve` is built with the same optimisations as Wasmscope. The guest without telemetry is `hello-http` without the SDK. Instances that are \
            reused handle up to 128 requests.",
        LOAD.as_secs()
    )
}
