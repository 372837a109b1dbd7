//! The demo: reads orders as JSON lines, prices them, and writes receipts.
//!
//! The program is ordinary Rust with `tracing`. The parts that belong to Wasmscope are in
//! `telemetry/` and in one line of `main`.

mod carrier;
mod order;
mod pricing;
mod stock;
mod telemetry;

use order::{Order, Rejection};
use pricing::Receipt;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;
use stock::Stock;

const USAGE: &str = "\
usage: checkout [--limit NUMBER] [FILE]

Reads orders from FILE, or from standard input, one JSON object a line; writes a receipt for each to standard output and
what is wrong with the others to standard error.";

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("checkout: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let stock = Rc::new(RefCell::new(Stock::full()));
    let _telemetry = telemetry::start(&stock);
    match run(&options, &stock) {
        Ok(summary) => {
            eprintln!(
                "{} orders carried out, {} rejected",
                summary.carried_out, summary.rejected
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the orders cannot be read"
            );
            eprintln!("checkout: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, Default)]
struct Summary {
    carried_out: u32,
    rejected: u32,
}

/// Processes the orders in sequence.
#[tracing::instrument(name = "checkout", skip_all, err, fields(source = options.file.as_deref().unwrap_or("stdin")))]
fn run(options: &Options, stock: &RefCell<Stock>) -> io::Result<Summary> {
    let input: Box<dyn BufRead> = match &options.file {
        Some(path) => Box::new(BufReader::new(File::open(path)?)),
        None => Box::new(io::stdin().lock()),
    };
    let mut output = BufWriter::new(io::stdout().lock());
    let mut summary = Summary::default();
    for line in input.lines().take(options.limit) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        match process(&line, &mut stock.borrow_mut()) {
            Ok(receipt) => {
                writeln!(output, "{receipt}")?;
                summary.carried_out += 1;
            }
            Err(rejection) => {
                eprintln!("rejected: {rejection}");
                summary.rejected += 1;
            }
        }
    }
    output.flush()?;
    tracing::info!(
        orders.carried_out = summary.carried_out,
        orders.rejected = summary.rejected,
        "all orders are read"
    );
    Ok(summary)
}

/// Processes one order.
#[tracing::instrument(name = "order", skip_all, fields(otel.kind = "consumer", order.id, customer.country))]
fn process(line: &str, stock: &mut Stock) -> Result<Receipt, Rejection> {
    let start = Instant::now();
    let result = carry_out(line, stock);
    match &result {
        Ok(receipt) => telemetry::carried_out(receipt, start.elapsed()),
        Err(rejection) => {
            telemetry::rejected(rejection);
            tracing::warn!(reason = rejection.reason(), "order rejected: {rejection}");
        }
    }
    result
}

fn carry_out(line: &str, stock: &mut Stock) -> Result<Receipt, Rejection> {
    let order = Order::parse(line)?;
    let span = tracing::Span::current();
    span.record("order.id", &order.id)
        .record("customer.country", &order.customer.country);
    if let Some(traceparent) = &order.traceparent {
        telemetry::link_to_request(traceparent);
    }
    let receipt = pricing::price(&order, stock)?;
    carrier::announce(&order);
    telemetry::order_log(&order, &receipt);
    Ok(receipt)
}

/// The options of the command line.
#[derive(Debug)]
struct Options {
    file: Option<String>,
    limit: usize,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            file: None,
            limit: usize::MAX,
        };
        while let Some(arg) = args.next() {
            if arg == "--limit" {
                let number = args.next().ok_or("--limit needs a number")?;
                options.limit = number
                    .parse()
                    .map_err(|_error| format!("--limit: {number} is not a number"))?;
            } else if arg.starts_with('-') && arg != "-" {
                return Err(format!("there is no option {arg}"));
            } else if options.file.is_some() {
                return Err("one file at the most".to_owned());
            } else if arg != "-" {
                options.file = Some(arg);
            }
        }
        Ok(options)
    }
}
