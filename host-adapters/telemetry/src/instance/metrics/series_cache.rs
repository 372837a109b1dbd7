//! A cache of the series of a guest's latest measurements.
//!
//! Guests mostly use the same few attribute sets. The cache finds the series by the encoded bytes
//! of a set, without validation, copies or sorting. The rows "counter" and "histogram" of the bench
//! show the gain.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::limits::{SERIES_CACHE_ENTRIES, SERIES_CACHE_KEY_BYTES};
use crate::metrics::Series;

/// Series by instrument and attributes.
///
/// The references are weak, so that unused series can be dropped.
#[derive(Debug, Default)]
pub(super) struct SeriesCache {
    series: HashMap<Box<[u8]>, Weak<Series>, foldhash::fast::RandomState>,
}

impl SeriesCache {
    /// Finds a series by the encoded bytes of an instrument and attributes.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Option<Arc<Series>> {
        self.series.get(key)?.upgrade()
    }

    /// Adds a series. A full cache is cleared first.
    pub(super) fn insert(&mut self, key: &[u8], series: &Arc<Series>) {
        if key.len() > SERIES_CACHE_KEY_BYTES {
            return;
        }
        if self.series.len() >= SERIES_CACHE_ENTRIES {
            self.series.clear();
        }
        self.series.insert(Box::from(key), Arc::downgrade(series));
    }
}
