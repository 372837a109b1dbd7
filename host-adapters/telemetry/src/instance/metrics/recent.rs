//! Attribute sets that a guest has measured with lately, known again by their bytes.
//!
//! A guest measures with the same few sets over and over. Known by what it passes, a set needs no check, no copy and no order to find its
//! series: all that was done the first time.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::limits::{SERIES_CACHE_ENTRIES, SERIES_CACHE_KEY_BYTES};
use crate::metrics::Series;

/// The series by instrument and by what was passed.
///
/// They are not held: a series that nobody measures with may be let go.
#[derive(Debug, Default)]
pub(super) struct Recent {
    series: HashMap<Box<[u8]>, Weak<Series>, foldhash::fast::RandomState>,
}

impl Recent {
    /// Finds the series of what was passed: an instrument and a set.
    pub(super) fn find(&self, passed: &[u8]) -> Option<Arc<Series>> {
        self.series.get(passed)?.upgrade()
    }

    /// Remembers the series of what was passed, of which nothing was left out.
    pub(super) fn remember(&mut self, passed: &[u8], series: &Arc<Series>) {
        if passed.len() > SERIES_CACHE_KEY_BYTES {
            return;
        }
        if self.series.len() >= SERIES_CACHE_ENTRIES {
            self.series.clear();
        }
        self.series
            .insert(Box::from(passed), Arc::downgrade(series));
    }
}
