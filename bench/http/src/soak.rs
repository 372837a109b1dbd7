//! A soak: a server under load for a long time, while its collector goes away and comes back.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::{Collector, Mode, Progress, Received, Server, load};

/// What to run.
#[derive(Debug, Clone)]
pub struct Soak {
    /// The command `wasmscope`.
    pub wasmscope: PathBuf,
    /// The component `hello-http`.
    pub guest: PathBuf,
    /// Options of `wasmscope serve`, for example the runtime.
    pub options: Vec<String>,
    /// A folder for compiled code.
    pub cache: PathBuf,
    /// The duration of the load.
    pub time: Duration,
    /// The number of connections that send requests.
    pub connections: usize,
    /// The spans, and the log records, that may wait to be exported. A short soak needs fewer than
    /// by default, so that some are lost.
    pub queue: usize,
}

/// The result of a soak in which everything was as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Soaked {
    /// The number of requests, all of which were answered.
    pub requests: u64,
    /// The spans that the collector has accepted, and those that were lost.
    pub spans: Delivery,
    /// The same for log records.
    pub logs: Delivery,
    /// The highest resident memory in the first part, after a warm-up, and in the last one.
    pub memory: Growth,
}

/// What became of the items of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Items that the collector has accepted.
    pub received: u64,
    /// Items that the server reported as lost when it ended.
    pub lost: u64,
}

/// The highest resident memory in two parts of a soak, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Between a fifth and a half of the time.
    pub early: u64,
    /// In the last half.
    pub late: u64,
}

impl Growth {
    /// The bytes that the later part may have more, beyond a tenth: parts of allocators and queues
    /// that were not used before.
    const SLACK: u64 = 16 << 20;

    fn of(samples: &[u64]) -> Self {
        let (fifth, half) = (samples.len() / 5, samples.len() / 2);
        let most = |samples: &[u64]| samples.iter().copied().max().unwrap_or_default();
        Self {
            early: most(&samples[fifth..half]),
            late: most(&samples[half..]),
        }
    }

    /// Checks that the memory is bounded.
    ///
    /// # Errors
    ///
    /// If it has grown by more than a tenth and 16 MiB.
    fn check(self) -> Result<()> {
        let bound = self.early + self.early / 10 + Self::SLACK;
        ensure!(
            self.late <= bound,
            "the server's memory grew from {} to {} bytes, more than to {bound}",
            self.early,
            self.late
        );
        Ok(())
    }
}

/// What the collector does, and for which share of a cycle.
const CYCLE: [(Mode, f64); 6] = [
    (Mode::Up, 0.3),
    (Mode::Away, 0.2),
    (Mode::Up, 0.15),
    (Mode::Refusing, 0.1),
    (Mode::Up, 0.1),
    (Mode::Silent, 0.15),
];

/// The length of a cycle, unless the soak is shorter than some of them.
const CYCLE_TIME: Duration = Duration::from_secs(60);

impl Soak {
    /// Runs the soak. `tell` gets a line about each change of the collector.
    ///
    /// # Errors
    ///
    /// If a request fails, if the memory grows, if an item is neither received nor counted as lost,
    /// or if nothing was lost: then the soak has shown nothing.
    pub fn run(&self, mut tell: impl FnMut(&str)) -> Result<Soaked> {
        let collector = Collector::start()?;
        let server = self.start(&collector)?;
        let progress = Arc::new(Progress::default());
        let ended = Arc::new(AtomicBool::new(false));
        let load = self.spawn_load(&server, &progress, &ended);
        let samples = self.watch(&collector, &server, &progress, &mut tell);
        ended.store(true, Ordering::Relaxed);
        load.join()
            .map_err(|_panic| anyhow::anyhow!("the client panicked"))??;
        let memory = Growth::of(&samples?);
        let (status, printed) = server.stop()?;
        ensure!(
            status.success(),
            "the server ended with {status}:\n{printed}"
        );
        progress.check().with_context(|| printed.clone())?;
        memory.check()?;
        let requests = progress.answered();
        let (spans, logs) =
            account(requests, &collector.received(), &printed).with_context(|| printed.clone())?;
        Ok(Soaked {
            requests,
            spans,
            logs,
            memory,
        })
    }

    fn start(&self, collector: &Collector) -> Result<Server> {
        let mut command = Command::new(&self.wasmscope);
        command.args(["serve", "--addr", "127.0.0.1:0"]);
        command.args(&self.options).arg(&self.guest);
        let (queue, batch) = (self.queue.to_string(), (self.queue / 4).to_string());
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint().as_str()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", &queue),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", &queue),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", &batch),
            ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", &batch),
            ("OTEL_BSP_SCHEDULE_DELAY", "500"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "500"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
        ] {
            command.env(name, value);
        }
        command.env("XDG_CACHE_HOME", &self.cache);
        Server::start(&mut command)
    }

    fn spawn_load(
        &self,
        server: &Server,
        progress: &Arc<Progress>,
        ended: &Arc<AtomicBool>,
    ) -> thread::JoinHandle<Result<()>> {
        let (address, connections) = (server.address(), self.connections);
        let (progress, ended) = (Arc::clone(progress), Arc::clone(ended));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let goes_on = move |_| !ended.load(Ordering::Relaxed);
            runtime.block_on(load(address, connections, &progress, goes_on))?;
            Ok(())
        })
    }

    /// Changes the collector, and reads the server's memory, until the time is over. At the end,
    /// the collector is up.
    fn watch(
        &self,
        collector: &Collector,
        server: &Server,
        progress: &Progress,
        tell: &mut impl FnMut(&str),
    ) -> Result<Vec<u64>> {
        let start = Instant::now();
        let last = self.time / 5;
        let cycle = CYCLE_TIME.min((self.time - last) / 2);
        let pause = (self.time / 100).min(Duration::from_secs(1));
        let mut samples = Vec::new();
        let mut modes = CYCLE.iter().cycle();
        let mut change = start;
        loop {
            let now = Instant::now();
            let is_last = now >= start + self.time - last;
            if now >= start + self.time {
                return Ok(samples);
            }
            if is_last {
                collector.set(Mode::Up);
            } else if now >= change
                && let Some((mode, share)) = modes.next()
            {
                collector.set(*mode);
                change = now + cycle.mul_f64(*share);
                tell(&format!(
                    "{:>4} s: {} requests, {} failed, {:.1} MiB; collector: {mode:?}",
                    start.elapsed().as_secs(),
                    progress.answered(),
                    progress.failed(),
                    server.memory()? as f64 / f64::from(1 << 20),
                ));
            }
            samples.push(server.memory()?);
            thread::sleep(pause);
        }
    }
}

/// Checks that everything that the guests have recorded was received or counted as lost.
fn account(requests: u64, received: &Received, printed: &str) -> Result<(Delivery, Delivery)> {
    let spans = Delivery {
        received: received.spans,
        lost: lost(printed, "spans")?,
    };
    let logs = Delivery {
        received: received.logs,
        lost: lost(printed, "log records")?,
    };
    // Each request has a span of its own, one of its handler, and a log record.
    for (name, delivery, recorded) in [
        ("spans", spans, 2 * requests),
        ("log records", logs, requests),
    ] {
        let Delivery { received, lost } = delivery;
        ensure!(
            received + lost == recorded,
            "{recorded} {name} were recorded, {received} received and {lost} lost"
        );
        ensure!(
            lost > 0,
            "no {name} were lost, so the soak has shown nothing"
        );
    }
    for (signal, delivery) in [("traces", spans), ("logs", logs)] {
        let dropped = received.metric("wasmscope.dropped", signal);
        ensure!(
            dropped == delivery.lost as f64,
            "wasmscope.dropped is {dropped} for {signal}, and {} were lost",
            delivery.lost
        );
    }
    for name in ["hello.requests", "http.server.request.duration"] {
        let measured = received.metric(name, "");
        ensure!(
            measured == requests as f64,
            "{name} counts {measured} of {requests} requests"
        );
    }
    ensure!(
        !printed.contains("dropped or shortened"),
        "telemetry was dropped before its export"
    );
    Ok((spans, logs))
}

/// Reads the number of lost items from the server's last message, such as `3 of 120 spans lost:
/// queue full; 1 of 60 log records lost: export failed`.
fn lost(printed: &str, name: &str) -> Result<u64> {
    let end = format!(" {name} lost: ");
    let Some((before, _)) = printed.split_once(&end) else {
        return Ok(0);
    };
    let mut words = before.rsplit(' ');
    let (_, of) = (words.next(), words.next());
    let number = words.next().filter(|_| of == Some("of"));
    let number = number.and_then(|number| number.parse().ok());
    number.with_context(|| format!("cannot read the number of lost {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "wasmscope: listening on http://127.0.0.1:1\nwasmscope: 30 of 200 spans lost: 10 queue full, \
        20 export failed; 1 of 100 log records lost: queue full\n";

    fn received() -> Received {
        let mut received = Received {
            spans: 170,
            logs: 99,
            ..Received::default()
        };
        for (name, signal, value) in [
            ("wasmscope.dropped", "traces", 30.0),
            ("wasmscope.dropped", "logs", 1.0),
            ("hello.requests", "", 100.0),
            ("http.server.request.duration", "GET", 100.0),
        ] {
            let series = (name.to_owned(), vec![signal.to_owned()]);
            received.metrics.insert(series, value);
        }
        received
    }

    #[test]
    fn losses_are_read_from_the_last_message() {
        assert_eq!(lost(PRINTED, "spans").expect("a number"), 30);
        assert_eq!(lost(PRINTED, "log records").expect("a number"), 1);
        assert_eq!(lost("", "spans").expect("none"), 0);
        lost("some spans lost: ", "spans").expect_err("no number");
    }

    #[test]
    fn every_item_is_received_or_counted() {
        let (spans, logs) = account(100, &received(), PRINTED).expect("it is");
        assert_eq!((spans.received, spans.lost), (170, 30));
        assert_eq!((logs.received, logs.lost), (99, 1));
    }

    #[test]
    fn what_is_not_accounted_for_is_an_error() {
        let error = |change: fn(&mut Received), printed: &str| {
            let mut received = received();
            change(&mut received);
            let error = account(100, &received, printed).expect_err("something is missing");
            error.to_string()
        };
        assert_eq!(
            error(|received| received.spans -= 1, PRINTED),
            "200 spans were recorded, 169 received and 30 lost"
        );
        assert_eq!(
            error(|received| received.logs += 1, PRINTED),
            "100 log records were recorded, 100 received and 1 lost"
        );
        assert_eq!(
            error(|received| received.spans = 200, ""),
            "no spans were lost, so the soak has shown nothing"
        );
        assert_eq!(
            error(|received| received.metrics.clear(), PRINTED),
            "wasmscope.dropped is 0 for traces, and 30 were lost"
        );
        let other = format!("{PRINTED}wasmscope: dropped or shortened: 1 item\n");
        assert_eq!(
            error(|_| {}, &other),
            "telemetry was dropped before its export"
        );
    }

    #[test]
    fn memory_may_not_grow() {
        const MIB: u64 = 1 << 20;
        let samples = |late| {
            let mut samples = vec![500 * MIB; 2];
            samples.extend([100 * MIB; 3]);
            samples.extend([late; 5]);
            Growth::of(&samples)
        };
        assert_eq!(samples(126 * MIB).early, 100 * MIB);
        samples(126 * MIB).check().expect("within the bound");
        samples(127 * MIB).check().expect_err("beyond the bound");
    }
}
