//! Requests a second, by how many instances live and how many threads serve them.

use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};

use super::super::Inputs;
use super::{COLUMNS, Counted, REQUEST, VARIANTS, component};
use crate::report::{Table, ratio};
use crate::rounds::Spread;
use crate::runtime::{Guest, Host, runtime};

/// How many instances, and on how many threads.
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

pub(in super::super) fn table(inputs: &Inputs) -> Result<Table> {
    let mut table = Table {
        title: "Throughput".to_owned(),
        about: "Requests a second to the service, each thread asking its instances in turn; all send to the same providers. With telemetry: the \
            share of the throughput without that is left."
            .to_owned(),
        header: ["", "instances", "threads", "without telemetry", "direct API", "`tracing`"]
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
            let requests = if full { 40_000 } else { 20 };
            let rounds = if full { 5 } else { 1 };
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

/// Serves so many requests with so many instances on so many threads, and gives how many a second that is.
fn rate(
    host: &dyn Host,
    counted: &Counted,
    instances: usize,
    threads: usize,
    requests: usize,
) -> Result<f64> {
    let serve = || -> Result<f64> {
        let mut guests: Vec<Box<dyn Guest>> = Vec::new();
        for _ in 0..instances / threads {
            let mut guest = host.instantiate(&counted.telemetry)?;
            guest.handle(REQUEST)?;
            guests.push(guest);
        }
        let share = requests / threads;
        let start = Instant::now();
        let mut done = 0;
        'all: loop {
            for guest in &mut guests {
                if done == share {
                    break 'all;
                }
                std::hint::black_box(guest.handle(REQUEST)?);
                done += 1;
            }
        }
        Ok(share as f64 / start.elapsed().as_secs_f64())
    };
    thread::scope(|scope| {
        let served: Vec<_> = (0..threads).map(|_| scope.spawn(serve)).collect();
        let mut sum = 0.0;
        for thread in served {
            sum += thread
                .join()
                .map_err(|_panic| anyhow!("a thread panicked"))??;
        }
        Ok(sum)
    })
}
