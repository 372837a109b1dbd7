//! Instruments of one scope that have the same name and differ otherwise.
//!
//! The SDK's specification asks for a warning ("Duplicate instrument registration"). It is told on
//! a thread that exports, not on the guest's: the embedder's hook may do I/O.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::Instrument;
use super::descriptor::{Descriptor, InstrumentKey};
use crate::limits::{INSTRUMENT_WARNINGS, WARNING_BOUNDARIES, WARNING_TEXT_CHARS};

/// Warnings that wait to be told; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Warnings(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waiting: Vec<String>,
    made: usize,
}

impl Warnings {
    /// Adds a warning, unless there have been too many.
    fn add(&self, warning: impl FnOnce() -> String) {
        let mut state = self.lock();
        state.made = state.made.saturating_add(1);
        if state.made <= INSTRUMENT_WARNINGS {
            state.waiting.push(warning());
        } else if state.made == INSTRUMENT_WARNINGS + 1 {
            let more =
                "there are more instruments of one name that differ; no further ones are named";
            state.waiting.push(String::from(more));
        }
    }

    /// Returns the warnings that wait, which wait no more.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().waiting)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Warns of an instrument whose name another one of the scope has.
    pub(super) fn same_name(&self, scope: &str, first: &InstrumentKey, other: &InstrumentKey) {
        self.add(|| {
            let mut differences = [Vec::new(), Vec::new()];
            for (shown, key) in differences.iter_mut().zip([first, other]) {
                if first.kind != other.kind {
                    shown.push(key.kind.name().to_owned());
                }
                if first.unit != other.unit {
                    shown.push(optional("unit", key.unit.as_deref()));
                }
                if first.description != other.description {
                    shown.push(optional("description", key.description.as_deref()));
                }
            }
            let [first, second] = differences.map(|shown| shown.join(", "));
            format!(
                "the scope {} has two instruments {}, one with {first} and one with {second}; both are exported, give one \
                 another name",
                quoted(scope),
                quoted(&other.name),
            )
        });
    }
}

/// An instrument, once it was made, and the descriptor that it was first made with.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(super) instrument: OnceLock<Option<Instrument>>,
    name: String,
    boundaries: Option<Vec<f64>>,
    name_told: AtomicBool,
    boundaries_told: AtomicBool,
}

impl Registration {
    pub(super) fn new(first: &Descriptor) -> Self {
        Self {
            instrument: OnceLock::new(),
            name: first.name.clone(),
            boundaries: first.boundaries.clone(),
            name_told: AtomicBool::new(false),
            boundaries_told: AtomicBool::new(false),
        }
    }

    /// Warns, once each, if the instrument is made again with a name in other letter case or with
    /// other boundaries. The first ones hold.
    pub(super) fn compare(&self, scope: &str, again: &Descriptor, warnings: &Warnings) {
        let tells = |told: &AtomicBool| !told.swap(true, Ordering::Relaxed);
        if self.name != again.name && tells(&self.name_told) {
            warnings.add(|| {
                format!(
                    "the instrument {} of the scope {} is also called {}; the first name is exported",
                    quoted(&self.name),
                    quoted(scope),
                    quoted(&again.name),
                )
            });
        }
        if self.boundaries != again.boundaries && tells(&self.boundaries_told) {
            warnings.add(|| {
                format!(
                    "the histogram {} of the scope {} has {} and was made again with {}; the first hold",
                    quoted(&self.name),
                    quoted(scope),
                    boundaries(self.boundaries.as_deref()),
                    boundaries(again.boundaries.as_deref()),
                )
            });
        }
    }
}

fn optional(what: &str, text: Option<&str>) -> String {
    text.map_or_else(
        || format!("no {what}"),
        |text| format!("{what} {}", quoted(text)),
    )
}

fn boundaries(boundaries: Option<&[f64]>) -> String {
    let Some(boundaries) = boundaries else {
        return String::from("the default boundaries");
    };
    let shown = boundaries.iter().take(WARNING_BOUNDARIES);
    let mut shown: Vec<_> = shown.map(ToString::to_string).collect();
    if boundaries.len() > WARNING_BOUNDARIES {
        shown.push(String::from("..."));
    }
    format!("the boundaries [{}]", shown.join(", "))
}

/// Returns a guest's text in quotes, shortened and escaped.
fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(WARNING_TEXT_CHARS).collect();
    let more = if shown.len() < text.len() { "..." } else { "" };
    format!("{shown:?}{more}")
}
