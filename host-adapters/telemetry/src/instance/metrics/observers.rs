//! The observers of an instance, and their reports about observable instruments.

use std::sync::Arc;

use crate::dropped::Reason;
use crate::handle::Mixer;
use crate::instance::table::HandleTable;
use crate::metrics::{AttributeSet, Observable, ReportKind};
use crate::model::{Number, ObserverHandle};
use crate::telemetry::Shared;

/// The observers of an instance. Their reports end with it.
#[derive(Debug)]
pub(super) struct Observers {
    observers: HandleTable<ObserverHandle, u64, Observer>,
    /// The number of stored reports.
    held: usize,
}

/// A component of a composition. Each component has its own rounds.
#[derive(Debug)]
struct Observer {
    /// Its unique number within the provider.
    number: u64,
    /// The number of complete rounds.
    round: u64,
    held: Vec<(Arc<Observable>, Arc<AttributeSet>)>,
}

impl Observers {
    pub(super) fn new(mixer: &Mixer) -> Self {
        Self {
            observers: HandleTable::new(mixer),
            held: 0,
        }
    }

    /// Makes an observer. An observer beyond the limit drops and counts its reports.
    pub(super) fn make(&mut self, shared: &Shared) -> ObserverHandle {
        let limit = (shared.limits.observers, Reason::Observers);
        let made = self
            .observers
            .get_or_insert(shared.metrics.next_observer(), limit, |number| {
                Ok(Observer {
                    number: *number,
                    round: 0,
                    held: Vec::new(),
                })
            });
        made.unwrap_or_else(|reason| self.observers.refused(reason))
    }

    /// Returns the first observer.
    #[cfg(test)]
    pub(super) fn first(&self) -> Option<ObserverHandle> {
        self.observers.first()
    }

    /// Returns the number of stored reports.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Returns an error if the observer does not exist.
    pub(super) fn check(&self, observer: ObserverHandle) -> Result<(), Reason> {
        self.observers.find(observer).map(|_| ())
    }

    /// Stores a report.
    pub(super) fn report(
        &mut self,
        observer: ObserverHandle,
        observable: &Arc<Observable>,
        attributes: AttributeSet,
        value: Number,
        shared: &Shared,
    ) -> Result<(), Reason> {
        let observer = self.observers.find_mut(observer)?;
        let has_capacity = self.held < shared.limits.observations;
        let by = (observer.number, observer.round);
        if let ReportKind::First(attributes) =
            observable.report(by, attributes, value, has_capacity)?
        {
            observer.held.push((Arc::clone(observable), attributes));
            self.held += 1;
        }
        Ok(())
    }

    /// Completes a round. Ends the series that the observer did not report in it.
    pub(super) fn complete(&mut self, observer: ObserverHandle) {
        let Ok(observer) = self.observers.find_mut(observer) else {
            return;
        };
        let by = (observer.number, observer.round);
        let before = observer.held.len();
        observer
            .held
            .retain(|(observable, attributes)| observable.complete(by, attributes));
        self.held -= before - observer.held.len();
        observer.round = observer.round.wrapping_add(1);
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        for observer in self.observers.iter() {
            for (observable, attributes) in &observer.held {
                observable.end(observer.number, attributes);
            }
        }
    }
}
