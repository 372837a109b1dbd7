//! The reports of an instance's components about observable instruments.

use std::sync::Arc;

use crate::dropped::Reason;
use crate::handle::Mixer;
use crate::instance::table::HandleTable;
use crate::metrics::{AttributeSet, Observable, Taken};
use crate::model::{Number, ObserverHandle};
use crate::telemetry::Shared;

/// The observers of an instance. What they have reported ends with it.
#[derive(Debug)]
pub(super) struct Observers {
    observers: HandleTable<ObserverHandle, u64, Observer>,
    /// How many reports they hold.
    held: usize,
}

/// A component of a composition, which reports in rounds of its own.
#[derive(Debug)]
struct Observer {
    /// Its number among all of the provider.
    number: u64,
    /// How many rounds are complete.
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

    /// Makes an observer; beyond the limit, one that drops and counts what it reports.
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

    /// Returns the observer that was made first.
    #[cfg(test)]
    pub(super) fn first(&self) -> Option<ObserverHandle> {
        self.observers.first()
    }

    /// Returns how many reports the observers hold.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Returns why there is no such observer, if so.
    pub(super) fn check(&self, observer: ObserverHandle) -> Result<(), Reason> {
        self.observers.find(observer).map(|_| ())
    }

    /// Takes a report.
    pub(super) fn report(
        &mut self,
        observer: ObserverHandle,
        observable: &Arc<Observable>,
        attributes: AttributeSet,
        value: Number,
        shared: &Shared,
    ) -> Result<(), Reason> {
        let observer = self.observers.find_mut(observer)?;
        let room = self.held < shared.limits.observations;
        let by = (observer.number, observer.round);
        if let Taken::First(attributes) = observable.report(by, attributes, value, room)? {
            observer.held.push((Arc::clone(observable), attributes));
            self.held += 1;
        }
        Ok(())
    }

    /// Completes a round: what the observer has not reported in it is reported no more.
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
