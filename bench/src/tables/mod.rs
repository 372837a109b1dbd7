//! The tables, each made by a process of its own.

mod boundary;
mod service;
mod signals;
mod size;

pub(crate) use service::report_one as report_memory;

use std::path::PathBuf;

use anyhow::Result;

use crate::report::Table;
use crate::rounds::Effort;

/// What a table is made from.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    /// The folder with the guests.
    pub(crate) guests: PathBuf,
    /// A folder for what is compiled of them.
    pub(crate) cache: PathBuf,
    /// Only the row of this title, in the tables of signals.
    pub(crate) rows: String,
    /// Only columns whose title contains this, in the tables of signals.
    pub(crate) columns: String,
    /// How thoroughly it is measured.
    pub(crate) effort: Effort,
}

/// Makes a table.
pub(crate) type Make = fn(&Inputs) -> Result<Table>;

/// All tables, by name, in the order of the page.
pub(crate) const TABLES: [(&str, Make); 8] = [
    ("signals", signals::counting),
    ("batch", signals::batch),
    ("boundary", boundary::table),
    ("size", size::table),
    ("cold-start", service::cold_start),
    ("start", service::start),
    ("memory", service::memory),
    ("throughput", service::throughput),
];
