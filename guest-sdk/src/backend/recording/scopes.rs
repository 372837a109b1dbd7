//! The scopes of a recorder.

use super::recorded::{RecordedScope, set_all};
use crate::types::{Handle, InstrumentationScope};

/// Holds scopes. A handle is an index, from 1.
#[derive(Default)]
pub(super) struct Scopes(Vec<RecordedScope>);

impl Scopes {
    /// Returns the handle of a scope, the same one for an equal scope.
    pub(super) fn handle<T: Handle>(&mut self, scope: InstrumentationScope<'_>) -> T {
        let mut recorded = RecordedScope {
            name: scope.name.into(),
            version: scope.version.map(Into::into),
            schema_url: scope.schema_url.map(Into::into),
            attributes: Vec::new(),
        };
        set_all(&mut recorded.attributes, scope.attributes);
        let index = match self.0.iter().position(|other| *other == recorded) {
            Some(index) => index,
            None => {
                self.0.push(recorded);
                self.0.len() - 1
            }
        };
        T::from_raw(index as u64 + 1)
    }

    #[track_caller]
    pub(super) fn get(&self, handle: impl Handle) -> RecordedScope {
        self.0
            .get((handle.raw() as usize).wrapping_sub(1))
            .expect("a handle of this recorder")
            .clone()
    }
}
