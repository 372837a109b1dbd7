//! Sends a batch as one request, or as several if it exceeds the limit on a request's size.
//!
//! The limit is configured. If a collector still refuses a request as too large, the request is
//! divided further, and later requests are made smaller. An item that is too large on its own is
//! dropped.
//!
//! The number of requests for a batch is bounded. Each accepted request has at least one item. An
//! export ends after [`MOST_REFUSALS`] refusals in succession, or at its time limit, which covers
//! all its requests.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prost::Message;
use serde::Serialize;

use super::divide::{ByteBudget, Divide, Encoding, TooLarge};
use super::export_stats::{ExportStats, PartialSuccess};

/// The largest number of requests in succession that a collector may refuse as too large. Twice the
/// number of halvings from the largest batch to a single item.
const MOST_REFUSALS: u32 = 24;

/// Like [`MOST_REFUSALS`], for refusals that may have another reason, such as a quota.
const MOST_UNCERTAIN_REFUSALS: u32 = 4;

/// A refused single item of at most this size counts towards [`MOST_REFUSALS`]. Larger ones do not:
/// a guest can make many of them, and must not end the export of other guests' items.
const SMALL_ITEM: usize = 64 << 10;

/// The time for which a collector's own limit is remembered. The limit may have been temporary.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// An export request of one signal.
pub(super) trait ExportRequest: Divide + Message + Serialize {}

impl<T: Divide + Message + Serialize> ExportRequest for T {}

/// Why a request was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is too large for the collector.
    TooLarge {
        /// Whether the answer says so. If not, another resource of the collector may be exhausted.
        certain: bool,
        cause: String,
    },
    /// The collector does not accept the content. It may accept other requests.
    Invalid(String),
    /// Further requests would fail too.
    Other(String),
}

/// Sends single requests.
pub(super) trait SendRequest<R> {
    /// Sends one request, with retries.
    fn send(&self, request: &R) -> impl Future<Output = Result<PartialSuccess, Failure>> + Send;
}

/// The limits of one signal's requests.
#[derive(Debug)]
pub(super) struct RequestSplitter {
    encoding: Encoding,
    /// The most bytes of a request, before compression.
    max: usize,
    /// The size that the collector was found to accept, and when.
    learned: Mutex<Option<(usize, Instant)>>,
    stats: Arc<ExportStats>,
    /// The name of the setting of `max`.
    setting: String,
    /// Whether each export repeats all items, as cumulative metrics do.
    repeats: bool,
}

impl RequestSplitter {
    pub(super) fn new(
        encoding: Encoding,
        max: usize,
        stats: Arc<ExportStats>,
        setting: String,
        repeats: bool,
    ) -> Self {
        Self {
            encoding,
            max,
            learned: Mutex::default(),
            stats,
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

    /// Sends all items of a request. Counts those that are delivered or too large; the caller
    /// counts the others.
    ///
    /// # Errors
    ///
    /// Returns why the other items could not be delivered.
    pub(super) async fn send<R: ExportRequest>(
        &self,
        sender: &(impl SendRequest<R> + Sync),
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
            // Items that can never fit go first, so that they do not cause further divisions.
            let budget = ByteBudget::new(self.max, self.encoding);
            request.remove_too_large(&budget, &mut |item| {
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
                    self.stats.delivered(items, rejected);
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
                            "a request with this item alone takes {size} bytes, and {cause}"
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

    /// Cuts a request to `target` bytes, or to one item, and puts the rest into `waiting`. Takes
    /// time in proportion to `target`, not to the rest.
    fn cut<R: ExportRequest>(&self, part: &mut R, waiting: &mut Vec<R>, target: usize) {
        let items = part.items();
        let fitting = part.fill(&mut ByteBudget::new(target, self.encoding));
        if fitting < items && items > 1 {
            waiting.push(part.split_off(fitting.max(1)));
        }
    }

    /// Says why an item does not fit into a request, and how to fix that.
    fn beyond_max(&self, item: TooLarge<'_>) -> String {
        let Self { max, setting, .. } = self;
        let TooLarge {
            bytes, envelope, ..
        } = item;
        let with = self.stats.envelope();
        // The operator can shorten a resource. Scopes and metrics belong to the guest.
        let or = if envelope >= bytes {
            ", or shorten the attributes of the resource (OTEL_RESOURCE_ATTRIBUTES)"
        } else {
            ""
        };
        format!(
            "it takes {bytes} bytes, its {with} {envelope}, and a request may have {max} bytes; to raise that, set {setting}, and the collector's limit{or}"
        )
    }

    fn too_large(&self, export: &mut Export, name: &str, why: &str) {
        export.too_large += 1;
        let counted = if self.repeats {
            self.stats.newly_too_large(export.too_large)
        } else {
            1
        };
        self.stats.too_large(name, counted, why);
    }
}

/// The state of one export.
struct Export {
    /// The size that requests are cut to.
    target: usize,
    /// The number of requests in succession that were refused as too large.
    refusals: u32,
    /// The reason why a request failed.
    failed: Option<String>,
    /// The number of items that were too large.
    too_large: u64,
    /// Whether the export takes several requests. The last one may then be empty.
    is_divided: bool,
}

impl Export {
    /// Counts a refusal. Too many refusals end the export.
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
