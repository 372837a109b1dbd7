//! Warnings about different instruments with the same name in one scope.
//!
//! The SDK's specification requires them ("Duplicate instrument registration"). An exporting thread
//! passes them to the embedder's hook, because the hook may do I/O. The guest's thread must not
//! wait for that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::Instrument;
use super::descriptor::{Descriptor, InstrumentKey};
use crate::limits::{INSTRUMENT_WARNINGS, WARNING_BOUNDARIES, WARNING_TEXT_CHARS};

/// Warnings that have not been reported yet. Clones share them.
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

    /// Removes and returns the warnings.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().waiting)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a warning about a second instrument with the same name in a scope.
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

/// An instrument with its first descriptor.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(super) instrument: OnceLock<Option<Instrument>>,
    name: String,
    boundaries: Option<Vec<f64>>,
    name_warned: AtomicBool,
    boundaries_warned: AtomicBool,
}

impl Registration {
    pub(super) fn new(first: &Descriptor) -> Self {
        Self {
            instrument: OnceLock::new(),
            name: first.name.clone(),
            boundaries: first.boundaries.clone(),
            name_warned: AtomicBool::new(false),
            boundaries_warned: AtomicBool::new(false),
        }
    }

    /// Adds a warning if the instrument is made again with a name in other letter case, or with
    /// other boundaries. The first name and boundaries apply. Each warning is added once.
    pub(super) fn compare(&self, scope: &str, again: &Descriptor, warnings: &Warnings) {
        let is_first = |warned: &AtomicBool| !warned.swap(true, Ordering::Relaxed);
        if self.name != again.name && is_first(&self.name_warned) {
            warnings.add(|| {
                format!(
                    "the instrument {} of the scope {} is also called {}; the first name is exported",
                    quoted(&self.name),
                    quoted(scope),
                    quoted(&again.name),
                )
            });
        }
        if self.boundaries != again.boundaries && is_first(&self.boundaries_warned) {
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

fn optional(property: &str, text: Option<&str>) -> String {
    text.map_or_else(
        || format!("no {property}"),
        |text| format!("{property} {}", quoted(text)),
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
