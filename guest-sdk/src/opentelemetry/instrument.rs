//! The instruments of a scope.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::backend::{Slot, meter};
use crate::types::{InstrumentDescriptor, InstrumentHandle, InstrumentKind, MeterHandle};

/// The maximum number of times that an observable instrument may be built with callbacks.
const MAX_CALLBACKS: u32 = 256;

/// An instrument. The host creates it with the first measurement.
pub(super) struct Instrument {
    description: Description,
    handle: Slot<InstrumentHandle>,
    callbacks: AtomicU32,
}

#[derive(PartialEq)]
pub(super) struct Description {
    pub(super) kind: InstrumentKind,
    pub(super) name: Cow<'static, str>,
    pub(super) unit: Option<Cow<'static, str>>,
    pub(super) description: Option<Cow<'static, str>>,
    pub(super) boundaries: Option<Vec<f64>>,
}

impl Instrument {
    pub(super) const fn new(description: Description) -> Self {
        Self {
            description,
            handle: Slot::new(),
            callbacks: AtomicU32::new(0),
        }
    }

    pub(super) fn is(&self, description: &Description) -> bool {
        self.description == *description
    }

    /// Counts another set of callbacks. Returns false if there are too many.
    pub(super) fn takes_callbacks(&self) -> bool {
        self.callbacks.fetch_add(1, Ordering::Relaxed) < MAX_CALLBACKS
    }

    /// Returns the handle. Calls `meter` if it must be created.
    pub(super) fn handle(&self, meter: impl FnOnce() -> MeterHandle) -> InstrumentHandle {
        let Description {
            kind,
            name,
            unit,
            description,
            boundaries,
        } = &self.description;
        self.handle.get_or(|| {
            meter::create(
                meter(),
                InstrumentDescriptor {
                    name,
                    kind: *kind,
                    unit: unit.as_deref(),
                    description: description.as_deref(),
                    boundaries: boundaries.as_deref(),
                },
            )
        })
    }
}
