//! A cache of the series that a guest measured in lately.
//!
//! A guest measures with the same few attribute sets over and over. A set is found by the bytes in
//! which it is passed, without a check, a copy or sorting. The bench's rows "counter" and
//! "histogram" show it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::limits::{SERIES_CACHE_ENTRIES, SERIES_CACHE_KEY_BYTES};
use crate::metrics::Series;

/// Series by instrument and attributes.
///
/// The references are weak, so that a series that is no longer in use can be dropped.
#[derive(Debug, Default)]
pub(super) struct SeriesCache {
    series: HashMap<Box<[u8]>, Weak<Series>, foldhash::fast::RandomState>,
}

impl SeriesCache {
    /// Finds a series by the bytes of an instrument and attributes.
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
