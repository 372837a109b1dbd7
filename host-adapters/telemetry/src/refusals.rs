//! Passes a limiter's refusals of memory to the host's span.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use opentelemetry::KeyValue;

use crate::emitted::attribute;
use crate::instance::Instance;
use crate::telemetry::Telemetry;

/// The kind of memory that was requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A linear memory, measured in bytes.
    Memory,
    /// A table, measured in elements.
    Table,
}

/// The first refusal since the last call ended, and the number of refusals, because a guest may
/// retry any number of times.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) at: SystemTime,
    kind: Kind,
    size: usize,
    requested: usize,
    count: u64,
}

impl Refused {
    /// Returns the event's attributes.
    pub(crate) fn attributes(&self) -> Vec<KeyValue> {
        let kind = match self.kind {
            Kind::Memory => "memory",
            Kind::Table => "table",
        };
        vec![
            KeyValue::new(attribute::MEMORY_KIND.key, kind),
            KeyValue::new(attribute::MEMORY_SIZE.key, number(self.size as u64)),
            KeyValue::new(
                attribute::MEMORY_REQUESTED.key,
                number(self.requested as u64),
            ),
            KeyValue::new(attribute::MEMORY_REFUSALS.key, number(self.count)),
        ]
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Passes refusals from a limiter to the instance of the same store.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<Option<Refused>>>);

impl Refusals {
    pub(crate) fn add(&self, kind: Kind, size: usize, requested: usize) {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *refused {
            Some(first) => first.count = first.count.saturating_add(1),
            None => {
                *refused = Some(Refused {
                    at: SystemTime::now(),
                    kind,
                    size,
                    requested,
                    count: 1,
                });
            }
        }
    }

    /// Takes the refusals since the last call ended.
    pub(crate) fn take(&self) -> Option<Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::telemetry::Telemetry {}
    impl Sealed for crate::instance::Instance {}
}

/// A receiver of a [`StoreMeter`](crate::StoreMeter)'s reports: a [`Telemetry`], or the
/// [`Instance`] of the same store.
///
/// Both receive the runtime's metrics. With an [`Instance`], refused memory is also an event on the
/// span of the current call.
pub trait Metered: sealed::Sealed {
    /// Returns the telemetry that the metrics belong to.
    fn telemetry(&self) -> &Telemetry;

    /// Returns the receiver of refusals.
    #[doc(hidden)]
    fn refusals(&self) -> Refusals;
}

impl Metered for Telemetry {
    fn telemetry(&self) -> &Telemetry {
        self
    }

    fn refusals(&self) -> Refusals {
        Refusals::default()
    }
}

impl Metered for Instance {
    fn telemetry(&self) -> &Telemetry {
        Self::telemetry(self)
    }

    fn refusals(&self) -> Refusals {
        self.refusals.clone()
    }
}
