//! Sends a batch as one request, or as several if it is larger than a request may be.
//!
//! The limit is configured. If a collector refuses a request as too large nevertheless, the request
//! is divided further, and later ones are made smaller. An item that is too large by itself is
//! dropped alone.
//!
//! How many requests a batch takes is bounded. Each one that is accepted has at least one item.
//! [`MOST_REFUSALS`] in succession end the export, and so does its time limit, which holds for
//! all parts together.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prost::Message;
use serde::Serialize;

use super::divide::{Divide, Encoding, Space, TooLarge};
use super::ledger::{Ledger, Rejected};

/// How many requests in succession a collector may refuse as too large. Twice as many halvings as
/// there are from the largest batch to a single item.
const MOST_REFUSALS: u32 = 24;

/// The same if the refusals may have another reason, such as a quota.
const MOST_UNCERTAIN_REFUSALS: u32 = 4;

/// A refusal of a single item that is no larger than this counts as one of [`MOST_REFUSALS`].
/// Larger ones do not: a guest can make many of them, and the items of others come after them.
const SMALL_ITEM: usize = 64 << 10;

/// How long a collector's own limit is remembered. It may have been a passing one.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// An export request of one signal.
pub(super) trait ExportRequest: Divide + Message + Serialize {}

impl<T: Divide + Message + Serialize> ExportRequest for T {}

/// Why a request was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is too large for the collector.
    TooLarge {
        /// Whether the collector said so. Otherwise it may be out of another resource.
        certain: bool,
        cause: String,
    },
    /// The collector does not accept what is in it. Others may be accepted.
    Invalid(String),
    /// Further requests would fail too.
    Other(String),
}

/// Sends single requests.
pub(super) trait SendPart<R> {
    /// Sends one, with retries.
    fn send(&self, request: &R) -> impl Future<Output = Result<Rejected, Failure>> + Send;
}

/// The limits of one signal's requests.
#[derive(Debug)]
pub(super) struct Parts {
    encoding: Encoding,
    /// The most bytes of a request, before compression.
    max: usize,
    /// What the collector was found to take, and when.
    learned: Mutex<Option<(usize, Instant)>>,
    ledger: Arc<Ledger>,
    /// The name of the setting of `max`.
    setting: String,
    /// Whether each export repeats all items: totals of metrics since the start.
    repeats: bool,
}

impl Parts {
    pub(super) fn new(
        encoding: Encoding,
        max: usize,
        ledger: Arc<Ledger>,
        setting: String,
        repeats: bool,
    ) -> Self {
        Self {
            encoding,
            max,
            learned: Mutex::default(),
            ledger,
            setting,
            repeats,
        }
    }

    fn target(&self) -> usize {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        match *learned {
            Some((target, when)) if when.elapsed() < REMEMBERED => target,
            _ => {
                *learned = None;
                self.max
            }
        }
    }

    fn learn(&self, target: usize) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        *learned = Some((target, Instant::now()));
    }

    /// Sends all items of a request, and accounts for those that are delivered or too large. The
    /// others are left to the caller.
    ///
    /// # Errors
    ///
    /// Returns why the others could not be delivered.
    pub(super) async fn send<R: ExportRequest>(
        &self,
        sender: &(impl SendPart<R> + Sync),
        request: R,
    ) -> Result<(), String> {
        let mut export = Export {
            target: self.target(),
            refusals: 0,
            failed: None,
            too_large: 0,
            is_divided: false,
        };
        let mut request = request;
        let size = self.encoding.size(&request);
        if size > self.max {
            // First, so that they do not divide the others.
            let space = Space::new(self.max, self.encoding);
            request.shed(&space, &mut |item| {
                self.too_large(&mut export, item.name, &self.beyond_max(item));
            });
        }
        export.is_divided = size > export.target;
        let mut waiting = vec![request];
        while let Some(mut part) = waiting.pop() {
            if export.is_divided && part.items() == 0 {
                continue;
            }
            if export.is_divided {
                self.cut(&mut part, &mut waiting, export.target);
            }
            let items = part.items() as u64;
            match sender.send(&part).await {
                Ok(rejected) => {
                    self.ledger.delivered(items, rejected);
                    if std::mem::take(&mut export.refusals) > 0 {
                        self.learn(export.target);
                    }
                }
                Err(Failure::TooLarge { certain, cause }) => {
                    let size = self.encoding.size(&part);
                    export.refused(certain, &cause, items, size)?;
                    if items > 1 {
                        export.target = size / 2;
                        export.is_divided = true;
                        waiting.push(part);
                    } else if certain {
                        let why = format!(
                            "a request with nothing else in it takes {size} bytes, and {cause}"
                        );
                        self.too_large(&mut export, part.name(), &why);
                    } else {
                        export.failed.get_or_insert(cause);
                    }
                }
                Err(Failure::Invalid(cause)) => {
                    export.failed.get_or_insert(cause);
                }
                Err(Failure::Other(cause)) => return Err(cause),
            }
        }
        export.failed.map_or(Ok(()), Err)
    }

    /// Cuts a part to `target` bytes, or to one item. The rest waits. Takes time in proportion to
    /// `target`, not to the rest.
    fn cut<R: ExportRequest>(&self, part: &mut R, waiting: &mut Vec<R>, target: usize) {
        let items = part.items();
        let fitting = part.fill(&mut Space::new(target, self.encoding));
        if fitting < items && items > 1 {
            waiting.push(part.split_off(fitting.max(1)));
        }
    }

    /// Says why an item does not fit into a request, and what to do.
    fn beyond_max(&self, item: TooLarge<'_>) -> String {
        let Self { max, setting, .. } = self;
        let TooLarge { bytes, around, .. } = item;
        let with = self.ledger.around();
        // A resource is the operator's to shorten. Scopes and metrics are the guest's.
        let or = if around >= bytes {
            ", or shorten the attributes of the resource (OTEL_RESOURCE_ATTRIBUTES)"
        } else {
            ""
        };
        format!(
            "it takes {bytes} bytes, its {with} {around}, and a request may have {max} bytes; to raise that, set {setting}, and the collector's limit{or}"
        )
    }

    fn too_large(&self, export: &mut Export, name: &str, why: &str) {
        export.too_large += 1;
        let counted = if self.repeats {
            self.ledger.too_large_again(export.too_large)
        } else {
            1
        };
        self.ledger.too_large(name, counted, why);
    }
}

/// One export under way.
struct Export {
    /// How large requests are made.
    target: usize,
    /// How many requests in succession were refused as too large.
    refusals: u32,
    /// Why a part failed.
    failed: Option<String>,
    /// How many items were too large.
    too_large: u64,
    /// Whether it takes several requests. What remains of it may then have no items.
    is_divided: bool,
}

impl Export {
    /// Counts a refusal; too many end the export.
    fn refused(
        &mut self,
        certain: bool,
        cause: &str,
        items: u64,
        size: usize,
    ) -> Result<(), String> {
        if items > 1 || size <= SMALL_ITEM {
            self.refusals += 1;
        }
        let most = if certain {
            MOST_REFUSALS
        } else {
            MOST_UNCERTAIN_REFUSALS
        };
        if self.refusals < most {
            Ok(())
        } else {
            Err(String::from(cause))
        }
    }
}
