//! The cost of spans, logs and measurements.

use anyhow::{Context as _, Result, ensure};
use wasmscope_telemetry::{Providers, Telemetry};

use super::Inputs;
use crate::native::{Native, Operation};
use crate::report::{Table, nanos, ratio};
use crate::rounds::{Runner, measure};
use crate::runtime::{Column, Guest, Host, runtime};
use crate::sink::{Counts, Kind, Sink};

/// A row of the table.
#[derive(Clone, Copy)]
struct Row {
    title: &'static str,
    /// The guest's name for it.
    guest: &'static str,
    kind: Kind,
    /// The native SDK's operation, whose time is 1 in the ratio.
    native: Operation,
}

const fn row(title: &'static str, guest: &'static str, kind: Kind, native: Operation) -> Row {
    Row {
        title,
        guest,
        kind,
        native,
    }
}

#[rustfmt::skip]
const ROWS: [Row; 28] = [
    row("span", "span, direct", Kind::Counting, Operation::Span),
    row("span, by `tracing`", "span, tracing", Kind::Counting, Operation::Span),
    row("span, by `tracing`, begun when used", "span, tracing, deferred", Kind::Counting, Operation::Span),
    row("span, by `opentelemetry`", "span, opentelemetry", Kind::Counting, Operation::Span),
    row("three nested spans", "nested spans, direct", Kind::Counting, Operation::Nested),
    row("three nested spans, by `tracing`", "nested spans, tracing", Kind::Counting, Operation::Nested),
    row("three nested spans, by `tracing`, begun when used", "nested spans, tracing, deferred", Kind::Counting, Operation::Nested),
    row("three nested spans, by `opentelemetry`", "nested spans, opentelemetry", Kind::Counting, Operation::Nested),
    row("span not sampled", "span, direct", Kind::Unsampled, Operation::Span),
    row("span not sampled, by `tracing`", "span, tracing", Kind::Unsampled, Operation::Span),
    row("span not sampled, by `opentelemetry`", "span, opentelemetry", Kind::Unsampled, Operation::Span),
    row("span, telemetry disabled", "span, direct", Kind::Disabled, Operation::Span),
    row("span, telemetry disabled, by `tracing`", "span, tracing", Kind::Disabled, Operation::Span),
    row("span, telemetry disabled, by `opentelemetry`", "span, opentelemetry", Kind::Disabled, Operation::Span),
    row("log", "log, direct", Kind::Counting, Operation::Log),
    row("log, by `tracing`", "log, tracing", Kind::Counting, Operation::Log),
    row("log, by `opentelemetry`", "log, opentelemetry", Kind::Counting, Operation::Log),
    row("log below the level", "log below the level, direct", Kind::Counting, Operation::LogBelow),
    row("log below the level, by `tracing`", "log below the level, tracing", Kind::Counting, Operation::LogBelow),
    row("log below the level, by `opentelemetry`", "log below the level, opentelemetry", Kind::Counting, Operation::LogBelow),
    row("counter", "counter, direct", Kind::Counting, Operation::Counter),
    row("counter, by `opentelemetry`", "counter, opentelemetry", Kind::Counting, Operation::Counter),
    row("counter, bound", "bound counter, direct", Kind::Counting, Operation::Counter),
    row("counter, bound, to native bound", "bound counter, direct", Kind::Counting, Operation::BoundCounter),
    row("histogram", "histogram, direct", Kind::Counting, Operation::Histogram),
    row("histogram, by `opentelemetry`", "histogram, opentelemetry", Kind::Counting, Operation::Histogram),
    row("histogram, bound", "bound histogram, direct", Kind::Counting, Operation::Histogram),
    row("histogram, bound, to native bound", "bound histogram, direct", Kind::Counting, Operation::BoundHistogram),
];

#[rustfmt::skip]
const BATCH_ROWS: [Row; 7] = [
    row("span", "span, direct", Kind::Batch, Operation::Span),
    row("span, by `tracing`", "span, tracing", Kind::Batch, Operation::Span),
    row("span, by `opentelemetry`", "span, opentelemetry", Kind::Batch, Operation::Span),
    row("three nested spans", "nested spans, direct", Kind::Batch, Operation::Nested),
    row("log", "log, direct", Kind::Batch, Operation::Log),
    row("log, by `tracing`", "log, tracing", Kind::Batch, Operation::Log),
    row("log, by `opentelemetry`", "log, opentelemetry", Kind::Batch, Operation::Log),
];

/// The rows of [`ROWS`] in which the two adapters to Wasmtime are compared.
const ADAPTER_ROWS: [&str; 13] = [
    "span",
    "span, by `tracing`",
    "three nested spans",
    "span not sampled",
    "span, telemetry disabled",
    "log",
    "log, by `tracing`",
    "log below the level",
    "counter",
    "counter, by `opentelemetry`",
    "counter, bound",
    "histogram",
    "histogram, bound",
];

impl Operation {
    /// Returns the items that arrive after `times` operations.
    fn arriving(self, kind: Kind, times: u64) -> Counts {
        let mut counts = Counts::default();
        match self {
            Self::Span if matches!(kind, Kind::Counting | Kind::Batch) => counts.spans = times,
            Self::Nested if matches!(kind, Kind::Counting | Kind::Batch) => {
                counts.spans = 3 * times;
            }
            Self::Span | Self::Nested | Self::LogBelow => {}
            Self::Log => counts.logs = times,
            Self::Counter | Self::BoundCounter | Self::Histogram | Self::BoundHistogram => {
                counts.measurements = times;
            }
        }
        counts
    }
}

/// A runner of a row's operation, with the sink of its telemetry.
struct Subject {
    sink: Sink,
    providers: Providers,
}

impl Subject {
    fn native(kind: Kind) -> Self {
        let sink = Sink::default();
        let providers = sink.providers(kind);
        Self { sink, providers }
    }

    fn hosted(kind: Kind) -> (Self, Telemetry) {
        let sink = Sink::default();
        let (providers, telemetry) = sink.telemetry(kind);
        (Self { sink, providers }, telemetry)
    }
}

/// With a processor that counts and drops at once.
pub(super) fn counting(inputs: &Inputs) -> Result<Table> {
    let about = "A span has four attributes (a static text, a text that was made at run time, an integer, a flag) and an event. A log has three attributes, and \
        so has a measurement. The processor counts and drops each item at once. 1.00 is the native SDK, which records the same in the same round. For \
        bound instruments it is an unbound instrument of the native SDK, unless the row says otherwise. The `opentelemetry` API has no bound \
        instruments here, because its own need the native SDK, and `tracing` has no metrics. Spans of `tracing` begin when they are made, or, with \
        `with_deferred_start`, when they are first used (ADR 11).";
    table("Signals", about, &ROWS, &Column::ALL, inputs)
}

/// With the SDK's batch processors.
pub(super) fn batch(inputs: &Inputs) -> Result<Table> {
    let about = "The same with the SDK's batch processors on both sides, as in a host that exports. Their queues are emptied between the measurements, and lose \
        nothing.";
    table("Signals, batched", about, &BATCH_ROWS, &Column::ALL, inputs)
}

/// Wasmtime with the adapter's own lifting beside the adapter that `bindgen!` generates.
pub(super) fn bindgen(inputs: &Inputs) -> Result<Table> {
    let about = "The same on Wasmtime by two adapters: the default one, which lifts arguments itself, and the one that `bindgen!` generates. The \
        last column is the second to the first, in the same round.";
    let rows = ROWS.iter().filter(|row| ADAPTER_ROWS.contains(&row.title));
    let rows: Vec<_> = rows.copied().collect();
    let columns = [Column::Wasmtime, Column::WasmtimeBindgen];
    table("Adapters to Wasmtime", about, &rows, &columns, inputs)
}

/// What the last column is called if the columns are compared with each other.
const COMPARED: &str = "`bindgen!` to Wasmtime";

fn table(
    title: &str,
    about: &str,
    rows: &[Row],
    columns: &[Column],
    inputs: &Inputs,
) -> Result<Table> {
    let component = inputs.guests.join("rows.wasm");
    let mut hosts = Vec::new();
    let columns = columns.iter().copied();
    let columns = columns.filter(|column| column.title().contains(&inputs.columns));
    for column in columns {
        let host = runtime(column, &inputs.cache)
            .and_then(|runtime| runtime.load(&component))
            .with_context(|| format!("{} on {}", component.display(), column.title()))?;
        hosts.push((column, host));
    }
    let mut table = Table {
        title: title.to_owned(),
        about: about.to_owned(),
        header: vec![String::new(), "native".to_owned()],
        ..Table::default()
    };
    table
        .header
        .extend(hosts.iter().map(|(column, _)| column.title().to_owned()));
    if compared(&hosts) {
        table.header.push(COMPARED.to_owned());
    }
    for row in rows
        .iter()
        .filter(|row| inputs.rows.is_empty() || row.title == inputs.rows)
    {
        eprintln!("  {}", row.title);
        add(&mut table, row, &hosts, inputs).with_context(|| format!("row {:?}", row.title))?;
    }
    Ok(table)
}

/// Whether the columns are two adapters to the same runtime.
fn compared(hosts: &[(Column, Box<dyn Host>)]) -> bool {
    matches!(hosts, [(Column::Wasmtime, _), (Column::WasmtimeBindgen, _)])
}

fn add(
    table: &mut Table,
    row: &Row,
    hosts: &[(Column, Box<dyn Host>)],
    inputs: &Inputs,
) -> Result<()> {
    let native = Subject::native(row.kind);
    let mut subjects = vec![("native", native)];
    let sdk = Native::new(&subjects[0].1.providers);
    let mut runners = vec![Runner::new(|times| sdk.run(row.native, times))];
    let mut accounts = Vec::new();
    for (column, host) in hosts {
        let (subject, telemetry) = Subject::hosted(row.kind);
        let mut guest: Box<dyn Guest> = host.instantiate(&telemetry)?;
        runners.push(Runner::new(move |times| guest.run(row.guest, times)));
        accounts.push(telemetry);
        subjects.push((column.title(), subject));
    }
    let times = measure(inputs.effort, &mut runners, || {
        if row.kind == Kind::Batch {
            for (_, subject) in &subjects {
                subject.sink.settled(&subject.providers)?;
            }
        }
        Ok(())
    })?;
    for ((name, subject), runner) in subjects.iter().zip(&runners) {
        let expected = row.native.arriving(row.kind, runner.done);
        subject
            .sink
            .settled(&subject.providers)?
            .check(expected, name)?;
    }
    for telemetry in &accounts {
        let dropped = telemetry.dropped().snapshot();
        ensure!(dropped.is_empty(), "the host dropped {dropped:?}");
    }
    let mut cells = vec![row.title.to_owned(), nanos(times.nanos(0).median)];
    for (at, (column, _)) in hosts.iter().enumerate() {
        let spread = times.ratio(at + 1, 0);
        let key = format!("{}/{}", row.title, column.title());
        cells.push(ratio(spread));
        let time = times.nanos(at + 1).median;
        table.measured.push((format!("{key}/ns"), time));
        table.measured.push((key, spread.median));
    }
    if compared(hosts) {
        let spread = times.ratio(2, 1);
        cells.push(ratio(spread));
        let key = format!("{}/{COMPARED}", row.title);
        table.measured.push((key, spread.median));
    }
    table.rows.push(cells);
    Ok(())
}
