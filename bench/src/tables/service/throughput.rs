//! Requests per second, by the number of instances and threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};

use super::super::Inputs;
use super::{COLUMNS, Counted, REQUEST, VARIANTS, component};
use crate::report::{Table, ratio};
use crate::rounds::Spread;
use crate::runtime::{Guest, Host, runtime};

/// The number of instances, and of threads.
const LOADS: [(usize, usize); 8] = [
    (1, 1),
    (10, 1),
    (100, 1),
    (1_000, 1),
    (2, 2),
    (10, 2),
    (100, 2),
    (1_000, 2),
];

/// The number of measurements of each load. They take longer than the turns of other tables.
const ROUNDS: usize = 5;

/// The number of requests in each measurement.
const REQUESTS: usize = 40_000;

pub(in super::super) fn table(inputs: &Inputs) -> Result<Table> {
    let mut table = Table {
        title: "Throughput".to_owned(),
        about: format!(
            "Requests to the service in a second. Each thread calls its instances in turn, and all send to the same providers. With telemetry, the \
                number is the share of the throughput that is left. Medians over {ROUNDS} rounds of {REQUESTS} requests; all threads begin a round \
                together. With two threads, WasmEdge AOT can serve more than twice the requests that it serves with one. The reason is that WasmEdge \
                sets the process's fault handlers when the first thread enters a compiled guest, and resets them when the last thread leaves (three \
                system calls each). With two threads, this happens less often."
        ),
        header: [
            "",
            "instances",
            "threads",
            "without telemetry",
            "direct API",
            "`tracing`",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Table::default()
    };
    let full = inputs.effort.is_full();
    for column in COLUMNS {
        let runtime = runtime(column, &inputs.cache)?;
        let mut hosts = Vec::new();
        for (variant, _) in VARIANTS {
            hosts.push((variant, runtime.load(&component(inputs, variant))?));
        }
        let loads = LOADS
            .iter()
            .filter(|(instances, _)| full || *instances <= 10);
        for (instances, threads) in loads.copied() {
            let requests = if full { REQUESTS } else { 20 };
            let rounds = if full { ROUNDS } else { 1 };
            let mut rates = vec![Vec::new(); hosts.len()];
            for _ in 0..rounds {
                for ((variant, host), rates) in hosts.iter().zip(&mut rates) {
                    let counted = Counted::new();
                    let rate = rate(&**host, &counted, instances, threads, requests)?;
                    let asked = (instances / threads + requests / threads) * threads;
                    counted.check(variant, asked as u64)?;
                    rates.push(rate);
                }
            }
            let base = &rates[0];
            let mut row = vec![
                column.title().to_owned(),
                instances.to_string(),
                threads.to_string(),
                format!("{:.0}", Spread::of(base.clone()).median),
            ];
            for rates in &rates[1..] {
                let shares = rates.iter().zip(base).map(|(rate, base)| rate / base);
                row.push(ratio(Spread::of(shares.collect())));
            }
            table.rows.push(row);
        }
    }
    Ok(table)
}

/// Serves `requests` requests with some instances and threads. Returns the requests per second,
/// from when all threads are ready to when the last one ends.
fn rate(
    host: &dyn Host,
    counted: &Counted,
    instances: usize,
    threads: usize,
    requests: usize,
) -> Result<f64> {
    let share = requests / threads;
    let ready = Barrier::new(threads);
    let work = || -> Result<(Instant, Instant)> {
        let guests = AssertUnwindSafe(|| set_up(host, counted, instances / threads));
        let guests = catch_unwind(guests);
        // The other threads wait for this one at the barrier, so it must get there even if it has
        // failed.
        ready.wait();
        let mut guests = guests.map_err(|_panic| anyhow!("an instance panicked"))??;
        let start = Instant::now();
        serve(&mut guests, share)?;
        Ok((start, Instant::now()))
    };
    let times = thread::scope(|scope| {
        let working: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let times = working.into_iter().map(|thread| {
            thread
                .join()
                .map_err(|_panic| anyhow!("a thread panicked"))?
        });
        times.collect::<Result<Vec<_>>>()
    })?;
    let first = times.iter().map(|(start, _)| *start).min();
    let last = times.iter().map(|(_, end)| *end).max();
    let (first, last) = first.zip(last).context("there is no thread")?;
    Ok((share * threads) as f64 / last.duration_since(first).as_secs_f64())
}

/// Makes some instances, and calls each of them once.
fn set_up(host: &dyn Host, counted: &Counted, instances: usize) -> Result<Vec<Box<dyn Guest>>> {
    let mut guests = Vec::new();
    for _ in 0..instances {
        let mut guest = host.instantiate(&counted.telemetry)?;
        guest.handle(REQUEST)?;
        guests.push(guest);
    }
    Ok(guests)
}

/// Serves some requests with each instance in turn.
fn serve(guests: &mut [Box<dyn Guest>], requests: usize) -> Result<()> {
    let mut done = 0;
    loop {
        for guest in &mut *guests {
            if done == requests {
                return Ok(());
            }
            std::hint::black_box(guest.handle(REQUEST)?);
            done += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use wasmscope_telemetry::Telemetry;

    /// Makes one instance, and fails after that.
    #[derive(Default)]
    struct Small(AtomicBool);

    impl Host for Small {
        fn instantiate(&self, _: &Telemetry) -> Result<Box<dyn Guest>> {
            anyhow::ensure!(!self.0.swap(true, Ordering::Relaxed), "full");
            Ok(Box::new(Silent))
        }
    }

    struct Silent;

    impl Guest for Silent {
        fn run(&mut self, _: &str, _: u32) -> Result<()> {
            Ok(())
        }

        fn handle(&mut self, _: &str) -> Result<String> {
            Ok(String::new())
        }
    }

    #[test]
    fn a_failed_thread_does_not_block_the_others() {
        let error = rate(&Small::default(), &Counted::new(), 2, 2, 10).expect_err("it is full");
        assert_eq!(error.to_string(), "full");
    }

    #[test]
    fn a_host_that_serves_has_a_rate() {
        let rate = rate(&Small::default(), &Counted::new(), 1, 1, 10).expect("one is made");
        assert!(rate > 0.0, "{rate}");
    }
}
