//! A table of entries by handle.

use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;

use crate::dropped::Reason;
use crate::handle::{Handle, Mixer, Tag};

/// Entries by handle. Each entry has a unique key, so equal keys have the same handle.
///
/// The handle of a refused key contains the reason instead of an index.
#[derive(Debug)]
pub(super) struct HandleTable<H, K, T> {
    tag: Tag,
    entries: Vec<T>,
    by_key: HashMap<K, u32>,
    handle: PhantomData<fn() -> H>,
}

impl<H: Handle, K: Hash + Eq, T> HandleTable<H, K, T> {
    pub(super) fn new(mixer: &Mixer) -> Self {
        Self {
            tag: mixer.tag(H::KIND),
            entries: Vec::new(),
            by_key: HashMap::new(),
            handle: PhantomData,
        }
    }

    /// Returns the handle of a key. Makes an entry for a new key, up to `limit` entries.
    ///
    /// # Errors
    ///
    /// Returns `reason` if the limit is exceeded, or the error of `make`.
    pub(super) fn get_or_insert(
        &mut self,
        key: K,
        (limit, reason): (usize, Reason),
        make: impl FnOnce(&K) -> Result<T, Reason>,
    ) -> Result<H, Reason> {
        if let Some(known) = self.by_key.get(&key) {
            return Ok(self.handle(*known));
        }
        let index = u32::try_from(self.entries.len()).ok();
        let index = index
            .filter(|index| *index < Self::refused_index(Reason::ALL.len()))
            .filter(|_| self.entries.len() < limit)
            .ok_or(reason)?;
        self.entries.push(make(&key)?);
        self.by_key.insert(key, index);
        Ok(self.handle(index))
    }

    /// Returns the entry of a key.
    pub(super) fn get(&self, key: &K) -> Option<&T> {
        self.entries.get(*self.by_key.get(key)? as usize)
    }

    /// Returns a handle for a refused key.
    pub(super) fn refused(&self, reason: Reason) -> H {
        self.handle(Self::refused_index(reason as usize))
    }

    fn handle(&self, index: u32) -> H {
        H::new(self.tag.handle(index))
    }

    const fn refused_index(reason: usize) -> u32 {
        u32::MAX - reason as u32
    }

    #[inline]
    fn index(&self, handle: H) -> Result<usize, Reason> {
        match self.tag.index(handle.bits()) {
            Some(index) if (index as usize) < self.entries.len() => Ok(index as usize),
            index => Err(Self::reason(index)),
        }
    }

    /// Returns why there is no entry.
    #[cold]
    fn reason(index: Option<u32>) -> Reason {
        let reason = index.and_then(|index| Reason::ALL.get((u32::MAX - index) as usize));
        reason.copied().unwrap_or(Reason::WrongHandle)
    }

    /// Returns the entry of a handle.
    ///
    /// # Errors
    ///
    /// Returns the reason of the refusal, or that the handle is wrong.
    #[inline]
    pub(super) fn find(&self, handle: H) -> Result<&T, Reason> {
        let index = self.index(handle)?;
        self.entries.get(index).ok_or(Reason::WrongHandle)
    }

    /// Returns the entry of a handle mutably.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`find`](Self::find).
    #[inline]
    pub(super) fn find_mut(&mut self, handle: H) -> Result<&mut T, Reason> {
        let index = self.index(handle)?;
        self.entries.get_mut(index).ok_or(Reason::WrongHandle)
    }

    /// Returns the handle of the first entry.
    #[cfg(test)]
    pub(super) fn first(&self) -> Option<H> {
        (!self.entries.is_empty()).then(|| self.handle(0))
    }

    /// Returns all entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter()
    }
}
