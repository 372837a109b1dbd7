//! What an instance has by handle.

use crate::dropped::Reason;
use crate::handle::Tag;

/// Things of one kind by handle. A handle for what was refused says why.
#[derive(Debug)]
pub(super) struct Table<T> {
    tag: Tag,
    entries: Vec<T>,
}

impl<T> Table<T> {
    pub(super) fn new(tag: Tag) -> Self {
        Self {
            tag,
            entries: Vec::new(),
        }
    }

    pub(super) fn is_full(&self, limit: usize) -> bool {
        self.entries.len() >= limit
    }

    pub(super) fn push(&mut self, entry: T, limit: usize) -> Option<u32> {
        if self.is_full(limit) {
            return None;
        }
        let index = u32::try_from(self.entries.len())
            .ok()
            .filter(|index| *index < Self::nowhere_index(Reason::ALL.len()))?;
        self.entries.push(entry);
        Some(index)
    }

    pub(super) fn handle(&self, index: u32) -> u64 {
        self.tag.handle(index)
    }

    /// Gives the handle of what was refused.
    pub(super) fn nowhere(&self, reason: Reason) -> u64 {
        self.tag.handle(Self::nowhere_index(reason as usize))
    }

    const fn nowhere_index(reason: usize) -> u32 {
        Tag::NOWHERE - reason as u32
    }

    /// Gives what a handle means, with its index.
    ///
    /// # Errors
    ///
    /// A wrong handle, or why there is nothing behind this one.
    pub(super) fn find(&self, handle: u64) -> Result<(u32, &T), Reason> {
        let index = self.tag.index(handle).ok_or(Reason::WrongHandle)?;
        match self.entries.get(index as usize) {
            Some(entry) => Ok((index, entry)),
            None => Err(Reason::ALL
                .get((Tag::NOWHERE - index) as usize)
                .copied()
                .unwrap_or(Reason::WrongHandle)),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns all that it holds.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter()
    }

    /// Like [`Table::find`], to change it.
    ///
    /// # Errors
    ///
    /// As there.
    pub(super) fn find_mut(&mut self, handle: u64) -> Result<&mut T, Reason> {
        let (index, _) = self.find(handle)?;
        self.entries
            .get_mut(index as usize)
            .ok_or(Reason::WrongHandle)
    }
}
