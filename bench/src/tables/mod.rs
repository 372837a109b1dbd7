//! The tables. Each is made by its own process.

mod boundary;
mod http;
mod service;
mod signals;
mod size;

pub(crate) use http::Programs;
pub(crate) use service::report_one as report_memory;

use std::path::PathBuf;

use anyhow::Result;

use crate::report::Table;
use crate::rounds::Effort;

/// The inputs of a table.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    /// The folder with the guests.
    pub(crate) guests: PathBuf,
    /// The folder for the guests' compiled code.
    pub(crate) cache: PathBuf,
    /// Runs only the row with this title, in the tables of signals.
    pub(crate) rows: String,
    /// Runs only columns whose title contains this, in the tables of signals.
    pub(crate) columns: String,
    /// The programs of the tables of HTTP services.
    pub(crate) programs: Programs,
    /// The effort of the measurement.
    pub(crate) effort: Effort,
}

/// Makes a table.
pub(crate) type Make = fn(&Inputs) -> Result<Table>;

/// All tables, by name, in the order of the page.
pub(crate) const TABLES: [(&str, Make); 11] = [
    ("signals", signals::counting),
    ("batch", signals::batch),
    ("bindgen", signals::bindgen),
    ("boundary", boundary::table),
    ("size", size::table),
    ("cold-start", service::cold_start),
    ("start", service::start),
    ("memory", service::memory),
    ("throughput", service::throughput),
    ("http", http::table),
    ("http-memory", http::memory),
];
