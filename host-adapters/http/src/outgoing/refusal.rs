//! Reports refused destinations, each once.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::target::Target;

/// The maximum number of destinations that are reported, because a guest can invent any number.
const MOST: usize = 16;

/// A destination to which requests are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The destination, as a rule that names it.
    pub destination: String,
    /// The rule that would allow it: the same, or one that names the address.
    pub rule: String,
    /// Why requests to it are refused.
    pub reason: RefusalReason,
    /// Whether it is the last destination that is reported. Further ones are still refused.
    pub is_last: bool,
}

/// Why requests to a destination are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// No rule names it.
    NotAllowed,
    /// It has this address, which is not on the public internet, and no rule names that.
    PrivateAddress(IpAddr),
}

/// Receives reports. It is called on a thread that sends requests.
pub(super) type Report = Arc<dyn Fn(&Refusal) + Send + Sync>;

/// Reports each destination once.
#[derive(Clone, Default)]
pub(super) struct Refusals {
    report: Option<Report>,
    reported: Arc<Mutex<HashSet<Target>>>,
}

impl Refusals {
    pub(super) fn to(report: Report) -> Self {
        Self {
            report: Some(report),
            reported: Arc::default(),
        }
    }

    pub(super) fn add(&self, target: &Target, reason: RefusalReason) {
        let Some(report) = &self.report else { return };
        let count = {
            let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
            if reported.len() >= MOST || !reported.insert(target.clone()) {
                return;
            }
            reported.len()
        };
        let rule = match reason {
            RefusalReason::NotAllowed => target.to_string(),
            RefusalReason::PrivateAddress(address) => target.at(address).to_string(),
        };
        report(&Refusal {
            destination: target.to_string(),
            rule,
            reason,
            is_last: count == MOST,
        });
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusals")
            .field("reported", &self.reported)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_destination_is_reported_once_up_to_a_number() {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&reports);
        let refusals = Refusals::to(Arc::new(move |refusal| {
            into.lock().expect("no panic").push(refusal.clone());
        }));
        for _ in 0..2 {
            for port in 1..100 {
                let uri = format!("http://a.example:{port}/x");
                let target = Target::of(&uri.parse().expect("a URL")).expect("a host");
                refusals.add(&target, RefusalReason::NotAllowed);
            }
        }
        let reports = reports.lock().expect("no panic");
        assert_eq!(reports.len(), MOST);
        assert_eq!(reports[0].destination, "http://a.example:1");
        let last: Vec<_> = reports.iter().map(|report| report.is_last).collect();
        assert_eq!(last.iter().filter(|is_last| **is_last).count(), 1);
        assert_eq!(last.last(), Some(&true));
    }
}
