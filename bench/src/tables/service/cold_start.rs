//! Cold start: from compiled code to the first response.

use anyhow::Result;

use super::super::Inputs;
use super::{COLUMNS, Counted, REQUEST, VARIANTS, component};
use crate::report::{Table, nanos, ratio};
use crate::rounds::{Runner, measure};
use crate::runtime::runtime;

pub(in super::super) fn table(inputs: &Inputs) -> Result<Table> {
    let mut table = Table {
        title: "Cold start".to_owned(),
        about: "A service that is already compiled is loaded, instantiated, called once and dropped. The engine and the linker exist before. The ratio \
            compares it with the service without telemetry."
            .to_owned(),
        header: ["", "without telemetry", "direct API", "`tracing`"].map(str::to_owned).to_vec(),
        ..Table::default()
    };
    for column in COLUMNS {
        let runtime = runtime(column, &inputs.cache)?;
        let counted = VARIANTS.map(|(variant, _)| (variant, Counted::new()));
        let mut runners = Vec::new();
        for (variant, counted) in &counted {
            let file = component(inputs, variant);
            // Compiled here, so that it is not part of the measured time.
            runtime.load(&file)?;
            let runtime = &runtime;
            runners.push(Runner::new(move |times| {
                for _ in 0..times {
                    let host = runtime.load(&file)?;
                    let mut guest = host.instantiate(&counted.telemetry)?;
                    std::hint::black_box(guest.handle(REQUEST)?);
                }
                Ok(())
            }));
        }
        let times = measure(inputs.effort, &mut runners, || Ok(()))?;
        let done: Vec<_> = runners.iter().map(|runner| runner.done).collect();
        drop(runners);
        for ((variant, counted), done) in counted.iter().zip(done) {
            counted.check(variant, done)?;
        }
        let mut row = vec![column.title().to_owned(), nanos(times.nanos(0).median)];
        for (at, (variant, _)) in VARIANTS.iter().enumerate().skip(1) {
            let spread = times.ratio(at, 0);
            row.push(ratio(spread));
            let key = format!("cold start, {variant}/{}", column.title());
            table.measured.push((key, spread.median));
        }
        table.rows.push(row);
    }
    Ok(table)
}
